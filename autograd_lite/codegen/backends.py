"""The back ends by name, and what each of them gives.

A back end is one module with one function::

    def build(schedule: Schedule, name: str) -> Kernel

and knows no other. It reads a :class:`~autograd_lite.codegen.schedule.Schedule`, whose values
have an example of themselves (`Value.data`): shape, dtype and strides are those of every run.
What it cannot say it refuses with `NotWritable`, and ``"auto"`` takes the next.

A kernel is called with an array for each input (a NumPy scalar where there is no dimension).
It returns an array for each output: new ones, that no later call overwrites, but for those
outputs that are an *update* of an input (`Schedule.updates`). Such a one is written into the
array that was given for the input, and that is what is returned.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import missing_extra
from .schedule import Schedule

MODULES = {"numpy": "to_numpy", "numba": "to_numba"}
"""The module of each back end. ``"auto"`` is the last of them whose package is there."""

Arrays = Sequence[Any]


@dataclass(slots=True)
class Kernel:
    """What a back end has built.

    Attributes
    ----------
    call
        One run.
    source
        What is run, as text.
    notes
        Lines of the source, each with what it does and what it costs.
    own_run
        Many runs with no Python in between, where the back end can; as `run`.
    own_many
        The same for many members of a batch; as `many`.
    memory
        Bytes that stay from run to run for what is made within one, where that is planned.
    """

    schedule: Schedule
    call: Callable[[Arrays], list[Any]]
    source: str
    notes: list[tuple[str, str]] = field(default_factory=list)
    own_run: Callable[[Arrays, int, frozenset[int]], list[Any]] | None = None
    own_many: Callable[[Arrays, int, frozenset[int], frozenset[int]], list[Any]] | None = None
    memory: int = 0

    def run(self, arrays: Arrays, count: int, scanned: frozenset[int] = frozenset()) -> list[Any]:
        """Run it `count` times: what it updates goes from one run into the next.

        Parameters
        ----------
        arrays
            As for a call. Those in `scanned` have one more axis in front: the k-th run sees
            the k-th along it, and after the last the first again.
        count
            How many runs.
        scanned
            The numbers of such inputs.

        Returns
        -------
        list
            For an update the array that it was written into; for any other output an array
            with one more axis in front, of length `count`.
        """
        if self.own_run is not None:
            return self.own_run(arrays, count, scanned)
        outputs, updates = self.schedule.outputs, self.schedule.updates
        found = [
            arrays[updates[o]] if o in updates else np.empty((count, *v.shape), _dtype(v))
            for o, v in enumerate(outputs)
        ]
        given = list(arrays)
        for k in range(count):
            for i in scanned:
                given[i] = arrays[i][k % len(arrays[i])]
            for o, made in enumerate(self.call(given)):
                if o not in updates:
                    found[o][k] = made
        return found

    def many(
        self, arrays: Arrays, count: int, scanned: frozenset[int], batched: frozenset[int]
    ) -> list[Any]:
        """Run it `count` times for each member of a batch, as for one seed after the other.

        Parameters
        ----------
        arrays, count, scanned
            As in `run`. Those in `batched` have one more axis in front of everything, of one
            length; what is updated must be among them.
        batched
            The numbers of such inputs.

        Returns
        -------
        list
            As of `run`, with the members along an axis in front.
        """
        lengths = {len(arrays[i]) for i in batched}
        if len(lengths) != 1 or not batched.issuperset(self.schedule.updates.values()):
            raise ValueError(
                "A batch needs an axis of one length in front of each array that differs from "
                "member to member, and of all that is updated."
            )
        if self.own_many is not None:
            return self.own_many(arrays, count, scanned, batched)
        made = []
        for member in range(*lengths):
            own = [a[member, ...] if i in batched else a for i, a in enumerate(arrays)]
            made.append(self.run(own, count, scanned))
        updates = self.schedule.updates
        return [
            arrays[updates[o]] if o in updates else np.stack([run[o] for run in made])
            for o in range(len(self.schedule.outputs))
        ]


def _dtype(v: Any) -> Any:
    return np.asarray(v.data).dtype


def chosen(name: str) -> list[str]:
    """Return the back ends to try for a name, the best first.

    >>> chosen("numpy")
    ['numpy']
    """
    if name != "auto" and name not in MODULES:
        raise ValueError(
            f"There are the back ends {', '.join(map(repr, MODULES))} and 'auto', not {name!r}."
        )
    if name == "auto":
        return [other for other in reversed(MODULES) if other == "numpy" or _is_there(other)]
    if not _is_there(name):
        raise missing_extra(name, "fast", "compile with it")
    return [name]


def _is_there(name: str) -> bool:
    own = importlib.util.find_spec(f".{MODULES[name]}", __package__)
    return own is not None and importlib.util.find_spec(name) is not None


def build(back_end: str, schedule: Schedule, name: str) -> Kernel:
    """Build a kernel with one back end."""
    module = importlib.import_module(f".{MODULES[back_end]}", __package__)
    return module.build(schedule, name)  # type: ignore[no-any-return]
