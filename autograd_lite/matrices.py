"""All derivatives at once: Jacobians, by rows or by columns, and Hessians.

>>> import numpy as np
>>> hessian(lambda x: np.prod(x))(np.array([1.0, 2.0, 3.0]))
array([[0., 3., 2.],
       [3., 0., 1.],
       [2., 1., 0.]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import Argnum, argnums_of, check_numbers, transform_of_functions
from .backward import owned
from .run import Function, Run
from .tensor import to_numpy
from .transforms import float_dtype, gradient_of, named_after, vjp_run


@transform_of_functions
def jacobian(f: Function, argnum: Argnum = 0) -> Function:
    """Return the function that computes all first derivatives of `f`.

    By rows (a reverse pass for each number in the result) or by columns (a
    forward pass for each number in the argument), whichever are fewer.

    Parameters
    ----------
    f
        Any function.
    argnum
        With respect to which positional argument, or a tuple of them.

    Returns
    -------
    callable
        Takes what `f` takes; returns, in the form of the result and in each place
        in the form of the argument, arrays of shape result.shape + argument.shape.
        For a real number in the result and a complex argument it is the gradient,
        as in `grad`; for a complex number in the result the derivative along the
        real axis of the argument, which is f′ where there is one.

    Examples
    --------
    >>> jacobian(lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x)(np.ones(2))
    array([[1., 2.],
           [3., 4.]])
    """
    return _jacobian("jacobian", f, argnum)


@transform_of_functions
def jacrev(f: Function, argnum: Argnum = 0) -> Function:
    """Return the same as `jacobian`, by rows: a reverse pass for each number in the result.

    >>> jacrev(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian("jacrev", f, argnum, by_rows=True)


@transform_of_functions
def jacfwd(f: Function, argnum: Argnum = 0) -> Function:
    """Return the same as `jacobian`, by columns: a forward pass for each number in the argument.

    >>> jacfwd(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian("jacfwd", f, argnum, by_rows=False)


def _jacobian(name: str, f: Function, argnum: Argnum, by_rows: bool | None = None) -> Function:
    """Return a Jacobian, on behalf of a transform that messages name; by what is less if None."""

    @named_after(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        run = Run(f, args, argnums_of(f, args, argnum), kwargs)
        check_numbers(name, run.result, run.outputs)
        inputs, outputs = list(map(to_numpy, run.aliases)), list(map(to_numpy, run.outputs))
        recorded = run.is_on_outer_tape()
        fewer_rows = sum(map(np.size, outputs)) <= sum(map(np.size, inputs))
        if fewer_rows if by_rows is None else by_rows:
            blocks = _by_rows(run, inputs, outputs, recorded)
        else:
            blocks = _by_columns(vjp_run(run), inputs, outputs, recorded)
        run.attach_to_outer()
        owned(blocks)
        rows = []
        for i in range(len(outputs)):
            arguments = run.rebuild_arguments(blocks[i * len(inputs) : (i + 1) * len(inputs)])
            rows.append(arguments if isinstance(argnum, tuple) else arguments[0])
        return run.rebuild_result(rows)

    return matrix


def _units(arrays: list[Any], k: int) -> Any:
    """Yield such arrays with a 1 somewhere in array number `k`, and 0 elsewhere."""
    for i in range(arrays[k].size):
        unit = [np.zeros(a.shape, float_dtype(a)) for a in arrays]
        unit[k].reshape(-1)[i] = 1.0
        yield [a[()] for a in unit]


# Of a real result, what stands for a complex argument is its gradient; of a complex result
# it is the derivative along the real axis: that is f′ where there is one.


def _by_rows(run: Run, inputs: list[Any], outputs: list[Any], recorded: bool) -> list[Any]:
    blocks = []
    for k, out in enumerate(outputs):
        rows = []
        for unit in _units(outputs, k):
            row = run.vjp_from_outputs(unit, recorded)
            if out.dtype.kind == "c":
                turned = run.vjp_from_outputs([1j * u for u in unit], recorded)
                row = [np.real(a) + 1j * np.real(b) for a, b in zip(row, turned, strict=True)]
            rows.append(row)
        for j, x in enumerate(inputs):
            block = np.stack([row[j] for row in rows]) if rows else np.zeros(0, x.dtype)
            blocks.append(block.reshape(out.shape + x.shape))
    return blocks


def _by_columns(back: Run, inputs: list[Any], outputs: list[Any], recorded: bool) -> list[Any]:
    columns: list[list[list[Any]]] = []  # for each argument, for each number in it
    for k, x in enumerate(inputs):
        columns.append([])
        for unit in _units(inputs, k):
            column = back.vjp_from_outputs(unit, recorded)
            if x.dtype.kind == "c":
                turned = back.vjp_from_outputs([1j * u for u in unit], recorded)
                column = [
                    a if out.dtype.kind == "c" else a + 1j * b
                    for a, b, out in zip(column, turned, outputs, strict=True)
                ]
            columns[k].append(column)
    blocks = []
    for i, out in enumerate(outputs):
        for x, own in zip(inputs, columns, strict=True):
            if own:
                block = np.moveaxis(np.stack([column[i] for column in own]), 0, -1)
            else:
                block = np.zeros(0, float_dtype(out))
            blocks.append(block.reshape(out.shape + x.shape))
    return blocks


@transform_of_functions
def hessian(f: Function, argnum: Argnum = 0) -> Function:
    """Return the function that computes all second derivatives of `f`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(gradient_of("hessian", f, argnum), argnum)
