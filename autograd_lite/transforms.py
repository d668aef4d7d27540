"""Function transforms: from a function to the function of its derivative.

>>> import numpy as np
>>> from autograd_lite import grad, hessian, jvp
>>> grad(np.sin)(0.0)
np.float64(1.0)
>>> grad(grad(grad(np.sin)))(0.0)
np.float64(-1.0)
>>> hessian(lambda x: np.prod(x))(np.array([1.0, 2.0, 3.0]))
array([[0., 3., 2.],
       [3., 0., 1.],
       [2., 1., 0.]])

Each call differentiates with respect to a fresh *alias* of its input. The
reverse pass stays between the alias and the result: what happened before the
call costs nothing, and nested calls do not mistake each other's inputs.

There is one reverse pass and no forward mode of its own. A pullback ḡ ↦ Jᵀḡ is
linear, so that pulling back through the pullback itself gives t ↦ J t, which is
what `jvp` computes: every rule serves both modes.

Arguments and results may be numbers, arrays, Tensors, and nested lists, tuples,
dicts and dataclasses of them. The gradient with respect to a complex z = x + iy
is ∂/∂x + i ∂/∂y (see :mod:`autograd_lite.backward`); tangents are as they come.
Every array that is returned belongs to the caller alone: it can be written into.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arguments import (
    Argnum,
    argnums_of,
    check_numbers,
    one_number,
    seeds_like,
    transform_of_functions,
)
from .backward import owned
from .run import Function, Run, is_recorded, needs
from .tensor import unwrap
from .trees import Rebuild, described, flatten


def named_after(f: Function) -> Callable[[Function], Function]:
    """Return what gives a function the name and the docstring of another."""
    return functools.wraps(f, assigned=("__module__", "__name__", "__doc__"), updated=())


def _one_like(value: Any) -> Any:
    if type(value) is np.float64:
        return _ONE
    return np.ones_like(value)[()]  # a NumPy scalar where it has no dimension


_ONE = np.float64(1.0)


# -- reverse mode ------------------------------------------------------------------------------


@transform_of_functions
def grad(f: Function, argnum: Argnum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of `f`.

    Parameters
    ----------
    f
        A function whose result is one number.
    argnum
        With respect to which positional argument, or a tuple of them.
    has_aux
        Whether `f` returns a pair of that number and something else, which is
        then returned beside the gradient.

    Returns
    -------
    callable
        Takes what `f` takes; returns a gradient like the argument (a tuple of
        them for a tuple `argnum`): NumPy arrays, or Tensors where they depend on
        something else on the tape, as in a nested `grad`.

    Raises
    ------
    NonScalarBackwardError
        If `f` returns more than one number.
    IntegerGradientError
        If an argument is an integer, or holds no number.
    TypeError
        If `f` is no function, `argnum` no argument of the call, or with `has_aux`
        the result no pair.

    Examples
    --------
    >>> grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    np.float64(1.0)
    >>> grad(lambda x, y: x * y, argnum=(0, 1))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    >>> grad(lambda p: p["w"] * 2.0 + p["b"])({"w": 1.0, "b": 5.0})
    {'w': np.float64(2.0), 'b': np.float64(1.0)}
    """
    return gradient_of("grad", f, argnum, has_aux)


