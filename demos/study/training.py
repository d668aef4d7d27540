"""Many trainings as one: the seeds of a cell are a batch dimension of one tape.

One small network costs what Python costs, not what its arithmetic costs. So the
networks of many seeds are stacked. Each *lane* is one of them, and a layer is

    weights (lanes, out, in) @ values (lanes, in, points) + biases (lanes, out, 1),

with the points last, where a product with a matrix this small is fastest. No
operation mixes lanes, and what is minimised is the sum of their losses, so a
lane learns what it would learn alone. Learning rates may differ from lane to
lane. A lane that is done, or whose loss overflows, leaves the stack and slows
the others no more.

What a seed draws comes from a generator of its own for each purpose, see
`stream`: a run is the same alone, in any stack, and on any machine.
"""

from __future__ import annotations

import bisect
import itertools
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from autograd_lite import no_grad

from ..data import Array
from . import compiled
from .configuration import Configuration
from .outcome import Outcome, logged_epochs
from .stack import Stack

# -- training --------------------------------------------------------------------------------------

Observer = Callable[[int, Mapping[str, Array]], None]


def train(
    configurations: Configuration | Sequence[Configuration],
    seeds: Collection[int],
    *,
    log_at: Collection[int] | None = None,
    observe: Observer | None = None,
    compile: bool | None = None,
) -> list[Outcome]:
    """Train every configuration with every seed, all at once.

    Parameters
    ----------
    configurations
        One, or several that differ in nothing but the learning rate.
    seeds
        Whole numbers from 0 on.
    log_at
        The epochs of the curves, besides the last; `logged_epochs` by default.
    observe
        Called at each of these epochs with the epoch and the parameters by name,
        as in an `nn.MLP`, with one more dimension in front: the lanes that are
        still in training, configuration by configuration.
    compile
        Whether in compiled loops, with the same numbers to rounding; by default where Numba
        is installed, for as many epochs as make up for compiling.

    Returns
    -------
    list of Outcome
        Configuration by configuration, and for each seed by seed.

    Raises
    ------
    ValueError
        If the configurations cannot be trained as one.

    Examples
    --------
    >>> cell = Configuration(data="xor", epochs=5000)
    >>> [run.accuracy for run in train(cell, seeds=[0, 1])]
    [1.0, 1.0]
    """
    cells = [configurations] if isinstance(configurations, Configuration) else list(configurations)
    if len({replace(cell, lr=0.0) for cell in cells}) != 1:
        raise ValueError(
            "Only configurations that differ in nothing but the learning rate train together."
        )
    if cells[0].data == "digits":
        return [_train_on_digits(cell, int(seed)) for cell in cells for seed in seeds]
    started = time.perf_counter()
    runs = [Outcome(cell, int(seed)) for cell in cells for seed in seeds]
    if runs:
        epochs = logged_epochs(cells[0].epochs) if log_at is None else log_at
        with np.errstate(all="ignore"):  # a lane that overflows says so in its result
            stack, every = Stack(runs), {*epochs, cells[0].epochs}
            if compiled.pays([(cells[0], len(runs))]) if compile is None else compile:
                try:
                    _train_compiled(stack, every, observe)
                except compiled.NotOneLoop:
                    _train(stack, every, observe)
            else:
                _train(stack, every, observe)
    for run in runs:
        run.seconds = (time.perf_counter() - started) / len(runs)
    return runs


def _train(stack: Stack, log_at: set[int], observe: Observer | None) -> None:
    """Train until no lane is left; the last epoch is logged, and none is left after it."""
    whole = stack.cell.batch is None
    stop_below = stack.cell.stop_below
    for epoch in itertools.count():
        logged = epoch in log_at
        look = logged or (stop_below is not None and not whole)
        if whole:
            # The forward pass of the next step says how good the networks are after this many.
            output, loss = stack.forward()
            look |= not math.isfinite(loss.item())
            if stop_below is not None and not look:
                look = bool((stack.losses(output.data) < stop_below).any())
        elif look:
            with no_grad():
                output, loss = stack.forward()
        if look:
            if logged and observe is not None:
                observe(epoch, stack.parameters())
            before = len(stack.runs)
            stack.review(epoch, output.data, logged)
            if not stack.runs:
                return
            if whole and len(stack.runs) < before:
                output, loss = stack.forward()
        if whole:
            stack.step(loss, stack.inputs.shape[-1])
        else:
            for inputs, targets in stack.batches():
                stack.step(stack.forward(inputs, targets)[1], inputs.shape[-1])


