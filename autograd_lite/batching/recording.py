"""The tape of a function on one example, and what on it depends on the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..codegen.looks import Look, Recorder, refused
from ..errors import VmapError
from ..modes import grad_enabled, recording, state
from ..node import parents
from ..reachable import State
from ..tensor import Tensor, constant

INSTEAD = {
    ".backward()": "map grad(f), as in vmap(grad(f))",
    ".grad": "map grad(f), as in vmap(grad(f))",
    "setting .data": "return the new value; a layer that notes statistics is put into eval() mode",
}
_CHANGES = ("writing into it", "setting .data", "a draw without a generator", ".backward()")
"""What would happen once and not for each example, whatever it happens to."""


class Example(Recorder):
    """What the engine tells of a function that runs on one example of many."""

    looking: ClassVar[set[Any]] = set()
    """Entries of the table that look at values, as far as any recording has met them."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = self.looking
        self.outer = state.mode.recorder
        self.inputs: dict[int, Tensor] = {}
        self._generators: dict[int, tuple[Any, Any]] = {}

    def input(self, example: Any, name: str) -> Tensor:
        """Return the Tensor that the function gets for an array of one example."""
        t = constant(example)
        t._metadata = {"name": name}
        self.inputs[id(t)] = t
        return t

    def is_inside(self, t: Any) -> bool:
        """Whether a value was made while the function ran."""
        return bool(abs(t._number) > self.begin)

    def depends(self, t: Any) -> bool:
        """Whether a value depends on the example."""
        waiting, seen = [t], set[int]()
        while waiting:
            x = waiting.pop()
            if id(x) in self.inputs or "alias" in (x._metadata or {}):
                return True  # a transform's input that it has not joined to the tape yet
            if id(x) not in seen and self.is_inside(x):
                seen.add(id(x))
                waiting += parents(x)
        return False

    def reads(self, t: Any, how: str) -> None:
        """Refuse a look at a value that other examples have otherwise."""
        if how not in _CHANGES and not self.depends(t):
            if self.outer is not None:
                self.outer.reads(t, how)
            return
        if how in _CHANGES and not self.is_inside(t):
            raise self.refused(how)
        super().reads(t, how)

    def refused(self, how: str) -> Exception:
        """Return the error for a look at a value."""
        so = "so one run of it does not tell what it computes of each example"
        return refused(how, VmapError, so, INSTEAD)

    def draws_from(self, generator: Any) -> None:
        """Note where a generator stands: the batch draws anew, from there on."""
        bits = generator.bit_generator
        self._generators.setdefault(id(bits), (bits, bits.state))
        if self.outer is not None:
            self.outer.draws_from(generator)

    def rewind(self) -> None:
        """Let the generators stand where they stood."""
        for bits, before in self._generators.values():
            bits.state = before


def run(
    f: Callable[..., Any],
    given: Callable[[Example], tuple[Sequence[Any], dict[str, Any]]],
    is_first: bool,
) -> tuple[Any, Example]:
    """Run a function on one example with everything on the tape.

    Parameters
    ----------
    f
        The function.
    given
        Makes its arguments, of which those that are mapped are an `Example`'s inputs.
    is_first
        Whether to raise if it draws random numbers that are not on the tape.
    """
    while True:
        example = Example()
        mode = recording(
            lambda outside, own=example: grad_enabled(outside)._replace(  # type: ignore[misc]
                everything=True, lines=True, keeps=False, recorder=own
            )
        )
        args, kwargs = given(example)
        before = State.of(f).copied() if is_first else None
        try:
            with mode:
                result = f(*args, **kwargs)
        except Look:
            example.rewind()
            continue
        example.rewind()
        if before is not None:
            _check_generators(before.changed())
        return result, example


def _check_generators(changed: State) -> None:
    """Raise if a function draws random numbers that are not on the tape."""
    for owner, values, _ in changed.held:
        if set(values) == {"state"} and hasattr(owner, "state"):
            owner.state = values["state"]
            raise VmapError(
                "The function draws random numbers itself, which would be the same for each "
                "example: draw them outside and map over them, or draw with nn.Dropout(p, rng=…)."
            )
