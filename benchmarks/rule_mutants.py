"""Every rule of every primitive, broken in every way that a hand breaks one.

A mutant is a rule with one mistake: in its source (another operand, a term dropped, the sum
over a broadcast axis left out) or in what it returns (a factor, another axis, one element of
many). It counts where its gradients differ from the right ones at some call of the function;
one whose gradients are the same at all of the calls that the tests draw is equivalent.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from autograd_lite import vjp
from autograd_lite.errors import CheckInputError
from autograd_lite.primitive import Primitive
from autograd_lite.tensor import constant, to_numpy
from autograd_lite.testing.programs import CheckedProgram
from tests.calculus.cases import DIFFERENTIABLE, Call, examples, label
from tests.calculus.test_gradients import program
from tests.calculus.test_mutants import (
    compiled,
    compiles,
    helpers_of,
    parameters,
    replaced,
    source_of,
)
from tests.calculus.variations import varied

settings.register_profile("mutants", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("mutants")

TRIED = 8
"""How many calls of a function are tried first for one that shows a mutant to be wrong."""
DRAWN = 60
"""How many calls of other shapes are drawn."""
SEEN = 3e-6
"""A gradient is another if an element is off by so much, relative to that element."""
MANY = 1000
"""The length of the arrays in which one element is wrong."""

Rule = Callable[..., Any]
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """A rule with a mistake."""

    kind: str
    what: str
    key: str  # whose rule it is: an operand's, or "joint"
    rule: Rule

    def of(self, entry: Primitive) -> Primitive:
        return entry.with_rules(**{self.key: self.rule})


# -- mistakes in what a rule returns ----------------------------------------------------------


def off_in_the_middle(r: Any) -> Any:
    factor = np.ones(r.shape, dtype=r.dtype)
    factor.reshape(-1)[factor.size // 2] = 1.5
    return r * factor


def turned(r: Any) -> Any:
    return np.reshape(np.swapaxes(r, -1, -2), r.shape)


def along_another_axis(r: Any) -> Any:
    """What was to be along the first axis is along the last."""
    return np.reshape(np.moveaxis(r, 0, -1), r.shape) if r.shape[0] != r.shape[-1] else r[::-1]


def first_slice(r: Any, shape: tuple[int, ...]) -> Any:
    """Leave all but the first slice along the axes that the engine will sum over."""
    padded = (1,) * (r.ndim - len(shape)) + shape
    cut = np.zeros(r.shape, dtype=r.dtype)
    cut[tuple(slice(0, 1) if n == 1 else slice(None) for n in padded)] = 1.0
    return r * cut


RESULTS: dict[str, tuple[Change, Callable[[Any], bool]]] = {
    # kind: (the mistake, where it can be made)
    "sign": (lambda r: -r, lambda r: True),
    "factor 2": (lambda r: 2.0 * r, lambda r: True),
    "wrong by 1e-5": (lambda r: r * (1.0 + 1e-5), lambda r: True),
    "one element of many": (off_in_the_middle, lambda r: 1 < r.size < MANY),
    f"one element of {MANY}": (off_in_the_middle, lambda r: r.size >= MANY),
    "transposed": (turned, lambda r: r.ndim > 1),
    "wrong axis": (along_another_axis, lambda r: r.ndim > 1),
}


def returning(rule: Rule, change: Change, possible: Callable[[Any], bool]) -> Rule:
    """Return a rule whose result is changed: each array of it, if there are several."""

    def changed(r: Any) -> Any:
        if isinstance(r, (list, tuple)):
            return [changed(x) for x in r]
        return change(r) if r is not None and possible(r) else r

    @functools.wraps(rule)  # the engine asks for operands by the names of a rule's parameters
    def mutant(*args: Any, **kwargs: Any) -> Any:
        return changed(rule(*args, **kwargs))

    return mutant


def unsummed(rule: Rule, operand: str) -> Rule:
    """Return the rule of a broadcast operand that forgets to add what its copies get."""
    names = inspect.signature(rule).parameters
    more = [] if operand in names else [inspect.Parameter(operand, inspect._ParameterKind(1))]

    def mutant(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip([*names, *(p.name for p in more)], args, strict=False)) | kwargs
        shape = np.shape(given[operand])
        return first_slice(rule(**{name: given[name] for name in names if name in given}), shape)

    signature = inspect.Signature([*names.values(), *more])
    mutant.__signature__ = signature  # type: ignore[attr-defined]
    return mutant


# -- mistakes in its source -------------------------------------------------------------------


def edits(node: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, ast.AST]]:
    """Yield what might have been written in place of an expression, and which mistake that is."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            yield "dropped term", left
            yield "dropped term", right
        case ast.BinOp(left, ast.Mult() | ast.Div(), right):
            yield "dropped factor", left
            yield "dropped factor", right
        case ast.BinOp(left, ast.MatMult() as op, right):
            yield "transposed", ast.BinOp(right, op, left)
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", operand
        case ast.Attribute(value, "T"):
            yield "transposed", value
        case ast.Call(ast.Attribute(_, "swapaxes" | "transpose"), [first, *_]):
            yield "transposed", first
        case ast.Call(ast.Name("unbroadcast") | ast.Attribute(_, "sum"), [first, *_]):
            yield "missing un-broadcast", first
        case ast.Call(_, [first, *_]):
            yield "function not applied", first
        case ast.Name("axis" | "axes", ast.Load()):
            yield "wrong axis", ast.Constant(0)
        case ast.keyword("axis", _):
            yield "wrong axis", ast.keyword("axis", ast.Constant(0))
        case ast.Name(name, ast.Load()) if name in names and name != "g":
            for other in names:
                if other not in (name, "g"):
                    yield "wrong operand", ast.Name(other, ast.Load())


