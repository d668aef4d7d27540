"""What happens where a derivative is not unique: the design's table, line by line.

Each line is a call with every operand on its kink, and the gradients of the sum
of the results there. The values are those of the table
of docs, worked out by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.calculus import activations, arithmetic, factorisations, linalg, neural


class Convention(NamedTuple):
    function: Callable[..., Any]
    operands: tuple[Any, ...]
    gradients: tuple[Any, ...]
    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}  # noqa: RUF012 (never written to)
    look: Callable[[Any], Any] = lambda result: result  # at which of several results


inf, nan = np.inf, np.nan
scales = np.array([1.0, 1e-20])[:, None, None]
LN2, LN3 = np.log(2.0), np.log(3.0)
CONVENTIONS = [
    # abs, relu, sign at 0: 0
    Convention(np.absolute, ([0.0, -0.0, 2.0, -3.0],), ([0, 0, 1, -1],)),
    Convention(np.fabs, ([0.0, -0.0, 2.0, -3.0],), ([0, 0, 1, -1],)),
    Convention(np.sign, ([0.0, 2.0],), ([0, 0],)),
    Convention(neural.relu.function, ([0.0, -0.0, 1.0, -1.0],), ([0, 0, 1, 0],)),
    # leaky_relu at 0: the slope
    Convention(neural.leaky_relu.function, ([0.0, 1.0, -1.0],), ([0.01, 1, 0.01],)),
    Convention(
        neural.leaky_relu.function, ([0.0, 1.0, -1.0],), ([0.5, 1, 0.5],), keywords={"slope": 0.5}
    ),
    # max, min over an axis, with ties: shared equally
    Convention(np.max, ([1.0, 3.0, 3.0, 3.0],), ([0, 1 / 3, 1 / 3, 1 / 3],)),
    Convention(np.min, ([1.0, 3.0, 1.0, 3.0],), ([0.5, 0, 0.5, 0],)),
    Convention(
        np.max,
        ([[1.0, 1.0], [0.0, 1.0]],),
        ([[1, 0.5], [0, 0.5]],),
        keywords={"axis": 0},
    ),
    Convention(
        np.min,
        ([[1.0, 1.0], [0.0, 1.0]],),
        ([[0.5, 0.5], [1, 0]],),
        keywords={"axis": -1, "keepdims": True},
    ),
    # ... which are the NaN where it is NaN
    Convention(np.max, ([1.0, nan, 3.0, nan],), ([0, 0.5, 0, 0.5],)),
    Convention(np.min, ([[1.0, nan], [2.0, 1.0]],), ([[0, 1], [0, 1]],), keywords={"axis": 1}),
    # maximum, minimum: one half each
    *[
        Convention(f, ([1.0, 2.0, 0.0], [1.0, 0.0, 2.0]), (x, y))
        for f, x, y in [
            (np.maximum, [0.5, 1, 0], [0.5, 0, 1]),
            (np.fmax, [0.5, 1, 0], [0.5, 0, 1]),
            (np.minimum, [0.5, 0, 1], [0.5, 1, 0]),
            (np.fmin, [0.5, 0, 1], [0.5, 1, 0]),
        ]
    ],
    # ... which fmax and fmin do of NaN too, where there is nothing else
    Convention(np.fmax, ([3.0, nan, nan], [nan, 4.0, nan]), ([1, 0, 0.5], [0, 1, 0.5])),
    Convention(np.fmin, ([3.0, nan, nan], [nan, 4.0, nan]), ([1, 0, 0.5], [0, 1, 0.5])),
    # unsigned numbers beside them have no negative
    Convention(np.minimum, ([1.0, 300.0],), ([1, 0],), after=(np.array([3, 200], np.uint8),)),
    # fmod, where the quotient is a whole number but for rounding
    Convention(np.fmod, ([1.0, -1.0], [0.1, 0.1]), ([1, 1], [-9, 9])),
    # clip at a bound: 1
    Convention(np.clip, ([-1.0, 0.0, 1.0, -2.0, 2.0], -1.0, 1.0), ([1, 1, 1, 0, 0], 1, 1)),
    Convention(
        arithmetic.between.function,
        ([-1.0, 0.0, 1.0, -2.0, 2.0], -1.0, 1.0),
        ([1, 1, 1, 0, 0], 1, 1),
    ),
    # ... where both bounds are one: x at it counts as inside; below and above, each has its own
    Convention(arithmetic.between.function, ([1.0, 0.0, 2.0], 1.0, 1.0), ([1, 0, 0], 1, 1)),
    # ... and where they cross, NumPy returns the upper one.
    Convention(arithmetic.between.function, ([0.0, 1.5, 3.0], 2.0, 1.0), ([0, 0, 0], 0, 3)),
    # norm of a zero vector, hypot(0, 0), std of a constant, sinc at 0: 0
    Convention(np.hypot, ([0.0, 3.0], [0.0, 4.0]), ([0, 0.6], [0, 0.8])),
    Convention(np.std, ([2.0, 2.0, 2.0],), ([0, 0, 0],)),
    Convention(
        np.std,
        ([[2.0, 2.0], [1.0, 3.0]],),
        ([[0, 0], [-0.5, 0.5]],),
        keywords={"axis": 1},
    ),
    # norms of an order below 1: 0 as well by an element that is 0; below 0, one makes the norm 0
    Convention(np.linalg.norm, ([0.0, 0.0, -3.0],), ([0, 0, -1],), after=(0.5,)),
    Convention(np.linalg.norm, ([0.0, 2.0],), ([0, 0],), after=(-1,)),
    # the nuclear norm: 0 by a singular value that is 0
    Convention(np.linalg.norm, ([[2.0, 0.0], [0.0, 0.0]],), ([[1, 0], [0, 0]],), after=("nuc",)),
    # ... and by its gradient too, to which only what changes its range contributes
    Convention(
        factorisations.polar.function,
        (scales * np.array([[0.0, -2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),),
        (np.array([[2 / 3, 0, 0.5], [0, 2 / 3, 1], [1, 0.5, 0]]) / scales,),
    ),
    # the logarithm of a determinant that is 0: infinite, where a number has a cofactor
    Convention(
        linalg._slogdet.function,
        (
            [
                [[1.0, 2.0], [2.0, 4.0]],
                [[0.0, 0.0], [0.0, -3.0]],
                [[0.0, -2.0], [0.25, 0.0]],
                [[0.0, 2.0], [0.25, 0.0]],
            ],
        ),
        (
            [
                [[inf, -inf], [-inf, inf]],
                [[-inf, 0], [0, 0]],
                [[0, -0.5], [4, 0]],
                [[0, 0.5], [4, 0]],
            ],
        ),
        look=lambda result: result[1],
    ),
    # of one triangle, of which NumPy computes
    Convention(np.linalg.cholesky, ([[4.0, 7.0], [2.0, 5.0]],), ([[0.1875, 0], [0.25, 0.25]],)),
    Convention(np.arctan2, ([0.0, 0.0], [0.0, 2.0]), ([0, 0.5], [0, 0])),
    # x ** 0 at 0: 0, and the like: 0 ** y is flat for y > 0
    *[
        line
        for power in (np.power, np.float_power)
        for line in [
            Convention(power, ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]), ([0, 1, 0], [0, 0, 0])),
            Convention(power, ([0.0, 2.0],), ([0, 0],), after=(0,)),
            Convention(power, ([0.0, 2.0],), ([-inf, -0.25],), after=(np.array([-1.0, -1.0]),)),
            Convention(power, ([-0.5, 3.0], 0.0), ([0, 0], np.nan)),
            # ... also where x is infinite, or NaN
            Convention(power, ([inf, nan, 2.0],), ([0, 0, 0],), after=(0,)),
            Convention(power, ([inf, nan, 2.0, 0.0],), ([0, 0, 0, 0],), after=(np.zeros(4),)),
            Convention(power, ([2.0, 0.0, inf], [0.0, -1.0, -1.0]), ([0, -inf, 0], [LN2, -inf, 0])),
            # ... and an exponent of whole numbers, even the least of its dtype, does not wrap
            Convention(power, ([2.0, 2.0],), ([0, 12],), after=(np.array([0, 3], np.uint8),)),
            Convention(power, ([1.0],), ([-128],), after=(np.array([-128], np.int8),)),
            Convention(power, ([1.0, 3.0],), ([0, 27 * LN3],), before=(np.array([1, 3], np.int8),)),
        ]
    ],
    # prod with zeros: the product of the others
    Convention(np.prod, ([0.0, 2.0, 3.0],), ([6, 0, 0],)),
    Convention(np.prod, ([0.0, 2.0, 0.0],), ([0, 0, 0],)),
    Convention(np.prod, ([0.0, 2.0, 3.0],), ([3, 0, 0],), keywords={"initial": 0.5}),
    Convention(
        np.prod,
        ([0.0, 2.0, 3.0],),
        ([3, 0, 0],),
        keywords={"where": np.array([True, False, True])},
    ),
    Convention(np.prod, ([[0.0, 2.0], [4.0, 5.0]],), ([[2, 0], [5, 4]],), keywords={"axis": 1}),
    Convention(
        np.prod,
        ([[0.0, 2.0], [3.0, 4.0]],),
        ([[2, 0], [1, 0]],),
        keywords={"axis": 1, "where": np.array([[True, True], [True, False]])},
    ),
    # sqrt at 0: inf
    Convention(np.sqrt, ([0.0, 4.0],), ([inf, 0.25],)),
    # where: exactly 0 to the branch that is not taken, each branch in its own shape
    Convention(
        np.where,
        ([[1.0], [2.0]], [inf, np.nan, 5.0]),
        ([[2], [1]], [1, 1, 1]),
        before=(np.array([[True, True, False], [False, False, True]]),),
    ),
    # logaddexp of two -inf: no NaN
    Convention(np.logaddexp, ([-inf, 0.0], [-inf, 0.0]), ([0, 0.5], [0, 0.5])),
    Convention(np.logaddexp2, ([-inf, 0.0], [-inf, 0.0]), ([0, 0.5], [0, 0.5])),
    # logsumexp of -inf alone
    Convention(neural.logsumexp.function, ([[-inf, 0.0], [-inf, -inf]],), ([[0, 1], [0, 0]],)),
    # ... and of inf, of which each has its share
    Convention(neural.logsumexp.function, ([inf, 1.0, inf],), ([0.5, 0, 0.5],)),
    # far out: no overflow, no NaN
    Convention(neural.sigmoid.function, ([-800.0, 800.0],), ([0, 0],)),
    Convention(neural.softplus.function, ([-800.0, 800.0],), ([0, 1],)),
    Convention(
        neural.bce_with_logits.function, ([-800.0, 800.0], [1.0, 0.0]), ([-1, 1], [800, -800])
    ),
    # a prediction of 0 or 1: PyTorch's finite number in place of an infinite one
    Convention(
        neural.bce.function, ([0.5, 1.0, 0.0], [1.0, 1.0, 0.0]), ([-2, 0, 0], [0, -100, 100])
    ),
    # elu at 0: the slope of its negative side, as in PyTorch
    Convention(activations.elu.function, ([0.0, 1.0],), ([0.5, 1],), keywords={"alpha": 0.5}),
    # heaviside: its second argument is its value at 0
    Convention(np.heaviside, ([0.0, 1.0, -1.0], [0.3, 0.3, 0.3]), ([0, 0, 0], [1, 0, 0])),
    # a maximum takes nothing from what `where` leaves out, tie or not
    Convention(
        np.max,
        ([3.0, 3.0, 1.0],),
        ([1, 0, 0],),
        keywords={"where": np.array([True, False, True]), "initial": 0.0},
    ),
    Convention(np.max, ([1.0, 2.0],), ([0, 0],), keywords={"initial": 5.0}),
    Convention(np.min, ([1.0, 2.0],), ([0, 0],), keywords={"initial": 0.5}),
    Convention(
        np.min,
        ([3.0, 3.0, 4.0],),
        ([1, 0, 0],),
        keywords={"where": np.array([True, False, True]), "initial": 9.0},
    ),
]
