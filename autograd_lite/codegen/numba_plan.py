"""What can be said of a whole step before its parts are written: order, and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .program import Value
from .schedule import Block, Loop, Schedule, set_results

ALIGNED = 64
"""Arrays begin at a multiple of so many bytes: at a line of a cache."""


def placed(
    sizes: Mapping[str, int], spans: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, int], int]:
    """Lay arrays into one piece of memory; those that live at one time lie apart.

    The largest are laid first, each as low as it can be.

    Parameters
    ----------
    sizes
        Bytes of each array.
    spans
        From when to when it lives, both included.

    Returns
    -------
    dict, int
        Where each begins, and how large the whole is.

    Examples
    --------
    >>> placed({"a": 64, "b": 128, "c": 64}, {"a": (0, 1), "b": (1, 2), "c": (2, 3)})
    ({'b': 0, 'a': 128, 'c': 128}, 192)
    """
    begins: dict[str, int] = {}
    total = 0
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        first, last = spans[name]
        taken = sorted(
            (begins[other], begins[other] + sizes[other])
            for other in begins
            if spans[other][0] <= last and first <= spans[other][1]
        )
        at = 0
        for begin, end in taken:
            if at + sizes[name] <= begin:
                break
            at = max(at, -(-end // ALIGNED) * ALIGNED)
        begins[name] = at
        total = max(total, at + sizes[name])
    return begins, total


def sunk(schedule: Schedule) -> Schedule:
    """Let a step stand in the loop that reads it, where that spares an array.

    A loop takes in what can be computed early, such as what of an optimizer's formula needs no
    gradient, and the result would have to be kept until there is one.
    """
    blocks: list[Block] = [
        Loop(b.shape, list(b.steps), []) if isinstance(b, Loop) else b for b in schedule.blocks
    ]
    readers: dict[Value, set[int]] = {}
    for j, block in enumerate(blocks):
        for v in block.operands:
            readers.setdefault(v, set()).add(j)
    for block in (b for b in blocks if isinstance(b, Loop)):
        for step in reversed(list(block.steps)):
            v = step.results[0]
            found = readers.get(v, set())
            if v in schedule.outputs or len(found) != 1 or not v.shape:
                continue
            j = max(found)
            target = blocks[j]
            is_read_here = any(v in other.operands for other in block.steps)
            if is_read_here or not isinstance(target, Loop) or target.shape != block.shape:
                continue
            if all(_is_there(u, schedule, readers, j) for u in step.operands):
                block.steps.remove(step)
                target.steps.insert(0, step)
                readers[v] = set()
                for u in step.operands:
                    readers.setdefault(u, set()).add(j)
    return _with_results(schedule, [b for b in blocks if b.steps])


def _is_there(v: Value, schedule: Schedule, readers: dict[Value, set[int]], j: int) -> bool:
    """Whether a value is in memory until block j anyway."""
    if v.is_constant or not v.shape or v in schedule.inputs:
        return True
    return v in schedule.outputs or max(readers.get(v, {-1}), default=-1) >= j


def _with_results(schedule: Schedule, blocks: Sequence[Block]) -> Schedule:
    set_results(blocks, schedule.outputs)
    return Schedule(
        schedule.inputs, schedule.outputs, schedule.updates, list(blocks), schedule.fixed
    )