def from_source(key: str, rule: Rule) -> Iterator[Mutant]:
    """Yield mutants of a rule's source, and of the helpers that it calls."""
    tree, space = source_of(rule), rule.__globals__  # type: ignore[attr-defined]
    for kind, what, mutant in edited(tree):
        if compiles(mutant, space):
            yield Mutant(kind, what, key, compiled(mutant, dict(space)))
    helpers = helpers_of(tree, space)
    for name, helper in helpers.items():
        for kind, what, mutant in edited(helper):
            if not compiles(mutant, space):
                continue
            inner = dict(space)
            for other in helpers.values():
                compiled(other, inner)  # all anew, so that they call the mutant too
            compiled(mutant, inner)
            yield Mutant(kind, f"{name}: {what}", key, compiled(tree, inner))


def edited(tree: Any) -> Iterator[tuple[str, str, Any]]:
    bodies = [tree.body] if isinstance(tree, ast.Lambda) else tree.body
    nodes = [node for body in bodies for node in ast.walk(body)]
    for number, node in enumerate(nodes):
        for kind, change in edits(node, parameters(tree)):
            what = f"{ast.unparse(node)} → {ast.unparse(change)}"
            yield kind, what, replaced(tree, number, change)


def mutants_of(entry: Primitive) -> Iterator[Mutant]:
    """Yield every mutant of every rule of a primitive."""
    rules = dict(entry.rules) or {"joint": entry.joint}
    for key, rule in rules.items():
        for kind, (change, possible) in RESULTS.items():
            if str(MANY) in kind and not entry.elementwise:
                continue
            yield Mutant(kind, kind, key, returning(rule, change, possible))
        for other in rules:
            if other != key:
                yield Mutant("wrong operand", f"the rule of {other}", key, rules[other])
        if entry.elementwise and key in entry.operands:
            yield Mutant("missing un-broadcast", "the first slice alone", key, unsummed(rule, key))
        yield from from_source(key, rule)


# -- calls, and a call as plain functions ------------------------------------------------------


class Plain:
    """A call as a function of float64 arrays that returns one, with hand-written gradients.

    What is complex is taken apart into its real and imaginary part; several results are put
    one after another.
    """

    def __init__(self, entry: Primitive, call: Call) -> None:
        self.whole = CheckedProgram(program(entry, call), call.operands)
        self.operands = self.whole.arrays

    def on_tensors(self, *operands: Any) -> Any:
        results = self.whole(*operands)
        if len(results) == 1:
            return results[0]
        return np.concatenate([np.ravel(r) for r in results])

    def __call__(self, *operands: Any) -> Any:
        return np.asarray(to_numpy(self.on_tensors(*map(constant, operands))))

    def gradients(self, g: Any, *operands: Any) -> list[Any]:
        """Return what the rules make of an upstream gradient."""
        _, pullback = vjp(self.on_tensors, *map(np.asarray, operands))
        return list(map(to_numpy, pullback(np.asarray(g))))


WIDE = {"f": np.float64, "c": np.complex128}


