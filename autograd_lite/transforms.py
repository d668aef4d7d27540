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
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backward import outward, reverse_since
from .errors import (
    GradientShapeError,
    IntegerGradientError,
    NoGradientError,
    NonScalarBackwardError,
)
from .primitive import derivative
from .tape import differentiating, next_number, no_grad, note_gradient, quietly, state
from .tensor import Tensor, bare, constant, plain
from .trees import Rebuild, flatten

Function = Callable[..., Any]
Argnum = int | tuple[int, ...]

# -- what all transforms share ---------------------------------------------------------------


class _Run:
    """One run of a function on aliases of its inputs, ready to be swept.

    Attributes
    ----------
    aliases
        Leaves that are newer than anything else, one for each number that is
        differentiated with respect to.
    outputs
        The numbers in the result, most of them Tensors.
    """

    def __init__(self, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: Any):
        given = list(args)
        self.aliases: list[Tensor] = []
        self.originals: list[Any] = []
        self.rebuilds: list[tuple[int, Rebuild]] = []
        for n in argnums:
            leaves, rebuild = flatten(args[n])
            fresh = [_alias(x) for x in leaves]
            given[n] = rebuild(fresh)
            self.aliases += fresh
            self.originals += leaves
            self.rebuilds.append((len(leaves), rebuild))
        # What is newer than this may depend on the aliases.
        self.start = self.aliases[0]._number if self.aliases else next_number()
        self.mode = state.mode
        with differentiating():
            self.result = f(*given, **kwargs)
        self.outputs, self.rebuild_result = flatten(self.result)

    def pull(self, roots: list[tuple[Any, Any]], recorded: bool) -> list[Any]:
        """Return the gradients of the aliases, given those of some values made from them."""
        reached = self._sweep(roots, recorded) if self.aliases else {}
        if recorded and self.mode.everything:
            for a in self.aliases:
                note_gradient(reached.get(a._number), a)
        return [
            reached[a._number] if a._number in reached else np.zeros_like(a._value)
            for a in self.aliases
        ]

    def _sweep(self, roots: list[tuple[Any, Any]], recorded: bool) -> dict[int, Any]:
        traced = [(t, g) for t, g in roots if isinstance(t, Tensor) and self.leads(t)]
        if not traced:
            return {}
        stop = self.aliases[-1]._number
        with differentiating() if recorded else no_grad():
            reached: dict[int, Any] = quietly(reverse_since, traced, self.start, stop, recorded)
        return reached

    def leads(self, t: Tensor) -> bool:
        """Whether a value may depend on the aliases: it is one, or newer."""
        return t._requires and t._number <= self.start

    def is_on_outer_tape(self) -> bool:
        """Whether what is computed here must be recorded for someone outside."""
        if not self.mode.records:
            return False
        if self.mode.everything:
            return True
        tied = any(isinstance(x, Tensor) and x._requires for x in self.originals)
        return tied or any(leads_outside(t, self.start) for t in self.outputs)

    def tie(self) -> None:
        """Make the aliases of recorded Tensors results of those, now that the run is over."""
        for alias, x in zip(self.aliases, self.originals, strict=True):
            if isinstance(x, Tensor) and (
                (x._requires and self.mode.records) or self.mode.everything
            ):
                alias._primitive = _identity
                alias._a, alias._value_a, alias._value_b = x, x._value, {}

    def settle(self, values: Sequence[Any]) -> list[Any]:
        """Return plain numbers, but Tensors where they are on a tape that leads outside."""
        settled, inside = [], set[int]()
        for value in values:
            if isinstance(value, Tensor) and not (
                self.mode.everything
                or (self.mode.records and leads_outside(value, self.start, inside))
            ):
                value = value._value
            settled.append(value)
        return settled

    def like_arguments(self, leaves: list[Any]) -> tuple[Any, ...]:
        """Put one number for each alias into the form of the arguments."""
        rebuilt, begin = [], 0
        for count, rebuild in self.rebuilds:
            rebuilt.append(rebuild(leaves[begin : begin + count]))
            begin += count
        return tuple(rebuilt)


