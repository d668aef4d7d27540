"""One recorded operation, as a function that can be called again on other numbers.

>>> x = Tensor([1.0, 4.0], requires_grad=True)
>>> node = RecordedCall.of(np.sqrt(x))
>>> node.forward([np.array([9.0, 0.0])])
[array([3., 0.])]
>>> node.vjp([np.ones(2)], node.values, node.outs)
[array([0.5 , 0.25])]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..helpers import OutputGradients
from ..primitive import Primitive
from ..program import stand_in, vjp
from ..tensor import Tensor

Index = tuple[int, ...]


class RecordedCall:
    """An operation, with the numbers that it saw.

    Attributes
    ----------
    t
        What it made.
    primitive, parameters
        What was applied.
    operands
        What it was applied to: Tensors, and arrays or numbers.
    values
        Their numbers at that time.
    outs
        The results, as a list: most operations have one.
    """

    def __init__(
        self, t: Tensor, primitive: Any, operands: Any, values: Any, parameters: dict[str, Any]
    ) -> None:
        self.t = t
        self.primitive: Primitive = primitive
        self.operands, self.values = list(operands), list(values)
        self.parameters = parameters
        self.outs = list(t._value) if primitive.outputs else [t._value]

    @classmethod
    def of(cls, t: Tensor) -> RecordedCall:
        """Return the operation that made a Tensor."""
        record = t.tape
        return cls(t, record.primitive, record.operands, record.values, record.parameters)

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    def operand_name(self, i: int) -> str:
        """Return how the primitive calls an operand."""
        names = self.primitive.operands
        return f"{names[0]}[{i}]" if self.primitive.variadic else names[i]

    def out(self, index: Index) -> Any:
        """Return one number of the results; of several, the first part of the index says which."""
        if self.primitive.outputs:
            return np.asarray(self.outs[index[0]])[index[1:]]
        return np.asarray(self.outs[0])[index]

    # -- single elements -----------------------------------------------------------------

    @property
    def pointwise(self) -> bool:
        """Whether one element of the result depends on one element of each operand."""
        p = self.primitive
        return p.elementwise and not p.outputs and getattr(p.function, "signature", None) is None

    def at(self, index: Index) -> RecordedCall:
        """Return a pointwise operation on the numbers that belong to one element of its result."""
        values = [np.asarray(v)[self.element_of(i, index)] if np.ndim(v) else v
                  for i, v in enumerate(self.values)]  # fmt: skip
        t = stand_in(self.out(index))
        return RecordedCall(t, self.primitive, self.operands, values, self.parameters)

    def element_of(self, i: int, index: Index) -> Index:
        """Return which element of an operand belongs to an element of a pointwise result."""
        shape = np.shape(self.values[i])
        own = index[len(index) - len(shape) :]
        return tuple(0 if n == 1 else k for n, k in zip(shape, own, strict=True))

    # -- on other numbers ----------------------------------------------------------------

    def forward(self, values: Sequence[Any]) -> list[Any]:
        """Return the results for other numbers."""
        made = self.primitive.apply(*values, **self.parameters)
        return list(made) if self.primitive.outputs else [made]

    def vjp(
        self, gs: Sequence[Any], values: Sequence[Any], outs: Sequence[Any], every: bool = False
    ) -> list[Any]:
        """Return what each operand gets of the results' gradients; None where it needs none.

        With `every`, arrays and numbers get theirs too.
        """
        p = self.primitive
        needs = [every or (isinstance(x, Tensor) and x.requires_grad) for x in self.operands]
        g = OutputGradients(dict(enumerate(gs))) if p.outputs else gs[0]
        out = tuple(outs) if p.outputs else outs[0]
        return vjp(p, self.parameters, g, values, out, needs)