def _train_compiled(stack: Stack, log_at: set[int], observe: Observer | None) -> None:
    """Do what `_train` does, with all epochs up to the next look in one call.

    Where a lane should have left in the middle, its steps up to there are made again. Where a step
    changes no bit of a lane, no later one does: what it is at its end is known then.
    """
    cell, epoch = stack.cell, 0
    whole, stop_below = cell.batch is None, cell.stop_below
    loop = compiled.CompiledLane(
        cell, stack.forward_with, stack.optimizer, stack.arrays(),
        inputs=stack.inputs, targets=stack.targets,
        lr=np.array([run.configuration.lr for run in stack.runs]),
    )  # fmt: skip
    state = loop.state
    logged_at = sorted(log_at)
    while True:
        logged = epoch in log_at
        if logged or (stop_below is not None and not whole):
            stack.take(state["parameters"])
            with no_grad():
                output, _ = stack.forward()
            if logged and observe is not None:
                observe(epoch, stack.parameters())
            state = compiled.part(state, stack.review(epoch, output.data, logged))
        if not stack.runs:
            return
        following = logged_at[bisect.bisect(logged_at, epoch)]
        count = min(following - epoch, loop.longest(len(stack.runs)))
        if stop_below is not None and not whole:
            count = 1
        before = state
        state, losses = loop.run(before, epoch, count, stack.order(count))
        if losses is not None:
            leaves = ~np.isfinite(losses)
            if stop_below is not None:
                leaves |= losses < stop_below
            leaves[:, 0] &= not logged  # then it was looked at
            for i in np.flatnonzero(leaves.any(axis=1)):
                steps = int(leaves[i].argmax())
                lane = stack.part([i])
                there = compiled.part(before, [i])
                there = loop.run(there, epoch, steps, None)[0] if steps else there
                lane.take(there["parameters"])
                with no_grad():
                    output, _ = lane.forward()
                lane.review(epoch + steps, output.data, False, losses[[i], steps])
            goes_on = np.flatnonzero(~leaves.any(axis=1))
            stack, state = stack.part(goes_on), compiled.part(state, goes_on)
            if stack.runs and observe is None:
                stands = loop.stands(state, losses[goes_on])
                if stands.any():
                    rest = logged_at[bisect.bisect(logged_at, epoch) :]
                    _stay(stack.part(np.flatnonzero(stands)), compiled.part(state, stands), rest)
                    stack, state = (
                        stack.part(np.flatnonzero(~stands)),
                        compiled.part(state, ~stands),
                    )
            if not stack.runs:
                return
        epoch += count


def _stay(stack: Stack, state: compiled.State, epochs: Sequence[int]) -> None:
    """Log the coming epochs of lanes that no step changes any more."""
    stack.take(state["parameters"])
    with no_grad():
        output, _ = stack.forward()
    for epoch in epochs:
        stack.review(epoch, output.data, True)


# -- R2's convolutional network, which fills a core by itself --------------------------------------


def _train_on_digits(cell: Configuration, seed: int) -> Outcome:
    """Train on the digits' images; the curve is that on the images that are held out."""
    from .. import digits, handwriting

    task = digits.task()
    size = cell.batch or len(task.train[0])
    steps = -(-len(task.train[0]) // size)
    done = handwriting.train(
        task,
        cell.activation.replace("_", "-"),
        cell.optimizer,
        seed,
        epochs=cell.epochs,
        batch_size=size,
        lr=cell.lr,
        log_every=steps,
    )
    run = Outcome(cell, seed, diverged=bool(done.diverged), seconds=done.seconds)
    run.epochs = [-(-step // steps) for step in done.log.steps]
    run.losses = [math.inf if run.diverged else loss for loss in done.log.test_losses]
    run.accuracies = [1.0 - error for error in done.log.test_errors]
    run.held_out_accuracy = done.accuracy
    run.weights = done.model.state_dict()
    return run
