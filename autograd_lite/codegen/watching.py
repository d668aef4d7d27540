"""Record a function so that nothing of it freezes in silence.

What a recorded program computes is right for other numbers if every number that it depends
on is an operand: an argument, or something of the function's surroundings that is looked at
again in each run. Three things could go wrong, and each is met here:

* The function *looks at a value* (``if x > 0``, ``x.item()``, ``float(x)``): what follows is
  not on the tape. The engine tells of each look (`autograd_lite.modes.report_read`), and the
  user's line is refused. Where it is one of NumPy's functions whose definition here looks at
  values, or a rule, that becomes one closed step, which looks again in each run.
* It *uses arrays or Tensors that it was not given*. Those are operands too: what is written
  into them later counts. An array that the function makes itself is a constant. Who has it
  after the recording tells one from the other.
* It *changes something*: writes into an array, moves a random generator. That is refused;
  a draw that goes through `autograd_lite.calculus.draws` is a step of the program.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import CompileError
from ..modes import grad_enabled, recording
from ..reachable import State, is_library, reachable
from ..tensor import Tensor
from ..trees import flatten
from .looks import DOES, INSTEAD, SHAPES, Look, Recorder, said
from .program import Program, Value
from .record import Recording, record

# -- what the function takes from around itself ------------------------------------------------


@dataclass
class Captured:
    """Arrays and Tensors that a function uses and is not given.

    Attributes
    ----------
    owners
        The arrays and Tensors.
    values
        For each its input of the program.
    names
        Of what stands in closures and globals: where it is looked up, and what was there.
    computed
        Arrays of these that are no operands, and what they held. What the function computes of
        such a one with NumPy alone, as ``np.sum(table)``, is a number of the program; so if it
        holds other numbers, the function is recorded again.
    """

    owners: list[Any] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    names: list[tuple[str, Callable[[], Any], Any]] = field(default_factory=list)
    computed: list[tuple[Any, Any]] = field(default_factory=list)

    def arrays(self) -> list[Any]:
        """Return the arrays as they are now."""
        if self.are_plain:
            return self.owners
        return [x._value if isinstance(x, Tensor) else x if x.ndim else x[()] for x in self.owners]

    def stands(self) -> bool:
        """Whether all is still of the shape and dtype, and under the name, that it had."""
        for _, look, x in self.names:
            if look() is not x:
                return False
        for t, shape, dtype in self.tensors:
            data = t._value
            if data.shape != shape or (data.dtype is not dtype and data.dtype != dtype):
                return False
        for x, held in self.computed:
            if not np.array_equal(_some_of(x), held, equal_nan=x.dtype.kind in "fc"):
                return False
        return True

    @functools.cached_property
    def are_plain(self) -> bool:
        """Whether all owners are arrays with axes, which are what is read."""
        return all(not isinstance(x, Tensor) and x.ndim for x in self.owners)

    @functools.cached_property
    def tensors(self) -> list[tuple[Tensor, Any, Any]]:
        """The Tensors, which may get another array, with the shape and dtype of what they had."""
        pairs = zip(self.owners, self.values, strict=True)
        return [(t, v.data.shape, v.data.dtype) for t, v in pairs if isinstance(t, Tensor)]

    def fixed(self, program: Program) -> frozenset[int]:
        """Return the numbers of those inputs that are the same array object in each run."""
        arrays = {v for v, x in zip(self.values, self.owners, strict=True) if x is v.data}
        return frozenset(i for i, v in enumerate(program.inputs) if v in arrays)

    def described(self) -> Iterator[str]:
        """Yield a line for each, for people."""
        for owner, v in zip(self.owners, self.values, strict=True):
            kind = "Tensor" if isinstance(owner, Tensor) else "array"
            name = f" '{v.name}'" if v.name else ""
            yield f"From around it, read in each call: the {kind}{name} {v.data.shape}."


def _capture(recording: Recording) -> Captured:
    """Make operands of those constants that somebody else has as well."""
    captured = Captured()
    for v in list(recording.owners):
        owner = recording.owners.pop(v)
        if _is_held(owner, v):
            captured.owners.append(owner)
            captured.values.append(v)
            v.is_input = True
            recording.program.inputs.append(v)
    return captured


def _is_held(owner: Any, v: Value) -> bool:
    """Whether anything but the program holds an array, or the memory that it is a view of."""
    if isinstance(owner, Tensor):
        # The variable here, the caller's, and the argument below.
        return sys.getrefcount(owner) > _OWN
    ours = 1  # the value's
    if sys.getrefcount(owner) > _OWN + ours:
        return True
    base = owner.base
    while isinstance(base, np.ndarray):
        del owner
        owner, base = base, base.base
        if sys.getrefcount(owner) > 3:
            return True
    return base is not None


def _references() -> int:
    owner, v = np.empty(1), Value(None)
    return _count(owner, v)


def _count(owner: Any, v: Value) -> int:
    return sys.getrefcount(owner)


_OWN = _references()

# -- names that may come to mean something else ------------------------------------------------


def _looked_up(f: Any) -> list[tuple[str, Callable[[], Any], Any]]:
    """Return how numbers, arrays and Tensors in closures and globals of functions are found."""
    found: list[tuple[str, Callable[[], Any], Any]] = []
    seen: set[Any] = set()
    for function in reachable(f):
        if not isinstance(function, types.FunctionType):
            continue
        if is_library(function.__code__.co_filename):
            continue
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if id(cell) not in seen and _is_watched(x := _cell(cell)):
                seen.add(id(cell))
                found.append((name, lambda cell=cell: _cell(cell), x))  # type: ignore[misc]
        space = function.__globals__
        for name in _names(function.__code__):
            key = id(space), name
            if key not in seen and _is_watched(x := space.get(name)):
                seen.add(key)
                found.append((name, lambda space=space, name=name: space.get(name), x))  # type: ignore[misc]
    return found


def _names(code: Any) -> set[str]:
    names = set(code.co_names)
    for c in code.co_consts:
        if hasattr(c, "co_names"):
            names |= _names(c)
    return names


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it holds nothing
        return None


def _is_watched(x: Any) -> bool:
    return isinstance(x, (np.ndarray, Tensor, np.generic, int, float, complex, str))


# -- the recording -----------------------------------------------------------------------------


def record_watched(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Recording, Captured]:
    """Record a function; return also what it takes from around itself.

    Raises
    ------
    CompileError
        If something of it would freeze, or be lost.
    """
    weak = _weak_dtype((args, kwargs))

    def given_as(x: Any) -> Any:
        if isinstance(x, Tensor):
            x = x._value
        if type(x) is float:
            return np.asarray(x, weak)
        if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fciub":
            array = np.asarray(x)
            return array if array.flags.forc else np.array(array)
        return None

    recorder = Recorder()
    mode = recording(
        lambda outside: grad_enabled(outside)._replace(
            everything=True, lines=True, keeps=False, recorder=recorder
        )
    )
    before = State.of(f).copied()
    names = _looked_up(f)
    made: Recording | None = None
    with lent(f):
        while made is None:
            try:
                made = record(f, args, kwargs, given_as, mode, owned=True)
            except Look:
                put_back(before.changed())
    recorder.let_go()
    check_unchanged(before.changed(), made.program)
    check_shapes(made.program)
    captured = _capture(made)
    captured.names = names
    operands = [x._value if isinstance(x, Tensor) else x for x in captured.owners]
    captured.computed = [
        (x, _some_of(x).copy())
        for x in {id(x): x for _, _, x in names}.values()
        if isinstance(x, np.ndarray) and x.dtype.kind in "fciub"
        if not any(np.may_share_memory(x, other) for other in operands)
    ]
    known = {id(x): name for name, _, x in names}
    for owner, v in zip(captured.owners, captured.values, strict=True):
        v.name = v.name or known.get(id(owner))
    return made, captured


def _some_of(x: Any) -> Any:
    """Return the numbers of an array; of more than 100,000, every second, third, … of them."""
    return x.reshape(-1)[:: 1 + x.size // 100_000]


def _weak_dtype(arguments: Any) -> Any:
    """Return the dtype that Python's floats have beside the arrays of the arguments."""
    kinds = {
        np.asarray(x._value if isinstance(x, Tensor) else x).dtype
        for x in flatten(arguments)[0]
        if isinstance(x, (np.ndarray, np.generic, Tensor))
    }
    floats = [kind for kind in kinds if kind.kind in "fc"]
    return np.result_type(1.0, *(np.zeros(1, kind) for kind in floats)).type(0).real.dtype


