"""A derivation as one web page, with a stepper, that needs no network.

The page is data, a picture and a script: every frame is computed here, with its numbers,
sentences and formulas, and the script (``template/*.js``) only shows frame after frame.
"""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from ..visualize.birth import is_finite
from ..visualize.fold import Fold
from ..visualize.graph import Operation, Value
from ..visualize.palette import css
from ..visualize.text import number as short
from ..visualize.text import operations
from .bumps import EACH, EPSILONS, Replay, effects, finite_differences, places
from .derivation import Derivation, Edge, Step, named
from .elements import Follower
from .equations import contribution, equal, scalars, since
from .formula import Formula
from .layout import picture
from .notation import MATHML, TEXT, write
from .parts import that_fits
from .words import not_finite, to_text, where

SHOWN = 24  # rows or columns of an array, before the rest is left out
FOLLOWED = 600_000  # characters of element derivations: a page stays under a megabyte
BOXES = 160  # values and operations, before some are folded: a page stays under a megabyte
OFTEN = 200_000  # operations that are run again to bump inputs
NAMED = 12  # inputs whose names are listed
SCRIPT = ("data", "numbers", "graph", "cards", "predict", "log", "steps")  # in this order


@np.errstate(all="ignore")  # the program had its warnings
def to_html(derivation: Derivation, folding: bool = True) -> str:
    """Write a derivation as a page.

    Of a large one, modules and repetitions are folded; without `folding`, it shows the latest
    operations.
    """
    derivation = that_fits(derivation, BOXES, folding)
    pages = files(__package__).joinpath("template")
    style, page = (pages.joinpath(f"steps.{kind}").read_text("utf-8") for kind in ("css", "html"))
    script = "\n".join(pages.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPT)
    made = _Page(derivation)
    return Template(page).substitute(
        title=escape(f"Step by step: the gradients of {derivation.root.name}"),
        root=escape(derivation.root.name),
        notfinite="".join(
            f'<p id="not-finite">{escape(s)}</p>' for s in not_finite(derivation) if s
        ),
        folded="".join(f'<p id="folded">{escape(s)}</p>' for s in folded(derivation)),
        svg=made.picture.svg,
        style=css() + style,
        script=script,
        data=_json(made.data()),
        text=escape(to_text(derivation)),
    )


def folded(derivation: Derivation) -> list[str]:
    """Say what a page does not show step by step, and how to see it; nothing if it shows all."""
    if derivation.whole is None:
        return []
    shown = derivation.graph.operations
    folds = [o for o in shown if isinstance(o, Fold)]
    said = []
    if folds:
        boxes = f"{len(folds)} step{'s' * (len(folds) != 1)}"
        said.append(f"{operations(sum(o.count for o in folds))} folded into {boxes}")
    rest = len(derivation.whole.steps) - sum(o.count for o in shown)
    if rest:
        said.append(f"{operations(rest)} not shown")
    # A fold has an inside to look at; of what is cut off, there is what it led to.
    more = [o.example for o in folds] or [v.name for v in derivation.given if v.maker is not None]
    how = f" explain(…, part={more[-1]!r}) shows more." if more else ""
    return [f"Of {operations(len(derivation.whole.steps))}: {' and '.join(said)}.{how}"]


