"""Every experiment of the four reports and the hand-out: what is trained, what was reported.

R0 to R3 are reports that students handed in, R4 is the hand-out. An experiment
is a few cells, each a `Configuration` with a label; `EXPERIMENTS` has them all
by name, with the seeds and epochs that a shorter study gives each.

>>> experiment = EXPERIMENTS["R1-without-activation"]
>>> experiment.cells["xor"].label
'xor, 2-4-4-1 with bias, no activation, SGD at 0.1'
>>> experiment.sized("quick").cells["xor"].epochs < experiment.cells["xor"].epochs
True
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .configuration import Configuration
from .plans import FULL_SEEDS, Experiment, Reported, SampleSize, cells


def find(name: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    ValueError
        If there is none of that name; it says which are nearest.

    Examples
    --------
    >>> find("R1-without")
    Traceback (most recent call last):
        ...
    ValueError: There is no experiment 'R1-without': did you mean R1-without-activation? \
--list shows all.
    """
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    by_small = {known.lower(): known for known in EXPERIMENTS}
    close = difflib.get_close_matches(name.lower(), by_small, n=3, cutoff=0.5)
    begins = [small for small in by_small if small.startswith(name.lower())][:3]
    nearest = [by_small[small] for small in begins or close]
    hint = f"did you mean {' or '.join(nearest)}? --list shows all" if nearest else "see --list"
    raise ValueError(f"There is no experiment {name!r}: {hint}.")


def _deep(base: Configuration, pairs: Sequence[tuple[int, int]]) -> dict[str, Configuration]:
    """Return cells for (width, layers), where input and output count as layers."""
    return {
        f"width {width}, {layers} layers": replace(base, hidden=(width,) * (layers - 2))
        for width, layers in pairs
    }


BOTH = ("linear", "xor")

# -- R0: full batch, no bias -------------------------------------------------------------------

_R0 = Configuration()
_R0_LOG = (500, 1000, 2000, 5000, 10000)
_R0_LOSSES = {
    "linear": (0.0243, 0.0131, 0.00742, 0.00343, 0.001726),
    "xor": (0.2188, 0.1770, 0.0184, 0.000984, 0.000295),
}
_R0_SIZES = {
    "quick": SampleSize(10, 1000),
    "default": SampleSize(50),
    "full": SampleSize(FULL_SEEDS),
}


def _r0_main(data: str, printed: Sequence[float]) -> Experiment:
    return Experiment(
        f"R0-{data}",
        f"R0's network on {data}: 2-4-4-1 without bias, sigmoid everywhere, rate 1.",
        {data: replace(_R0, data=data)},
        reported=(
            *(Reported(data, "loss", x, at) for at, x in zip(_R0_LOG, printed, strict=True)),
            Reported(data, "accuracy", 1.0),
        ),
        sizes={
            "quick": SampleSize(20),
            "default": SampleSize(FULL_SEEDS),
            "full": SampleSize(FULL_SEEDS),
        },
    )


_ALL = [
    *(_r0_main(data, printed) for data, printed in _R0_LOSSES.items()),
    Experiment(
        "R0-learning-rates",
        "R0's network at rates from 0.001 to 5: which of them learn within 10000 epochs?",
        cells(_R0, data=BOTH, lr=(0.001, 0.01, 0.1, 1.0, 2.0, 5.0)),
        reported=(
            *(Reported(f"{d}, rate {lr}", "accuracy", 1.0) for d in BOTH for lr in (1, 2, 5)),
        ),
        assumed="R0 says that rates above 1 reach 100 % and that 0.001 to 0.01 do not, without "
        "naming those above 1: 2 and 5 are taken.",
        sizes=_R0_SIZES,
    ),
    Experiment(
        "R0-hidden-units",
        "4 or 10 hidden units at a small rate: do more converge faster?",
        cells(replace(_R0, lr=0.1), data=BOTH, hidden=((4, 4), (10, 10))),
        assumed="R0 does not say which rate is small: 0.1, the smallest that learns.",
        sizes=_R0_SIZES,
    ),
    Experiment(
        "R0-without-activation",
        "R0's network without any activation, which is a linear regression.",
        cells(
            replace(_R0, activation="identity", output_activation="identity", lr=0.01), data=BOTH
        ),
        assumed="R0 does not say the rate: 0.01, since at 0.1 the loss of many seeds overflows. An "
        "output above 0.5 counts as label 1.",
        sizes=_R0_SIZES,
    ),
    Experiment(
        "R0-activations",
        "Sigmoid, ReLU and leaky ReLU (slope 0.01) in the hidden layers of R0's network.",
        cells(replace(_R0, lr=0.1), data=BOTH, activation=("sigmoid", "relu", "leaky_relu")),
        assumed="R0 does not say the rate: 0.1. The last layer keeps its sigmoid. ReLU's "
        "derivative at 0 is 0 here, and 1 in R0.",
        sizes=_R0_SIZES,
    ),
    Experiment(
        "R0-momentum",
        "Gradient descent at rate 0.1, plain and with momentum 0.9 or 0.99.",
        {
            f"{data}, {words}": replace(_R0, data=data, lr=0.1, **settings)
            for data in BOTH
            for words, settings in (
                ("SGD", {}),
                ("momentum 0.9", {"optimizer": "momentum"}),
                ("momentum 0.99", {"optimizer": "momentum", "momentum": 0.99}),
            )
        },
        reported=(
            Reported("linear, SGD", "loss", 0.01305),
            Reported("linear, SGD", "accuracy", 0.99),
            Reported("linear, momentum 0.9", "loss", 0.00036),
            Reported("linear, momentum 0.9", "accuracy", 1.0),
        ),
        assumed="R0 names neither the data nor the β of its figures: 99 % is no share of 21 "
        "points, so they are linear's; β is taken as 0.9.",
        sizes=_R0_SIZES,
    ),
]