@contextmanager
def lent(f: Any) -> Iterator[None]:
    """Let a function read the arrays around it, and not write into them."""
    arrays = [x for x in reachable(f) if isinstance(x, np.ndarray) and x.flags.writeable]
    try:
        for x in arrays:
            x.flags.writeable = False
        yield
    except ValueError as error:
        if "read-only" in str(error):
            raise _writes(error) from None
        raise
    finally:
        for x in sorted(arrays, key=_depth):  # a view may be written into if its base may
            x.flags.writeable = True


def _depth(x: Any) -> int:
    """Return how many arrays a view is a view of, one through the other."""
    depth = 0
    while isinstance(x, np.ndarray):
        x, depth = x.base, depth + 1
    return depth


def _writes(error: ValueError) -> CompileError:
    trace, frame, number = error.__traceback__, None, 0
    while trace is not None:
        if not is_library(trace.tb_frame.f_code.co_filename):
            frame, number = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    place = None if frame is None else (frame.f_code.co_filename, number)
    return CompileError(
        f"{said(place)}writes into an array that the function did not make, which a compiled "
        "one does not do: return the new value, and write it outside."
    )


def check_shapes(program: Program) -> None:
    """Raise if a shape depends on values."""
    for step in program.steps:
        if step.primitive.function in SHAPES:
            file, _, number = (step.line or "").rpartition(":")
            how = "a shape that values decide"
            raise CompileError(
                f"{said((file, int(number)) if file else None)}{DOES[how]}, so what is compiled "
                f"would be right for these numbers alone: {INSTEAD[how]}."
            )


def put_back(changed: State) -> None:
    """Set generators back to the states that they had."""
    for owner, values, _ in changed.held:
        if set(values) == {"state"} and hasattr(owner, "state"):
            owner.state = values["state"]


def check_unchanged(changed: State, program: Program, attributes: bool = True) -> None:
    """Raise if the function changed anything but the states of generators, by recorded draws.

    Without `attributes` it may set those of objects.
    """
    draws = [step for step in program.steps if step.primitive.draws]
    for owner, values, _ in changed.held:
        if set(values) == {"state"} and hasattr(owner, "state"):
            after, owner.state = owner.state, values["state"]
            for step in draws:
                if step.parameters["generator"].bit_generator is owner:
                    step.apply([v.data for v in step.operands])
            same, owner.state = _equal(owner.state, after), values["state"]
            if same:
                continue
            raise CompileError(
                "The function draws random numbers itself, which would be the same in each call "
                "once it is compiled: give them as an argument, or draw with nn.Dropout(p, rng=…)."
            )
        if not attributes:
            continue
        names = ", ".join(f"'{name}'" for name in values) or "an attribute"
        raise CompileError(
            f"The function sets {names} of a {type(owner).__name__}, which would happen once and "
            "not in each call: return the new value, and set it outside."
        )


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return bool(np.array_equal(a, b))