def gradient_of(name: str, f: Function, argnum: Argnum, has_aux: bool = False) -> Function:
    """Return the gradient of `f` on behalf of a transform, which messages name."""

    @named_after(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = _value_and_grad(name, f, argnum, has_aux, args, kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


@transform_of_functions
def value_and_grad(f: Function, argnum: Argnum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the value of `f` and its gradient.

    See `grad`; with `has_aux` the value is the pair that `f` returned.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (np.float64(8.0), np.float64(12.0))
    >>> value_and_grad(lambda x: (x**3, "note"), has_aux=True)(2.0)
    ((np.float64(8.0), 'note'), np.float64(12.0))
    """

    @named_after(f)
    def both(*args: Any, **kwargs: Any) -> Any:
        return _value_and_grad("value_and_grad", f, argnum, has_aux, args, kwargs)

    return both


def _value_and_grad(
    name: str, f: Function, argnum: Argnum, has_aux: bool, args: tuple[Any, ...], kwargs: Any
) -> tuple[Any, Any]:
    """Return the value, with `has_aux` the pair of it and the rest, and the gradient."""
    aux: list[Any] = []
    objective = _without_aux(f, aux) if has_aux else f
    run = Run(objective, args, argnums_of(f, args, argnum), kwargs)
    value = one_number(name, run.result)
    outer = run.is_on_outer_tape()
    number = unwrap(value)
    roots = [(value, _one_like(number))]
    if outer:
        gradients = run.vjp(roots, recorded=True)
        run.attach_to_outer()
        value, *gradients = owned(run.unwrap_constants([value, *gradients]))
    else:
        value = number.copy() if type(number) is np.ndarray else number  # of one element
        run.result, run.outputs = None, []  # the sweep frees values as it goes
        gradients = run.vjp(roots, recorded=False)
    if has_aux:
        others, rebuild = flatten(aux)
        aux.clear()  # the tape is gone before it is asked who else has these arrays
        others = run.unwrap_constants(others)
        value = value, *rebuild(owned(others))
    shaped = run.rebuild_arguments(gradients)
    return value, shaped if isinstance(argnum, tuple) else shaped[0]


def _without_aux(f: Function, aux: list[Any]) -> Function:
    def objective(*args: Any, **kwargs: Any) -> Any:
        result = f(*args, **kwargs)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError("With has_aux, the function returns a pair: (value, aux).")
        aux.append(result[1])
        return result[0]

    return objective


@transform_of_functions
def elementwise_grad(f: Function, argnum: Argnum = 0) -> Function:
    """Return the function that computes f′ for each element of an array.

    `f` is a function of one number that is applied to each element by itself;
    of any other, this is the gradient of the sum of its results.

    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """

    @named_after(f)
    def summed(*args: Any, **kwargs: Any) -> Any:
        result = f(*args, **kwargs)
        leaves, _ = flatten(result)
        check_numbers("elementwise_grad", result, leaves)
        return sum(np.sum(leaf) for leaf in leaves)

    return gradient_of("elementwise_grad", summed, argnum)


@transform_of_functions
def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Return ``f(*primals)``, and the function that carries a gradient of it back.

    Parameters
    ----------
    f
        Any function; its result need not be one number.
    *primals
        Its arguments; differentiated with respect to all of them.

    Returns
    -------
    value
        What `f` returned.
    pullback : callable
        Takes an upstream gradient like the value (ḡ), returns a tuple of gradients
        like the primals (Jᵀḡ). It can be called again.

    Examples
    --------
    >>> value, pullback = vjp(lambda x, y: x * y, 2.0, np.array([3.0, 4.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (np.float64(43.0), array([ 2., 20.]))
    """
    run = Run(f, primals, range(len(primals)), {})
    check_numbers("vjp", run.result, run.outputs)
    outer = run.is_on_outer_tape()
    run.attach_to_outer()

    def pullback(upstream: Any) -> tuple[Any, ...]:
        seeds = seeds_like(upstream, run.result, "upstream gradient", "the value", run.outputs)
        recorded = is_recorded(outer, seeds)
        pulled = run.vjp_from_outputs(seeds, recorded)
        return run.rebuild_arguments(pulled)  # type: ignore[no-any-return]

    # What the tape keeps stays with the pullback.
    return run.rebuild_result(owned(run.unwrap_constants(run.outputs, outer))), pullback


# -- forward mode: the pullback of the pullback --------------------------------------------------


@transform_of_functions
def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Return ``f(*primals)``, and the linear map that `f` is close to there.

    Returns
    -------
    value
        What `f` returned.
    pushforward : callable
        Takes a tangent for each primal (t), returns a tangent like the value (J t).
        It can be called again.

    Examples
    --------
    >>> value, pushforward = linearize(lambda x: x * x, np.array([3.0, 4.0]))
    >>> pushforward(np.array([1.0, 0.0]))
    array([6., 0.])
    """
    linear = _Linearization("linearize", f, primals)

    def pushforward(*tangents: Any) -> Any:
        return linear.run.rebuild_result(linear.push(tangents))

    value = linear.run.unwrap_constants(linear.run.outputs, linear.outer)
    return linear.run.rebuild_result(owned(value)), pushforward


class _Linearization:
    """What a function is close to: its run, and the run of the pullback of that."""

    def __init__(self, name: str, f: Function, primals: Sequence[Any]) -> None:
        self.primals = primals
        self.run = run = Run(f, primals, range(len(primals)), {})
        check_numbers(name, run.result, run.outputs)
        self.outer = run.is_on_outer_tape()
        self.back = vjp_run(run)
        run.attach_to_outer()

    def push(self, tangents: tuple[Any, ...]) -> list[Any]:
        """Return a tangent for each number in the result."""
        seeds = seeds_like(tangents, self.primals, "tangent", "the primal", self.run.aliases)
        recorded = is_recorded(self.outer, seeds)
        return self.back.vjp_from_outputs(seeds, recorded)


def vjp_run(run: Run) -> Run:
    """Return a run of the pullback of a run.

    The pullback is linear: its own pullback does not depend on where it is taken.
    """

    def pulled(*upstream: Any) -> Any:
        return run.vjp_from_outputs(upstream, recorded=True)

    zeros = [np.zeros(np.shape(unwrap(t)), float_dtype(t)) for t in run.outputs]
    return Run(pulled, zeros, range(len(zeros)), {})


def float_dtype(value: Any) -> Any:
    """Return the dtype in which a value is differentiated with respect to."""
    dtype = np.result_type(unwrap(value))
    return dtype if dtype.kind in "fc" else np.float64


@transform_of_functions
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return ``f(*primals)`` and its derivative in the direction of `tangents`.

    Parameters
    ----------
    f
        Any function.
    primals, tangents
        A tuple, or list, of its arguments, and one of a direction for each.

    Returns
    -------
    value, tangent
        What `f` returned, and J t, in the same form.

    Raises
    ------
    GradientShapeError
        If a tangent does not have its primal's shape.
    TypeError
        If the primals are no tuple or list.

    Examples
    --------
    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"jvp takes its {name} in a tuple, as in jvp(f, (x,), (t,)), and got "
                f"{described(given)}."
            )

    def pushed() -> tuple[list[Any], int, Rebuild]:
        linear = _Linearization("jvp", f, primals)
        values = linear.run.unwrap_constants(linear.run.outputs, linear.outer)
        tangent = linear.push(tuple(tangents))
        return [*values, *tangent], len(values), linear.run.rebuild_result

    # In a function of its own: the tape is gone before it is asked who else has these arrays.
    numbers, count, rebuild = pushed()
    owned(numbers)
    return rebuild(numbers[:count]), rebuild(numbers[count:])


@transform_of_functions
def hvp(f: Function, argnum: Argnum = 0) -> Function:
    """Return the function that computes the Hessian of `f` times a vector, without the Hessian.

    The returned function takes what `f` takes, and as its last positional
    argument a direction like the argument `argnum`. It costs a few gradients,
    however many numbers there are.

    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """

    @named_after(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise TypeError("hvp takes the arguments of the function and then a direction.")
        args, direction = args[:-1], args[-1]
        argnums = argnums_of(f, args, argnum)
        run = Run(f, args, argnums, kwargs)
        value = one_number("hvp", run.result)
        chosen = tuple(args[n] for n in argnums)
        directions = direction if isinstance(argnum, tuple) else (direction,)
        along = seeds_like(directions, chosen, "direction", "the argument", run.aliases)
        outer = run.is_on_outer_tape() or (run.mode.records and any(map(needs, along)))
        # The gradient is on the tape of the same run, so that one more sweep does it.
        gradients = run.vjp([(value, _one_like(unwrap(value)))], recorded=True)
        seeds = along if outer else map(unwrap, along)
        products = run.vjp(list(zip(gradients, seeds, strict=True)), outer)
        if outer:
            run.attach_to_outer()
            products = owned(run.unwrap_constants(products))
        shaped = run.rebuild_arguments(products)
        return shaped if isinstance(argnum, tuple) else shaped[0]

    return product