def _json(data: Any) -> str:
    """Write data so that it may stand inside a script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("</", r"<\/").replace("<!--", r"\u003c!--")


class _Page:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.root = derivation.root.name
        self.picture = picture(derivation)
        self.arrays: list[Any] = []
        self.numbers: dict[int, int] = {}  # of arrays, by id
        self.kept: list[Any] = []
        self.left = FOLLOWED
        self.shown = {v for v in derivation.graph.values if named(v).head == "symbol"}

    def data(self) -> dict[str, Any]:
        """Return all that the script shows."""
        d = self.derivation
        return {
            "root": self.root,
            "rootKey": d.root.key,
            "values": {v.key: self.value(v) for v in d.graph.values if v in self.shown},
            "frames": list(self.frames()),
            "bumps": self.bumps(),
            "arrays": self.arrays,
        }

    def array(self, data: Any) -> int:
        """Keep an array, and return its number on the page."""
        if id(data) not in self.numbers:
            self.kept.append(data)
            self.numbers[id(data)] = len(self.arrays)
            self.arrays.append(_cells(data))
        return self.numbers[id(data)]

    def value(self, value: Value) -> dict[str, Any]:
        """Return what a box shows once it is known."""
        expected = next((e.expected for e in self.derivation.edges if e.operand is value), 0)
        return {
            "name": value.name,
            "kind": value.kind,
            "data": self.array(value.data),
            "carries": value in self.derivation.gradients,
            "expected": expected,
        }

    # -- frames --------------------------------------------------------------------------

    def frames(self) -> Iterable[dict[str, Any]]:
        """Return one frame for each thing that happens."""
        d, root = self.derivation, self.root
        given = [v for v in d.given if v in self.shown]
        begins = [v for v in d.graph.roots if v in d.gradients]
        yield {
            "phase": "forward",
            "title": "The start",
            "say": f"Given: {_list(given)}. Everything else is not computed yet.",
            "math": [],
            "values": [v.key for v in given],
            "lit": [v.key for v in given],
            "show": [self.panel(v.name, v.data) for v in given],
        }
        for step in d.steps:
            yield self.forward(step)
        yield {
            "phase": "backward",
            "title": "The backward pass begins",
            "say": f"The backward pass begins at {root}: the derivative of {root} with respect "
            f"to itself is {_said(d.seed)}."
            if begins == [d.root]
            else f"Here the backward pass comes to {_list(begins)}, from {root}.",
            "math": [
                _line(
                    "to begin with",
                    [MATHML.partial(root, v.name), _value_or_shape(d.gradients[v])],
                )
                for v in begins
            ],
            "lit": [v.key for v in begins],
            "grads": {v.key: [self.array(d.gradients[v]), 0, 0] for v in begins},
            "show": [self.panel(f"∂{root}/∂{v.name}", d.gradients[v]) for v in begins],
        }
        for i, edge in enumerate(d.edges, 1):
            yield self.backward(edge, i)
        yield {
            "phase": "done",
            "title": "All gradients",
            "say": f"Every input has its gradient: {_list(d.inputs)}.",
            "math": [
                _line(v.name, [MATHML.partial(root, v.name), _value_or_shape(d.gradients[v])])
                for v in d.inputs[:NAMED]
                if v in d.gradients
            ],
            "lit": [v.key for v in d.inputs if v in self.shown],
            "show": [
                self.panel(f"∂{root}/∂{v.name}", d.gradients[v])
                for v in d.inputs[:NAMED]
                if v in d.gradients and np.ndim(v.data)
            ],
        }

    def forward(self, step: Step) -> dict[str, Any]:
        """Return the frame of one operation."""
        operation, result = step.operation, step.result
        names = ", ".join(v.name for v in operation.results)
        operands = list(dict.fromkeys(v for v in operation.operands if v in self.shown))
        lines = [
            _line("computed", [MATHML.symbol(names), write(step.formula, MATHML)]),
        ]
        if len(equal(step.formula, step.formula.value, TEXT)) > 2:
            lines.append(_line("with numbers", [write(step.formula, MATHML, numbers=True)], True))
        for value in operation.results:
            parts = [MATHML.symbol(value.name), _value_or_shape(value.data)]
            lines.append(_line("value", parts, not np.ndim(value.data)))
        text = write(step.formula, TEXT)
        panels = [self.panel(v.name, v.data) for v in operands if np.ndim(v.data)]
        panels += [
            self.panel(v.name, v.data, step.moving if v is result else None, result=True)
            for v in operation.results
        ]
        return {
            "phase": "forward",
            "title": f"Forward: {names} = {text}",
            "say": f"{names} is computed by {operation.name}: {names} = {text}"
            f"{_equals(result.data)}.",
            "hush": f"{names} is computed by {operation.name}: {names} = {text}.",
            "math": lines,
            "arrows": self.arrows(operation.key, range(len(operation.operands))),
            "lit": [v.key for v in operation.results],
            "values": [v.key for v in operation.results],
            "show": panels,
            "within": self.within(operation),
            "source": _source(operation.line),
            "ask": self.question(names, result.data),
        }

    def within(self, operation: Operation) -> list[str]:
        """Return the modules around an operation that the picture has a frame for."""
        around = operation.module.around() if operation.module else []
        return [m.key for m in around if m in self.picture.modules]

    def arrows(self, key: str, positions: Iterable[int]) -> list[str]:
        """Return the arrows of an operation's operands; a bare number has none."""
        drawn = self.picture.arrows
        return [drawn[key, position] for position in positions if (key, position) in drawn]

    def backward(self, edge: Edge, i: int) -> dict[str, Any]:
        """Return the frame of one application of a rule."""
        operand, operation = edge.operand, edge.operation
        product = contribution(self.derivation, edge)
        say = (
            f"Step {i} back: from {edge.sender} to {edge.receiver}. "
            f"The contribution is {write(product, TEXT)}"
        )
        more = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in edge.remarks)
        more += _count(edge)
        back = f"Backward {i} of {len(self.derivation.edges)}"
        about = f"the contribution to ∂{self.root}/∂{operand.name}"
        return {
            "phase": "backward",
            "title": f"{back}: {edge.sender} → {edge.receiver}",
            "say": f"{say}{_equals(edge.contribution)}.{more}",
            "hush": f"{say}.{more}",
            "math": self.chain_rule(edge, product),
            "arrows": self.arrows(operation.key, [edge.position]),
            "from": [v.key for v in operation.results],
            "lit": [operand.key],
            "grads": {operand.key: [self.array(edge.after), edge.arrived, edge.expected]},
            "show": self.factors(edge, product),
            "within": self.within(operation),
            "source": _source(operation.line),
            "ask": self.question(about, edge.contribution),
        }

    def upstream(self, edge: Edge) -> list[tuple[Value, Any]]:
        """Return the results of an operation with their gradients."""
        gradients = self.derivation.gradients
        results = edge.operation.results[:NAMED]
        return [(v, gradients.get(v, np.zeros_like(v.data))) for v in results]

    def chain_rule(self, edge: Edge, product: Formula) -> list[dict[str, Any]]:
        """Return the formulas of one application: upstream, local, product, sum."""
        root, operand = self.root, edge.operand
        lines = [
            _line("upstream", [MATHML.partial(root, v.name), _value_or_shape(g)])
            for v, g in self.upstream(edge)
        ]
        because = since(edge, TEXT)
        total = _equation(product, edge.contribution)
        if edge.local is not None:
            local = _equation(edge.local, edge.local.value)
            parts = [MATHML.partial(edge.result.name, operand.name), *local]
            lines.append(_line("local derivative", parts, note=because))
            lines.append(_line("upstream · local", total[:-1] or total))
        else:
            lines.append(_line("by the rule", total[:-1] or total, note=because))
        if not np.ndim(edge.contribution):
            lines.append(_line("contribution", total[-1:], True))
        if edge.before is not None:
            old, new, both = map(_value_or_shape, (edge.before, edge.contribution, edge.after))
            if not np.ndim(edge.contribution) and edge.contribution < 0:
                new = MATHML.parentheses(new)
            parts = [MATHML.partial(root, operand.name), MATHML.infix(old, "+", new), both]
            lines.append(_line("old + new", parts, True))
        return lines

    def factors(self, edge: Edge, product: Formula) -> list[dict[str, Any]]:
        """Return the arrays of one application: what goes in, and what comes out."""
        root, operand = self.root, edge.operand
        panels = [self.panel(f"upstream ∂{root}/∂{v.name}", g) for v, g in self.upstream(edge)]
        moving = edge.moving
        if edge.local is None:
            others = dict.fromkeys(v for v in edge.operation.operands if v is not operand)
            panels += [self.panel(v.name, v.data) for v in others]
        else:
            panels.append(
                self.panel(f"local ∂{edge.result.name}/∂{operand.name}", edge.local.value)
            )
            if edge.product.head != "sum":
                moving = Formula("multiply", edge.contribution, "", product.arguments)
        name = f"∂{root}/∂{operand.name}"
        panels.append(self.panel(f"contribution to {name}", edge.contribution, moving, True))
        if edge.before is not None:
            panels.append(self.panel(f"{name}: old + new", edge.after, None, True))
        return panels

    def panel(
        self, label: str, data: Any, moving: Formula | None = None, result: bool = False
    ) -> dict[str, Any]:
        """Return an array to show, with the derivation of each element where there is one."""
        panel: dict[str, Any] = {"label": label, "data": self.array(data), "result": result}
        if moving is not None and np.ndim(data) and moving.head not in ("rule", "fold"):
            followed = []
            follower = Follower()
            for index in _shown_places(np.shape(data)):
                one = follower.follow(moving, index)
                text = write(one, TEXT)
                numbers = write(one, TEXT, numbers=True)
                followed.append(
                    " = ".join(dict.fromkeys([text, numbers, short(np.asarray(data)[index])]))
                )
            size = sum(map(len, followed))
            if size <= self.left:
                self.left -= size
                panel["elements"] = followed
        return panel

    def question(self, what: str, data: Any) -> dict[str, Any] | None:
        """Return what the learner is asked: a number, or the largest element of an array."""
        array = np.asarray(data)
        if array.dtype.kind not in "fiu" or not array.size:
            return None
        if not array.ndim:
            return {"what": what, "answer": _finite(array)} if np.isfinite(array) else None
        places = list(_shown_places(array.shape))
        place = max(places, key=lambda p: abs(np.nan_to_num(array[p])))
        if not np.isfinite(array[place]):
            return None
        index = f"[{', '.join(map(str, place))}]"
        return {"what": f"element {index} of {what}", "answer": _finite(array[place])}

    # -- checks by hand ------------------------------------------------------------------

    def bumps(self) -> list[dict[str, Any]]:
        """Return, for each input, finite differences and what a bump does."""
        whole = self.derivation.whole or self.derivation
        replay = Replay(whole.graph, whole.seed)
        inputs = self.derivation.inputs
        runs = OFTEN // (EACH * max(1, len(whole.steps)))  # for all elements of all inputs
        most = max(1, runs // max(1, len(inputs)))
        checked = []
        for value in inputs[:runs]:
            gradient = self.derivation.gradients.get(value)
            if (
                gradient is None
                or np.asarray(value.data).dtype.kind != "f"
                or not np.size(gradient)
            ):
                continue
            entry: dict[str, Any] = {"key": value.key, "name": value.name}
            if not is_finite(gradient) or not is_finite(value.data):
                what = "gradient" if is_finite(value.data) else "value"
                entry["badge"] = f"✗ the {what} is not finite: there is nothing to compare"
                entry["ok"] = False
            elif not replay.agrees():
                entry["badge"] = "not the same when run again: it cannot be checked"
                entry["ok"] = False
            else:
                slopes = finite_differences(replay, value, most)
                bumped = places(value, most)
                here = np.array([np.asarray(gradient)[p] for p in bumped], dtype=np.float64)
                size = np.maximum(np.abs(here), np.abs(slopes))
                error = np.abs(here - slopes)
                single = np.asarray(value.data).dtype == np.float32
                entry["ok"] = bool(np.all(error <= (1e-3 if single else 1e-5) * size + 1e-7))
                entry["badge"] = (
                    f"{'✓ agrees with' if entry['ok'] else '✗ differs from'} finite differences "
                    f"(largest difference {short(error.max())}"
                    + (f", first {len(here)} elements)" if np.size(value.data) > len(here) else ")")
                )
                entry["at"] = _finite(replay())
                entry["places"] = [list(p) for p in bumped]
                entry["gradient"] = [_finite(x) for x in here]
                entry["numeric"] = [_finite(x) for x in slopes]
                entry["effects"] = [
                    [_finite(x) for x in row] for row in effects(replay, value, most)
                ]
                entry["epsilons"] = list(EPSILONS)
            checked.append(entry)
        return checked


# -- pieces ------------------------------------------------------------------------------


def _line(label: str, parts: list[str], reveals: bool = False, note: str = "") -> dict[str, Any]:
    """Return a labelled equation; one that `reveals` hides in predict mode."""
    return {"label": label, "math": MATHML.equation(parts), "reveals": reveals, "note": note}


def _count(edge: Edge) -> str:
    """Say how many contributions have arrived, where there is more than one."""
    if edge.expected < 2:
        return ""
    name = edge.operand.name
    count = f" {edge.arrived} of {edge.expected} contributions to {name} have arrived; "
    if edge.ready:
        return f"{count}all are here, so {name} is ready to pass its gradient on."
    return (
        f"{count}{name} waits for {edge.expected - edge.arrived} more, and passes nothing on "
        "before that: this is why the order must be topological."
    )


def _list(values: list[Value]) -> str:
    """Name values, as many as one reads."""
    names = [v.name for v in values[:NAMED]]
    if len(values) > NAMED:
        names.append(f"and {len(values) - NAMED:,} more")
    return ", ".join(names)


def _equation(formula: Formula, value: Any) -> list[str]:
    parts = [write(formula, MATHML)]
    if scalars(formula):
        parts.append(write(formula, MATHML, numbers=True))
    return list(dict.fromkeys([*parts, _value_or_shape(value)]))


def _value_or_shape(value: Any) -> str:
    if np.ndim(value) == 0:
        return MATHML.number(short(value))
    return MATHML.words(f"[{' × '.join(map(str, np.shape(value)))}]")


def _said(value: Any) -> str:
    if np.ndim(value) == 0:
        return short(value)
    return f"an array of shape {' by '.join(map(str, np.shape(value)))}"


def _equals(value: Any) -> str:
    return f"{', ' if np.ndim(value) else ' = '}{_said(value)}"


def _finite(x: Any) -> float | str:
    """Return a number as JSON has it: what is not finite as a word."""
    return float(x) if np.isfinite(x) else str(float(x))


def _shown_places(shape: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    return np.ndindex(tuple(min(n, SHOWN) for n in shape))


def _cells(data: Any) -> dict[str, Any]:
    """Return an array for the page: its shape, and as many numbers as are shown."""
    array = np.asarray(data)
    shape = [min(n, SHOWN) for n in array.shape]
    part = array[tuple(slice(n) for n in shape)]
    if part.dtype.kind == "c":
        cells: list[Any] = [short(x) for x in part.ravel()]
    else:
        cells = [_finite(x) for x in part.ravel()]
    return {"shape": list(array.shape), "part": shape, "cells": cells, "dtype": str(array.dtype)}


def _source(line: str | None) -> dict[str, str] | None:
    """Return the place in the program, and what stands there."""
    if line is None:
        return None
    file, _, row = line.rpartition(":")
    return {"place": where(line), "code": linecache.getline(file, int(row)).strip()}
