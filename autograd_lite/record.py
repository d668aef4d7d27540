"""What the tape knows of one value: ``t.tape``.

A Tensor answers NumPy, so a name on it should mean what NumPy or PyTorch mean
by it. What belongs to the tape is therefore apart, in ``t.tape``.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
>>> y = np.sum(3.0 * x, axis=0)
>>> y.tape.primitive, y.tape.parameters
(<primitive sum>, {'axis': 0})
>>> product = y.tape.operands[0]
>>> product.tape.operands
(3.0, Tensor([1., 2.], requires_grad=True, name='x'))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .node import Node, parents, restored, values, walk
from .residuals import Residuals

if TYPE_CHECKING:
    from .locations import LayerCall
    from .primitive import Primitive
    from .tensor import Tensor


class Record:
    """The operation that made a value, as the tape holds it; empty for a leaf."""

    __slots__ = ("_t",)

    def __init__(self, t: Tensor) -> None:
        self._t = t

    @property
    def primitive(self) -> Primitive | None:
        """The primitive that made the value; None for a leaf."""
        return self._t._primitive  # type: ignore[no-any-return]

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the value was made from: Tensors, and arrays or numbers where those were given."""
        return tuple(
            x if x._number else value  # only CONSTANT has the number 0
            for x, value in zip(self.parents, self.values, strict=True)
        )

    @property
    def parents(self) -> tuple[Tensor, ...]:
        """The operands, with `CONSTANT` in place of arrays and numbers."""
        return parents(self._whole())  # type: ignore[return-value]

    @property
    def values(self) -> tuple[Any, ...]:
        """The operands' arrays as they were when the value was made."""
        return values(self._whole())

    def _whole(self) -> Tensor:
        """Return the value, having recomputed those of its operands that were let go."""
        if any(type(x) is Node for x in parents(self._t)):
            restored([self._t])
        return self._t

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the operation, such as ``axis``."""
        primitive = self._t._primitive
        given = self._t._parameters if primitive is not None and primitive.takes_parameters else {}
        if any(type(value) is Residuals for value in given.values()):
            return {name: value for name, value in given.items() if type(value) is not Residuals}
        return given

    @property
    def line(self) -> str | None:
        """``file:line`` of the operation, where `trace` recorded it."""
        return self._noted("line")  # type: ignore[no-any-return]

    @property
    def call(self) -> LayerCall | None:
        """The call of a module that the operation was part of, where `trace` recorded it."""
        return self._noted("call")  # type: ignore[no-any-return]

    @property
    def asks(self) -> tuple[Primitive, list[Any]] | None:
        """Of a condition, the question and what it was asked of: Tensors that are there, numbers.

        What was computed for the question alone is itself such a pair: how, and of what. None
        where something else is no longer there, and of what is no condition.

        >>> from autograd_lite import Tensor
        >>> x = Tensor(2.0, requires_grad=True, name="x")
        >>> (x * 3.0 > 1.0).tape.asks
        (<primitive greater>, [(<primitive multiply>, [Tensor(2., requires_grad=True, name='x'), \
3.0]), 1.0])
        """
        return _there(self._noted("asks"))

    @property
    def rule_of(self) -> str | None:
        """The name of the operation whose rule computed it; None for what the program did."""
        return self._noted("rule_of")  # type: ignore[no-any-return]

    @property
    def upstream(self) -> Any:
        """The gradient that the latest ``backward()`` from here began with; None before it."""
        return self._noted("upstream")

    @property
    def sweep(self) -> tuple[int, int] | None:
        """Between which sequence numbers the recorded reverse pass ran that it is of.

        It is a gradient that was computed there, or what a transform differentiated by.
        """
        return self._noted("sweep")  # type: ignore[no-any-return]

    @property
    def stopped(self) -> tuple[str, tuple[Tensor, ...]]:
        """How a constant came to have no gradient, and from which values it was computed.

        ``"detach"`` or ``"no_grad"``, and those values with a gradient that are still alive.

        >>> from autograd_lite import Tensor
        >>> x = Tensor(2.0, requires_grad=True, name="x")
        >>> x.detach().tape.stopped
        ('detach', (Tensor(2., requires_grad=True, name='x'),))
        """
        how, refs = self._noted("stopped") or ("", ())
        found = (t for ref in refs if (t := ref()) is not None)
        return how, tuple({id(t): t for t in found}.values())

    def _noted(self, key: str) -> Any:
        note = self._t._metadata
        return None if note is None else note.get(key)


def _there(noted: Any) -> tuple[Primitive, list[Any]] | None:
    """Return a question, or how an operand was computed, if all of it is still there."""
    if noted is None:
        return None
    primitive, operands = noted
    found = []
    for x in operands:
        if isinstance(x, tuple):
            held, made = x
            x = held()
            x = _there(made) if x is None else x
        found.append(x)
    return None if any(x is None for x in found) else (primitive, found)


RecordedStep = tuple[Any, tuple[Any, ...]]  # the Tensor that an operation made, and its operands


def recorded(roots: Sequence[Tensor]) -> list[RecordedStep]:
    """Return every step of the tape behind `roots`, oldest first.

    What was let go of a large program (see :mod:`autograd_lite.node`) is computed again.
    """
    steps = walk(roots)
    if any(type(t) is Node or Node in map(type, parents(t)) for t in steps):
        steps = walk(restored(list(roots)))
    return [(t, t.tape.operands) for t in steps]
