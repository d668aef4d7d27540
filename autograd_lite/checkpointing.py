"""Checkpoints: a part of a program of which nothing is kept on the tape; it is run again.

The reverse pass needs the values inside of it, and computes them a second time.
Memory is saved at the price of another forward pass. The two runs must be one
to all who look: the second draws the same random numbers, leaves no trace in
what the function holds (see :mod:`autograd_lite.reachable`), and returns the
same, which is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .arguments import check_numbers, transform_of_functions
from .backward import reverse_since
from .errors import CheckpointError, NoGradientError
from .modes import state
from .node import as_tensor, parents
from .primitive import Primitive
from .reachable import State
from .run import Function, Run, needs
from .tensor import unwrap
from .transforms import named_after
from .trees import flatten


@transform_of_functions
def checkpoint(f: Function) -> Function:
    """Return `f` with nothing of it kept on the tape: the reverse pass runs it again.

    That costs another forward pass and saves the memory of all values inside.
    `f` may be a module or any other function, and use Tensors that are not
    among its arguments, such as parameters.

    The second run is given what the first was: the same random numbers, if they
    come from generators that Python's references lead to from `f`, or from the
    default sequence, or from ``np.random`` or ``random`` themselves; the same
    buffers and attributes of objects. Afterwards these are as they were before it:
    a batch is counted once. What else `f` changes, such as a list, it changes twice.

    Returns
    -------
    callable
        Takes and returns what `f` does: numbers, arrays, Tensors, and nests of them.

    Raises
    ------
    CheckpointError
        In the reverse pass, if the second run does not compute what the first did.
    NoGradientError
        In the reverse pass, if it comes to a Tensor that was made inside of `f`
        and left it otherwise than as a result.

    Examples
    --------
    >>> from autograd_lite import grad
    >>> grad(checkpoint(lambda x: np.sin(x) ** 2))(np.pi / 4).round(12)
    np.float64(1.0)
    """

    @named_after(f)
    def lean(*args: Any, **kwargs: Any) -> Any:
        mode = state.mode
        if not mode.records or mode.everything or mode.watch:
            return f(*args, **kwargs)
        return _Segment(f, args, kwargs).first()

    return lean


class _Segment:
    """One call of a checkpointed function, to be run again.

    Attributes
    ----------
    chosen
        Those Tensors in its arguments that need a gradient.
    before
        What it reached that changed while it ran, as it was.
    outside
        Tensors that need a gradient and that it used without being given them.
    values
        The numbers in its result.
    moving
        Which of those depend on what needs a gradient.
    """

    def __init__(self, f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f, self.names = f, list(kwargs)
        self.arguments = [(x, *flatten(x)) for x in (*args, *kwargs.values())]
        self.chosen = [x for _, leaves, _ in self.arguments for x in leaves if needs(x)]
        self.needed = [[needs(x) for x in leaves] for _, leaves, _ in self.arguments]

    def __repr__(self) -> str:
        return str(getattr(self.f, "__name__", type(self.f).__name__))

    def call(self, *chosen: Any) -> Any:
        """Call the function, with other Tensors in the place of those that need a gradient."""
        fresh, given = iter(chosen), []
        for (x, leaves, rebuild), needed in zip(self.arguments, self.needed, strict=True):
            if any(needed):
                x = rebuild([next(fresh) if n else t for t, n in zip(leaves, needed, strict=True)])
            given.append(x)
        count = len(given) - len(self.names)
        return self.f(*given[:count], **dict(zip(self.names, given[count:], strict=True)))

    def roots(self) -> list[Any]:
        """Return what the function can be reached from."""
        return [self.f, *(x for x, *_ in self.arguments)]

    def first(self) -> Any:
        """Run the function, and return its result on a tape that has it as one operation."""
        before = State.of(*self.roots()).copied()
        run = Run(self.call, self.chosen, range(len(self.chosen)), {})
        self.before = before.changed()
        check_numbers("checkpoint", run.result, run.outputs)
        self.values = [unwrap(x) for x in run.outputs]
        self.moving = [i for i, x in enumerate(run.outputs) if needs(x)]
        self.outside = _outside(run)
        if not self.moving:
            return run.result
        _shut(run)
        primitive = _one if len(self.moving) == 1 else _several
        made = primitive.apply(*self.chosen, *self.outside, segment=self)
        results = dict(zip(self.moving, made if primitive is _several else [made], strict=True))
        return run.rebuild_result([results.get(i, x) for i, x in enumerate(run.outputs)])

    @contextmanager
    def rerun(self, operands: Any) -> Iterator[Run]:
        """Run the function again from the state before the first run; then restore the present."""
        now = State.of(*self.roots(), also=[owner for owner, *_ in self.before.held])
        with now.preserved():
            self.before.enter()
            chosen = operands[: len(self.chosen)]
            run = Run(self.call, chosen, range(len(chosen)), {})
            self._compare(run)
            yield run

    def again(self, gradients: list[Any], operands: Any) -> tuple[Any, ...]:
        """Run the function again; return the gradients of what it was given and what it used."""
        with self.rerun(operands) as run:
            recorded = state.mode.records and any(map(needs, (*gradients, *operands)))
            roots = [(run.outputs[i], g) for i, g in zip(self.moving, gradients, strict=True)]
            # Not bounded by what is older than the run: the sweep is to reach what it used.
            stop = run.aliases[-1]._number if run.aliases else run.start
            reached = reverse_since(roots, 0, stop, recorded)
        if recorded:
            run.attach_to_outer()
        else:
            _shut(run)
        return tuple(
            reached[t._number] if t._number in reached else np.zeros_like(t._value)
            for t in (*run.aliases, *self.outside)
        )

    def _compare(self, run: Run) -> None:
        """Raise if a second run is not like the first."""
        values = [unwrap(x) for x in run.outputs]
        if len(values) != len(self.values) or not all(map(_alike, self.values, values)):
            raise CheckpointError(
                f"The checkpointed function {self!r} returned something else when it was run again "
                "in the reverse pass: let it draw from numpy.random.Generators that it holds, and "
                "depend on nothing that changes in between."
            )
        moving = [i for i, x in enumerate(run.outputs) if needs(x)]
        outside = _outside(run)
        if moving != self.moving or {*map(id, outside)} != {*map(id, self.outside)}:
            raise CheckpointError(
                f"The checkpointed function {self!r} used other Tensors that require a gradient "
                "when it was run again in the reverse pass: make them outside of it."
            )


def _outside(run: Run) -> list[Any]:
    """Return what a run's results depend on that requires a gradient and was not made in it.

    That is anything older than the run, and any leaf but an alias: a parameter, or the input of
    a transform around this one.
    """
    found = []
    waiting: list[Any] = list(run.outputs)
    seen: set[int] = set()
    for t in waiting:  # which grows
        if not getattr(t, "_requires", 0) or t._number in seen:
            continue
        seen.add(t._number)
        is_leaf = t._primitive is None
        if t._number >= run.start or (is_leaf and "alias" not in (t._metadata or {})):
            found.append(as_tensor(t))
        elif not is_leaf:
            waiting += parents(t)
    return found


def _alike(a: Any, b: Any) -> bool:
    """Whether two values are the same but for what rounding can do."""
    a, b = np.asarray(a), np.asarray(b)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a.dtype.kind not in "fc" or not a.size:
        return np.array_equal(a, b)
    eps = np.finfo(a.dtype).eps
    size = np.max(np.abs(a), where=np.isfinite(a), initial=0.0)
    return np.allclose(a, b, rtol=float(np.sqrt(eps)), atol=float(8 * eps * size), equal_nan=True)


def _shut(run: Run) -> None:
    """Raise if a gradient would flow into a run whose tape is discarded.

    A Tensor that was put aside while the function ran, in a list, would otherwise
    look as if it did not depend on the arguments.
    """
    for alias, x in zip(run.aliases, run.originals, strict=True):
        if needs(x):
            alias._primitive = _closed
            alias._a, alias._value_a = x, x._value


def _refuse(g: Any) -> Any:
    raise NoGradientError(
        "A Tensor that was made inside of a checkpointed function has no way back to the "
        "arguments, as nothing of it is kept: return it from the function."
    )


_closed = Primitive(lambda x: x, {"x": _refuse}, name="alias")
_one = Primitive(
    lambda *arrays, segment: segment.values[segment.moving[0]],
    {},
    name="checkpoint",
    operands="*arrays",
    joint=lambda g, arrays, segment: segment.again([g], arrays),
)
_several = Primitive(
    lambda *arrays, segment: tuple(segment.values[i] for i in segment.moving),
    {},
    name="checkpoint",
    operands="*arrays",
    joint=lambda g, arrays, segment: segment.again(g, arrays),
    outputs=True,
)
