"""Where a number that is not finite comes from: the tape, walked back element by element.

One question is asked again and again. An operation made a NaN: did it make it of finite
numbers, so that it was born there, or did it only hand on what came in? The answer is an
experiment (:mod:`autograd_lite.nonfinite.experiment`): the operation runs once more with
harmless numbers in place of those that are not finite. A gradient's way through a rule is
asked in the same words.

>>> x = Tensor([4.0, 0.0, 1.0], requires_grad=True)
>>> with np.errstate(all="ignore"):
...     y = np.sum(2.0 - np.log(x))
>>> found = of_value(y, ())
>>> found.node.name, found.index, float(found.number)
('log', (1,), -inf)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any, Literal

import numpy as np

from ..helpers import OutputGradients
from ..modes import trace
from ..node import restored
from ..primitive import output
from ..tensor import Tensor
from .experiment import culprit, first_index
from .node import Index, RecordedCall


@dataclass
class Found:
    """Where a number that is not finite was born.

    Attributes
    ----------
    way
        Forward: in an operation's result. Backward: in what its rule sends to an operand.
        Sum: in the sum of finite gradients. Input: it was there before.
    index
        Which element of the result, of the sum, or of the input. Backward: of the result
        if the operation is pointwise, else of the operand.
    number
        What was born.
    node
        The operation.
    operand
        Backward: which of the operands. Sum and input: the Tensor, array or number.
    gs
        Backward: the gradients that came in; of a pointwise operation, that one number.
    terms
        Sum: what was added.
    turn
        Where an infinity became a NaN, if that was somewhere else.
    poisoned
        Where a forward value first spoiled a gradient, if it spoiled no result.
    unused
        The operation that did not use the element, so that its gradient was 0.
    harmless
        Whether the results and all gradients are finite in spite of it.
    """

    way: Literal["forward", "backward", "sum", "input"]
    index: Index
    number: Any
    node: Any = None
    operand: Any = None
    gs: list[Any] = field(default_factory=list)
    terms: list[Any] = field(default_factory=list)
    turn: Found | None = None
    poisoned: Found | None = None
    unused: RecordedCall | None = None
    harmless: bool = False


# -- forward ------------------------------------------------------------------------------------


def of_value(t: Any, index: Index, value: Any = None) -> Found:
    """Return where a number of a value was born.

    Parameters
    ----------
    t
        A Tensor, or an array or number that was an operand.
    index
        Which element; it is not finite.
    value
        The numbers that were used, where `t` may have others by now.
    """
    turn = None
    while True:
        if not isinstance(t, Tensor) or t._primitive is None:
            array = np.asarray(getattr(t, "_value", t) if value is None else value)
            return Found("input", index, array[index], operand=t, turn=turn)
        node = RecordedCall.of(t)
        if t._primitive is output:  # one of several: go on to the operation that made them all
            t, index = node.operands[0], (t._parameters["index"], *index)
            continue
        found = of_result(node, index)
        if isinstance(found, Found):
            found.turn = found.turn or turn
            return found
        i, at = found
        if np.isnan(node.out(index)) and not np.isnan(np.asarray(node.values[i])[at]):
            turn = Found("forward", index, node.out(index), node)
        t, index, value = node.operands[i], at, node.values[i]


def of_result(node: RecordedCall, index: Index) -> Found | tuple[int, Index]:
    """Return the birth, if a number was born in an operation; else which operand, and where."""
    if node.name == "checkpoint":
        return _forward_inside(node, index)
    if node.pointwise:
        small = node.at(index)
        suspects = [i for i, v in enumerate(small.values) if first_index(v) is not None]
        if len(suspects) > 1:  # of one there is no need to ask: a chain may be long
            found = culprit(small.values, lambda values: small.forward(values)[0])
            suspects = [] if found is None else [found[0]]
        if suspects:
            return suspects[0], node.element_of(suspects[0], index)
    else:
        which, place = (index[0], index[1:]) if node.primitive.outputs else (0, index)
        found = culprit(node.values, lambda values: np.asarray(node.forward(values)[which])[place])
        if found is not None:
            return found
    return Found("forward", index, node.out(index), node)


# -- backward -------------------------------------------------------------------------------------


class Sweep:
    """A reverse pass that keeps the gradient of every value, and who sent it.

    Parameters
    ----------
    roots
        Tensors with their gradients, as on the tape.
    start, stop
        For a transform: as for `autograd_lite.backward.reverse_since`.
    """

    def __init__(self, roots: Any, start: int | None = None, stop: int = 0) -> None:
        self.gradients: dict[int, Any] = {}  # by sequence number, as are
        self.tensors: dict[int, Tensor] = {}  # in the order in which their gradients were known
        self.users: dict[int, list[tuple[Tensor, int]]] = {}  # and as which operand
        self.leaves: list[Tensor] = []
        pending: dict[int, Any] = {}
        heap: list[tuple[int, Tensor]] = []
        restored([root for root, _ in roots])
        for root, seed in roots:
            n = root._number
            if n in pending:
                pending[n] = pending[n] + seed
            else:
                pending[n] = seed
                if root._primitive is None or (start is not None and n >= stop):
                    self.leaves.append(root)
                else:
                    heappush(heap, (n, root))
        while heap:
            n, t = heappop(heap)
            if start is not None and n >= stop:
                self.leaves.append(t)
                continue
            g = self.gradients[n] = pending.pop(n)
            self.tensors[n] = t
            if start is None:
                t._primitive.vjp(t, g, pending, heap, self.leaves)
            else:
                t._primitive.vjp_since(t, g, pending, heap, self.leaves, start)
            for i, x in enumerate(t.tape.parents):
                if x._number in pending:
                    self.users.setdefault(x._number, []).append((t, i))
        for t in self.leaves:
            self.gradients[t._number] = pending[t._number]
            self.tensors[t._number] = t

    def first(self) -> Found | None:
        """Return where the first gradient that is not finite was born: an input's, if it can be."""
        for tensors in (self.leaves, self.tensors.values()):
            bad = []
            for t in tensors:
                g = self.gradients[t._number]
                index = None if isinstance(g, OutputGradients) else first_index(g)
                if index is not None:
                    bad.append((t, index, np.asarray(g)[index]))
            if bad:
                t, index, _ = next((b for b in bad if np.isnan(b[2])), bad[0])
                return self.of_gradient(t, index)
        return None

    def of_gradient(self, t: Tensor, index: Index) -> Found:
        """Return where a number of the gradient of a value was born."""
        turn = None
        while True:
            sent = [(u, i, _part(self.sent(u, i), index)) for u, i in self.users.get(t._number, [])]
            bad = [(u, i, c) for u, i, c in sent if not np.isfinite(c)]
            if not bad:  # it began here, or finite numbers were added
                terms = [c for *_, c in sent]
                total = _part(self.gradients[t._number], index)
                way: Any = "sum" if terms else "input"
                return Found(way, index, total, operand=t, terms=terms, turn=turn)
            u, i, c = next((b for b in bad if np.isnan(b[2])), bad[0])
            found, here = self.of_sent(u, i, index, c)
            if isinstance(found, Found):
                found.turn = found.turn or turn
                return found
            t, index = u, found
            if np.isnan(c) and not np.isnan(_part(self.gradients[u._number], index)):
                turn = here

    def sent(self, u: Tensor, i: int) -> Any:
        """Return what an operation sent to one of its operands."""
        if u._primitive is output:
            return OutputGradients({u._parameters["index"]: self.gradients[u._number]})
        node = RecordedCall.of(u)
        return node.vjp(self.gs(node), node.values, node.outs)[i]

    def gs(self, node: RecordedCall) -> list[Any]:
        """Return the gradients of an operation's results."""
        g = self.gradients[node.t._number]
        if not isinstance(g, OutputGradients):
            return [g]
        return [g.parts.get(k, np.zeros_like(out)) for k, out in enumerate(node.outs)]

    def of_sent(self, u: Tensor, i: int, index: Index, number: Any) -> Any:
        """Return where a number that an operation sent to an operand was born.

        That is a birth, or the index of the incoming gradient to go on with; and what
        happened here.
        """
        if u._primitive is output:
            return index[1:], None
        whole = node = RecordedCall.of(u)
        gs, place, at = self.gs(node), index, index
        if node.pointwise:
            at, place = self.element_from(node, i, index), ()
            node, gs = node.at(at), [np.asarray(gs[0])[at]]
        here = Found("backward", at, number, whole, operand=i, gs=gs)
        if node.name == "checkpoint":
            return self._inside(here), here
        made, count = len(gs), len(node.values)

        def run(arrays: list[Any]) -> Any:
            gs, values, outs = arrays[:made], arrays[made : made + count], arrays[made + count :]
            return np.asarray(node.vjp(gs, values, outs)[i])[place]

        rest = [*node.values, *node.outs]
        found = culprit(gs, lambda gs: run([*gs, *rest]))
        if found is not None:
            k, element = found
            if whole.pointwise:
                return at, here
            return ((k, *element) if node.primitive.outputs else element), here
        if whole.pointwise and not np.any(gs[0]):
            here.unused = self.unused(u, at)
        found = culprit([*gs, *rest], run)
        # In a rule that runs itself on the tape, the numbers of the first run mean nothing.
        before = whole.pointwise and u.tape.rule_of is None and not np.isfinite(whole.out(at))
        if found is None and not before:
            return here, here
        # A value is to blame; where the rule does not use it, the result that came before.
        k, element = (made + count, at) if found is None else found
        k -= made
        if k < count:
            element = whole.element_of(k, at) if whole.pointwise else element
            origin = of_value(whole.operands[k], element, whole.values[k])
        else:
            element = at if whole.pointwise else element
            origin = of_value(u, (k - count, *element) if node.primitive.outputs else element)
        return replace(origin, poisoned=here, unused=here.unused), here

    def element_from(self, node: RecordedCall, i: int, index: Index) -> Index:
        """Return the element of a pointwise result that sent a bad number to an operand.

        Where that was broadcast, several did.
        """
        shape, own = np.shape(node.outs[0]), np.shape(node.values[i])
        extra = len(shape) - len(own)
        fixed: list[Any] = [None] * extra
        fixed += [None if n == 1 else k for n, k in zip(own, index, strict=True)]
        cut = tuple(slice(None) if k is None else k for k in fixed)
        values = [np.broadcast_to(v, shape)[cut] if np.ndim(v) else v for v in node.values]
        values[i] = np.broadcast_to(node.values[i], shape)[cut]
        g, out = np.asarray(self.gs(node)[0])[cut], np.asarray(node.outs[0])[cut]
        among = first_index(node.vjp([g], values, [out])[i])
        free = iter(among or [0] * fixed.count(None))  # or all are finite, and their sum is not
        return tuple(next(free) if k is None else k for k in fixed)

    def unused(self, t: Tensor, index: Index) -> RecordedCall | None:
        """Return the operation that did not use an element of a value, so that its gradient is 0.

        It is the first on the way to a result whose own gradient is not 0 there.
        """
        waiting: list[tuple[Tensor, Index | None]] = [(t, index)]
        seen = set()
        while waiting:
            t, at = waiting.pop(0)
            for u, i in self.users.get(t._number, []):
                g = self.gradients[u._number]
                if (u._number, i) in seen or isinstance(g, OutputGradients):
                    continue
                seen.add((u._number, i))
                node = RecordedCall.of(u)
                same = node.pointwise and np.shape(node.outs[0]) == np.shape(node.values[i])
                there = at if same else None  # where it went is not known
                if np.any(g if there is None else np.asarray(g)[there]):
                    return node
                waiting.append((u, there))
        return None

    def _inside(self, here: Found) -> Any:
        """Look for a birth inside a checkpoint; else the index of its gradient to go on with."""
        node = here.node
        with trace(), node.parameters["segment"].rerun(node.values) as run:
            results, inputs = _ends(node, run)
            sweep = Sweep(list(zip(results, here.gs, strict=True)))
            found = sweep.of_gradient(inputs[here.operand], here.index)
            if found.way == "input" and any(found.operand is r for r in results):
                k = next(k for k, r in enumerate(results) if found.operand is r)
                return (k, *found.index) if node.primitive.outputs else found.index
            return _outside(found, node, inputs)


