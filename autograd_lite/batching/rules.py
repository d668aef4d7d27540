"""Batching rules: what a primitive does when some of its operands have one axis more, in front.

A rule takes a `BatchedStep` and returns the result with the axis of the examples in front. It is
plain NumPy, as a derivative is: fed arrays it computes, fed Tensors it is on the tape.

Most primitives need little. An *elementwise* one broadcasts: where operands have different
numbers of axes, ones are put behind the axis of the examples. A function along axes is given the
axes one further on. NumPy's matrix functions work on stacks as they are. What has no rule runs
example by example (`one_by_one`): it is never wrong, and never fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..calculus import complex as of_complex
from ..calculus import neural, products, shapes
from ..calculus.rarer import (
    attention,
    convolution,
    factorisations,
    fft,
    linalg,
    normalization,
    pooling,
    recurrence,
    running,
)
from ..codegen.closing import Closed, closed
from ..errors import CompileError, GradientShapeError, VmapError
from ..fitting import broadcast_axes
from ..modes import state
from ..primitive import Primitive

Rule = Callable[["BatchedStep"], Any]

RULES: dict[Any, Rule] = {}
"""The rules, by the function of the primitive."""

_WEAK = (float, int, bool, complex)

AS_THEY_ARE = frozenset({"labels", "signs", "probabilities"})
"""Primitives of `nn` that pass on what they have looked at."""


class BatchedStep:
    """One application of a primitive, of which some operands have the axis of the examples.

    Attributes
    ----------
    primitive, parameters
        What is applied, and what was given beside the operands.
    operands
        Arrays, Tensors or numbers; those that are mapped have the examples along axis 0.
    is_mapped
        Which are.
    of_one
        The operands' values of the first example.
    result
        The result of the first example.
    count
        How many examples there are.
    """

    def __init__(
        self,
        primitive: Primitive,
        operands: Sequence[Any],
        is_mapped: Sequence[bool],
        of_one: Sequence[Any],
        parameters: dict[str, Any],
        result: Any,
        count: int,
    ) -> None:
        self.primitive, self.parameters = primitive, parameters
        self.operands, self.is_mapped, self.of_one = operands, is_mapped, of_one
        self.result, self.count = result, count

    @property
    def ndims(self) -> list[int]:
        """How many axes each operand has of one example."""
        return [np.ndim(x) for x in self.of_one]

    def apply(self, *operands: Any, **changed: Any) -> Any:
        """Apply the primitive to other operands, with some parameters changed."""
        return self.primitive.apply(*operands, **{**self.parameters, **changed})

    def whole(self, i: int) -> Any:
        """Return an operand with the axis of the examples, along which it may be repeated."""
        x = self.operands[i]
        if self.is_mapped[i]:
            return x
        return np.broadcast_to(x, (self.count, *np.shape(self.of_one[i])))

    def aligned(self, i: int, ndim: int) -> Any:
        """Return an operand that broadcasts with one that has `ndim` axes of one example."""
        x, own = self.operands[i], np.ndim(self.of_one[i])
        if not self.is_mapped[i] or own >= ndim:
            return x
        return np.reshape(x, (self.count, *(1,) * (ndim - own), *np.shape(self.of_one[i])))

    def shaped(self, result: Any) -> Any:
        """Return a result in the shape that it has of each example."""
        return np.reshape(result, (self.count, *np.shape(self.result)))


def mapped(step: BatchedStep) -> Any:
    """Apply a primitive to all examples."""
    primitive = step.primitive
    if primitive.closes is not None:
        return _closed(step, primitive.closes)
    rule: Rule | None
    if primitive.draws:
        rule = drawn
    elif primitive.elementwise or primitive.name in AS_THEY_ARE:
        rule = elementwise
    else:
        rule = RULES.get(primitive.function)
    made = one_by_one(step) if rule is None else rule(step)
    return one_by_one(step) if made is NotImplemented else made


def _closed(step: BatchedStep, of: Closed) -> Any:
    """Apply a closed step anew, since it notes the shapes that it gives."""
    # A number of Python's has no dtype of its own beside arrays: it is no operand.
    kept = [i for i, x in enumerate(step.operands) if type(x) not in _WEAK]
    weak = list(step.operands)

    def function(*operands: Any) -> Any:
        given = list(weak)
        for i, x in zip(kept, operands, strict=True):
            given[i] = x
        return of.function(*given)

    primitive = closed(function, step.primitive.name, of.several, of.single)
    operands, is_mapped = ([column[i] for i in kept] for column in (step.operands, step.is_mapped))
    of_one = [step.of_one[i] for i in kept]
    again = BatchedStep(primitive, operands, is_mapped, of_one, {}, step.result, step.count)
    if not of.single:
        return one_by_one(again)
    shape = np.broadcast_shapes(*map(np.shape, step.of_one))
    whole = (step.count, *shape)
    wide = [again.aligned(i, len(shape)) for i in range(len(kept))]
    made = again.apply(*[np.broadcast_to(x, whole) for x in wide])
    if of.several:
        return tuple(map(_summed, made, step.result))
    return _summed(made, step.result)


def _summed(made: Any, result: Any) -> Any:
    """Sum over the axes along which a result of each example was repeated."""
    shape = np.shape(result)
    axes = tuple(axis + 1 for axis in broadcast_axes(shape, made.shape[1:]))
    return np.reshape(np.sum(made, axis=axes), (len(made), *shape)) if axes else made


def one_by_one(step: BatchedStep) -> Any:
    """Apply a primitive to each example by itself."""
    if not step.count:
        results = step.result if isinstance(step.result, tuple) else (step.result,)
        empty = tuple(np.zeros((0, *np.shape(r)), np.result_type(r)) for r in results)
        return empty if isinstance(step.result, tuple) else empty[0]
    made = []
    for n in range(step.count):
        pairs = zip(step.operands, step.is_mapped, strict=True)
        try:
            made.append(step.apply(*[x[n] if is_mapped else x for x, is_mapped in pairs]))
        except (CompileError, GradientShapeError) as error:  # of a closed step
            raise VmapError(
                f"'{step.primitive.name}' gives the examples results of different shapes or "
                "dtypes, which do not lie in one array: keep the shape, and use "
                "np.where(mask, x, 0)."
            ) from error
    if isinstance(step.result, tuple):
        return tuple(np.stack(parts) for parts in zip(*made, strict=True))
    return np.stack(made)


# -- element by element ------------------------------------------------------------------------


def elementwise(step: BatchedStep) -> Any:
    """Let operands broadcast behind the axis of the examples."""
    ndim = max(step.ndims)
    return step.apply(*[step.aligned(i, ndim) for i in range(len(step.operands))])


def drawn(step: BatchedStep) -> Any:
    """Draw for each example anew."""
    generator = step.parameters.get("generator")
    if state.mode.recorder is not None and generator is not None:
        state.mode.recorder.draws_from(generator)
    return step.apply(step.whole(0))


def rule(*primitives: Any) -> Callable[[Rule], Rule]:
    """Register the rule of some primitives, or functions of NumPy's."""

    def register(f: Rule) -> Rule:
        for p in primitives:
            RULES[getattr(p, "function", p)] = f
        return f

    return register


