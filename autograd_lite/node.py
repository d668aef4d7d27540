"""What the tape is made of: nodes, and which of them keep their values.

A `Node` is one recorded operation. A Tensor is a node with a value, and for scalars and small
arrays that is all: one object for an operation. A large value that no rule will read is *let
go*: in its place among the operands of the next operation stands a node without a value, its twin,
which has everything but the numbers. So an array of a million numbers lives as long as the program
holds it, and not as long as the graph.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor(np.ones(100_000), requires_grad=True)
>>> y = np.exp(x * 2.0 + 1.0)  # the rule of exp reads its result, and neither of the other two
>>> type(y._a).__name__, y._a.shape
('Node', (100000,))

Which values a rule reads is known from the names of its arguments. Nothing is lost: whoever
reads the tape (``t.tape``, a picture, an explanation) finds every value, computed once more
where it was let go, from the operands that are there. Under `trace`, `everything` and `strict`
nothing is let go.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor

LARGE = 1 << 18
"""From so many bytes on, a value is let go; about from there the system hands out memory page
by page, and NumPy writes results into temporaries."""

LEAF = 1 << 62
"""The `_requires` of a leaf that the user made: it counts as older than anything else.

An alias of a transform has a smaller one, the smaller the later the transform began, and a result
has the largest of its operands'. So one look says whether a value depends on anything older.
"""


class Node:
    """One operation on the tape."""

    # What an operation fills in is set by compiled code (weave.py). Operands stand in
    # slots of their own, not in a tuple: that is one object for an operation in place of
    # three, and garbage collection dominates long graphs.
    __slots__ = (
        "_a",  # the first operand: a Tensor, its twin, or CONSTANT where an array or number stood
        "_b",  # the second operand
        "_grad",  # of a Tensor: None or an array
        "_metadata",  # None, or a dict: name, line, call, fingerprints, retain, stopped, asks, …
        "_number",  # the sequence number: smaller than those of its operands
        "_parameters",  # such as axis, where the primitive has any
        "_primitive",  # what made it; None for a leaf, which has none of the following:
        "_requires",  # 0 where no gradient flows, else how old what it flows to is: see `LEAF`
        "_twin",  # of a Tensor: the node that stands for it; of a node: a reference to the Tensor
        "_value",  # the array; a NumPy scalar where it has no dimension
        "_value_a",  # the operands' arrays as they were
        "_value_b",  # primitives with more operands keep tuples of them in _a and _value_a
    )

    _value: Any
    _grad: Any
    _requires: int
    _number: int
    _metadata: dict[str, Any] | None
    _primitive: Any
    _parameters: dict[str, Any]
    _a: Any
    _b: Any
    _value_a: Any
    _value_b: Any
    _twin: Any

    # -- what it is ----------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length along each axis."""
        return self._value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._value.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size  # type: ignore[no-any-return]

    @property
    def name(self) -> str | None:
        """How pictures, explanations and messages call it."""
        return None if self._metadata is None else self._metadata.get("name")

    @name.setter
    def name(self, name: str | None) -> None:
        metadata(self)["name"] = name

    def _describe(self, inside: bool = False) -> str:
        """Return how a message refers to it, at its start or inside: ``'w'``, or ``The Tensor``."""
        if self.name:
            return f"'{self.name}'"
        made_by = None if self._primitive is None else self._primitive.name
        what = "he Tensor" if made_by is None else f"he result of '{made_by}'"
        return ("t" if inside else "T") + what


def metadata(node: Node) -> dict[str, Any]:
    """Return what is noted of a value; a Tensor and its twin have it in common."""
    if node._metadata is None:
        node._metadata = {}
    return node._metadata


def parents(t: Node) -> tuple[Node, ...]:
    """Return what a value was made from, with `CONSTANT` in place of arrays and numbers."""
    if t._primitive is None:
        return ()
    slots = t._primitive.slots
    if slots == 2:
        return t._a, t._b
    return (t._a,) if slots else t._a


def values(t: Node) -> tuple[Any, ...]:
    """Return the operands' arrays as they were; what was let go is an array without numbers."""
    if t._primitive is None:
        return ()
    slots = t._primitive.slots
    if slots == 2:
        return t._value_a, t._value_b
    return (t._value_a,) if slots else t._value_a