def _alias(x: Any) -> Tensor:
    """Return a leaf with the value of `x` that is newer than anything else."""
    alias = constant(x._value) if isinstance(x, Tensor) else Tensor(x)
    if alias.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"The gradient was asked for an argument of dtype {alias.dtype}: "
            "give floats, as in 2.0."
        )
    alias._requires = True
    alias._note = {"alias": True}
    return alias


_identity = derivative(lambda x: x, name="alias", x=lambda g: g)


def leads_outside(value: Any, start: int, inside: set[int] | None = None) -> bool:
    """Whether a value's tape leads to something that needs a gradient and is not of this run.

    That is anything older than `start`, and any leaf but an alias: a parameter,
    or the input of a transform around this one. What does not is put `inside`,
    so that several values can be asked about in one walk.
    """
    if not isinstance(value, Tensor) or not value._requires:
        return False
    seen = set() if inside is None else set(inside)
    waiting = [value]
    while waiting:
        t = waiting.pop()
        if t._number in seen:
            continue
        if t._number > start:
            return True
        seen.add(t._number)
        if t._primitive is not None:
            waiting += [x for x in t.tape.parents if x._requires and x._number not in seen]
        elif not (t._note and "alias" in t._note):
            return True
    if inside is not None:
        inside |= seen
    return False


def _places(f: Function, args: tuple[Any, ...], argnum: Argnum) -> list[int]:
    places = []
    for n in argnum if isinstance(argnum, tuple) else (argnum,):
        if not isinstance(n, int):
            raise TypeError(f"argnum is a whole number or a tuple of them, not {argnum!r}.")
        if not -len(args) <= n < len(args):
            raise TypeError(
                f"The gradient of {getattr(f, '__name__', 'the function')} was asked for argument "
                f"{n}, and it was called with {len(args)} positional ones: give that argument by "
                "position."
            )
        if not flatten(args[n])[0] and not isinstance(args[n], (list, tuple, dict)):
            raise IntegerGradientError(
                f"The gradient was asked for {args[n]!r}, in which there is no number: give "
                "floats, as in 2.0."
            )
        places.append(n % len(args))
    return places


def _named_after(f: Function) -> Callable[[Function], Function]:
    return functools.wraps(f, assigned=("__module__", "__name__", "__doc__"), updated=())


def _one_number(run: _Run) -> Any:
    if len(run.outputs) == 1 and np.iscomplexobj(bare(run.outputs[0])):
        raise NonScalarBackwardError(
            "grad needs a function that returns a real number, and this one returned a complex "
            "one: take its real part or its absolute value."
        )
    if len(run.outputs) != 1 or run.result is not run.outputs[0] or np.size(bare(run.result)) != 1:
        found = f"{len(run.outputs)} arrays"
        if len(run.outputs) == 1:
            found = f"shape {np.shape(run.outputs[0])}"
        raise NonScalarBackwardError(
            f"grad needs a function that returns one number, and this one returned {found}: "
            "reduce the result first, as with np.sum."
        )
    return run.outputs[0]