# -- R1: bias, stops early ------------------------------------------------------------------------

_R1 = Configuration(bias=True, lr=0.1, epochs=1_000_000, stop_below=0.001)
_R1_START = (
    "R1 does not say how the weights start: N(0, 1), as in R0, and biases at 0. It stops when the "
    "loss is below 0.001."
)
_R1_SIZES = {
    "quick": SampleSize(5, 1000),
    "default": SampleSize(12),
    "full": SampleSize(FULL_SEEDS),
}

R1_STARTS: dict[str, dict[str, Any]] = {
    "N(0, 1), bias 0": {},
    "N(0, 1), bias too": {"folded": True},
    "U(0, 1), bias too": {"init": "uniform", "folded": True},
    "U(−1, 1), bias too": {"init": "wide_uniform", "folded": True},
    "N(0, 1)/√fan-in, bias too": {"init": "fan_in_normal", "folded": True},
    "Glorot's, bias 0": {"init": "xavier_uniform"},
    "He's, bias 0": {"init": "kaiming_normal"},
    "PyTorch's": {"init": "fan_in_uniform"},
    "N(0, 0.01²), bias too": {"init": "small_normal", "folded": True},
}
"""How R1's weights may have started: what students of NumPy write, and what libraries do."""
R1_STEPS: dict[str, dict[str, Any]] = {
    "rate 0.1": {"lr": 0.1},
    "rate 0.1 on sums": {"lr": 0.1, "reduction": "sum"},
}

_ALL += [
    Experiment(
        "R1-learning-rates",
        "R1's network with bias at rates 0.01, 0.05 and 0.1, until the loss is below 0.001.",
        cells(_R1, data=BOTH, lr=(0.01, 0.05, 0.1)),
        reported=(
            *(
                Reported(f"{data}, rate {lr}", "accuracy", 1.0)
                for data in BOTH
                for lr in (0.01, 0.05, 0.1)
            ),
        ),
        assumed=_R1_START,
        sizes=_R1_SIZES,
    ),
    Experiment(
        "R1-hidden-units",
        "2, 4, 8 or 16 hidden units at rate 0.1: are more better?",
        cells(_R1, data=BOTH, hidden=((2, 2), (4, 4), (8, 8), (16, 16))),
        assumed=f"{_R1_START} R1 does not list its numbers of units: 2, 4, 8 and 16.",
        sizes=_R1_SIZES,
    ),
    Experiment(
        "R1-without-activation",
        "R1's network with no activation in its hidden layers: what can a linear map learn?",
        cells(replace(_R1, activation="identity"), data=BOTH),
        reported=(
            Reported("linear", "accuracy", 1.0),
            Reported("xor", "loss", 0.238),
            Reported("xor", "accuracy", 0.762, words="16 of 21 points"),
        ),
        assumed=f"{_R1_START} The last layer keeps its sigmoid: 5 of 21 points wholly wrong are a "
        "loss of 0.238, which a network that is linear to the end cannot have.",
        sizes={**_R1_SIZES, "default": SampleSize(20)},
    ),
    Experiment(
        "R1-starts",
        "Which ways to start end at R1's loss of 0.238 on XOR without activation?",
        {
            f"{words}, {rest}": replace(_R1, activation="identity", **way, **settings)
            for words, way in R1_STARTS.items()
            for rest, settings in R1_STEPS.items()
        },
        reported=(),
        assumed="R1 folds the bias into the weights and says neither how these start, nor "
        "whether gradients are means or sums over the points (a rate of 0.1 on sums is one of 2.1 "
        "on means).",
        sizes={**_R1_SIZES, "default": SampleSize(20)},
    ),
    Experiment(
        "R1-optimizers",
        "SGD, momentum (β 0.9) and Adagrad at rate 0.1.",
        cells(_R1, data=BOTH, optimizer=("sgd", "momentum", "adagrad")),
        assumed=f"{_R1_START} Adagrad divides by √n + 1e-10 here, by √(n + 1e-8) in R1.",
        sizes=_R1_SIZES,
    ),
    Experiment(
        "R1-activations",
        "Sigmoid, tanh, ReLU and leaky ReLU (slope 0.005) in the hidden layers.",
        cells(
            replace(_R1, slope=0.005),
            data=BOTH,
            activation=("sigmoid", "tanh", "relu", "leaky_relu"),
        ),
        assumed=f"{_R1_START} The last layer keeps its sigmoid.",
        sizes=_R1_SIZES,
    ),
]

