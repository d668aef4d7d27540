"""The lanes of a stack in compiled loops: thousands of epochs with no Python in between.

A `CompiledLane` makes the steps that the tape would make: one program for a lane, which runs for
each with its own points, parameters and rate (`autograd_lite.scan` with ``many=True``). The formula
of the optimizer is that of `nn.optim`; what of it changes from step to step, such as Adam's, is
read along with the points.

What comes out agrees with the steps of the tape to rounding: sums are added in another order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd_lite import Tensor, value_and_grad
from autograd_lite.codegen.looping import Scan
from autograd_lite.codegen.numba_calls import PRODUCT
from autograd_lite.trees import flatten

from ..data import Array
from .configuration import COUNTS, Configuration

NUMBERS = 4_000_000
"""Of what the steps of one call see and return, at most: 32 MB."""


def is_there() -> bool:
    """Whether Numba is installed: the extra ``fast``."""
    return find_spec("numba") is not None


# -- what it costs -----------------------------------------------------------------------------


def compiling(cell: Configuration) -> float:
    """Return about how many seconds it takes to compile the step, where no cache has it."""
    return 0.3 * len(cell.sizes) ** 2  # longer programs take more for each line


def seconds(cell: Configuration, lanes: int, compiled: bool) -> float:
    """Return about how many seconds a stack takes to train, if no lane stops early.

    Measured on one core of a small machine: a step of the tape costs what Python costs, one
    of a compiled loop, which is there already, what its arithmetic costs.
    """
    points = COUNTS[cell.data]
    batch = min(cell.batch or points, points)
    steps = cell.epochs * -(-points // batch)
    numbers = batch * sum(cell.sizes)
    if compiled:
        products = batch * sum(a * b for a, b in itertools.pairwise(cell.sizes))
        return steps * lanes * (3e-7 + 1.5e-9 * numbers + 3.5e-10 * products)
    softmax = cell.loss == "cross_entropy"
    return steps * (3e-5 * len(cell.sizes) + 5e-9 * lanes * numbers + 1.5e-4 * softmax)


def pays(stacks: Sequence[tuple[Configuration, int]]) -> bool:
    """Whether stacks of so many lanes, all with one program, train in less time compiled.

    With what it takes to compile it, once for all of them.
    """
    if not is_there() or any(cell.data not in COUNTS or _is_wide(cell) for cell, _ in stacks):
        return False
    taken = {how: sum(seconds(*stack, how) for stack in stacks) for how in (True, False)}
    return taken[True] + compiling(stacks[0][0]) < taken[False]


def _is_wide(cell: Configuration) -> bool:
    """Whether a product of matrices is so large that NumPy's is as good."""
    points = min(cell.batch or COUNTS[cell.data], COUNTS[cell.data])
    return any(points * a * b > PRODUCT for a, b in itertools.pairwise(cell.sizes))


# -- the loop ----------------------------------------------------------------------------------

State = dict[str, Any]
"""Parameters, what the optimizer keeps of each, inputs, targets and rates, lane by lane."""


def part(state: State, lanes: Any) -> State:
    """Return the state of some lanes."""
    numbers, rebuild = flatten(state)
    return rebuild([a[lanes] for a in numbers])  # type: ignore[no-any-return]