def _part(g: Any, index: Index) -> Any:
    if isinstance(g, OutputGradients):
        return np.asarray(g.parts[index[0]])[index[1:]] if index[0] in g.parts else 0.0
    return np.asarray(g)[index]


# -- inside a checkpoint ------------------------------------------------------------------------


def _ends(node: RecordedCall, run: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Return the results and the inputs of a second run, as the operation has them."""
    segment = node.parameters["segment"]
    return [run.outputs[i] for i in segment.moving], [*run.aliases, *segment.outside]


def _forward_inside(node: RecordedCall, index: Index) -> Found | tuple[int, Index]:
    which, place = (index[0], index[1:]) if node.primitive.outputs else (0, index)
    with trace(), node.parameters["segment"].rerun(node.values) as run:
        results, inputs = _ends(node, run)
        found = of_value(results[which], place)
        if found.way == "input":
            for i, x in enumerate(inputs):
                if found.operand is x:
                    return i, found.index
        return found


def _outside(found: Found, node: RecordedCall, inputs: list[Tensor]) -> Found:
    """Go on outside, where a value that came in is to blame."""
    for i, x in enumerate(inputs):
        if found.way == "input" and found.operand is x:
            origin = of_value(node.operands[i], found.index, node.values[i])
            return replace(origin, poisoned=found.poisoned, unused=found.unused)
    return found
