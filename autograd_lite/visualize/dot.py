"""A part of a graph, written as DOT: what each box says, and how it looks.

Kinds are told apart by shape and by border, and only then by colour (those of
`palette`: where the forward pass begins is green, what is of the backward pass purple):

=====================  ==============================  ===========
an input               box with a heavy border         green
a constant             sheet with a folded corner      grey
a result               box with round corners          white
a root                 the same, with two borders      purple
an operation           ellipse                         shaded
several, folded        box that looks like a stack     shaded
a module               frame around its operations     grey
what is left out       dashed box                      white
not finite             heavy border, and a cross       red
=====================  ==============================  ===========

An arrow is solid where a gradient comes back along it, dashed where none does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from html import escape
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import missing_extra
from . import palette
from .birth import Birth, birth, is_finite
from .fold import Fold
from .graph import Module, Operation, Value, homes
from .part import Part
from .text import cut, number, operations, parameters, printable, rows, sentence, summary

INK, PAPER, GREY = palette.INK.of(), palette.PAPER.of(), palette.GREY.of()
RED = palette.BAD.of()  # for what is not finite: a NaN, an infinity
GRADIENT = palette.BACKWARD.of()
NAME_LENGTH = 24
PARAMETERS_LENGTH = 32
FOLD_LENGTH = 40
SPACE = "&#160;"  # after a change of font: some browsers leave a plain space out
FONT = "Helvetica,Arial,sans-serif"

SYMMETRIC = {np.add, np.multiply, np.maximum, np.minimum, np.equal, np.not_equal}

INPUT = {"shape": "box", "style": "filled", "penwidth": "3",
         "color": palette.FORWARD.of(), "fillcolor": palette.soft(palette.FORWARD)}  # fmt: skip
CONSTANT = {"shape": "note", "style": "filled", "color": GREY, "fillcolor": palette.SHADE.of()}
RESULT = {"shape": "box", "style": "rounded,filled", "color": INK, "fillcolor": PAPER}
ROOT = {**RESULT, "peripheries": "2", "penwidth": "2",
        "color": GRADIENT, "fillcolor": palette.soft(palette.BACKWARD)}  # fmt: skip
OPERATION = {"shape": "ellipse", "style": "filled", "color": GREY, "fillcolor": palette.SHADE.of()}
FOLD = {**OPERATION, "shape": "box3d"}
MODULE = {
    "style": "rounded", "color": GREY, "fontcolor": GREY, "fontname": FONT, "fontsize": "12",
    "labeljust": "l", "margin": "10",
}  # fmt: skip
BAD = {"color": RED, "penwidth": "3"}
LEFT_OUT = {"shape": "box", "style": "dashed", "color": GREY}


def to_dot(part: Part, rankdir: str) -> Any:
    """Write a part of a graph as a `graphviz.Digraph`.

    Parameters
    ----------
    part
        What to write.
    rankdir
        Where the arrows point: ``LR``, ``TB``, ``RL`` or ``BT``.
    """
    try:
        graphviz = import_module("graphviz")
    except ImportError:
        raise missing_extra("graphviz", "viz", "draw a graph") from None
    digraph = graphviz.Digraph(
        "autograd_lite",
        # nslimit ends the search for the very best layout, which takes a tangle of 200 boxes
        # from ten seconds to half of one; layered graphs come out the same.
        graph_attr={"rankdir": rankdir, "nodesep": "0.25", "ranksep": "0.4", "nslimit": "4"},
        node_attr={"fontname": FONT, "fontsize": "14", "margin": "0.08,0.05"},
        edge_attr={"fontname": FONT, "fontsize": "11", "color": GREY, "arrowsize": "0.8"},
    )

    lines: list[Line] = []

    def node(key: str, label: str, tooltip: str, look: dict[str, str], home: Home = ()) -> None:
        look = {"label": f"<{label}>", "tooltip": _tooltip(tooltip), **look}
        lines.append((home, lambda body: body.node(key, **look)))

    def edge(tail: str, head: str, carries: bool, tooltip: str = "", label: str = "") -> None:
        look = {} if carries else {"style": "dashed", "color": GREY}
        if label:
            look["label"] = f"<{_html(label)}>"
        if tooltip:
            look["tooltip"] = _tooltip(tooltip)
        lines.append(((), lambda body: body.edge(tail, head, **look)))

    def draw_value(value: Value) -> None:
        label, tooltip = _value(value, part), _value_tooltip(value, part)
        node(value.key, label, tooltip, _look(value, part), home[value])

    born = birth(part.graph)

    shown = set(part.values)
    made_here = {v for operation in part.operations for v in operation.results}
    home = homes(part.operations, part.values)
    rest = _rest(part)
    if rest:
        node("rest", "<br/>".join(rest), "", LEFT_OUT)
    for value in part.values:
        if value.maker is None or value not in made_here:
            draw_value(value)
            if value.maker is not None:
                edge("rest", value.key, value.requires_grad)
    for operation in part.operations:
        node(
            operation.key,
            _operation(operation, born),
            _operation_tooltip(operation, born),
            {**_operation_look(operation), **(BAD if _is_birth(operation, born) else {})},
            operation.module.around() if operation.module else [],
        )
        carries = any(v.requires_grad for v in operation.results)
        for name, value in zip(operation.operand_names, operation.operands, strict=True):
            if value in shown:
                edge(value.key, operation.key, carries and value.requires_grad, tooltip=name)
        for (tail, head), values in part.graph.bundles.items():
            if head is operation and tail in part.operations:
                some = f"{len(values):,} values"
                edge(tail.key, head.key, any(v.requires_grad for v in values), label=some)
        if operation in part.cut:
            some = f"{len(part.cut[operation]):,} operands"
            edge("rest", operation.key, carries, label=some)
        for i, value in enumerate(operation.results):
            if value in shown:
                draw_value(value)
                which = f"[{operation.indices[i]}]" if operation.indices else ""
                edge(operation.key, value.key, value.requires_grad, label=which)
    _write(digraph, lines, 0)
    return digraph


Home = Sequence[Module]  # the modules around a box, the outermost first
Line = tuple[Home, Callable[[Any], None]]  # where a box stands, and what writes it


def _write(body: Any, lines: list[Line], depth: int) -> None:
    """Write boxes and arrows; the boxes of a module in a frame, where its first box would be."""
    framed = set()
    for home, line in lines:
        if len(home) == depth:
            line(body)
        elif home[depth] not in framed:
            module = home[depth]
            framed.add(module)
            with body.subgraph(name=f"cluster_{module.key}") as frame:
                label = f"<{_html(cut(printable(module.label), NAME_LENGTH))}>"
                frame.attr(label=label, tooltip=_tooltip(module.path), **MODULE)
                inside = [x for x in lines if len(x[0]) > depth and x[0][depth] is module]
                _write(frame, inside, depth + 1)


# -- what the boxes say ------------------------------------------------------------


def _value(value: Value, part: Part) -> str:
    """Return the label of a value: its name and shape, its numbers, its gradient."""
    name = f"<b>{_html(cut(printable(value.name), NAME_LENGTH))}</b>"
    array = np.asarray(value.data)
    shown: dict[str, Any] = {}  # the gradients, by what they are called
    unshown = ""
    if value.requires_grad and part.graph.gradients != "hidden":
        if value.gradient is not None:
            shown["grad"] = value.gradient
        else:
            unshown = "no grad arrives" if part.graph.gradients == "known" else "grad ?"
        if value.accumulated is not None:
            shown[".grad so far"] = value.accumulated
    if array.ndim:
        kind = "" if array.dtype == np.float64 else f" {array.dtype}"
        lines = [f'{name}{SPACE}<font color="{GREY}">{array.shape}{kind}</font>']
        tell = _every_number if rows(array) is not None else _facts
        lines += tell(array, shown)
    else:
        # A bare number says all there is to say by itself.
        lines = [_html(value.name) if value.tensor is None else f"{name}{SPACE}= {number(array)}"]
        if value.tensor is not None:
            lines = [f"{name}{SPACE}= {_number(number(array))}"]
        lines += [_coloured(f"{word} {_number(number(g))}") for word, g in shown.items()]
    bad = _what_is_not_finite(value, part)
    if bad:
        lines.append(_red(f"✗ {bad}"))
    if unshown:
        lines.append(_coloured(unshown))
    return _table([[line] for line in lines], 'cellpadding="1"')


def _every_number(array: Any, gradients: dict[str, Any]) -> list[str]:
    """Return the numbers of a small array between brackets, and those of its gradients below."""
    lines = [_matrix(array)]
    for word, gradient in gradients.items():
        lines += [_coloured(word), _coloured(_matrix(gradient))]
    return lines


def _number(text: str) -> str:
    """Return a number that has been written; in red if it is not finite."""
    finite = not ({"nan", "inf"} & set(re.findall("[a-z]+", text)))
    return text if finite else _red(text)


def _red(text: str) -> str:
    return text and f'<font color="{RED}"><b>{text}</b></font>'


def _what_is_not_finite(value: Value, part: Part) -> str:
    """Say whether the value, its gradient, or both are not finite; empty if both are."""
    shown = part.graph.gradients != "hidden"
    bad = [] if is_finite(value.data) else ["value"]
    bad += [] if is_finite(value.gradient) or not shown else ["gradient"]
    return f"{' and '.join(bad)} not finite" if bad else ""


def _matrix(array: Any) -> str:
    cells = [[_number(text) for text in row] for row in rows(array) or []]
    return _table(cells, 'border="1" sides="LR" cellpadding="3"', 'align="right"')


def _facts(array: Any, gradients: dict[str, Any]) -> list[str]:
    """Return what a large array is like, and beside it what its gradients are like."""
    columns = [summary(array), *map(summary, gradients.values())]
    cells = []
    for fact in dict.fromkeys(fact for column in columns for fact in column):
        value, *others = (column.get(fact, "") for column in columns)
        colour = _red if fact in ("nan", "inf") else _coloured
        told = f"<i>{fact}</i>" if colour is _coloured else _red(f"<i>{fact}</i>")
        cells.append([told, value, *map(colour, others)])
    if gradients:
        cells.insert(0, ["", "value", *map(_coloured, gradients)])
    return [_table(cells, 'cellpadding="3"', 'align="right"')]


def _is_birth(operation: Operation, born: Birth | None) -> bool:
    return born is not None and born.operation is operation


def _operation(operation: Operation, born: Birth | None = None) -> str:
    """Return the label of an operation: its name and its parameters."""
    lines = [f"<b>{_html(cut(printable(operation.name), NAME_LENGTH))}</b>"]
    given = cut(printable(parameters(operation.parameters)), PARAMETERS_LENGTH)
    if isinstance(operation, Fold):
        lines[0] = f"<b>{_html(printable(operation.short(FOLD_LENGTH)))}</b>"
        given = operation.contents()
    if given:
        lines.append(f'<font point-size="11">{_html(given)}</font>')
    if born is not None and born.operation is operation:
        lines.append(_red(_html(f"✗ first here: {born.report.numbers}")))
    return "<br/>".join(lines)


def _rest(part: Part) -> list[str]:
    """Say what is not shown, and how to see it."""
    total = len(part.graph.values) + len(part.graph.operations)
    lines = [f"<b>{_html(remark)}</b>" for remark in part.graph.remarks]
    folds = [o for o in part.operations if isinstance(o, Fold)]
    if folds:
        inside = sum(len(fold.inside) for fold in folds)
        boxes = f"{len(folds)} box{'es' * (len(folds) != 1)}"
        lines.append(f"<b>{operations(inside)} folded into {boxes}</b>")
    if part.left_out:
        lines.append(f"<b>{operations(part.left_out, 'earlier ')} not shown</b>")
    if part.cut:
        lines.append(f"<b>{sum(map(len, part.cut.values())):,} operands not shown</b>")
    if part.left_out or part.cut:
        lines.append(f"{part.max_boxes:,} of {total:,} boxes: draw(…, max_boxes=…) to see more")
    if folds:
        largest = max(folds, key=lambda fold: fold.count)
        lines.append(_html(f"draw(…, part={largest.example!r}) shows what is inside"))
    made = {v for operation in part.operations for v in operation.results}
    if not part.left_out and any(v.maker and v not in made for v in part.values):
        lines.append("<b>computed before</b>")
    return lines


def _value_tooltip(value: Value, part: Part) -> str:
    """Return what a box has no room for: the whole name, the dtype, every digit."""
    array = np.asarray(value.data)
    unknown = value.gradient is None and part.graph.gradients == "unknown"
    return sentence(
        [
            value.name,
            value.kind,
            f"shape {array.shape}, {array.dtype}",
            f"value {array.item()!r}" if array.ndim == 0 else "",
            f"gradient {value.gradient.item()!r}"
            if value.gradient is not None and array.ndim == 0
            else "",
            "gradient not known before backward(): draw(…, gradients=True) computes it"
            if unknown and value.requires_grad
            else "",
        ]
    )


def _operation_tooltip(operation: Operation, born: Birth | None = None) -> str:
    names = operation.operand_names[:8]
    operands = ", ".join(f"{n}={v.name}" for n, v in zip(names, operation.operands, strict=False))
    if isinstance(operation, Fold):
        operands = ", ".join(names)
    if len(operation.operands) > 8:
        operands += ", …"
    # The folders before the file's name differ from one machine to the next.
    line = os.path.basename(operation.line) if operation.line else ""
    said = str(born.report) if born is not None and born.operation is operation else ""
    return sentence([f"{operation.name}({operands})", parameters(operation.parameters), line, said])


def _look(value: Value, part: Part) -> dict[str, str]:
    look = {"input": INPUT, "constant": CONSTANT, "result": RESULT}[value.kind]
    if value.is_root and value.maker is not None:
        look = ROOT
    return {**look, **BAD} if _what_is_not_finite(value, part) else look


def _operation_look(operation: Operation) -> dict[str, str]:
    """Let the arrows arrive in the order of the operands: x − y is not y − x."""
    if isinstance(operation, Fold):
        return FOLD
    if len(operation.operands) < 2 or operation.primitive.function in SYMMETRIC:
        return OPERATION
    return {**OPERATION, "ordering": "in"}


# -- DOT's two ways to quote ----------------------------------------------------------


# A backslash is doubled for each time that Graphviz looks for codes such as \N (the node's
# key) in the text: once in a label, twice in a tooltip.


def _html(text: str) -> str:
    """Quote a text for a label."""
    return escape(text).replace("\\", r"\\")


def _tooltip(text: str) -> str:
    """Quote a text for a tooltip."""
    return printable(text).replace("&", "&amp;").replace("\\", r"\\\\")


def _coloured(text: str) -> str:
    return text and f'<font color="{GRADIENT}">{text}</font>'  # an empty one is an error


def _table(cells: list[list[str]], look: str, cell: str = "") -> str:
    border = "" if "border=" in look else ' border="0"'
    start = f"<td {cell}>" if cell else "<td>"
    body = "".join(
        "<tr>" + "".join(f"{start}{text}</td>" for text in row) + "</tr>" for row in cells
    )
    return f'<table{border} cellborder="0" cellspacing="0" {look}>{body}</table>'
