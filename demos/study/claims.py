"""What the sources say, put as questions that every run answers with yes or no.

A source drew each conclusion from one run of each network. So a claim is a question to
*one repetition of that study*, one run of each network with the same seed, and what is
counted is the share of repetitions that would have led to the same conclusion:

>>> claim = Claim("R0", "rates", "XOR is learned.", accuracy("R0-xor", "rate 1") >= 1.0)
>>> print(claim.question)
accuracy (R0-xor, rate 1) ≥ 1

If at least four of five repetitions say yes, the claim *agrees*; if at most one of five
does, it *disagrees*; in between it *depends on luck*. Where runs were ended that would have
gone on in the source, it is *not run so long*, whatever they say by then. The 95 % interval
of the share has to lie on one side of one half as well; where it does not, there are *too few
seeds*. A comparison of two networks comes with an effect size, Cliff's delta, over all pairs of
runs.

Whatever a verdict says, it is computed from the tables `runs`, `curves` and `measures`.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable

from .experiments import R1_STARTS, R1_STEPS
from .questions import Quantity, Question, accuracy, loss, measure, time
from .verdicts import Claim


def _every(questions: Iterable[Question]) -> Question:
    return functools.reduce(operator.and_, questions)


def _some(questions: Iterable[Question]) -> Question:
    return functools.reduce(operator.or_, questions)


def _more_is_no_better(data: str) -> Question:
    units = [time("R1-hidden-units", f"{data}, {n} units") for n in (2, 4, 8, 16)]
    return _some(~(more < fewer) for fewer, more in itertools.pairwise(units))


def _until_90(cell: str) -> Quantity:
    return Quantity("reached_90", "R3-hidden-units", cell)


BOTH = ("linear", "xor")

CLAIMS = (
    # learning rates
    Claim(
        "R0",
        "rates",
        "Rates above 1 reach 100 % too.",
        _every(
            accuracy("R0-learning-rates", f"{data}, rate {rate}") >= 1.0
            for data in BOTH
            for rate in (2, 5)
        ),
        remark="All four trainings of a seed have to get there: two rates, two data sets.",
    ),
    Claim(
        "R0",
        "rates",
        "Rates from 0.001 to 0.01 do not reach 100 %.",
        _every(
            accuracy("R0-learning-rates", f"{data}, rate {rate}") < 1.0
            for data in BOTH
            for rate in (0.001, 0.01)
        ),
    ),
    Claim(
        "R1",
        "rates",
        "On XOR a rate of 0.1 is no better than 0.01.",
        ~(time("R1-learning-rates", "xor, rate 0.1") < time("R1-learning-rates", "xor, rate 0.01")),
    ),
    Claim(
        "R3",
        "rates",
        "On XOR a rate of 0.001 does not converge.",
        accuracy("R3-learning-rates-xor", "rate 0.001") < 0.9,
    ),
    # hidden units
    Claim(
        "R0",
        "units",
        "At a small rate, 10 hidden units converge faster than 4.",
        _every(
            loss("R0-hidden-units", f"{data}, 10 units")
            < loss("R0-hidden-units", f"{data}, 4 units")
            for data in BOTH
        ),
        remark="Faster is a lower loss after as many epochs, on both data sets.",
    ),
    Claim(
        "R1",
        "units",
        "More hidden units are not always better (XOR).",
        _more_is_no_better("xor"),
        remark="Yes, if the time gets no shorter in at least one step from 2 to 4, 8 and 16.",
    ),
    Claim(
        "R1",
        "units",
        "More hidden units are not always better (linear).",
        _more_is_no_better("linear"),
    ),
    Claim(
        "R2",
        "units",
        "On moons, little changes past 5 hidden units.",
        _every(
            accuracy("R2-moons-hidden-units", f"{n} units").near(
                accuracy("R2-moons-hidden-units", "5 units"), 0.02
            )
            for n in (10, 15, 20)
        ),
        remark="Little is at most 4 of the 200 points.",
    ),
    Claim(
        "R3",
        "units",
        "2-2-2-1 learns linear, but more slowly than 2-5-5-1.",
        (accuracy("R3-hidden-units", "2 units") >= 0.9)
        & (_until_90("2 units") > _until_90("5 units")),
        remark="More slowly is more epochs until 90 % are right.",
    ),
    Claim(
        "R3",
        "units",
        "2-15-15-1 is not faster than 2-5-5-1.",
        ~(_until_90("15 units") < _until_90("5 units")),
    ),
    # depth
    Claim(
        "R2",
        "depth",
        "Narrow and deep does badly on moons (width 3, 5 layers).",
        accuracy("R2-moons-depth", "width 3, 5 layers") < 0.9,
        remark="Badly is below the 90 % that the hand-out asks for.",
    ),
    Claim(
        "R2",
        "depth",
        "Narrow and deep does badly on moons (width 5, 10 layers).",
        accuracy("R2-moons-depth", "width 5, 10 layers") < 0.9,
    ),
    Claim(
        "R2",
        "depth",
        "Wide and deep does well on moons (width 10, 5 layers).",
        accuracy("R2-moons-depth", "width 10, 5 layers") >= 0.9,
    ),
    # without activation
    Claim(
        "R0",
        "linear",
        "Without activation the network is a linear regression.",
        _every(
            loss("R0-without-activation", data).like(
                measure("least_squares", "R0-without-activation", data), 1.05
            )
            for data in BOTH
        ),
        remark="Its loss is the smallest that a linear function has, to 5 %.",
    ),
    Claim(
        "R1",
        "linear",
        "Without activation XOR is not learned.",
        accuracy("R1-without-activation", "xor") < 0.9,
    ),
    *(
        Claim(
            "R1",
            "linear",
            f"Without activation XOR ends at a loss of 0.238 and 16 of 21 points: weights {start}.",
            _some(
                loss("R1-starts", f"{start}, {step}").near(5 / 21, 0.001)
                & accuracy("R1-starts", f"{start}, {step}").near(16 / 21, 0.001)
                for step in R1_STEPS
            ),
            remark="R1 does not say how its weights start. Yes, if a seed ends there with "
            "gradients that are means over the points, or sums.",
        )
        for start in R1_STARTS
    ),
    Claim(
        "R3",
        "linear",
        "Without activations the loss overflows (linear, rate 0.01).",
        Quantity("diverged", "R3-without-activation", "linear") >= 1.0,
    ),
    Claim(
        "R3",
        "linear",
        "Without activations the loss overflows (XOR, rate 0.1).",
        Quantity("diverged", "R3-without-activation", "xor") >= 1.0,
    ),
    Claim(
        "R3",
        "linear",
        "With a sigmoid on the last layer alone, linear is solved and XOR is not.",
        (accuracy("R3-sigmoid-last", "linear") >= 0.99)
        & (accuracy("R3-sigmoid-last", "xor") < 0.9),
    ),
    # optimizers
    Claim(
        "R0",
        "optimizers",
        "Momentum is better than plain descent at a rate of 0.1.",
        loss("R0-momentum", "linear, momentum 0.9") < loss("R0-momentum", "linear, SGD"),
    ),
    # activations
    Claim(
        "R2",
        "activations",
        "Boundaries are smooth with tanh and sigmoid, polygons with ReLU.",
        _every(
            measure("corners", "R2-moons-activations", "ReLU")
            > measure("corners", "R2-moons-activations", smooth)
            for smooth in ("tanh", "sigmoid")
        ),
        remark="More of the boundary's turning is in the sharpest tenth of its length.",
    ),
    Claim(
        "R3",
        "activations",
        "tanh separates XOR better than sigmoid.",
        loss("R3-tanh", "tanh") < loss("R3-tanh", "sigmoid"),
    ),
    Claim(
        "R3",
        "activations",
        "ReLU fails on XOR (in the hidden layers).",
        accuracy("R3-relu", "ReLU, sigmoid last") < 0.9,
    ),
    Claim(
        "R3",
        "activations",
        "ReLU fails on XOR (in every layer).",
        accuracy("R3-relu", "ReLU everywhere") < 0.9,
    ),
    # R2's backward pass
    Claim(
        "R2",
        "backward",
        "Training works with the hand-written backward pass, in spite of its mistake.",
        measure("trained_accuracy", "R2-backward", "mistake") >= 0.9,
    ),
    # convolution
    Claim(
        "R2",
        "convolution",
        "With ReLU, Adagrad is better than Adam.",
        accuracy("R2-digits", "ReLU + Adagrad") > accuracy("R2-digits", "ReLU + Adam"),
    ),
    Claim(
        "R2",
        "convolution",
        "With Adagrad, ReLU does best.",
        _every(
            accuracy("R2-digits", "ReLU + Adagrad") > accuracy("R2-digits", f"{other} + Adagrad")
            for other in ("leaky ReLU", "tanh")
        ),
    ),
    # the hand-out
    Claim(
        "R4",
        "accuracy",
        "At least 90 % on both data sets can be asked for.",
        _every(accuracy("R4-log", data) >= 0.9 for data in BOTH),
    ),
)
"""Every conclusion that a source draws in words; what it prints as figures is `reported`."""
