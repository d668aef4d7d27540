"""Every public function of the table, on shapes, axes, dtypes and values that nobody wrote down."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from autograd_lite.errors import UnsupportedArgumentError
from autograd_lite.testing import check_gradients
from tests.calculus.cases import ENTRIES, Call, is_internal, label, leaves, results_of
from tests.calculus.test_gradients import HAVE_A_DERIVATIVE, has_a_value, program
from tests.calculus.test_table import assert_same, compare, on_tensors, plain
from tests.calculus.variations import (
    UNORDERED,
    Special,
    handed_on,
    is_smooth,
    numpys,
    varied,
    with_special_value,
)

PUBLIC = [f for f in HAVE_A_DERIVATIVE if not is_internal(f)]
every_function = pytest.mark.parametrize("function", PUBLIC, ids=label)


def forall(strategy, check, count):
    @settings(
        max_examples=count,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(strategy)
    def run(drawn):
        check(drawn)

    run()


def hold(function, call: Call) -> None:
    """Hold a call against NumPy, and its gradients against numerical ones."""
    try:
        if function not in UNORDERED:
            compare(function, call)
    except UnsupportedArgumentError:
        return
    if has_a_value(function, call) and is_smooth(function, call):
        check_gradients(program(ENTRIES[function], call), *call.operands, order=1)


@every_function
def test_shapes_and_axes(function):
    forall(varied(function), lambda call: hold(function, call), 6)


@every_function
def test_half_precision(function):
    def check(call: Call) -> None:
        half = replace(call, operands=tuple(x.astype(np.float16) for x in call.operands))
        # NumPy 2.0 has NaN for the sinc of a half-precision 0.
        found = floats(function, half)
        if found and function not in UNORDERED and not any(np.isnan(r).any() for r in found):
            hold(function, half)

    forall(varied(function), check, 2)


# -- special values ----------------------------------------------------------------------------


class Run:
    """One forward pass on Tensors, and gradients of it for weights of the results."""

    def __init__(self, function, call: Call) -> None:
        self.operands = leaves(call)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.all = on_tensors(function, call, self.operands)
        # BLAS raises what it finds on its way, which depends on how arrays lie in memory.
        self.warned = [str(w.message) for w in caught if "matmul" not in str(w.message)]
        look = program(ENTRIES[function], call).look
        self.results = [r for r in results_of(look(self.all)) if getattr(r, "requires_grad", False)]

    def gradients(self, weights):
        """Return ∂(Σ w·result)/∂operand for each operand."""
        for t in self.operands:
            t.zero_grad()
        for result, w in zip(self.results, weights, strict=True):
            result.backward(w.astype(result.dtype))
        return [np.zeros_like(t.numpy()) if t.grad is None else t.grad for t in self.operands]


def weights_for(run: Run):
    rng = np.random.default_rng(1)
    return [np.asarray(rng.uniform(0.5, 1.5, r.shape)) for r in run.results]


@every_function
def test_special_values(function):
    def check(special: Special) -> None:
        expected = numpys(function, special.call)
        if expected is None:
            return
        try:
            run = Run(function, special.call)
        except UnsupportedArgumentError:
            return
        results, warned = expected
        assert warned or not run.warned, run.warned[0]
        epsilon = max(np.finfo(x.dtype).eps for x in special.call.operands if x.dtype.kind == "f")
        actual = plain(run.all)
        if function not in UNORDERED:
            assert_same(results_of(actual), results, epsilon)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gradients = run.gradients(weights_for(run))
        for t, g in zip(run.operands, gradients, strict=True):
            assert (g.shape, g.dtype) == (t.shape, t.dtype)
        untouched(function, special, run, gradients)
        between_one_sided_slopes(function, special, gradients)

    forall(with_special_value(function), check, 12)


def untouched(function, special: Special, run: Run, gradients) -> None:
    """A gradient is a number where no result that it goes through became NaN or infinite.

    Nor one that goes through the infinite element, or the same matrix.
    """
    spoilt = [~np.isfinite(r) for r in floats(function, special.call)]
    if [r.shape for r in spoilt] != [r.shape for r in floats(function, special.clean)]:
        return
    infinite = np.isinf(special.call.operands[special.operand][special.index])
    if infinite:
        through = depends(function, special, special.operand, special.index)
        spoilt = [a | b for a, b in zip(spoilt, through, strict=True)]
    for i, g in enumerate(gradients):
        for index in np.ndindex(g.shape):
            if not np.isnan(g[index]) or (i, index) == (special.operand, special.index):
                continue
            if handed_on(function) and index[:-2] == special.index[:-2]:
                continue
            through = depends(function, special, i, index)
            assert any(np.any(a & b) for a, b in zip(spoilt, through, strict=True)), (
                f"{special.what} makes the gradient NaN elsewhere: {g}"
            )


def floats(function, call: Call):
    """Return NumPy's results that are of floats."""
    with np.errstate(all="ignore"):
        results, _ = numpys(function, call) or ([], set())
    return [r for r in map(np.asarray, results) if r.dtype.kind in "fc"]


def depends(function, special: Special, i: int, index):
    """Return which results change where one element does."""
    before = floats(function, special.clean)
    changed = [np.zeros(r.shape, bool) for r in before]
    for value in (np.nan, 1.7, -4.3):
        after = floats(function, special.clean.with_value(i, index, value))
        if [r.shape for r in after] != [r.shape for r in before]:
            return [np.ones(r.shape, bool) for r in before]
        changed = [c | ~(a == b) for c, a, b in zip(changed, before, after, strict=True)]
    return changed


def between_one_sided_slopes(function, special: Special, gradients) -> None:
    """At a kink any subgradient will do; elsewhere both slopes are one."""
    call, i, index = special.call, special.operand, special.index
    x = np.asarray(call.operands[i])[index]
    if any(o.dtype != np.float64 for o in call.operands) or not abs(x) < 10.0:
        return

    shapes = [r.shape for r in Run(function, call).results]

    def total(step: float):
        with np.errstate(all="ignore"):
            run = Run(function, call.with_value(i, index, x + step))
            if [r.shape for r in run.results] != shapes:
                return np.nan
            return sum(
                np.sum(w * r.numpy()) for w, r in zip(weights_for(run), run.results, strict=True)
            )

    here = total(0.0)
    noise = 2.0**-26 * abs(here)
    slopes = []
    for side in (1.0, -1.0):
        with np.errstate(all="ignore"):
            first, second = ((total(side * h) - here) / (side * h) for h in (2.0**-18, 2.0**-20))
            if abs(first - second) <= 1e-3 * abs(second) + noise:
                slopes.append(second)
    if len(slopes) == 2:
        allowed = 1e-2 * max(map(abs, slopes)) + 2.0 * noise + 1e-4
        g = gradients[i][index]
        assert min(slopes) - allowed <= g <= max(slopes) + allowed, (special.what, g, slopes)