rule(
    *(np.copy, np.round, np.isclose, np.isreal, np.iscomplex, np.isneginf, np.isposinf),
    *(of_complex.real, of_complex.imag, shapes._cast, shapes.stop),
)(elementwise)

# -- along axes ----------------------------------------------------------------------------------


def _further(axis: Any, ndim: int) -> Any:
    """Return axes of one example as axes of all; None stands for all but the examples'."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, (tuple, list)):
        return tuple(_further(a, ndim) for a in axis)
    return axis + 1 if axis >= 0 else axis


def along(default: Any, *, flat: bool = False) -> Rule:
    """Return the rule of a function along an axis.

    Parameters
    ----------
    default
        The axis where none is given.
    flat
        Whether axis None takes the numbers in one line, as ``np.cumsum`` does.
    """

    def of_axis(step: BatchedStep) -> Any:
        axis = step.parameters.get("axis", default)
        ndim = step.ndims[0]
        others = [step.aligned(i, ndim) for i in range(1, len(step.operands))]
        x = step.whole(0)
        if not ndim:  # NumPy gives a number an axis
            if others:
                return NotImplemented
            x, axis = np.reshape(x, (step.count, 1)), 1
        elif axis is None and flat:
            x, axis = np.reshape(x, (step.count, -1)), 1
        else:
            axis = _further(axis, ndim)
        return step.shaped(step.apply(x, *others, axis=axis))

    return of_axis


rule(np.sum, np.prod, np.max, np.min, np.all, np.any, np.count_nonzero)(along(None))
rule(np.argmax, np.argmin, np.nanargmax, np.nanargmin)(along(None, flat=True))
rule(np.cumsum, running.running_product)(along(None, flat=True))
rule(np.argsort, np.argpartition)(along(-1, flat=True))
rule(neural.logsumexp, neural.softmax, neural.log_softmax, fft.forward, fft.inverse)(along(-1))
rule(np.flip, normalization.normalize, normalization.normalize_and_scale)(along(None))
rule(normalization.batch_mean, normalization.batch_variance)(along(None))
rule(np.roll)(along(None, flat=True))


@rule(attention.attention)
def _attention(step: BatchedStep) -> Any:
    mask = step.parameters.get("mask")
    for_all = mask is None or mask.ndim < 3
    return step.shaped(step.apply(step.whole(0))) if for_all else NotImplemented


@rule(recurrence.lstm, recurrence.gru)
def _gates(step: BatchedStep) -> Any:
    return step.apply(*map(step.whole, range(len(step.operands))))


@rule(neural.mse)
def _mse(step: BatchedStep) -> Any:
    ndim, dtypes = max(step.ndims), {np.result_type(x) for x in step.of_one}
    if dtypes - {np.dtype(np.float64), np.dtype(np.float32)}:
        return NotImplemented  # half precision and whole numbers are added up in their own way
    d = step.aligned(0, ndim) - step.aligned(1, ndim)
    return np.mean(d * d, axis=tuple(range(1, ndim + 1)))


# -- other places and shapes ---------------------------------------------------------------------


@rule(shapes.reshape)
def _reshape(step: BatchedStep) -> Any:
    return step.apply(step.operands[0], shape=(step.count, *step.result.shape))


@rule(np.broadcast_to)
def _broadcast_to(step: BatchedStep) -> Any:
    shape = np.shape(step.result)
    return step.apply(step.aligned(0, len(shape)), shape=(step.count, *shape))


@rule(np.transpose)
def _transpose(step: BatchedStep) -> Any:
    ndim = step.ndims[0]
    axes = step.parameters.get("axes")
    order = range(ndim)[::-1] if axes is None else [a % ndim for a in axes]
    return step.apply(step.operands[0], axes=(0, *(a + 1 for a in order)))


@rule(sliding_window_view)
def _windows(step: BatchedStep) -> Any:
    ndim, window = step.ndims[0], step.parameters["window_shape"]
    axis = step.parameters.get("axis")
    if axis is None and not isinstance(window, (tuple, list)):
        axis = tuple(range(ndim))
    return step.apply(step.operands[0], axis=_further(axis, ndim))


@rule(shapes.join)
def _join(step: BatchedStep) -> Any:
    wholes = [step.whole(i) for i in range(len(step.operands))]
    return step.apply(*wholes, axis=_further(step.parameters.get("axis", 0), step.ndims[0]))


@rule(shapes.part)
def _part(step: BatchedStep) -> Any:
    axis = _further(step.parameters.get("axis", 0), step.ndims[0])
    return step.apply(step.operands[0], axis=axis)


# -- products --------------------------------------------------------------------------------------


@rule(np.matmul)
def _matmul(step: BatchedStep) -> Any:
    (x, y), (m, n) = step.operands, step.ndims
    x_is_mapped, y_is_mapped = step.is_mapped
    if not y_is_mapped and (n == 1 or (m, n) == (1, 2)):
        return np.matmul(x, y)
    if not y_is_mapped and (m, n) == (2, 2):  # one large product, not many small ones
        rows = np.reshape(x, (-1, x.shape[-1])) if x.shape[-1] else None
        return NotImplemented if rows is None else step.shaped(np.matmul(rows, y))
    if not x_is_mapped and (m, n) == (2, 1):
        return np.matmul(y, np.transpose(x))
    if not x_is_mapped and m == 1:
        return np.matmul(y, x) if n == 1 else np.matmul(x, y)
    return step.shaped(_stacked(*_as_matrices(step)))


def _as_matrices(step: BatchedStep) -> tuple[Any, Any]:
    """Return both factors as stacks of matrices that broadcast."""
    (x, y), (m, n) = step.operands, step.ndims
    x_is_mapped, y_is_mapped = step.is_mapped[:2]
    x = x[..., None, :] if m == 1 else x
    y = y[..., None] if n == 1 else y
    ndim = max(m, n, 2)
    return _padded(x, x_is_mapped, ndim), _padded(y, y_is_mapped, ndim)


def _padded(x: Any, is_mapped: bool, ndim: int) -> Any:
    """Put ones behind the axis of the examples, up to `ndim` further axes."""
    if not is_mapped or x.ndim > ndim:
        return x
    return np.reshape(x, (len(x), *(1,) * (ndim + 1 - x.ndim), *x.shape[1:]))


def _stacked(x: Any, y: Any) -> Any:
    """Return the products of stacks of matrices; of a column and a line, faster than NumPy."""
    if x.shape[-1] == 1 and x.dtype.kind in "fc" and y.dtype.kind in "fc":
        return x * y
    return np.matmul(x, y)


@rule(neural.linear, neural.affine)
def _linear(step: BatchedStep) -> Any:
    x, weight = step.operands[:2]
    m = step.ndims[0]
    if not any(step.is_mapped[1:]):
        if m == 1:
            return step.apply(*step.operands)
        if not x.shape[-1]:
            return NotImplemented
        rows = np.reshape(x, (-1, x.shape[-1]))
        return step.shaped(step.apply(rows, *step.operands[1:]))
    turned = np.swapaxes(weight, -1, -2)
    x = x[..., None, :] if m == 1 else x
    ndim = max(m, 2)
    pair = _padded(x, step.is_mapped[0], ndim), _padded(turned, step.is_mapped[1], ndim)
    out = _stacked(*pair)
    out = np.reshape(out, (*out.shape[:-2], out.shape[-1])) if m == 1 else out
    return out if len(step.operands) == 2 else out + step.aligned(2, m)


@rule(products.contract)
def _contract(step: BatchedStep) -> Any:
    names, output = products._letters(step.parameters["subscripts"])
    new = next(c for c in products._LETTERS if c not in step.parameters["subscripts"])
    pairs = zip(names, step.is_mapped, strict=True)
    given = ",".join(new + name if is_mapped else name for name, is_mapped in pairs)
    return step.apply(*step.operands, subscripts=f"{given}->{new}{output}")


# -- matrices: NumPy's functions work on stacks ----------------------------------------------------


@rule(
    *(np.linalg.inv, np.linalg.det, linalg._slogdet),
    *(factorisations._cholesky, factorisations._tall_qr),
    *(factorisations._eigh, factorisations.thin_svd, factorisations.singular_values),
    *(factorisations.nuclear_norm, factorisations.polar),
    *(linalg._pinv, np.linalg.matrix_rank),
)
def _on_stacks(step: BatchedStep) -> Any:
    if step.ndims[0] < 2 or any(step.is_mapped[1:]):
        return NotImplemented
    return step.apply(*step.operands)


@rule(linalg.solve)
def _solve(step: BatchedStep) -> Any:
    ndim = max(step.ndims)
    return step.apply(step.aligned(0, ndim), step.aligned(1, ndim))


# -- places, looked up --------------------------------------------------------------------------


@rule(np.isin, np.digitize)
def _by_the_first(step: BatchedStep) -> Any:
    return NotImplemented if step.is_mapped[1] else step.apply(*step.operands)


@rule(np.searchsorted)
def _searchsorted(step: BatchedStep) -> Any:
    return NotImplemented if step.is_mapped[0] else step.apply(*step.operands)


# -- images: a batch of batches is a larger batch --------------------------------------------------


@rule(convolution.conv2d, convolution.conv2d_bias, convolution.conv2d_image)
def _filtered(step: BatchedStep) -> Any:
    return NotImplemented if any(step.is_mapped[1:]) else _merged(step, 1)


@rule(pooling.pool_sum, pooling.pool_spread, pooling.max_pool, pooling.max_unpool)
def _pooled(step: BatchedStep) -> Any:
    return _merged(step, len(step.operands))


def _merged(step: BatchedStep, count: int) -> Any:
    """Apply a primitive to the images of all examples, which are its first `count` operands."""
    images = [step.whole(i) for i in range(count)]
    merged = [np.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])) for x in images]
    return step.shaped(step.apply(*merged, *step.operands[count:]))
