"""What stands in the boxes of a picture, in DOT's language for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from ..locations import without_folders
from . import palette
from .birth import Birth, is_finite
from .fold import Fold
from .graph import GraphValue, OpCall
from .heat import heat_of
from .labels import short_formula, subscripted
from .part import Part
from .scene import HOW, magnitude
from .text import cut, number, parameters, printable, rows, sentence, summary

GREY, RED, GRADIENT = palette.GREY.of(), palette.BAD.of(), palette.BACKWARD.of()
NAME_LENGTH = 24
PARAMETERS_LENGTH = 32
FOLD_LENGTH = 40
SPACE = "&#160;"  # after a change of font: some browsers leave a plain space out


def value_label(value: GraphValue, part: Part, short: str = "", heat: bool = False) -> str:
    """Return the label of a value: its name and shape, its numbers, its gradient.

    `short` is what formulas call it, where that is another name.

    With `heat`, what is to be said of the size of the gradient is said in words too.
    """
    name = f"<b>{quoted(cut(printable(value.name), NAME_LENGTH))}</b>"
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
        kind += SPACE + quoted(short) if short not in ("", subscripted(value.name)) else ""
        lines = [f'{name}{SPACE}<font color="{GREY}">{array.shape}{kind}</font>']
        tell = _every_number if rows(array) is not None else _facts
        lines += tell(array, shown)
    else:
        # A bare number says all there is to say by itself.
        bare = value.tensor is None
        lines = [quoted(value.name) if bare else f"{name}{SPACE}= {_number(number(array))}"]
        lines += [_coloured(f"{word} {_number(number(g))}") for word, g in shown.items()]
    bad = what_is_not_finite(value, part)
    if bad:
        lines.append(_red(f"✗ {bad}"))
    if unshown:
        lines.append(_coloured(unshown))
    if heat and value.gradient is not None and not bad:
        size = f"|grad| {magnitude(value.gradient):.3g}" if array.ndim else ""
        word = heat_of(value.gradient).word
        said = [size, word and f"<b>{word}</b>"]
        lines += [" ".join(filter(None, said))] if any(said) else []
    lines += [quoted(HOW[stop.how]) for stop in part.graph.stops if stop.made is value][:1]
    return table([[line] for line in lines], 'cellpadding="1"')


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


def what_is_not_finite(value: GraphValue, part: Part) -> str:
    """Say whether the value, its gradient, or both are not finite; empty if both are."""
    shown = part.graph.gradients != "hidden"
    bad = [] if is_finite(value.data) else ["value"]
    bad += [] if is_finite(value.gradient) or not shown else ["gradient"]
    return f"{' and '.join(bad)} not finite" if bad else ""


def _matrix(array: Any) -> str:
    cells = [[_number(text) for text in row] for row in rows(array) or []]
    return table(cells, 'border="1" sides="LR" cellpadding="3"', 'align="right"')


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
    return [table(cells, 'cellpadding="3"', 'align="right"')]


def is_birth(operation: OpCall, born: Birth | None) -> bool:
    """Whether the first number that is not finite was born in an operation."""
    return born is not None and born.operation is operation


def operation_label(
    operation: OpCall, names: Mapping[GraphValue, str], born: Birth | None = None
) -> str:
    """Return the label of an operation: its name, and its formula or its parameters."""
    lines = [f"<b>{quoted(cut(printable(operation.name), NAME_LENGTH))}</b>"]
    formula = short_formula(operation, names)
    given = parameters(operation.parameters)
    if formula.endswith("[…]"):
        given = formula.removesuffix("[…]") + given
    elif not formula.startswith(f"{operation.name}("):
        given = ", ".join(filter(None, [formula, given]))
    given = cut(printable(given), PARAMETERS_LENGTH)
    if isinstance(operation, Fold):
        lines[0] = f"<b>{quoted(printable(operation.short(FOLD_LENGTH)))}</b>"
        given = operation.contents()
    if given:
        lines.append(f'<font point-size="11">{quoted(given)}</font>')
    if born is not None and born.operation is operation:
        lines.append(_red(quoted(f"✗ first here: {born.report.numbers}")))
    return "<br/>".join(lines)


def value_tooltip(value: GraphValue, part: Part) -> str:
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


def operation_tooltip(operation: OpCall, born: Birth | None = None) -> str:
    """Return what was done to what, on which line."""
    names = operation.operand_names[:8]
    operands = ", ".join(f"{n}={v.name}" for n, v in zip(names, operation.operands, strict=False))
    if isinstance(operation, Fold):
        operands = ", ".join(names)
    if len(operation.operands) > 8:
        operands += ", …"
    # The folders before the file's name differ from one machine to the next.
    line = without_folders(operation.line) if operation.line else ""
    said = str(born.report) if born is not None and born.operation is operation else ""
    return sentence([f"{operation.name}({operands})", parameters(operation.parameters), line, said])


# -- DOT's two ways to quote ----------------------------------------------------------


# A backslash is doubled for each time that Graphviz looks for codes such as \N (the node's
# key) in the text: once in a label, twice in a tooltip.


def quoted(text: str) -> str:
    """Quote a text for a label."""
    return escape(text).replace("\\", r"\\")


def in_one_colour(label: str, colour: str) -> str:
    """Return a label with all its text in a colour that can be read on its ground."""
    return re.sub(r'color="#\w+"', f'color="{colour}"', f'<font color="{colour}">{label}</font>')


def tooltip(text: str) -> str:
    """Quote a text for a tooltip."""
    return printable(text).replace("&", "&amp;").replace("\\", r"\\\\")


def _coloured(text: str) -> str:
    return text and f'<font color="{GRADIENT}">{text}</font>'  # an empty one is an error


def table(cells: list[list[str]], look: str, cell: str = "") -> str:
    """Return a table of labels, row by row."""
    border = "" if "border=" in look else ' border="0"'
    start = f"<td {cell}>" if cell else "<td>"
    body = "".join(
        "<tr>" + "".join(f"{start}{text}</td>" for text in row) + "</tr>" for row in cells
    )
    return f'<table{border} cellborder="0" cellspacing="0" {look}>{body}</table>'
