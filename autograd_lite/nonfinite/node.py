"""One recorded operation, as a function that can be called again on other numbers.

>>> x = Tensor([1.0, 4.0], requires_grad=True)
>>> node = Node.of(np.sqrt(x))
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
from ..tape import next_number
from ..tensor import CONSTANT, Tensor

Index = tuple[int, ...]


class Node:
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
    def of(cls, t: Tensor) -> Node:
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

    def at(self, index: Index) -> Node:
        """Return a pointwise operation on the numbers that belong to one element of its result."""
        values = [np.asarray(v)[self.element_of(i, index)] if np.ndim(v) else v
                  for i, v in enumerate(self.values)]  # fmt: skip
        t = _stand_in(self.out(index))
        return Node(t, self.primitive, self.operands, values, self.parameters)

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
        leaves = [
            leaf(v) if every or (isinstance(x, Tensor) and x._requires) else CONSTANT
            for x, v in zip(self.operands, values, strict=True)
        ]
        t = _stand_in(tuple(outs) if p.outputs else outs[0])
        t._primitive, t._parameters = p, self.parameters
        if p.slots:
            t._a, t._value_a = leaves[0], values[0]
            t._b, t._value_b = leaves[-1], values[-1]
        else:
            t._a, t._value_a = tuple(leaves), tuple(values)
        pending: dict[int, Any] = {}
        p.vjp(t, OutputGradients(dict(enumerate(gs))) if p.outputs else gs[0], pending, [], [])
        return [pending.get(x._number) for x in leaves]


def leaf(value: Any) -> Tensor:
    """Return an input with these numbers."""
    return _stand_in(value if isinstance(value, tuple) else np.asarray(value)[()])


def _stand_in(value: Any) -> Tensor:
    t = object.__new__(Tensor)
    t._value, t._number, t._requires = value, next_number(), True
    t._grad = t._metadata = t._primitive = None
    return t
