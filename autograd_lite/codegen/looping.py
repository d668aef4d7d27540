"""`scan`: many steps of a compiled function, with no Python between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CompileError
from ..quiet import quiet
from ..tensor import Tensor
from ..trees import flatten
from .building import built, plain_program
from .program import Value
from .schedule import schedule
from .watching import record_watched

SECONDS = 0.2
"""So long a call of compiled code takes at most, about: then Ctrl-C is heard."""
FASTER = 16
"""So many times the steps of a call the next makes at most: the first may have been a lucky one."""

Callback = Callable[[int, Any, Any], Any]


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    callback: Callback | None = None,
    every: int | None = None,
    many: bool = False,
    own_xs: bool = False,
    back_end: str = "auto",
) -> tuple[Any, Any]:
    """Run ``carry, y = step(carry, x)`` again and again, as one compiled loop.

    A whole training is one call: the carry holds the parameters and what an optimizer keeps, a
    step returns the next of them, and what is to be seen of each step, such as the loss. What
    `jax.lax.scan` does, with Python's own numbers, and a callback.

    Parameters
    ----------
    step
        A function of two arguments that returns two values. Its numbers are arrays, NumPy's or
        Python's; it may use all that `compile` takes, gradients of any order among it. The
        carry that it returns must be like the one that it got: nested, shaped and of dtypes
        alike.
    carry
        What the first step gets. It stays as it is.
    xs
        What the steps get beside it: nested arrays, of which the k-th step gets the k-th along
        the first axis, and after the last the first again. None: the steps get None.
    length
        How many steps; as many as there are in `xs` where it is not given.
    callback
        Called as ``callback(done, carry, ys)`` with the number of steps that have been done,
        the carry, and what the steps since the last call have returned, stacked. If it returns
        True, that was the last step.
    every
        How many steps there are from one call of `callback` to the next; 1000 if not given.
    many
        Whether to run many at once, each with its own numbers: every array in `carry` has one
        more axis in front then, and so has every result. All see the same `xs`.
    own_xs
        With `many`, whether each sees `xs` of its own: those have the axis too, in front of
        the steps', as where each draws its own order of the examples.
    back_end
        As for `compile`.

    Returns
    -------
    carry
        What the last step returned.
    ys
        For each array that a step returns beside it, one with the steps along its first axis
        (behind the axis of `many`).

    Raises
    ------
    CompileError
        If the carry changes its form, or what `step` does cannot be compiled.

    Notes
    -----
    Ctrl-C is heard within a fraction of a second, for compiled code runs some steps a call.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import scan, value_and_grad
    >>> def step(w, x):
    ...     loss, g = value_and_grad(lambda w: np.sum((w * x - 1.0) ** 2))(w)
    ...     return w - 0.1 * g, loss
    >>> w, losses = scan(step, np.array([0.0]), np.array([[1.0], [2.0]]), 50, back_end="numpy")
    >>> losses.shape
    (50,)
    """
    return Scan(step, carry, xs, many, own_xs, back_end).run(length, callback, every)


class Scan:
    """A step that is compiled; `run` runs it and goes on from where it was."""

    def __init__(
        self, step: Any, carry: Any, xs: Any = None, many: bool = False, own_xs: bool = False,
        back_end: str = "auto",
    ) -> None:  # fmt: skip
        self.many, self.own_xs = many, own_xs and many
        self._begin(carry, xs)
        first = self.rebuild([a[0] for a in self.carried]) if many else _with_arrays(carry)
        example = self._rebuild_rows([a[0][0] if self.own_xs else a[0] for a in self.rows])
        recording, captured = record_watched(step, (first, example), {})
        recording.program = plain_program(recording.program)
        self.name = recording.name
        inputs, outputs = recording.program.inputs, recording.program.outputs
        # What a step returned, with each number's place among the outputs in place of it.
        returned = recording.rebuild([float(i) for i in range(len(outputs))])
        n = self.count = self._check_carry(returned, outputs, inputs[: len(self.carried)])
        _, self.rebuild_ys = flatten(returned[1])
        updates = {i: i for i in range(n)}
        laid = schedule(recording.program, updates, captured.fixed(recording.program))
        self.kernel, self.back_end = built(back_end, laid, recording.name)
        self.dtypes = [np.asarray(v.data).dtype for v in inputs]
        self._as_compiled()
        self.around = captured.arrays()
        self.scanned = frozenset(range(n, n + len(self.rows)))
        self.batched = frozenset(range(n)) if many else frozenset()
        if self.own_xs:
            self.batched |= self.scanned
        self.kinds = [(v.shape, np.asarray(v.data).dtype) for v in outputs[n:]]

    def _begin(self, carry: Any, xs: Any) -> None:
        """Take what the first step gets, and what the steps see."""
        start, self.rebuild = flatten(_with_arrays(carry))
        rows, self._rebuild_rows = flatten(_with_arrays(xs))
        self.carried = [np.array(_array_of(a), order="K") for a in start]
        self.rows = [np.asarray(_array_of(a), order="C") for a in rows]
        if self.own_xs:
            _check_lengths("carry and xs, of many,", [*self.carried, *self.rows])
            _check_lengths("xs", [a[0] for a in self.rows])
        else:
            _check_lengths("xs", self.rows)
            _check_lengths("carry, of many,", self.carried if self.many else [])

    def _as_compiled(self) -> None:
        n = len(self.carried)
        self.carried = [
            a.astype(d, copy=False) for a, d in zip(self.carried, self.dtypes, strict=False)
        ]
        self.rows = [
            a.astype(d, copy=False) for a, d in zip(self.rows, self.dtypes[n:], strict=False)
        ]

    def again(self, carry: Any, xs: Any = None) -> Scan:
        """Begin again with other numbers, of the same shapes but for how many, and how long."""
        self._begin(carry, xs)
        self._as_compiled()
        return self

    def _check_carry(self, returned: Any, outputs: Sequence[Value], inputs: Sequence[Value]) -> int:
        """Raise unless a step returns a pair, and a carry of the same form; return its size."""
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise CompileError(
                f"'{self.name}' must return two values, the next carry and what is to be kept of "
                "the step: return (carry, None) if that is nothing."
            )
        numbers, _ = flatten(returned[0])
        if len(numbers) != len(inputs):
            raise CompileError(
                f"'{self.name}' got a carry of {len(inputs)} arrays and numbers and returns one "
                f"of {len(numbers)}: they must be nested alike."
            )
        for i, (v, u) in enumerate(zip(outputs, inputs, strict=False)):
            if _form(v) != _form(u):
                raise CompileError(
                    f"'{self.name}' got {_form(u)} as number {i + 1} of its carry and returns "
                    f"{_form(v)}: return what can be the carry of the next step."
                )
        return len(inputs)

    def run(
        self, length: int | None, callback: Callback | None = None, every: int | None = None
    ) -> tuple[Any, Any]:
        """Run the steps, some of them a call."""
        rows = self.rows[0].shape[1 if self.own_xs else 0] if self.rows else None
        length = rows if length is None else length
        if length is None:
            raise TypeError("Give length=, the number of steps, where there are no xs.")
        if length < 0 or (every is not None and every < 1):
            raise ValueError(f"length={length} must be at least 0, and every={every} at least 1.")
        every = every or 1000
        parts: list[list[Any]] = [[] for _ in self.kinds]
        done, unseen, size = 0, 0, 16
        while done < length:
            goal = min(length, (done // every + 1) * every) if callback else length
            size = min(size, goal - done)
            begin = time.perf_counter()
            for part, y in zip(parts, self._some(done, size), strict=True):
                part.append(y)
            seconds = time.perf_counter() - begin
            done, unseen = done + size, unseen + size
            if callback is not None and done == goal:
                latest = [_joined(part, unseen, self.batched) for part in parts]
                unseen = 0
                if callback(done, self._carry(), self.rebuild_ys(latest)) is True:
                    break
            size = min(FASTER * size, max(1, int(size * SECONDS / max(seconds, 1e-9))))
        made = [
            np.concatenate(part, 1 if self.batched else 0) if part else self._nothing(kind)
            for part, kind in zip(parts, self.kinds, strict=True)
        ]
        return self._carry(), self.rebuild_ys(made)

    def _some(self, done: int, count: int) -> list[Any]:
        """Run some steps, the first of which is number `done`."""
        rows = [_from(a, done, count, 1 if self.own_xs else 0) for a in self.rows]
        arrays = [*self.carried, *rows, *self.around]
        made: list[Any]
        if self.batched:
            made = quiet(self.kernel.many, arrays, count, self.scanned, self.batched)
        else:
            made = quiet(self.kernel.run, arrays, count, self.scanned)
        return made[self.count :]

    def _carry(self) -> Any:
        return self.rebuild([a.copy("K") if a.ndim else a[()] for a in self.carried])

    def _nothing(self, kind: Any) -> Any:
        shape, dtype = kind
        members = self.carried[0].shape[:1] if self.batched else ()
        return np.empty((*members, 0, *shape), dtype)


def _from(a: Any, done: int, count: int, axis: int) -> Any:
    """Return what some steps see: it is read from there on, and after its end from its start."""
    before = (slice(None),) * axis
    begin = done % a.shape[axis]
    if begin + count <= a.shape[axis]:
        return a[(*before, slice(begin, begin + count))]
    return np.roll(a, -begin, axis)


def _joined(parts: list[Any], count: int, batched: frozenset[int]) -> Any:
    """Return the last `count` steps of what is kept in parts."""
    taken, k = 0, len(parts)
    axis = 1 if batched else 0
    while taken < count:
        k -= 1
        taken += parts[k].shape[axis]
    return np.concatenate(parts[k:], axis)


def _array_of(x: Any) -> Any:
    return x._value if isinstance(x, Tensor) else np.asarray(x)


def _with_arrays(tree: Any) -> Any:
    """Return a nest with NumPy's whole numbers in place of Python's, which would be fixed."""
    leaves, rebuild = flatten(tree)
    return rebuild([np.asarray(x)[()] if isinstance(x, int) else x for x in leaves])


def _form(v: Value) -> str:
    data = np.asarray(v.data)
    return f"an array of shape {data.shape} and dtype {data.dtype}"


def _check_lengths(what: str, arrays: Sequence[Any]) -> None:
    found = {np.shape(a)[:1] for a in arrays}
    if len(found) > 1 or () in found or (0,) in found:
        raise ValueError(
            f"The arrays in {what} need a first axis of one length, at least 1, and have "
            f"{sorted(found, key=len)}."
        )
