"""One run of a function on aliases of its inputs, ready to be swept: what every transform makes.

A transform differentiates with respect to fresh *aliases* of its inputs. They are newer than
anything else, so what has a smaller sequence number than the first may depend on them, and the
reverse pass need not visit what was there before. What the function used beside its inputs is
*outside*: where that needs a gradient as well, as in a nested `grad`, the sweep is recorded.
Whether anything does is seen by one look at the results: see `autograd_lite.node.LEAF`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .backward import FLOAT64, conjugate_if_complex, owned, reverse, reverse_since
from .errors import IntegerGradientError
from .later import later
from .modes import GRADIENT, call_with_grad, special, state
from .node import LEAF
from .primitive import derivative
from .quiet import quietly
from .tape import next_number
from .tensor import Tensor, constant, unwrap
from .trees import Rebuild, flatten

Function = Callable[..., Any]


class Run:
    """One run of a function on aliases of its inputs, ready to be swept.

    Attributes
    ----------
    aliases
        Leaves that are newer than anything else, one for each number that is
        differentiated with respect to.
    outputs
        The numbers in the result, most of them Tensors.
    nested
        Whether an input is itself on a tape, as that of an inner `grad`.
    rebuild_arguments, rebuild_result
        Put numbers into the form of the arguments (a tuple), or of the result.
    """

    def __init__(
        self, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: Any
    ) -> None:
        given = list(args)
        if len(argnums) == 1:
            self.originals, rebuild = flatten(args[argnums[0]])
            self.rebuild_arguments: Rebuild = lambda leaves: (rebuild(leaves),)
        else:
            self.originals, self.rebuild_arguments = flatten(tuple(args[n] for n in argnums))
        # What is newer than this may depend on the aliases.
        self.start = next_number()
        self.age = LEAF + self.start
        self.aliases: list[Tensor] = []
        self.attached = self.nested = False
        for x in self.originals:
            if type(x) is ndarray and x.dtype.kind in "fc":
                alias = constant(x.copy("K"), self.age)
            else:
                alias = _leaf(x, self.age)
                self.nested = self.nested or alias._requires > self.age
            alias._metadata = {"alias": True}
            self.aliases.append(alias)
        for n, fresh in zip(argnums, self.rebuild_arguments(self.aliases), strict=True):
            given[n] = fresh
        self.mode = state.mode if special else GRADIENT
        if self.mode.records:
            self.result = f(*given, **kwargs)
        else:
            self.result = call_with_grad(f, *given, **kwargs)
        self.outputs, self.rebuild_result = flatten(self.result)

    def vjp(self, roots: list[tuple[Any, Any]], recorded: bool) -> list[Any]:
        """Return the gradients of the aliases, given those of some values made from them.

        Both are for the user: see `conjugate_if_complex`. Arrays that are returned belong to the
        caller alone. The list of roots is emptied: what nobody else holds is freed on the way.
        """
        leading = []
        bounded = recorded or self.attached or bool(special)
        for t, g in roots:
            if isinstance(t, Tensor) and t._requires and t._number < self.start:
                leading.append((t, g if g.dtype is FLOAT64 else conjugate_if_complex(g)))
                bounded = bounded or t._requires > self.age
        t = g = None  # which would hold the whole tape while the sweep frees it
        roots.clear()
        reached: dict[int, Any] = {}
        if self.aliases and leading:
            reached = self._sweep(leading, recorded) if bounded else quietly(reverse, leading)[0]
        gradients = []
        for alias in self.aliases:
            g = reached.pop(alias._number, None)
            if g is None:
                g = np.zeros_like(alias._value)[()]  # a NumPy scalar where it has no dimension
            elif g.dtype is not alias._value.dtype and not recorded:
                g = g.astype(alias._value.dtype)  # of one number: `vjp_scalar` casts nothing
            gradients.append(g if g.dtype is FLOAT64 else conjugate_if_complex(g))
        del g
        return gradients if recorded else owned(gradients)

    def vjp_from_outputs(self, seeds: Sequence[Any], recorded: bool) -> list[Any]:
        """Return the gradients of the aliases, given one for each output."""
        if not recorded:
            seeds = [unwrap(g) for g in seeds]
        return self.vjp(list(zip(self.outputs, seeds, strict=True)), recorded)

    def _sweep(self, roots: list[tuple[Any, Any]], recorded: bool) -> dict[int, Any]:
        """Return the gradients that reach the aliases; what lies outside is not visited."""
        sweep = roots, self.start, self.aliases[-1]._number, recorded
        if not recorded:
            return quietly(reverse_since, *sweep)  # type: ignore[no-any-return]
        return call_with_grad(quietly, reverse_since, *sweep)  # type: ignore[no-any-return]

    def leads_outside(self, x: Any) -> bool:
        """Whether a value depends on something older than the run that needs a gradient."""
        return isinstance(x, Tensor) and x._requires > self.age

    def is_on_outer_tape(self) -> bool:
        """Whether what is computed here must be recorded on an outer tape."""
        if self.mode.everything:
            return True
        if not self.mode.records:
            return False
        return self.nested or any(map(self.leads_outside, self.outputs))

    def attach_to_outer(self) -> None:
        """Make the aliases of recorded Tensors results of those, now that the run is over."""
        for alias, x in zip(self.aliases, self.originals, strict=True):
            if isinstance(x, Tensor) and (
                (x._requires and self.mode.records) or self.mode.everything
            ):
                alias._primitive = identity
                alias._a, alias._value_a = x, x._value
                self.attached = True

    def unwrap_constants(self, values: Sequence[Any], outer: bool = True) -> list[Any]:
        """Return plain numbers, but Tensors where they are on a tape that leads outside.

        If `outer` is false, none is.
        """
        if not outer:
            return [v._value if isinstance(v, Tensor) else v for v in values]
        if self.mode.everything and not self.mode.records:  # no gradient flows, as outside of it
            return [later("stop").apply(v) if isinstance(v, Tensor) else v for v in values]
        everything = self.mode.everything
        return [
            v._value if isinstance(v, Tensor) and not (everything or self.leads_outside(v)) else v
            for v in values
        ]


def _leaf(x: Any, age: int) -> Tensor:
    """Return a leaf with the value of `x`; of what leads outside, one that does so as well."""
    leaf = constant(x._value) if isinstance(x, Tensor) else Tensor(x)
    if leaf._value.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"The gradient was asked for an argument of dtype {leaf.dtype}: give floats, as in 2.0."
        )
    leaf._requires = max(age, x._requires) if isinstance(x, Tensor) else age
    return leaf


identity = derivative(lambda x: x, name="alias", x=lambda g: g)


def is_recorded(outer: bool, given: Iterable[Any]) -> bool:
    """Whether a sweep that begins now is to be on the tape: of a run, with these seeds."""
    mode = state.mode
    return mode.everything or (mode.records and (outer or any(map(needs, given))))


def needs(x: Any) -> bool:
    """Whether a gradient flows through `x`."""
    return isinstance(x, Tensor) and bool(x._requires)
