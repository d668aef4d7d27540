"""A compiled function that updates arrays in place: a training step, and many of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np

from ..errors import CompileError
from ..tensor import Tensor
from ..trees import flatten
from .compiled import Compiled, Form, taken
from .watching import record_watched


class _Before:
    """A step that was made: what the next need not ask again if it gets the same arrays."""

    __slots__ = ("args", "arrays", "computed", "form", "names", "numbers", "values")

    def __init__(self, args: Sequence[Any], form: Form, arrays: list[Any]) -> None:
        self.args, self.form, self.arrays = args, form, arrays
        captured = form.captured
        self.names, self.computed = captured.names, captured.computed
        self.values = [(t, t._value) for t, *_ in captured.tensors]
        self.numbers = [
            (i, x)
            for i, x in enumerate(captured.owners, len(arrays) - len(captured.owners))
            if not isinstance(x, Tensor) and not x.ndim
        ]

    def again(self, args: Sequence[Any]) -> bool:
        """Whether these are the same arrays, and around the function nothing is another."""
        if len(args) != len(self.args) or not all(map(is_, args, self.args)):
            return False
        for t, value in self.values:
            if t._value is not value:
                return False
        for _, look, x in self.names:
            if look() is not x:
                return False
        if self.computed and not self.form.captured.stands():
            return False
        for i, x in self.numbers:
            self.arrays[i] = x[()]
        return True


class Stepper(Compiled):
    """A compiled function that updates arrays in place; made by `compile` with a `state`.

    >>> import numpy as np
    >>> from autograd_lite import compile, value_and_grad
    >>> def update(w, x):
    ...     loss, g = value_and_grad(lambda w: np.sum((w * x) ** 2))(w)
    ...     return w - 0.1 * g, loss
    >>> w = np.array([1.0, 2.0])
    >>> step = compile(update, state=w, back_end="numpy")
    >>> step(np.array([1.0, 0.0])), w
    (np.float64(1.0), array([0.8, 2. ]))
    """

    def __init__(self, f: Callable[..., Any], state: Any, back_end: str, limit: int) -> None:
        super().__init__(f, back_end, limit)
        self.state = state
        self.arrays, _ = flatten(state)
        self._before: _Before | None = None
        for x in self.arrays:
            if type(x) is not np.ndarray or not x.flags.writeable:
                raise TypeError(
                    "The state that a compiled step updates in place is made of arrays that can be "
                    f"written into, and one of it is {type(x).__name__}: give np.array(x)."
                )
        for i, x in enumerate(self.arrays):
            if _is_memory_of(x, self.arrays[:i]):
                raise ValueError(
                    "Two arrays of the state that a compiled step updates in place are the same "
                    "memory: give a copy of one."
                )

    def __reduce__(self) -> Any:
        return type(self), (self.f, self.state, self.back_end, self.limit)

    def __call__(self, *args: Any) -> Any:
        """Make one step: return its result, and write the new state into the arrays."""
        form, arrays = self._given(args)
        made = form.run(form.kernel.call, arrays)
        return form.rebuild(made[len(self.arrays) :])

    def run(
        self, count: int, *args: Any, scanned: Sequence[int] = (),
        around: Mapping[int, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Make `count` steps with as little Python between them as the back end can.

        Parameters
        ----------
        count
            How many.
        *args
            As for a call. Those whose positions are in `scanned` have one more axis in front:
            the k-th step sees the k-th along it, and after the last the first again.
        scanned
            Such positions.
        around
            By the id of a Tensor that is read from around the function: what each step is to
            see in its place, along an axis in front.

        Returns
        -------
        The result of all steps: each array has one more axis in front, of length `count`.
        """
        firsts = [x[0] if i in scanned else x for i, x in enumerate(args)]
        form, arrays = self._given(firsts)
        at, numbers = len(self.arrays), set()
        for i, x in enumerate(args):
            if i in scanned:
                numbers.add(at)
                arrays[at] = np.ascontiguousarray(x)
            at += len(flatten(x)[0])
        for i, owner in enumerate(form.captured.owners, len(arrays) - len(form.captured.owners)):
            if id(owner) in (around or {}):
                numbers.add(i)
                arrays[i] = around[id(owner)]  # type: ignore[index]
        made = form.run(form.kernel.run, arrays, count, frozenset(numbers))
        return form.rebuild(made[len(self.arrays) :])

    def _given(self, args: Sequence[Any]) -> tuple[Form, list[Any]]:
        """Return the form of a call, and the arrays that the kernel takes."""
        before = self._before
        if before is not None and before.again(args):
            return before.form, before.arrays.copy()
        form, given = self._form(*taken(args, {}), args, {})
        around = len(given) - len(form.captured.owners)  # from here on: not given, but captured
        for i, x in enumerate(given):
            if _is_memory_of(x, self.arrays):
                what = "an argument" if i < around else _called(form.captured.owners[i - around])
                raise CompileError(
                    f"'{self.__name__}' reads {what}, which is memory of the state that it "
                    "updates: give a copy; or take a parameter from its module, as model.weight, "
                    "so that a gradient flows to it."
                )
        arrays = [*self.arrays, *given]
        whole = all(type(x) is np.ndarray and x.ndim and x.flags.forc for x in args)
        self._before = _Before(args, form, arrays) if whole else None
        return form, arrays.copy()

    def _compiled(self, args: Any, kwargs: Any) -> Form:
        recording, captured = record_watched(self.f, (self.state, *args), kwargs)
        made = recording.rebuild([float(i) for i in range(len(recording.program.outputs))])
        if not isinstance(made, tuple) or len(made) != 2:
            raise CompileError(
                f"'{self.__name__}' updates a state, so it returns two things, the new state and "
                "a result: return (state, None) if there is no result."
            )
        outputs, inputs = recording.program.outputs, recording.program.inputs
        count = len(self.arrays)
        _, recording.rebuild = flatten(made[1])
        for a, b in zip(outputs[:count], inputs[:count], strict=True):
            new, old = np.asarray(a.data), np.asarray(b.data)
            if (new.shape, new.dtype) != (old.shape, old.dtype):
                raise CompileError(
                    f"'{self.__name__}' got a state with an array of shape {old.shape} and dtype "
                    f"{old.dtype} and returns {new.shape}, {new.dtype} for it: they must be alike."
                )
        return self._built(recording, captured, count)


def _is_memory_of(x: Any, arrays: Sequence[Any]) -> bool:
    """Whether an array is memory of one of others."""
    if not isinstance(x, np.ndarray):
        return False
    return any(np.may_share_memory(x, a) and np.shares_memory(x, a) for a in arrays)


def _called(owner: Any) -> str:
    """Return a name, for a message, of an array or a Tensor that a function captures."""
    if isinstance(owner, Tensor):
        return owner._describe(inside=True)
    return f"an array of shape {owner.shape} around it"
