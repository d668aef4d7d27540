"""The state that a function depends on besides its arguments, saved and restored to run it twice.

A function draws from random generators and writes into what it holds, such as
the running means of a batch normalization. To run it again, as a checkpoint
does, all that must stand as it stood at first, and afterwards as it stands now:

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> f = lambda: rng.random()
>>> before = State.of(f).copied()
>>> first, now = f(), State.of(f)
>>> with now.preserved():
...     before.enter()
...     f() == first
True
>>> f() == first
False

What counts as state, wherever Python's own references lead from the function
(its closure and defaults, the globals that its code names, the attributes of
objects and the methods of their classes, what stands in lists and dicts):

* where random generators stand: NumPy's, Python's, the default sequence;
* the values of constant Tensors, such as buffers;
* the attributes of objects, and the arrays in them.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from . import randomness
from .composite import Composite
from .locations import is_skipped
from .primitive import Primitive
from .tensor import Tensor

FAR = 20_000
"""How many objects are visited, breadth first; further ones are not found."""

LARGE = 2**20
"""Arrays of more bytes are not copied: the function gets read-only views."""

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, bytearray, range, np.generic, np.dtype,
    np.ufunc, types.ModuleType, types.CodeType, types.FrameType,
)  # fmt: skip

# -- the walk ------------------------------------------------------------------------------------


def reachable(*roots: Any) -> Iterator[Any]:
    """Yield the objects that some objects refer to, breadth first.

    >>> from functools import partial
    >>> rng = np.random.default_rng(0)
    >>> any(x is rng for x in reachable(partial(lambda r, x: x, {"r": [rng]})))
    True
    """
    seen: dict[int, Any] = {}  # the objects are kept, so that no other gets the number
    waiting = deque(roots)
    for _ in range(FAR):
        if not waiting:
            return
        x = waiting.popleft()
        if isinstance(x, _ATOMS) or id(x) in seen:
            continue
        seen[id(x)] = x
        yield x
        waiting.extend(islice(_held(x), FAR))


def _held(x: Any) -> Iterator[Any]:
    """Yield what an object refers to."""
    if isinstance(x, (Tensor, np.ndarray)):
        return
    reach = getattr(type(x), "__reach__", None)
    if reach is not None:  # an object that says what there is of the program's in it
        yield from reach(x)
        return
    if isinstance(x, dict):
        yield from x.values()
    elif isinstance(x, (list, tuple, set, frozenset, deque)):
        yield from x
    elif isinstance(x, types.CellType):
        if x != types.CellType():  # an empty one holds nothing
            yield x.cell_contents
    elif isinstance(x, types.FunctionType):
        yield from (x.__closure__ or (), x.__defaults__, x.__kwdefaults__)
        if not is_library(x.__code__.co_filename):
            yield from _named(x)
    elif isinstance(x, functools.partial):
        yield from (x.func, x.args, x.keywords)
    elif isinstance(x, (staticmethod, classmethod)):
        yield x.__func__
    elif isinstance(x, property):
        yield x.fget
    elif isinstance(x, (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)):
        yield from (x.__self__, getattr(x, "__func__", None))
    elif isinstance(x, type):
        if not is_library(getattr(sys.modules.get(x.__module__), "__file__", None)):
            yield from x.__dict__.values()
            yield from x.__bases__
        return
    else:
        yield type(x)
    yield from attributes(x).values()


def _named(function: types.FunctionType) -> Iterator[Any]:
    """Yield the globals that a function's code names, and what it names in modules there."""
    codes, names = [function.__code__], set[str]()
    for code in codes:
        names.update(code.co_names)
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    spaces = [function.__globals__]
    for space in spaces:
        for name in names & space.keys():
            value = space[name]
            if not isinstance(value, types.ModuleType):
                yield value
            elif all(vars(value) is not other for other in spaces):
                spaces.append(vars(value))


@functools.cache
def is_library(file: str | None) -> bool:
    """Whether code is Python's, an installed package's or ours: none that a user wrote."""
    if file is None:
        return True  # built in
    standard, installed = (
        os.path.dirname(os.__file__),
        os.path.dirname(os.path.dirname(np.__file__)),
    )
    return file.startswith(("<frozen", standard, installed)) or is_skipped(file)


def attributes(x: Any) -> dict[str, Any]:
    """Return the attributes that an object has of its own, in slots too."""
    own = getattr(x, "__dict__", None)
    found = dict(own) if isinstance(own, dict) else {}
    for kind in type(x).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if isinstance(kind.__dict__.get(name), types.MemberDescriptorType) and hasattr(x, name):
                found[name] = getattr(x, name)
    return found


# -- state ---------------------------------------------------------------------------------------


