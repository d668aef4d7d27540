"""A training step as one compiled function: forward, backward and the optimizer's formula.

>>> import nn
>>> from autograd_lite import compile
>>> x = np.linspace(-1.0, 1.0, 20).reshape(-1, 1)
>>> model, loss = nn.Linear(1, 1, rng=0), nn.MSELoss()
>>> optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
>>> step = compile(model, loss, optimizer, back_end="numpy")
>>> losses = [step(x, 3.0 * x) for _ in range(200)]
>>> model.weight.data.round(3)
array([[3.]])

What is compiled is a pure function of the parameters, the buffers, what the optimizer keeps,
and a batch. All parameters of a group lie in one array, and so do their gradients: the
optimizer's formula runs once for all. Parameters, buffers and the optimizer's memory are
views of these arrays, which a step updates in place. So a step of the optimizer itself, a
loaded state or new weights may come between two compiled ones.

The first step is an eager one: it fills the optimizer's memory, and shows which parameters
get a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from heapq import heappushpop
from typing import Any

import numpy as np

from autograd_lite import Tensor, value_and_grad
from autograd_lite.errors import CompileError
from autograd_lite.reachable import attributes
from autograd_lite.tape import newest_write, next_number

from .module import Buffer, Module
from .optimizer import Optimizer, ParameterState

Group = dict[str, Any]


class _Pack:
    """Parameters of one group, dtype and number of steps, with their memory, in one array each."""

    def __init__(
        self, optimizer: Optimizer, group: Group, members: list[tuple[Tensor, ParameterState]]
    ):
        self.optimizer, self.group = optimizer, group
        self.params = [p for p, _ in members]
        self.memories = [memory for _, memory in members]
        first = self.memories[0]
        self.names = [name for name, x in first.items() if isinstance(x, np.ndarray)]
        self.names += [name for name, x in first.items() if isinstance(x, np.floating)]
        self.counts = [name for name in first if name not in self.names]
        self.ends = np.cumsum([p._value.size for p in self.params]).tolist()
        self.arrays = {"": self._line([p._value for p in self.params])}
        for name in self.names:
            self.arrays[name] = self._line([memory[name] for memory in self.memories])
        self.views: list[tuple[Any, Any]] = []
        for i, p in enumerate(self.params):
            p._value = self._part(self.arrays[""], i)
            self.views.append((p, p._value))
            for name in self.names:
                view = self._part(self.arrays[name], i)
                self.memories[i][name] = view
        self.kept = [(m, name, m[name]) for m in self.memories for name in self.names]
        self.settings = self._settings()
        self.counted = [memory for memory in self.memories if "step" in memory]
        self.numbers: dict[str, Tensor] = {}
        self.lr: Any = None
        self.has_rates = True
        self.refresh()

    def _line(self, arrays: Sequence[Any]) -> Any:
        return np.concatenate([np.ravel(a) for a in arrays])

    def _part(self, line: Any, i: int) -> Any:
        begin = self.ends[i - 1] if i else 0
        return np.reshape(line[begin : self.ends[i]], self.params[i].shape)

    def _settings(self) -> list[tuple[str, Any]]:
        changing = ("params", "lr", "initial_lr")
        return [(name, x) for name, x in self.group.items() if name not in changing]

    def stands(self) -> bool:
        """Whether all is where this has put it."""
        for p, view in self.views:
            if p._value is not view or not p._requires:
                return False
        for memory, name, view in self.kept:
            if memory.get(name) is not view:
                return False
        group = self.group
        for name, x in self.settings:  # noqa: SIM110 (a generator takes longer)
            if group[name] is not x:
                return False
        return True

    def weights(self, line: Any) -> list[Any]:
        """Return the parameters, as parts of an array like the one that holds them."""
        return [self._part(line, i) for i in range(len(self.params))]

    def refresh(self) -> None:
        """Set the numbers of the formula that change from step to step, in the own dtype."""
        lr = self.group["lr"]
        rates = self.optimizer.rates(self.group, self.step + 1)
        dtype, self.lr, self.has_rates = self.params[0].dtype, lr, bool(rates)
        for name, x in {"lr": lr, **rates}.items():
            if name not in self.numbers:
                self.numbers[name] = Tensor(0.0, dtype=dtype, name=name)
            self.numbers[name]._value = np.asarray(x, dtype)[()]

    def ahead(self, count: int) -> dict[int, Any]:
        """Return those numbers of the formula that change, for each of the next steps.

        By the id of the Tensor that a single step reads.
        """
        rates = self.optimizer.rates
        group, first, dtype = self.group, self.step + 1, self.params[0].dtype
        every = [rates(group, k) for k in range(first, first + count)] if self.has_rates else []
        return {
            id(self.numbers[name]): np.array([one[name] for one in every], dtype)
            for name in (every[0] if every else ())
        }

    @property
    def step(self) -> int:
        """How many steps the optimizer has made with these parameters."""
        return int(self.memories[0].get("step", 0))

    def moved(self, arrays: dict[str, Any], g: Any) -> dict[str, Any]:
        """Return the arrays after a step."""
        memory = {name: arrays[name] for name in self.names}
        memory.update((name, self.memories[0][name]) for name in self.counts)
        rates = {name: x for name, x in self.numbers.items() if name != "lr"}
        group = {**self.group, "lr": self.numbers["lr"], "rates": rates}
        new = self.optimizer.moved(_PackedParameter(arrays[""]), g, memory, group)  # type: ignore[arg-type]
        return {"": new, **{name: memory[name] for name in self.names}}

    def count(self, steps: int) -> None:
        """Note that steps were made, and that the parameters are newer than all graphs."""
        for memory in self.counted:
            memory["step"] += steps
        for p, _ in self.views:
            p._number = n = next_number()
        heappushpop(newest_write, -n)

    def hangs_on_steps(self) -> bool:
        """Whether the formula looks at the number of the step beside its `rates`."""
        g, found = Tensor(np.ones_like(self.arrays[""])), []
        for more in (0, 7):
            arrays = {name: Tensor(a) for name, a in self.arrays.items()}
            before = [dict(memory) for memory in self.memories]
            for memory in self.memories:
                memory.update((name, memory[name] + more) for name in self.counts)
            try:
                found.append(self.moved(arrays, g))
            finally:
                for memory, old in zip(self.memories, before, strict=True):
                    memory.clear()
                    memory.update(old)
        a, b = ([np.asarray(x) for x in one.values()] for one in found)
        return not all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


class _PackedParameter:
    """Stands for a parameter in an optimizer's formula: all of a pack as one."""

    def __init__(self, data: Any) -> None:
        self.data, self.shape, self.dtype = data, data.shape, data.dtype