class CompiledLane:
    """The steps of one lane as a compiled program, which runs for many.

    Parameters
    ----------
    cell
        What is trained.
    forward
        Returns outputs and mean loss, from a lane's parameters, inputs and targets.
    optimizer
        One whose formula and settings are used: its first group is that of the weights.
    parameters, inputs, targets, lr
        Those of all lanes; `state` holds them.

    Raises
    ------
    NotOneLoop
        If some of a step would be left to NumPy.
    """

    def __init__(
        self,
        cell: Configuration,
        forward: Callable[..., Any],
        optimizer: Any,
        parameters: Mapping[str, Array],
        **rest: Array,
    ) -> None:
        self.cell, self.forward, self.optimizer = cell, forward, optimizer
        self.points = COUNTS[cell.data]
        self.size = min(cell.batch or self.points, self.points)
        memory = {name: self._kept(array) for name, array in parameters.items()}
        self.state: State = {"parameters": dict(parameters), "memory": memory, **rest}
        sizes = {self.size, self.points % self.size} - {0}
        self.scans = {size: self._compiled(size) for size in sizes}  # by the points in a batch

    def _kept(self, array: Array) -> dict[str, Array]:
        memory: dict[str, Any] = {}
        self.optimizer.moved(Tensor(array), np.zeros_like(array), memory, self._settings(0))
        return {k: np.zeros_like(array) for k, v in memory.items() if np.shape(v) == array.shape}

    def _settings(self, group: int, **more: Any) -> dict[str, Any]:
        return {**self.optimizer.param_groups[group], "lr": 1.0, **more}

    def longest(self, lanes: int) -> int:
        """Return how many epochs there can be in one call."""
        numbers = 1 if self.cell.batch is None else self.points * sum(self.cell.sizes[::2]) * 2
        return max(1, NUMBERS // (lanes * numbers))

    def run(
        self, state: State, epoch: int, count: int, orders: Array | None
    ) -> tuple[State, Array | None]:
        """Train for some epochs.

        Parameters
        ----------
        state
            What is trained; it stays as it is.
        epoch, count
            After which epoch this begins, and how many it makes.
        orders
            (lanes, count, points): in which order each epoch of each lane sees its points;
            None where all of them are one batch.

        Returns
        -------
        The state after them, and where all points are one batch, the mean losses before each
        step (lanes, count).
        """
        if orders is None:
            rates = self._rates(epoch, count)
            return self.scans[self.size].again(state, rates or None).run(count)
        full, rest = self.points - self.points % self.size, self.points % self.size
        steps = full // self.size + bool(rest)
        if not rest:
            return self._batches(state, epoch * steps, orders, self.size), None
        for k in range(count):
            order, done = orders[:, k : k + 1], (epoch + k) * steps
            state = self._batches(state, done, order[..., :full], self.size)
            state = self._batches(state, done + steps - 1, order[..., full:], rest)
        return state, None

    def stands(self, state: State, losses: Array) -> Array:
        """Return for each lane whether a step leaves it bit for bit as it is, and so all do.

        The losses are those of the steps before, all points in one batch. What a step does must
        not depend on how many there were.
        """
        if losses.shape[1] < 2 or self._rates(0, 1):
            return np.zeros(len(losses), bool)
        same: Array = losses[:, -1] == losses[:, -2]
        lanes = np.flatnonzero(same)
        if len(lanes):
            before = part(state, lanes)
            after = self.scans[self.size].again(before).run(1)[0]
            for a, b in zip(flatten(before)[0], flatten(after)[0], strict=True):
                same[lanes] &= (a == b).reshape(len(lanes), -1).all(axis=1)
        return same

    def _batches(self, state: State, done: int, order: Array, size: int) -> State:
        """Make a step with each batch of points, in the order that each lane has."""
        lanes = len(order)
        order = order.reshape(lanes, 1, -1)
        steps = order.shape[-1] // size
        return self.scans[size].again(state, self._seen(state, done, order, size)).run(steps)[0]  # type: ignore[no-any-return]

    def _seen(self, state: State, done: int, order: Array, size: int) -> dict[str, Array]:
        """Return what the steps of all lanes see: a batch, and rates."""
        lanes, _, n = order.shape
        seen = {
            name: np.take_along_axis(state[name], order, axis=-1)
            .reshape(lanes, -1, n // size, size)
            .swapaxes(1, 2)
            for name in ("inputs", "targets")
        }
        rates = self._rates(done, n // size)
        return seen | {name: np.tile(x, (lanes, 1)) for name, x in rates.items()}

    def _rates(self, done: int, steps: int) -> dict[str, Array]:
        """Return what of the formula changes from step to step, for the next steps, at rate 1."""
        every = [
            self.optimizer.rates(self._settings(0), k) for k in range(done + 1, done + steps + 1)
        ]
        return {name: np.array([rates[name] for rates in every]) for name in every[0]}

    def _compiled(self, size: int) -> Scan:
        """Return the step with batches of a size."""
        own, seen = self.cell.batch is not None, self._rates(0, 1) or None
        if own:
            order = np.tile(np.arange(size), (len(self.state["lr"]), 1, 1))
            seen = self._seen(self.state, 0, order, size)
        scan = Scan(self._step, self.state, seen, many=True, own_xs=own, back_end="numba")
        if scan.kernel.own_many is None:
            raise NotOneLoop
        return scan

    def _step(self, state: State, seen: Any) -> tuple[State, Any]:
        """Make one step of one lane: this is what is compiled."""
        rates = dict(seen or {})
        inputs, targets = (rates.pop(name, state[name]) for name in ("inputs", "targets"))
        if "rate" in rates:
            rates["rate"] = state["lr"] * rates["rate"]
        count = inputs.shape[-1] if self.cell.reduction == "sum" else 1

        def minimised(parameters: Any) -> Any:
            _, mean = self.forward(parameters, inputs, targets)
            return mean * float(count), mean

        old = state["parameters"]
        (_, mean), gradients = value_and_grad(minimised, has_aux=True)(old)
        new, memory = {}, {}
        for name, p in old.items():
            own = dict(state["memory"][name])
            settings = self._settings(name.endswith("bias"), lr=state["lr"], rates=rates)
            parameter = SimpleNamespace(data=p, shape=p.shape, dtype=p.dtype)
            new[name] = self.optimizer.moved(parameter, gradients[name], own, settings)
            memory[name] = {kept: own[kept] for kept in state["memory"][name]}
        return {**state, "parameters": new, "memory": memory}, mean


class NotOneLoop(Exception):
    """Some of the step is left to NumPy: it is as fast for all lanes at once."""
