"""Every public function of the table, on shapes, axes, dtypes and values that nobody wrote down."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from autograd_lite.errors import UnsupportedArgumentError
from autograd_lite.testing import check_gradients
from tests.calculus.cases import ENTRIES, Call, is_internal, label
from tests.calculus.test_gradients import HAVE_A_DERIVATIVE, has_a_value, program
from tests.calculus.test_table import compare
from tests.calculus.variations import is_smooth, varied

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


@every_function
def test_shapes_and_axes(function):
    """What NumPy computes, and the gradients of that."""

    def check(call: Call) -> None:
        try:
            compare(function, call)
        except UnsupportedArgumentError:
            return
        if has_a_value(function, call) and is_smooth(function, call):
            check_gradients(program(ENTRIES[function], call), *call.operands, order=1)

    forall(varied(function), check, 8)
