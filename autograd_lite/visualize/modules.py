"""The modules that operations are part of: a layer in a network, as pictures frame it.

>>> inner = ModuleCall("m2", "linear1", "Linear", ModuleCall("m1", "MLP"))
>>> inner.path, inner.label
('MLP.linear1', 'linear1: Linear')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..locations import LayerCall
from ..tensor import Tensor

if TYPE_CHECKING:
    from .graph import GraphValue, OpCall


@dataclass(slots=True, eq=False)
class ModuleCall:
    """One call of a module, such as a layer, that operations are part of.

    Attributes
    ----------
    key
        What tells it from the others: ``m1``, ``m2``, ….
    name
        How the module around it calls it, such as ``linear1``; else its class.
    kind
        Its class; empty where only the names of its parameters tell of it.
    within
        The call that it is part of.
    is_backward
        Whether it is no module: a recorded backward pass.
    """

    key: str
    name: str
    kind: str = ""
    within: ModuleCall | None = None
    is_backward: bool = False

    @property
    def path(self) -> str:
        """The names from the outermost module to this one."""
        return f"{self.within.path}.{self.name}" if self.within else self.name

    @property
    def label(self) -> str:
        """Its name, and its class where that says more."""
        return f"{self.name}: {self.kind}" if self.kind not in ("", self.name) else self.name

    def around(self) -> list[ModuleCall]:
        """Return this call and those that it is part of, the outermost first."""
        return [*(self.within.around() if self.within else []), self]


class Modules:
    """Finds the module that an operation is part of, and those that hold its parameters."""

    def __init__(self) -> None:
        self.known: dict[LayerCall, ModuleCall] = {}
        self.calls: dict[ModuleCall, LayerCall] = {}
        self.latest: ModuleCall | None = None
        self.placed: dict[GraphValue, ModuleCall | None] = {}
        self.count = 0
        self.backward: dict[tuple[int, ModuleCall | None], ModuleCall] = {}

    def of(self, t: Tensor, operands: Sequence[Any], sweep: int = 0) -> ModuleCall | None:
        """Return the module of an operation; those of a backward pass stand in one of its own."""
        module = self._of(t, operands)
        return self._in_backward(sweep, module) if sweep else module

    def _in_backward(self, sweep: int, module: ModuleCall | None) -> ModuleCall:
        if (sweep, module) not in self.backward:
            if module is None:
                new = self._new("backward" if sweep == 1 else f"backward {sweep}")
                new.is_backward = True
            else:
                within = self._in_backward(sweep, module.within)
                new = self._new(module.name, module.kind, within)
            self.backward[sweep, module] = new
        return self.backward[sweep, module]

    def _of(self, t: Tensor, operands: Sequence[Any]) -> ModuleCall | None:
        if t.tape.line is not None:
            self.latest = self._of_call(t.tape.call)
            return self.latest
        for x in operands:
            path = _owner(x.name) if isinstance(x, Tensor) and x.is_leaf else ""
            if path:
                if self.latest is None or self.latest.name != path:
                    self.latest = self._new(path)
                return self.latest
        self.latest = None
        return None

    def _of_call(self, call: LayerCall | None) -> ModuleCall | None:
        if call is None:
            return None
        if call not in self.known:
            within = self._of_call(call.within)
            self.known[call] = module = self._new(call.name, call.kind, within)
            self.calls[module] = call
        return self.known[call]

    def _new(self, name: str, kind: str = "", within: ModuleCall | None = None) -> ModuleCall:
        self.count += 1
        return ModuleCall(f"m{self.count}", name, kind, within)

    def place(self, value: GraphValue, operation: OpCall) -> None:
        """Put a parameter into the module that holds it, unless several calls use it."""
        if value.maker is not None:
            return
        around = operation.module.around() if operation.module else []
        held = [m for m in around if self._holds(m, value)]
        here = held[-1] if held else None
        value.module = here if self.placed.setdefault(value, here) is here else None

    def _holds(self, module: ModuleCall, value: GraphValue) -> bool:
        """Whether a module holds a parameter; a bare number belongs to where it is used."""
        x = value.tensor
        if x is None:
            return np.ndim(value.data) == 0
        call = self.calls.get(module)
        if call is None:
            return _owner(x.name) == module.name
        return any(held is x for held in getattr(call.module, "__dict__", {}).values())


def _owner(name: str | None) -> str:
    """Return the path of a module, from the name of its parameter.

    >>> _owner("block.0.weight"), _owner("x"), _owner("t3[0.5]")
    ('block.0', '', '')
    """
    path = (name or "").rpartition(".")[0]
    return path if all(part.isalnum() or part.isidentifier() for part in path.split(".")) else ""


def homes(
    operations: Sequence[OpCall], values: Sequence[GraphValue]
) -> dict[GraphValue, list[ModuleCall]]:
    """Return which modules to draw around each value, the outermost first.

    A result stands where its operation does; a parameter with its module, if operations of
    that are there to be seen.
    """
    around = {o: o.module.around() if o.module else [] for o in operations}
    frames = {m for modules in around.values() for m in modules}
    found = {v: [m for m in (v.module.around() if v.module else []) if m in frames]
             for v in values if v.maker is None}  # fmt: skip
    found |= {v: modules for o, modules in around.items() for v in o.results}
    return {v: found.get(v, []) for v in values}