# -- reverse mode ------------------------------------------------------------------------------


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
        If an argument is an integer.

    Examples
    --------
    >>> grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    np.float64(1.0)
    >>> grad(lambda x, y: x * y, argnum=(0, 1))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    >>> grad(lambda p: p["w"] * 2.0 + p["b"])({"w": 1.0, "b": 5.0})
    {'w': np.float64(2.0), 'b': np.float64(1.0)}
    """
    both = value_and_grad(f, argnum, has_aux)

    @_named_after(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def value_and_grad(f: Function, argnum: Argnum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the value of `f` and its gradient.

    See `grad`; with `has_aux` the value is the pair that `f` returned.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (np.float64(8.0), np.float64(12.0))
    >>> value_and_grad(lambda x: (x**3, "note"), has_aux=True)(2.0)
    ((np.float64(8.0), 'note'), np.float64(12.0))
    """

    @_named_after(f)
    def both(*args: Any, **kwargs: Any) -> Any:
        aux: list[Any] = []

        def objective(*inner: Any, **more: Any) -> Any:
            result = f(*inner, **more)
            if not has_aux:
                return result
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError("With has_aux, the function returns a pair: (value, aux).")
            aux.append(result[1])
            return result[0]

        run = _Run(objective, args, _places(f, args, argnum), kwargs)
        value = _one_number(run)
        outer = run.is_on_outer_tape()
        gradients = run.pull([(value, _one_like(value))], recorded=outer)
        gradients = [outward(g) for g in gradients]
        run.tie()
        if outer:
            [value, *gradients] = run.settle([value, *gradients])
        value = value if outer else bare(value)
        shaped = run.like_arguments(gradients)
        if has_aux:
            leaves, rebuild = flatten(aux[0])
            value = (value, rebuild(run.settle(leaves)))
        return value, shaped if isinstance(argnum, tuple) else shaped[0]

    return both


def _one_like(value: Any) -> Any:
    return np.ones_like(bare(value))[()]  # a NumPy scalar where it has no dimension