class Size(int):
    """A number of elements that answers PyTorch's ``t.size()`` and ``t.size(0)`` too."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        """Return the shape, or one length of it."""
        return self.shape if dim is None else self.shape[dim]

    def __reduce__(self) -> Any:
        return int, (int(self),)


# -- letting go ------------------------------------------------------------------------------


def let_go(t: Tensor) -> None:
    """Put twins in the places of those operands of a new result whose values no rule will read."""
    primitive = t._primitive
    operands, arrays = parents(t), values(t)
    for i, readers in primitive.spared:
        x, array = operands[i], arrays[i]
        if (
            type(array) is np.ndarray
            and array.nbytes >= LARGE
            and x._primitive is not None
            and x._requires
            and not any(operands[j]._requires for j in readers)
            and not _reads_its_value(x)
        ):
            _put(t, i, _twin_of(x))


def _reads_its_value(x: Node) -> bool:
    """Whether a value must stay: its own rules read it, or somebody asked that all values stay."""
    if x._metadata is not None and ("line" in x._metadata or "fingerprints" in x._metadata):
        return True
    primitive = x._primitive
    if primitive.variadic or primitive.outputs:
        return True
    operands = parents(x)
    return any(operands[i]._requires for i in primitive.out_readers)


def _put(t: Node, i: int, x: Node) -> None:
    """Set an operand and its value."""
    slots = t._primitive.slots
    if not slots:
        t._a = (*t._a[:i], x, *t._a[i + 1 :])
        t._value_a = (*t._value_a[:i], x._value, *t._value_a[i + 1 :])
    elif i:
        t._b, t._value_b = x, x._value
    else:
        t._a, t._value_a = x, x._value


_SLOTS = ("_a", "_b", "_number", "_parameters", "_primitive", "_requires", "_value_a", "_value_b")


def _copy(node: Node, kind: type[Any], value: Any) -> Any:
    copy = object.__new__(kind)
    for slot in _SLOTS:
        if hasattr(node, slot):
            setattr(copy, slot, getattr(node, slot))
    copy._metadata = metadata(node)
    copy._value = value
    return copy


def _twin_of(x: Tensor) -> Node:
    """Return the node that stands for a Tensor, the same one every time."""
    if not hasattr(x, "_twin"):
        node: Node = _copy(x, Node, without_numbers(x._value.shape, x._value.dtype))
        node._twin = weakref.ref(x), type(x)
        x._twin = node
    return x._twin  # type: ignore[no-any-return]


@functools.lru_cache
def without_numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return what has a shape and a dtype, and takes no memory for its elements."""
    return np.ndarray(shape, dtype, np.zeros(1, dtype).tobytes(), 0, (0,) * len(shape))


# -- and having it again ---------------------------------------------------------------------


def walk(roots: Iterable[Any], begin: int = 0) -> list[Any]:
    """Return what operations made, and the roots came from, oldest first.

    With `begin`, of that only what is newer than this number, in size.

    Sequence numbers, which grow in size, give the order: no result is ever renumbered.
    The walk that finds them keeps its own stack, since a tape may be a million
    operations deep.
    """
    found: dict[int, Node] = {}
    waiting = list(roots)
    while waiting:
        t = waiting.pop()
        if (
            isinstance(t, Node)
            and t._primitive is not None
            and -t._number > begin
            and t._number not in found
        ):
            found[t._number] = t
            waiting.extend(parents(t))
    return [found[n] for n in sorted(found, reverse=True)]


def restored(roots: list[Any]) -> list[Any]:
    """Recompute the values that were let go on the tape behind some Tensors; return these.

    The same functions of the same arrays give the same numbers. From then on the tape keeps them.
    """
    steps = walk(roots)
    full: dict[int, Any] = {}  # Tensors in the places of nodes, by number
    for t in steps:
        _fill(t, full)
        if type(t) is Node:
            t = _with_value(t)
            _fill(t, full)  # the program's own Tensor has operands of its own
        full[t._number] = t
    return [full.get(t._number, t) if isinstance(t, Node) else t for t in roots]


def _fill(t: Node, full: dict[int, Any]) -> None:
    for i, x in enumerate(parents(t)):
        if type(x) is Node:
            _put(t, i, full[x._number])


def as_tensor(t: Any) -> Any:
    """Return the Tensor that a node stands for, and a Tensor as it is."""
    if type(t) is not Node:
        return t
    held = t._twin[0]()
    return restored([t])[0] if held is None else held


def _with_value(node: Node) -> Any:
    """Return the Tensor that a node stands for: the program's own, if it still holds it."""
    ref, kind = node._twin
    t = ref()
    if t is None:
        with np.errstate(all="ignore"):  # the program had its warnings
            value = node._primitive.compute(values(node), getattr(node, "_parameters", {}))
        t = _copy(node, kind, value)
        t._grad = None
        t._twin = node
        node._twin = weakref.ref(t), kind
    return t
