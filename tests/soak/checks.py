"""What must hold for a program: its values, its derivatives, and all the ways to get at them."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np

from autograd_lite import (
    Tensor,
    checkpoint,
    compile,
    everything,
    no_grad,
    source,
    strict,
    trace,
    value_and_grad,
    vjp,
)
from autograd_lite.codegen import NotWritable
from autograd_lite.errors import CheckInputError, CompileError, UncertainGradientWarning
from autograd_lite.tensor import to_numpy
from autograd_lite.testing import check_gradients
from tests.codegen.interpreted import without_a_compiler

FINE, ROUGH = 1e-9, 1e-3
"""What rounding may do between two ways to compute the same, in double and in single precision."""
SEEN = 1e-9
"""Derivatives below it are left alone: where all is flat, as far out on tanh, little but rounding
is left of them. A wrong rule shows elsewhere."""


class Disagreement(AssertionError):
    """Two ways to compute the same, and two results."""


def hold(program, *inputs, notes=None) -> None:
    """Raise unless all that is checked holds.

    `notes` counts what was found out on the way: where a numerical derivative could not tell,
    where there is no source.
    """
    notes = Counter() if notes is None else notes
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for check in (values, ways, by_source, by_compiling, derivatives):
            check(program, inputs, notes)


def values(program, inputs, notes) -> None:
    """Values, shapes and dtypes are NumPy's, recorded or not."""
    wanted = program(*inputs)
    given = program(*leaves(inputs))
    tolerance = rounding(inputs)
    same(given, wanted, "The value on the tape beside NumPy's", tolerance)
    with no_grad():
        same(program(*leaves(inputs)), given, "The value under no_grad", tolerance)


def ways(program, inputs, notes) -> None:
    """``backward``, `vjp`, the modes and a checkpoint of the whole give one gradient."""
    loss, gradients = backward(program, inputs)
    if gradients is None:
        notes["without a gradient"] += 1
        return
    _, pullback = vjp(lambda *xs: total(program(*xs)), *inputs)
    same(pullback(np.ones((), loss.dtype)[()]), gradients, "vjp beside backward", rounding(inputs))
    for mode in (strict, everything, trace):
        with mode():
            own = backward(program, inputs)[1]
        what = f"backward inside {mode.__name__}() beside without"
        same(own, gradients, what, rounding(inputs))
    kept = backward(checkpoint(program), inputs)[1]
    same(kept, gradients, "backward of a checkpoint beside that without", rounding(inputs))


def by_source(program, inputs, notes) -> None:
    """The written program, where there is one, has the bits of the tape that it is read from.

    That one records everything: a checkpoint is open in it, and both ways of a choice are there.
    The tape of a usual run may round otherwise. What a convolution makes lies in memory channels
    last, and a number in place of an array of ones leaves it so: a sum then has another order.
    Both are given arrays in C order, and NumPy's scalars: its single-precision exp has other
    bits with strides, and its complex product has others of arrays of no axis.
    """
    step, inputs = gradient_step(program, inputs)
    try:
        text = source(step, *inputs)
    except NotWritable:
        notes["not writable"] += 1
        return
    notes["written"] += 1
    own, others = text.load()(*inputs)
    with everything():
        value, gradients = step(*map(Tensor, inputs))
    what = "The source beside the tape of everything"
    within = (rounding(inputs),) if "conv" in text else ()
    same([own, *others], [value, *gradients], what, *within)
    value, gradients = step(*inputs)
    same([own, *others], [value, *gradients], "The source beside the tape", rounding(inputs), 1e-3)


def by_compiling(program, inputs, notes) -> None:
    """What was recorded once is right for other numbers too, and takes nothing of the caller's.

    What the Numba back end writes runs as Python here, and not at its speed.
    """
    step, inputs = gradient_step(program, inputs)
    with without_a_compiler():
        for back_end in ("numpy", "numba"):
            by_one_back_end(back_end, step, inputs, notes)


def by_one_back_end(back_end, step, inputs, notes) -> None:
    fast, kept = compile(step, back_end=back_end), []
    others = [np.asarray(x * 1.03125, x.dtype)[()] for x in inputs]
    for numbers in (inputs, others):
        before = [np.array(x) for x in numbers]
        try:
            wanted, (value, gradients) = step(*numbers), fast(*numbers)
        except (CompileError, NotWritable):
            notes[f"not compiled with {back_end}"] += 1
            return
        what = f"compiled with {back_end} beside the tape"
        # Other rounding is all that is left of a gradient where its parts cancel.
        own, least = rounding(inputs), 0.0 if back_end == "numpy" else 1e-3
        same([value, *gradients], [wanted[0], *wanted[1]], what, own, least)
        same(numbers, before, f"an argument after a call of what {back_end} compiled")
        kept.append((gradients, [np.array(g) for g in gradients]))
        for g, copy in kept:
            same(g, copy, f"what {back_end} returned, after the next call")
        for i, g in enumerate(gradients):
            for other in (*numbers, *gradients[:i]):
                if np.shares_memory(g, other):
                    raise Disagreement(f"{what}: a result is another's memory, or an argument's.")
    notes[f"compiled with {back_end}"] += 1


def derivatives(program, inputs, notes) -> None:
    """Reverse mode, forward mode and differences agree, to the second order.

    Inputs have no ties: where a kink is met by several copies of one number, the chain rule
    need not give what lies between the slopes.
    """
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("always", UncertainGradientWarning)
        try:
            check_gradients(program, *inputs, atol=SEEN)
        except CheckInputError as error:
            if "the same form" not in str(error):
                raise
            notes["of another shape near by"] += 1
    notes["cannot tell"] += bool(doubts)


def gradient_step(program, inputs):
    """Return what gives a loss with its gradients, and plain inputs for it."""
    step = value_and_grad(lambda *xs: total(program(*xs)), tuple(range(len(inputs))))
    return step, [np.array(x, order="C")[()] for x in inputs]


def leaves(inputs):
    return [Tensor(x, requires_grad=True) for x in inputs]


def rounding(inputs) -> float:
    return (
        ROUGH if any(x.dtype.itemsize < (8 + 8 * (x.dtype.kind == "c")) for x in inputs) else FINE
    )


def total(results):
    """Return one real number, made of all results with different weights."""
    whole = 0.0
    for i, r in enumerate(results):
        whole = whole + np.sum(np.real(r) * (1.0 + 0.1 * i)) + 0.3 * np.sum(np.imag(r))
    return whole


def backward(program, inputs):
    """Return the number above and its gradients; None in their place where there are none."""
    given = leaves(inputs)
    loss = total(program(*given))
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        return loss, None
    loss.backward()
    return loss, [np.zeros_like(t.data) if t.grad is None else t.grad for t in given]


def same(given, wanted, what: str, rtol: float = 0.0, least: float = 0.0) -> None:
    """Raise unless all numbers agree, and the shapes and dtypes.

    They may differ by `rtol` times the largest of them, or times `least` if that is more.
    """
    for i, (g, w) in enumerate(zip(map(to_numpy, given), map(to_numpy, wanted), strict=True)):
        form, other = ((np.result_type(x), np.shape(x)) for x in (g, w))
        size = np.max(np.abs(w), initial=least)
        if form != other:
            raise Disagreement(f"{what}: result {i} is {form} in place of {other}.")
        if not np.allclose(g, w, rtol=rtol, atol=rtol * size, equal_nan=True):
            raise Disagreement(f"{what}: result {i} is\n{g}\nin place of\n{w}")