class _Stream:
    """A random generator whose state is read and set by functions."""

    def __init__(self, get: Callable[[], Any], put: Callable[[Any], Any]) -> None:
        self._get, self._put = get, put

    @property
    def state(self) -> Any:
        return self._get()

    @state.setter
    def state(self, state: Any) -> None:
        self._put(state)


def _everywhere() -> list[Any]:
    """Return the generators that a program can draw from without a reference of its own."""
    import random  # late: it would be a twentieth of the package's import

    return [  # the first is what other people's code may draw from
        _Stream(lambda: np.random.get_state(legacy=False), np.random.set_state),  # noqa: NPY002
        _Stream(random.getstate, random.setstate),
        _Stream(randomness.get_rng_state, randomness.set_rng_state),
    ]


def _owner(x: Any) -> Any:
    """Return what has an object's state, as a generator's bit generator; None if nothing has."""
    import random

    if isinstance(x, np.random.Generator):
        return x.bit_generator
    if isinstance(x, np.random.RandomState):
        return _Stream(lambda: x.get_state(legacy=False), x.set_state)
    if isinstance(x, random.Random):
        return _Stream(x.getstate, x.setstate)
    if isinstance(x, Tensor):
        return x if x._primitive is None and not x._requires else None
    if isinstance(x, (type, Primitive, Composite)) or hasattr(type(x), "__reach__"):
        return None
    return x if isinstance(x, np.random.BitGenerator) or attributes(x) else None


Values = dict[str, Any]


def _look(owner: Any) -> Values:
    """Return the values that an object has, by name."""
    if isinstance(owner, (np.random.BitGenerator, _Stream)):
        return {"state": owner.state}
    if isinstance(owner, Tensor):
        return {"_value": owner._value, "_number": owner._number}
    return attributes(owner)


def _put(owner: Any, values: Values, names: Collection[str]) -> None:
    """Set some values of an object; of the attributes that it has, only these `names` are left."""
    present, space = _look(owner), getattr(owner, "__dict__", {})
    for name, value in values.items():
        if name not in present or present[name] is not value:
            if name in space or name not in present:
                space[name] = value
            else:
                object.__setattr__(owner, name, value)
    for name in present.keys() & space.keys() - {*names}:
        del space[name]


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype != object


def _is_large(value: Any) -> bool:
    return _is_array(value) and bool(value.nbytes > LARGE)


def _lent(value: Any) -> Any:
    """Return a copy of a small array, and a read-only view of a large one."""
    if not _is_array(value):
        return value
    if not _is_large(value):
        return value.copy()
    view = value.view()
    view.flags.writeable = False
    return view


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same."""
    if a is b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):  # where a generator stands
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if _is_array(a) and _is_array(b):
        alike = (a.dtype, a.shape) == (b.dtype, b.shape) and not _is_large(a)
        return alike and a.tobytes() == b.tobytes()
    try:
        return type(a) is type(b) and isinstance(a, (int, float, str, tuple)) and bool(a == b)
    except ValueError:  # tuples of arrays
        return False


class State:
    """The state of the objects that can be reached from some others, at one moment.

    Attributes
    ----------
    held
        Objects, values that they had, and the names of all that they had.
    """

    def __init__(self, held: list[tuple[Any, Values, Collection[str]]]) -> None:
        self.held = held

    @classmethod
    def of(cls, *roots: Any, also: Iterable[Any] = ()) -> State:
        """Return the state of all that can be reached from `roots`, and of some objects."""
        found = (_owner(x) for x in reachable(*roots))
        owners = {id(x): x for x in (*also, *found) if x is not None}
        return cls([(x, v := _look(x), v.keys()) for x in (*_everywhere(), *owners.values())])

    def copied(self) -> State:
        """Return the same with copies of all but large arrays, so that a write does not show."""
        return State([
            (x, {k: v if _is_large(v) else _lent(v) for k, v in values.items()}, names)
            for x, values, names in self.held
        ])  # fmt: skip

    def changed(self) -> State:
        """Return the part of the state that has changed since."""
        held = []
        for owner, values, names in self.held:
            now = _look(owner)
            other = {k: v for k, v in values.items() if k not in now or not _same(v, now[k])}
            if other or names != now.keys():
                held.append((owner, other, names))
        return State(held)

    def enter(self) -> None:
        """Restore the state, with copies of its arrays: writes do not reach the saved ones."""
        for owner, values, names in self.held:
            _put(owner, {name: _lent(value) for name, value in values.items()}, names)

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Restore the state after a ``with`` block, which works on copies and read-only views."""
        self.enter()
        try:
            yield
        finally:
            for owner, values, names in self.held:
                _put(owner, values, names)