class _RecordedBuffer(Buffer):
    """Stands for a buffer while a step is recorded: its `data` is a value of the program."""

    __slots__ = ("now",)

    now: Any

    @property
    def data(self) -> Any:
        """The value as it is by now."""
        return self.now

    @data.setter
    def data(self, value: Any) -> None:
        value = value if isinstance(value, Tensor) else np.asarray(value)
        self.now = value if value.dtype == self.dtype else value.astype(self.dtype)


def _cell(t: Any) -> _RecordedBuffer:
    cell = object.__new__(_RecordedBuffer)
    own = t.detach() if isinstance(t, Tensor) else Tensor(t)
    for name, x in attributes(own).items():
        object.__setattr__(cell, name, x)
    cell.now = own
    return cell


class TrainingStep:
    """A compiled training step; made by `autograd_lite.compile`.

    Called with a batch it makes one step and returns the loss, as before the step. A smaller
    last batch, or other settings of the optimizer, are compiled for themselves; the learning
    rate may change between any two steps.

    Parameters
    ----------
    model, loss, optimizer
        As in `nn.fit`. The optimizer's parameters are those of the model.
    back_end, limit
        As for `autograd_lite.compile`.
    with_outputs
        Whether the model's outputs are returned beside the loss.

    Attributes
    ----------
    source : str
        The code of the step that was made last.

    Raises
    ------
    CompileError
        See `autograd_lite.compile`; also if the optimizer's formula looks at the number of
        the step in a way that is not said in `Optimizer.rates`.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer,
        *,
        back_end: str = "auto",
        limit: int = 32,
        with_outputs: bool = False,
    ) -> None:
        if not isinstance(optimizer, Optimizer) or not callable(loss):
            raise TypeError(
                "compile takes a model, a loss and an optimizer, in this order, as in "
                "compile(model, nn.MSELoss(), optimizer)."
            )
        if not optimizer.is_elementwise():
            raise CompileError(
                "A compiled step puts all parameters into one vector, and "
                f"{type(optimizer).__name__} does not say that its formula is for each number "
                "alone: set elementwise = True in its class if it is, or train without compile."
            )
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.back_end, self.limit, self.with_outputs = back_end, limit, with_outputs
        modules = [*model.modules(), *(loss.modules() if isinstance(loss, Module) else ())]
        self.modules = list({id(m): m for m in modules}.values())
        self.packs: list[_Pack] = []
        self._moving: set[int] | None = None  # the parameters that got a gradient
        self._latest: Any = None
        held = {id(x) for m in self.modules for x in vars(m).values()}
        for p in optimizer.params:
            if id(p) not in held:
                raise CompileError(
                    f"{p._describe()} is a parameter of the optimizer and none of the model or the "
                    "loss: make it an attribute of the model."
                )

    def __call__(self, *batch: Any) -> Any:
        """Make one step with a batch, inputs and targets, and return the loss."""
        stepper = self._ready()
        if stepper is None:
            return self._eager(batch)
        for pack in self.packs:
            if pack.has_rates or pack.group["lr"] is not pack.lr:
                pack.refresh()
        made = stepper(*batch)
        self.after(1)
        return made

    def run(self, count: int, *batch: Any, scanned: bool = False) -> Any:
        """Make `count` steps with as little Python in between as the back end can.

        Parameters
        ----------
        count
            How many.
        *batch
            As for a call.
        scanned
            Whether inputs and targets have one more axis in front, along which each step
            takes the next.

        Returns
        -------
        The losses, ``(count,)``. The learning rate is the same in all steps; what else of an
        optimizer's formula changes from step to step, as Adam's does, changes here too.
        """
        at = [[x[k % len(x)] if scanned else x for x in batch] for k in range(min(count, 1))]
        if count and self._ready() is None:
            first = self(*at[0])
            rest = [np.roll(x, -1, axis=0) if scanned else x for x in batch]
            return _joined(first, self.run(count - 1, *rest, scanned=scanned))
        stepper = self._ready()
        if stepper is None:
            return np.zeros(0)
        for pack in self.packs:
            pack.refresh()
        around = {i: x for pack in self.packs for i, x in pack.ahead(count).items()}
        every = range(len(batch)) if scanned else ()
        made = stepper.run(count, *batch, scanned=every, around=around)
        self.after(count)
        return made

    @property
    def source(self) -> str:
        """The code of the step that was made last."""
        return self._stepper().source  # type: ignore[no-any-return]

    def explain(self) -> str:
        """Say what was made of the step: what runs together, and what each line costs."""
        return self._stepper().explain()  # type: ignore[no-any-return]

    def _stepper(self) -> Any:
        if self._latest is None:
            raise CompileError("The step is compiled in its second call: make two first.")
        return self._latest

    # -- the state ---------------------------------------------------------------------------

    def _ready(self) -> Any:
        """Return what makes a step; None as long as there was no step that shows what is there."""
        if self._latest is not None and self._stands():
            return self._latest
        if self._moving is None:
            return None
        self._pack()
        for pack in self.packs:
            if pack.hangs_on_steps():
                raise CompileError(
                    f"The formula of {type(self.optimizer).__name__} looks at the number of the "
                    "step, which would be the same in each: let its method rates() return what "
                    "of it changes, and use group['rates']."
                )
        from autograd_lite import compile  # what it hands out of a reader, when it is first used

        self._latest = compile(
            self._update, state=self.state, back_end=self.back_end, limit=self.limit
        )
        self._latest.__name__ = "step"
        self._modes = [(m, m.training) for m in self.modules]
        moving = {id(p) for pack in self.packs for p in pack.params}
        others = [p for p in self.optimizer.params if id(p) in self._moving]
        self._resting = [p for p in others if id(p) not in moving]  # frozen, for now
        return self._latest

    def _stands(self) -> bool:
        """Whether all is as it was when the latest step was compiled."""
        for m, training in self._modes:
            if m.training is not training:
                return False
        for p in self._resting:
            if p._requires:
                return False
        for pack in self.packs:
            if not pack.stands():
                return False
        for b, shown in self._shown:  # noqa: SIM110 (a generator takes longer)
            if b._value is not shown:
                return False
        return True

    def _pack(self) -> None:
        """Put parameters, memory and buffers into arrays that a step can update."""
        optimizer = self.optimizer
        if optimizer._conversions != Module.conversions:
            optimizer._convert()
        self.packs = []
        memories = iter(optimizer.state)
        for group in optimizer.param_groups:
            alike: dict[Any, list[tuple[Tensor, ParameterState]]] = {}
            for p in group["params"]:
                memory = next(memories)
                if id(p) in (self._moving or ()) and p._requires:
                    kind = p.dtype, memory.get("step"), tuple(memory)
                    alike.setdefault(kind, []).append((p, memory))
            self.packs += [_Pack(optimizer, group, members) for members in alike.values()]
        found = {id(b): b for m in self.modules for b in vars(m).values() if type(b) is Buffer}
        self.buffers = list(found.values())
        self.arrays = [np.array(b._value) for b in self.buffers]
        self._show_buffers()
        self.state = [[pack.arrays for pack in self.packs], self.arrays]

    def _show_buffers(self) -> None:
        for b, a in zip(self.buffers, self.arrays, strict=True):
            b._value = a if a.ndim else a[()]
        self._shown = [(b, b._value) for b in self.buffers]

    def after(self, steps: int) -> None:
        """Note that so many steps were made; or undone, where it is less than 0."""
        for pack in self.packs:
            pack.count(steps)
        if self.buffers:
            self._show_buffers()

    # -- what is computed --------------------------------------------------------------------

    def _eager(self, batch: Sequence[Any]) -> Any:
        outputs = self.model(batch[0])
        loss = self.loss(outputs, *batch[1:])
        self.optimizer.zero_grad()
        loss.backward()
        self._moving = {id(p) for p in self.optimizer.params if p._grad is not None}
        self.optimizer.step()
        self.optimizer.zero_grad()
        value = np.asarray(loss._value)[()]
        return (value, outputs.numpy()) if self.with_outputs else value

    def _update(self, state: Any, *batch: Any) -> Any:
        """Return the state after a step, and the loss: what is recorded."""
        packed, buffers = state
        weights = [pack.weights(a[""]) for pack, a in zip(self.packs, packed, strict=True)]
        cells = [_cell(b) for b in buffers]

        def objective(weights: Any, *batch: Any) -> Any:
            with self._in_place_of(weights, cells):
                outputs = self.model(batch[0])
                return self.loss(outputs, *batch[1:]), outputs

        both = value_and_grad(objective, has_aux=True)
        (loss, outputs), gradients = both(weights, *batch)
        moved = []
        for pack, arrays, own in zip(self.packs, packed, gradients, strict=True):
            g = np.concatenate([np.ravel(one) for one in own])
            moved.append(pack.moved(arrays, g))
        new = [moved, [cell.now for cell in cells]]
        return new, (loss, outputs) if self.with_outputs else loss

    @contextmanager
    def _in_place_of(self, weights: Any, cells: list[_RecordedBuffer]) -> Iterator[None]:
        """Let the model compute with these in place of its parameters and buffers."""
        instead = {id(b): cell for b, cell in zip(self.buffers, cells, strict=True)}
        for pack, own in zip(self.packs, weights, strict=True):
            for p, w in zip(pack.params, own, strict=True):
                w.name = p.name
                instead[id(p)] = w
        held = [
            (vars(m), name, x)
            for m in self.modules
            for name, x in vars(m).items()
            if id(x) in instead
        ]
        try:
            for space, name, x in held:
                space[name] = instead[id(x)]
            yield
        finally:
            for space, name, x in held:
                space[name] = x


def _joined(first: Any, rest: Any) -> Any:
    if isinstance(first, tuple):
        return tuple(np.concatenate([[a], b]) for a, b in zip(first, rest, strict=True))
    return np.concatenate([[first], rest])