def in_double(call: Call) -> Call:
    """Return a call in double precision, and in C order."""
    operands = [np.array(x, WIDE.get(np.asarray(x).dtype.kind), order="C") for x in call.operands]
    keywords = dict(call.keywords)
    if keywords.get("dtype") is not None:
        keywords["dtype"] = WIDE.get(np.dtype(keywords["dtype"]).kind)
    return replace(call, operands=tuple(operands), keywords=keywords)


@functools.cache
def calls_of(function: Callable[..., Any]) -> list[Call]:
    """Return calls of a function that the tests make, in float64, with some of each kind first."""
    found = list(usable(function, examples(function)))
    broadcast = [c for c in found if len({x.shape for x in c.operands}) > 1]
    first = [*found[:: max(1, len(found) // TRIED)][:TRIED], *broadcast[:2]]
    if DIFFERENTIABLE[function].elementwise:
        first += usable(function, [enlarged(first[0])])
    return first + [c for c in found if not any(c is x for x in first)]


@functools.cache
def more_calls_of(function: Callable[..., Any]) -> list[Call]:
    """Return those of other lengths, axes and leading axes as well."""
    return list(usable(function, of_other_shapes(function)))


def usable(function: Callable[..., Any], calls: Iterable[Call]) -> Iterator[Call]:
    """Yield calls in float64 that return numbers and have a gradient."""
    for call in map(in_double, calls):
        if not all(x.size and x.dtype.kind in "fc" for x in call.operands):
            continue
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                f = Plain(DIFFERENTIABLE[function], call)
                result = f(*f.operands)
            except (CheckInputError, ValueError):  # it returns no floats, or has no such shapes
                continue
        if result.size and not np.any(np.isnan(result)) and gradients_at(f) is not None:
            yield call


def of_other_shapes(function: Callable[..., Any]) -> list[Call]:
    """Return calls with other lengths, axes and leading axes than the tests' own."""
    found: list[Call] = []

    @settings(
        max_examples=DRAWN,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    @given(varied(function))
    def draw(call: Call) -> None:
        found.append(call)

    with contextlib.suppress(Unsatisfiable):
        draw()
    return found


def enlarged(call: Call) -> Call:
    """Return a call on arrays of a thousand numbers, the same ones again and again."""
    joint = np.broadcast_arrays(*call.operands)
    return replace(call, operands=tuple(np.resize(x, MANY) for x in joint))


def gradients_at(f: Plain) -> list[Any] | None:
    """Return gradients for a random upstream gradient, or None if a rule crashes."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            g = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(*f.operands)))
            return [np.array(x) for x in f.gradients(g, *f.operands)]
    except Exception:
        return None


def differ(wrong: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether an element of the gradients is another."""
    for a, b in zip(wrong, right, strict=True):
        if a.shape != b.shape:
            return True
        size = np.maximum(np.abs(a), np.abs(b))
        off = np.abs(a - b) > SEEN * size + 1e-9 * np.max(size, initial=0.0)
        if np.any(off | (np.isnan(a) & ~np.isnan(b))):
            return True
    return False


CRASHES, EQUIVALENT = "it crashes", "equivalent"


def where_wrong(function: Callable[..., Any], mutant: Mutant) -> Call | str:
    """Return the first call at which a mutant's gradients are other numbers than the right ones.

    If there is none, say whether it crashes at some, or is equivalent: right at all of them.
    """
    entry, crashes = DIFFERENTIABLE[function], False
    wrong = mutant.of(entry)
    for calls in (calls_of, more_calls_of):
        if crashes:
            break
        for call, right in zip(calls(function), right_ones(function, calls), strict=True):
            found = gradients_at(Plain(wrong, call))
            crashes = crashes or found is None
            if found is not None and differ(found, right):
                return call
    return CRASHES if crashes else EQUIVALENT


@functools.cache
def right_ones(function: Callable[..., Any], calls: Callable[..., list[Call]]) -> list[list[Any]]:
    found = [gradients_at(Plain(DIFFERENTIABLE[function], call)) for call in calls(function)]
    return [gradients for gradients in found if gradients is not None]


def described(function: Callable[..., Any], call: Call) -> str:
    """Name a call by what tells most of it."""
    shapes = ", ".join(str(np.shape(x)) for x in call.operands)
    return f"{label(function)}, shapes {shapes}, {call.before} {call.after} {call.keywords}"[:300]