# -- R2: moons, blobs, and a convolutional network -----------------------------------------------

_R2 = Configuration(
    data="moons",
    hidden=(3,),
    bias=True,
    activation="tanh",
    output_activation="softmax",
    loss="cross_entropy",
    reduction="sum",
    init="fan_in_normal",
    lr=0.01,
    weight_decay=0.01,
    epochs=20000,
)
_R2_START = "Biases start at 0. The curves show the mean cross-entropy, without the decay's part."
_R2_SIZES = {"quick": SampleSize(5, 500), "default": SampleSize(15), "full": SampleSize(FULL_SEEDS)}
_DIGITS = Configuration(
    data="digits",
    output_activation="softmax",
    loss="cross_entropy",
    optimizer="adagrad",
    lr=2e-2,
    batch=50,
    epochs=30,
)

_ALL += [
    Experiment(
        "R2-moons-activations",
        "Decision boundaries of tanh, sigmoid and ReLU with 3 hidden units on two moons.",
        cells(_R2, activation=("tanh", "sigmoid", "relu")),
        assumed=f"{_R2_START} ReLU's derivative at 0 is 0 here, and 1 in R2.",
        sizes=_R2_SIZES,
    ),
    Experiment(
        "R2-moons-hidden-units",
        "tanh with 3, 5, 10, 15 and 20 hidden units on two moons: does it change past 5?",
        cells(_R2, hidden=((3,), (5,), (10,), (15,), (20,))),
        assumed=_R2_START,
        sizes=_R2_SIZES,
    ),
    Experiment(
        "R2-moons-depth",
        "Networks of several widths and depths on two moons; input and output count as layers.",
        _deep(_R2, [(3, 3), (3, 5), (5, 5), (5, 10), (10, 3), (10, 5)]),
        assumed=_R2_START,
        sizes=_R2_SIZES,
    ),
    Experiment(
        "R2-blobs-depth",
        "Networks of several widths and depths on two blobs.",
        _deep(replace(_R2, data="blobs"), [(3, 3), (3, 5), (5, 3), (5, 5)]),
        reported=(Reported("width 5, 5 layers", "accuracy", 1.0, words="all right"),),
        assumed=_R2_START,
        sizes=_R2_SIZES,
    ),
    Experiment(
        "R2-digits",
        "R2's convolutional network on handwritten digits: which activation and optimizer?",
        {
            "ReLU + Adam": replace(_DIGITS, activation="relu", optimizer="adam", lr=2e-3),
            "ReLU + Adagrad": replace(_DIGITS, activation="relu"),
            "leaky ReLU + Adagrad": replace(_DIGITS, activation="leaky_relu"),
            "tanh + Adagrad": replace(_DIGITS, activation="tanh"),
        },
        assumed="R2 trained on MNIST with Adam at 1e-4 for 5500 to 10000 steps, about 5 to 9 "
        "epochs. Here it is 1438 of scikit-learn's 8 × 8 digits and 30 epochs of 29 steps, at "
        "rates for so few steps that fall to 0 along a cosine; R2 does not say Adagrad's rate. "
        "Accuracy is that on the 359 digits that are held out.",
        sizes={"quick": SampleSize(1, 1), "default": SampleSize(5), "full": SampleSize(20)},
    ),
]

# -- R3: an update after every point -----------------------------------------------------------

