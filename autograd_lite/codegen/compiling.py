"""`compile`: a function that was recorded once, run again without the tape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Any

import numpy as np

from ..arguments import transform_of_functions
from ..calculus.indexing import getitem
from ..errors import CompileError
from ..modes import special, state
from ..quiet import quiet
from ..tensor import Tensor
from ..trees import Rebuild, flatten, is_number
from . import backends
from .expand import BY_PRODUCTS, NotWritable, expand
from .program import Program, Step
from .record import Recording
from .schedule import Schedule, schedule
from .simplify import simplify
from .watching import Captured, record_watched
from .write import is_writable

LIMIT = 32
"""For so many forms of its arguments a function is compiled; one more is an error."""


@transform_of_functions
def compile(
    f: Callable[..., Any],
    *others: Any,
    back_end: str = "auto",
    limit: int = LIMIT,
    state: Any = None,
) -> Any:
    """Return a function that computes what `f` does, without a tape.

    The first call records `f`, forward and backward, and builds code of it; later calls run
    that. It composes with every transform: ``compile(value_and_grad(loss))``,
    ``compile(hvp(f))``, ``compile(grad(grad(f)))``.

    Parameters
    ----------
    f
        A function of numbers, arrays, Tensors and nested lists, tuples, dicts and dataclasses
        of them. Arrays, Tensors, NumPy's scalars and Python's floats may have other values in
        each call. All else (whole numbers, bools, texts) is fixed: for another, `f` is
        recorded again, as it is for other shapes, dtypes or memory layouts.
    back_end
        ``"numpy"``, ``"numba"`` (the extra ``fast``), or ``"auto"``: the best that is there
        and can say what `f` does.
    *others
        ``compile(model, loss, optimizer)`` gives the training step of a network, which takes a
        batch: see `nn.compiled`.
    limit
        For how many forms of its arguments it may be compiled.
    state
        Arrays, nested, that a step updates in place: ``f(state, *args)`` returns ``(new state,
        result)``, what is returned here takes the other arguments alone, returns the result,
        and has written the new state into the arrays.

    Returns
    -------
    Compiled
        Called as `f` is. It returns arrays and NumPy's numbers where `f` may return Tensors;
        they belong to the caller. Its `source` is what runs, `explain` says what of it.

    Raises
    ------
    CompileError
        In the first call, if what `f` does hangs on the values: a branch on one, ``.item()``,
        a shape that they decide, random numbers without a generator, a write into an array
        that it did not make. The message names the line.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import compile, value_and_grad
    >>> step = compile(value_and_grad(lambda w, x: np.sum((w * x) ** 2)), back_end="numpy")
    >>> step(np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    (np.float64(13.0), array([18.,  4.]))
    """
    backends.chosen(back_end)
    if others:
        build = getattr(f, "__compile__", None)
        if build is None:
            raise TypeError(
                "compile takes a function; or a model, its loss and its optimizer, as in "
                "compile(model, nn.MSELoss(), optimizer)."
            )
        return build(*others, back_end=back_end, limit=limit)
    if state is not None:
        return Stepper(f, state, back_end, limit)
    return Compiled(f, back_end, limit)


@dataclass(slots=True)
class Form:
    """A function as it was compiled for one form of its arguments."""

    kernel: backends.Kernel
    rebuild: Rebuild
    captured: Captured
    counts: dict[str, int]
    back_end: str
    lock: Any = field(default_factory=threading.Lock)


class Compiled:
    """A compiled function; made by `compile`, which see.

    >>> import numpy as np
    >>> from autograd_lite import compile, grad
    >>> slope = compile(grad(np.tanh))
    >>> type(slope).__name__, float(slope(0.0))
    ('Compiled', 1.0)
    """

    def __init__(self, f: Callable[..., Any], back_end: str, limit: int) -> None:
        self.f = f
        self.back_end = back_end
        self.limit = limit
        self.forms: dict[Any, Form] = {}
        self._lock = threading.RLock()
        self._latest: Form | None = None
        self.__name__ = getattr(f, "__name__", "f")
        self.__doc__ = getattr(f, "__doc__", None)
        self.__wrapped__ = f

    def __reach__(self) -> tuple[Any, ...]:
        """Return what of it belongs to the program: not what was built."""
        return (self.f,)

    def __repr__(self) -> str:
        return f"<compiled {self.__name__}, {len(self.forms)} forms>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as the function."""
        arrays: list[Any] = []
        key: list[Any] = [len(args)]
        for x in args:
            _take(x, key, arrays)
        for name, x in kwargs.items():
            key.append(name)
            _take(x, key, arrays)
        if special and _is_recorded():  # a part of another program
            return self.f(*args, **kwargs)
        if _OUTSIDE in key and state.mode.records:  # a gradient is to flow through
            return self.f(*args, **kwargs)
        form = self._form(tuple(key), args, kwargs)
        captured = form.captured
        while not captured.stands():
            form = self._form(tuple(key), args, kwargs, again=True)
            captured = form.captured
        arrays += captured.arrays()
        with form.lock:
            made = quiet(form.kernel.call, arrays)
        return form.rebuild(made)

    def _form(self, key: Any, args: Any, kwargs: Any, again: bool = False) -> Form:
        try:
            found = self.forms.get(key)
        except TypeError:
            raise CompileError(
                f"An argument of '{self.__name__}' is neither a number nor something that can be "
                "compared with that of another call: give numbers, arrays, and lists, tuples, "
                "dicts and dataclasses of them."
            ) from None
        if found is None or again:
            with self._lock:
                if len(self.forms) >= self.limit and key not in self.forms:
                    raise CompileError(
                        f"'{self.__name__}' was called with {self.limit} forms of arguments, and "
                        f"is compiled for each: the latest differs in {self._difference(key)}. "
                        "Give what changes in each call as an array or np.float64, not as a whole "
                        "number; make batches of one size; or raise limit=."
                    )
                found = self.forms[key] = self._compiled(args, kwargs)
        self._latest = found
        return found

    def _difference(self, key: Sequence[Any]) -> str:
        """Say in what the latest call differs from the one before."""
        before: Sequence[Any] = next(reversed(self.forms))
        if len(before) != len(key):
            return "the number or the nesting of its arguments"
        a, b = next((a, b) for a, b in zip(before, key, strict=True) if a != b)
        return f"{_said(b)} where {_said(a)} was before"

    def _compiled(self, args: Any, kwargs: Any) -> Form:
        recording, captured = record_watched(self.f, args, kwargs)
        return self._built(recording, captured)

    def _built(self, recording: Recording, captured: Captured, updated: int = 0) -> Form:
        """Build the code; the first outputs are written into the inputs of the same number."""
        program = recording.program
        recorded = len(program.steps)
        program = plain_program(program)
        fixed = captured.fixed(program) | frozenset(range(updated))
        laid = schedule(program, {i: i for i in range(updated)}, fixed)
        kernel, back_end = built(self.back_end, laid, recording.name)
        counts = {"recorded": recorded, "steps": len(program.steps), "blocks": len(laid.blocks)}
        _let_go(laid)
        return Form(kernel, recording.rebuild, captured, counts, back_end)

    @property
    def source(self) -> str:
        """The code of the form that was called last."""
        return self._known().kernel.source

    def explain(self) -> str:
        """Say what was made of the function: what runs together, and what each line costs."""
        form = self._known()
        n = form.counts
        lines = [
            f"{self.__name__}: {n['recorded']} operations on the tape, {n['steps']} after "
            f"simplification, in {n['blocks']} loops and calls; back end {form.back_end!r}.",
            *form.captured.described(),
            *(f"{line}\n    # {what}" for line, what in form.kernel.notes),
        ]
        return "\n".join(lines)

    def _known(self) -> Form:
        if self._latest is None:
            raise CompileError(
                f"'{self.__name__}' has not been called yet, and only then is it compiled: call it "
                "once."
            )
        return self._latest


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
    >>> from autograd_lite import value_and_grad
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

    def __call__(self, *args: Any) -> Any:
        """Make one step: return its result, and write the new state into the arrays."""
        form, arrays = self._given(args)
        with form.lock:
            made = quiet(form.kernel.call, arrays)
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
        with form.lock:
            made = quiet(form.kernel.run, arrays, count, frozenset(numbers))
        return form.rebuild(made[len(self.arrays) :])

    def _given(self, args: Sequence[Any]) -> tuple[Form, list[Any]]:
        """Return the form of a call, and the arrays that the kernel takes."""
        before = self._before
        if before is not None and before.again(args):
            return before.form, before.arrays.copy()
        arrays, key = list(self.arrays), list[Any]()
        for x in args:
            _take(x, key, arrays)
        form = self._form(tuple(key), args, {})
        while not form.captured.stands():
            form = self._form(tuple(key), args, {}, again=True)
        count = len(arrays)
        arrays += form.captured.arrays()
        for i, x in enumerate(arrays[len(self.arrays) :], len(self.arrays) - count):
            if _is_memory_of(x, self.arrays):
                what = "an argument" if i < 0 else _called(form.captured.owners[i])
                raise CompileError(
                    f"'{self.__name__}' reads {what}, which is memory of the state that it "
                    "updates: give a copy; or take a parameter from its module, as model.weight, "
                    "so that a gradient flows to it."
                )
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
    """Return what somebody may know an array or a Tensor by that stands around a function."""
    if isinstance(owner, Tensor):
        return owner._describe(inside=True)
    return f"an array of shape {owner.shape} around it"


def built(back_end: str, laid: Schedule, name: str) -> tuple[backends.Kernel, str]:
    """Build a kernel with the best back end that can; return also which it was."""
    names = backends.chosen(back_end)
    for one in names[:-1]:
        try:
            return backends.build(one, laid, name), one
        except NotWritable:
            continue
    return backends.build(names[-1], laid, name), names[-1]


def plain_program(program: Program) -> Program:
    """Return a program as back ends want it: in NumPy's functions, as far as can be, and short."""
    return simplify(
        expand(_with_parts_as_views(program), _is_plain, lambda primitive: True, _stays)
    )


def _with_parts_as_views(program: Program) -> Program:
    """Let what splits an array be views of its parts."""
    steps: list[Step] = []
    for step in program.steps:
        if step.primitive.name != "split":
            steps.append(step)
            continue
        (whole,), axis = step.operands, step.parameters.get("axis", 0) % len(step.operands[0].shape)
        ends = np.cumsum([0, *step.parameters["sizes"]]).tolist()
        for i, v in zip(step.indices, step.results, strict=True):
            index = (*[slice(None)] * axis, slice(ends[i], ends[i + 1]))
            v.maker = Step(
                getitem, [whole], {"index": index}, [v], line=step.line,
                is_backward=step.is_backward, shows=True,
            )  # fmt: skip
            steps.append(v.maker)
    return Program(program.inputs, steps, program.outputs)


def _stays(primitive: Any) -> bool:
    return primitive not in BY_PRODUCTS


def _is_plain(primitive: Any) -> bool:
    return is_writable(primitive) and primitive.name != "clip"


def _let_go(laid: Schedule) -> None:
    """Keep of the examples of values their shapes and dtypes alone."""
    values = {v for step in laid.steps() for v in (*step.results, *step.operands)}
    for v in {*values, *laid.inputs, *laid.outputs}:
        if not v.is_constant:
            data = np.asarray(v.data)
            v.data = np.broadcast_to(np.zeros((), data.dtype), data.shape)


def _is_recorded() -> bool:
    """Whether each operation is to be seen: by a transform's recording, or by the user."""
    mode = state.mode
    return mode.everything or bool(mode.watch) or mode.lines or mode.fingerprints


# -- the form of a call ------------------------------------------------------------------------

_OUTSIDE = "a Tensor that requires a gradient"


def _take(x: Any, key: list[Any], arrays: list[Any]) -> None:
    """Note what is fixed in an argument, and take out of it what may change."""
    kind = type(x)
    if kind is np.ndarray:
        if not x.flags.forc:  # as a transform does
            x = np.array(x)
        key.append((x.shape, x.dtype, x.strides))
        arrays.append(x if x.ndim else x[()])
    elif kind is float:
        key.append(float)
        arrays.append(np.float64(x))
    elif kind is list or kind is tuple:
        key.append((kind, len(x)))
        for part in x:
            _take(part, key, arrays)
    elif kind is dict:
        key.append((dict, *x))
        for part in x.values():
            _take(part, key, arrays)
    elif isinstance(x, Tensor):
        value = x._value
        if value.ndim and not value.flags.forc:
            value = np.array(value)
        key.append((value.shape, value.dtype, value.strides))
        arrays.append(value)
        if x._requires:
            key.append(_OUTSIDE)
    elif isinstance(x, np.generic) and x.dtype.kind in "fciub":
        key.append(((), x.dtype, ()))
        arrays.append(x)
    elif is_number(x) or isinstance(x, bool):
        key.append((kind, x, str(x)))  # −0.0 is not 0.0, nor True 1
        if isinstance(x, np.ndarray):
            raise CompileError(f"An argument is an array of {kind.__name__}: give a plain one.")
    else:
        from ..trees import _open

        parts, _ = _open(x)
        if parts:
            key.append((kind, len(parts)))
            for part in parts:
                _take(part, key, arrays)
        else:
            key.append((kind, x))


def _said(part: Any) -> str:
    if isinstance(part, tuple) and len(part) == 3 and isinstance(part[0], tuple):
        return f"an array of shape {part[0]} and dtype {part[1]}"
    if isinstance(part, tuple) and len(part) == 3:
        return repr(part[1])
    return str(part)