def elementwise_grad(f: Function, argnum: Argnum = 0) -> Function:
    """Return the function that computes f′ for each element of an array.

    `f` is a function of one number that is applied to each element by itself;
    of any other, this is the gradient of the sum of its results.

    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    return grad(_summed(f), argnum)


def _summed(f: Function) -> Function:
    @_named_after(f)
    def total(*args: Any, **kwargs: Any) -> Any:
        leaves, _ = flatten(f(*args, **kwargs))
        return sum(np.sum(leaf) for leaf in leaves)

    return total


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
    run = _Run(f, primals, range(len(primals)), {})
    run_is_outer = run.is_on_outer_tape()
    run.tie()

    def pullback(upstream: Any) -> tuple[Any, ...]:
        seeds, _ = flatten(upstream)
        _check_like(run.outputs, seeds, "upstream gradient", "the value")
        seeds = [outward(_as_array(g)) for g in seeds]
        recorded = state.mode.records and (run_is_outer or any(_needs(g) for g in seeds))
        gradients = run.pull(list(zip(run.outputs, seeds, strict=True)), recorded)
        gradients = [outward(g) for g in gradients]
        if not recorded:
            gradients = [bare(g) for g in gradients]
        return run.like_arguments(gradients)

    return run.rebuild_result(run.settle(run.outputs)), pullback


def _as_array(x: Any) -> Any:
    return x if isinstance(x, Tensor) else np.asarray(x)[()]


def _needs(x: Any) -> bool:
    return isinstance(x, Tensor) and x._requires


def _check_like(values: Sequence[Any], given: Sequence[Any], what: str, whose: str) -> None:
    if len(values) != len(given):
        raise GradientShapeError(
            f"The {what} has {len(given)} arrays, and {whose} has {len(values)}: one for each."
        )
    for value, g in zip(values, given, strict=True):
        if np.shape(bare(value)) != np.shape(bare(g)):
            raise GradientShapeError(
                f"The {what} has shape {np.shape(g)}, and {whose} has shape {np.shape(value)}: "
                "they must be the same."
            )


# -- forward mode: the pullback of the pullback --------------------------------------------------


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
    run = _Run(f, primals, range(len(primals)), {})
    outer = run.is_on_outer_tape()

    def pulled(*upstream: Any) -> Any:
        return run.pull(list(zip(run.outputs, upstream, strict=True)), recorded=True)

    # The pullback is linear: its own pullback does not depend on where it is taken.
    zeros = [np.zeros(np.shape(t), _float_dtype(t)) for t in run.outputs]
    back = _Run(pulled, zeros, range(len(zeros)), {})
    run.tie()

    def pushforward(*tangents: Any) -> Any:
        seeds, _ = flatten(tangents)
        _check_like(run.aliases, seeds, "tangent", "the primal")
        recorded = state.mode.records and (outer or any(_needs(t) for t in seeds))
        pushed = back.pull(list(zip(back.outputs, seeds, strict=True)), recorded)
        if not recorded:
            pushed = [bare(t) for t in pushed]
        return run.rebuild_result(pushed)

    return run.rebuild_result(run.settle(run.outputs)), pushforward


def _float_dtype(value: Any) -> Any:
    dtype = np.result_type(bare(value))
    return dtype if dtype.kind in "fc" else np.float64


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return ``f(*primals)`` and its derivative in the direction of `tangents`.

    Parameters
    ----------
    f
        Any function.
    primals, tangents
        A sequence of its arguments, and one of a direction for each.

    Returns
    -------
    value, tangent
        What `f` returned, and J t, in the same form.

    Raises
    ------
    GradientShapeError
        If a tangent does not have its primal's shape.

    Examples
    --------
    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    value, pushforward = linearize(f, *primals)
    return value, pushforward(*tangents)


# -- matrices of derivatives ---------------------------------------------------------------------


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

    Examples
    --------
    >>> jacobian(lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x)(np.ones(2))
    array([[1., 2.],
           [3., 4.]])
    """

    @_named_after(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        places = _places(f, args, argnum)

        def of_places(*chosen: Any) -> Any:
            given = list(args)
            for n, x in zip(places, chosen, strict=True):
                given[n] = x
            return f(*given, **kwargs)

        chosen = [args[n] for n in places]
        inputs, rebuild_inputs = flatten(tuple(chosen))
        value, pullback = vjp(of_places, *chosen)
        outputs, rebuild_outputs = flatten(value)
        if sum(map(np.size, outputs)) <= sum(map(np.size, inputs)):
            blocks = _by_rows(pullback, outputs, inputs, rebuild_outputs)
        else:
            _, pushforward = linearize(of_places, *chosen)
            blocks = _by_columns(pushforward, outputs, inputs, rebuild_inputs)
        shaped = []
        for row in blocks:
            arguments = rebuild_inputs(row)
            shaped.append(arguments if isinstance(argnum, tuple) else arguments[0])
        return rebuild_outputs(shaped)

    return matrix


def _units(arrays: Sequence[Any]) -> Any:
    """Yield, for each number in a list of arrays, such a list with 1 there and 0 elsewhere."""
    values = [plain(a) for a in arrays]
    for k, array in enumerate(values):
        for i in range(array.size):
            unit = [np.zeros(a.shape, a.dtype) for a in values]
            unit[k].reshape(-1)[i] = 1.0
            yield unit


def _by_rows(
    pullback: Function, outputs: list[Any], inputs: list[Any], rebuild: Rebuild
) -> list[list[Any]]:
    rows = iter([flatten(pullback(rebuild(unit)))[0] for unit in _units(outputs)])
    blocks = []
    for out in outputs:
        own = [next(rows) for _ in range(np.size(out))]
        blocks.append([
            _stacked([row[j] for row in own], np.shape(x)).reshape(np.shape(out) + np.shape(x))
            for j, x in enumerate(inputs)
        ])  # fmt: skip
    return blocks


def _by_columns(
    pushforward: Function, outputs: list[Any], inputs: list[Any], rebuild: Rebuild
) -> list[list[Any]]:
    columns = [flatten(pushforward(*rebuild(unit)))[0] for unit in _units(inputs)]
    blocks = []
    for i, out in enumerate(outputs):
        row, begin = [], 0
        for x in inputs:
            own = columns[begin : begin + np.size(x)]
            begin += np.size(x)
            stacked = _stacked([column[i] for column in own], np.shape(out))
            last_to_front = np.moveaxis(stacked, 0, -1)
            row.append(last_to_front.reshape(np.shape(out) + np.shape(x)))
        blocks.append(row)
    return blocks


def _stacked(arrays: list[Any], shape: tuple[int, ...]) -> Any:
    return np.stack(arrays) if arrays else np.zeros((0, *shape))


def hessian(f: Function, argnum: int = 0) -> Function:
    """Return the function that computes all second derivatives of `f`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnum), argnum)


def hvp(f: Function, argnum: int = 0) -> Function:
    """Return the function that computes the Hessian of `f` times a vector, without the Hessian.

    The returned function takes what `f` takes, and as its last positional
    argument a direction like the argument `argnum`. It costs a few gradients,
    however many numbers there are.

    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """

    @_named_after(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise TypeError("hvp takes the arguments of the function and then a direction.")
        *given, direction = args
        run = _Run(f, given, _places(f, tuple(given), argnum), kwargs)
        value = _one_number(run)
        along, _ = flatten(direction)
        _check_like(run.aliases, along, "direction", "the argument")
        outer = run.is_on_outer_tape() or (run.mode.records and any(_needs(v) for v in along))
        # The gradient is on the tape of the same run, so that one more sweep does it.
        gradients = run.pull([(value, _one_like(value))], recorded=True)
        products = run.pull(list(zip(gradients, map(_as_array, along), strict=True)), outer)
        products = [outward(p) for p in products]
        run.tie()
        return run.like_arguments(run.settle(products) if outer else products)[0]

    return product


# -- memory ----------------------------------------------------------------------------------------


def checkpoint(f: Function) -> Function:
    """Return `f` with nothing of it kept on the tape: the reverse pass runs it again.

    That costs another forward pass and saves the memory of all values inside.
    `f` takes and returns arrays or Tensors; whatever needs a gradient must be an
    argument.

    Raises
    ------
    NoGradientError
        In the reverse pass, if `f` uses a Tensor that requires a gradient and is
        not an argument.

    Examples
    --------
    >>> grad(checkpoint(lambda x: np.sin(x) ** 2))(np.pi / 4).round(12)
    np.float64(1.0)
    """

    @_named_after(f)
    def lean(*args: Any, **kwargs: Any) -> Any:
        return _checkpointed.apply(*args, f=f, kwargs=kwargs)

    return lean


def _run_bare(*arrays: Any, f: Function, kwargs: Any) -> Any:
    with no_grad():
        value = f(*[constant(np.asarray(a)) for a in arrays], **kwargs)
    return value._value if isinstance(value, Tensor) else np.asarray(value)


def _run_again(g: Any, arrays: Any, f: Function, kwargs: Any) -> tuple[Any, ...]:
    floats = [i for i, a in enumerate(arrays) if np.result_type(bare(a)).kind in "fc"]

    def of_floats(*chosen: Any) -> Any:
        given = list(arrays)
        for i, x in zip(floats, chosen, strict=True):
            given[i] = x
        return f(*given, **kwargs)

    chosen = [arrays[i] for i in floats]
    run = _Run(of_floats, chosen, range(len(chosen)), {})
    if any(leads_outside(t, run.start) for t in run.outputs):
        raise NoGradientError(
            "A checkpointed function uses a Tensor that requires a gradient and is not one of its "
            "arguments: pass it as an argument."
        )
    recorded = state.mode.records and any(_needs(x) for x in (g, *chosen))
    gradients = run.pull([(run.outputs[0], g)], recorded)
    run.tie()
    result: list[Any] = [None] * len(arrays)
    for i, gradient in zip(floats, gradients, strict=True):
        result[i] = gradient
    return tuple(result)


_checkpointed = derivative(
    _run_bare,
    name="checkpoint",
    operands="*arrays",
    joint=lambda g, arrays, f, kwargs: _run_again(g, arrays, f, kwargs),
)