_R3 = Configuration(data="linear", hidden=(5, 5), bias=True, lr=0.01, epochs=15000, batch=1)
_R3_XOR = replace(_R3, data="xor", hidden=(7, 7), lr=0.1)
_R3_START = "R3 does not say how the weights start: N(0, 1), as in R0, and biases at 0."
_R3_SIZES = {"quick": SampleSize(5, 60), "default": SampleSize(20), "full": SampleSize(FULL_SEEDS)}
_R3_XOR_SIZES = {**_R3_SIZES, "quick": SampleSize(5, 200)}


def _r3_both(**settings: Any) -> dict[str, Configuration]:
    return {"linear": replace(_R3, **settings), "xor": replace(_R3_XOR, **settings)}


_ALL += [
    Experiment(
        "R3-linear",
        "R3's 2-5-5-1 on linear, updated after every point, at rate 0.01.",
        {"linear": _R3},
        reported=(Reported("linear", "accuracy", 0.99, words="99 to 100 %"),),
        assumed=_R3_START,
        sizes=_R3_SIZES,
    ),
    Experiment(
        "R3-xor",
        "R3's 2-7-7-1 on XOR, updated after every point, at rate 0.1.",
        {"xor": _R3_XOR},
        assumed=f"{_R3_START} The log that R3 printed is that of linear once more: it cannot be "
        "used.",
        sizes=_R3_XOR_SIZES,
    ),
    Experiment(
        "R3-learning-rates-linear",
        "Rates 0.1, 0.01 and 0.001 on linear, updated after every point.",
        cells(_R3, lr=(0.1, 0.01, 0.001)),
        assumed=_R3_START,
        sizes=_R3_SIZES,
    ),
    Experiment(
        "R3-learning-rates-xor",
        "Rates 1, 0.1, 0.01 and 0.001 on XOR, updated after every point.",
        {
            label: replace(cell, epochs=100_000 if cell.lr == 0.001 else cell.epochs)
            for label, cell in cells(_R3_XOR, lr=(1.0, 0.1, 0.01, 0.001)).items()
        },
        assumed=_R3_START,
        sizes=_R3_XOR_SIZES,
    ),
    Experiment(
        "R3-hidden-units",
        "2, 5 or 15 hidden units on linear, updated after every point.",
        cells(_R3, hidden=((2, 2), (5, 5), (15, 15))),
        assumed=f"{_R3_START} R3 does not say on which data: linear.",
        sizes=_R3_SIZES,
    ),
    Experiment(
        "R3-without-activation",
        "R3's networks without any activation: the loss overflows.",
        _r3_both(activation="identity", output_activation="identity"),
        assumed=_R3_START,
        sizes=_R3_SIZES,
    ),
    Experiment(
        "R3-sigmoid-last",
        "R3's networks with a sigmoid on the last layer alone.",
        _r3_both(activation="identity"),
        reported=(Reported("linear", "accuracy", 1.0, words="is solved"),),
        assumed=_R3_START,
        sizes=_R3_SIZES,
    ),
    Experiment(
        "R3-tanh",
        "tanh beside sigmoid on XOR, updated after every point.",
        cells(_R3_XOR, activation=("tanh", "sigmoid")),
        assumed=f"{_R3_START} The last layer keeps its sigmoid.",
        sizes=_R3_XOR_SIZES,
    ),
    Experiment(
        "R3-relu",
        "ReLU on XOR, which failed in R3: in the hidden layers, or in the last one too.",
        {
            "ReLU, sigmoid last": replace(_R3_XOR, activation="relu"),
            "ReLU everywhere": replace(_R3_XOR, activation="relu", output_activation="relu"),
        },
        assumed=f"{_R3_START} Nor does it say whether the last layer had a ReLU: both are run.",
        sizes=_R3_XOR_SIZES,
    ),
]

# -- R4: the hand-out's own log ----------------------------------------------------------------

_R4 = replace(_R0, epochs=95000)

_ALL += [
    Experiment(
        "R4-log",
        "The hand-out's network over the 95000 epochs that its printed log covers.",
        cells(_R4, data=BOTH),
        reported=(
            Reported("xor", "loss", 0.16, 5000, "it rises to 0.43 in between"),
            Reported("xor", "loss", 0.20, 95000),
            Reported("xor", "accuracy", 1.0, words="outputs from 0.0095 to 0.9973"),
            Reported("linear", "accuracy", 0.9, words="asked: at least 90 %"),
        ),
        assumed="The hand-out says neither the units nor the rate nor the data of its log: 4 "
        "units, rate 1, and XOR, whose predictions it shows.",
        sizes={
            "quick": SampleSize(5, 2000),
            "default": SampleSize(20),
            "full": SampleSize(FULL_SEEDS),
        },
    ),
]

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
"""All of them, by name."""
