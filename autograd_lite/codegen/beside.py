"""A backward pass written by hand, set beside the one that was written from the tape.

Both are run on the same numbers and followed line by line. A line of the one corresponds to a
line of the other where both give a name to the same array; which name does not matter.

>>> from autograd_lite import source, value_and_grad
>>> def loss(w, x):
...     y = np.tanh(w @ x)
...     return np.sum((y - 1.0) ** 2)
>>> def by_hand(w, x):
...     a = np.tanh(w @ x)
...     da = 2 * (a - 1)
...     dz = da * (1 - a * a)
...     return np.outer(dz, x).T
>>> w, x = np.array([[0.5, -1.0], [0.25, 2.0]]), np.array([1.0, 2.0])
>>> print(source(value_and_grad(loss), w, x, against=by_hand))
from the tape                                by_hand
<BLANKLINE>
# forward
y = np.tanh(w @ x)                        =  a = np.tanh(w @ x)
t1 = y - 1
loss = np.sum(t1**2)
# backward
dw = (2 * t1 * (1 - y * y))[:, None] * x
                                          ·  da = 2 * (a - 1)
                                          ·  dz = da * (1 - a * a)
return loss, dw                           ≠  return np.outer(dz, x).T
<BLANKLINE>
=  the same numbers
·  right: a step inside of a line of the other
≠  other numbers than they should be
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import check_inputs
from ..tensor import Array, Tensor
from ..trees import described, flatten
from .following import GRADIENT, Assignment, assignments, gradient_of
from .program import Value
from .source_text import Source

SAME, TURNED, INSIDE, UNKNOWN, WRONG = "=", "ᵀ", "·", "?", "≠"
LEGEND = {
    SAME: "the same numbers",
    TURNED: "the same numbers, transposed",
    INSIDE: "right: a step inside of a line of the other",
    UNKNOWN: "numbers that the other never makes: a step of another way, or a mistake",
    WRONG: "other numbers than they should be",
}
"""What stands between two lines, and what it says."""


@dataclass(frozen=True)
class Row:
    """A line of the source, a line of the other function, and how they correspond.

    Attributes
    ----------
    ours, theirs
        The lines; empty where there is none.
    mark
        ``"="``, ``"ᵀ"``, ``"·"``, ``"?"``, ``"≠"``, or empty: see `LEGEND`.
    """

    ours: str
    mark: str
    theirs: str


class Beside(Source):
    """The two functions side by side; print it. ``load`` gives the one from the tape.

    Attributes
    ----------
    rows
        The lines, as `Row`.
    source
        The source alone.

    Examples
    --------
    >>> from autograd_lite import grad, source
    >>> def by_hand(x):
    ...     return 2.0 * x
    >>> both = source(grad(lambda x: x * x), 3.0, against=by_hand)
    >>> both.load()(3.0)
    6.0
    """

    rows: list[Row]
    source: Source

    def load(self) -> Callable[..., Any]:
        """Return the function that was written from the tape."""
        return self.source.load()


def beside(
    source: Source, inputs: Sequence[Any], theirs: Callable[..., Any], known: Sequence[Value]
) -> Beside:
    """Set a function beside a source; `known` are all values of the program that it came from."""
    if not callable(theirs):
        raise TypeError(
            f"against takes a function of the same inputs, and got {described(theirs)}."
        )
    check_inputs(theirs, inputs, "against takes a function of the same inputs")
    results: list[Any] = []

    def run(f: Callable[..., Any]) -> list[_Line]:
        arguments = [_as_arrays(x) for x in inputs]
        made = assignments(lambda: results.append(f(*arguments)), (), closely=True)
        return list(_lines(made, f))

    begin = source.index(":\n", source.rindex("\ndef ")) + 2
    body, first = source[begin:].rstrip().split("\n"), source[:begin].count("\n") + 1
    ours, others = {line.number - first: line for line in run(source.load())}, run(theirs)
    places = _places(ours, others, known, len(body) - 1)
    ours_given, theirs_given = (_arrays(r) for r in results)
    same = all(any(_agree(x, g) for g in ours_given) for x in theirs_given)
    mark = "" if not theirs_given else SAME if same else WRONG  # it may keep what it computes
    places.append((len(body) - 1, mark, _Line(len(body), _return(theirs), {})))
    rows = _rows(body, places)
    made = Beside(_text(rows, getattr(theirs, "__name__", "yours")))
    made.rows, made.source = rows, source
    made.name, made.data = source.name, source.data
    return made


# -- which line corresponds to which -----------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Line:
    number: int
    text: str
    made: dict[str, Array]


Place = tuple[int, str, _Line]
"""In which row a line stands, its mark, and the line."""


def _places(
    ours: dict[int, _Line], theirs: list[_Line], known: Sequence[Value], end: int
) -> list[Place]:
    used: set[int] = set()
    called: dict[str, str] = {}  # what ours calls what theirs calls so
    found: list[tuple[int | None, str, _Line]] = []
    for line in theirs:
        row, mark = _match(ours, line, used, known, called)
        found.append((row, mark, line))
        used |= set() if row is None else {row}
    places: list[Place] = []
    for row, mark, line in reversed(found):
        if row is None:  # what follows from a line stands below it
            row = min((i for i, _, _ in places), default=end)
        places.append((row, mark, line))
    return places[::-1]


def _match(
    ours: dict[int, _Line],
    line: _Line,
    used: set[int],
    known: Sequence[Value],
    called: dict[str, str],
) -> tuple[int | None, str]:
    """Return the row of a line and its mark; no row where nothing of ours corresponds."""
    for mark, agree in ((SAME, _agree), (TURNED, lambda x, g: x.ndim > 1 and _agree(x.T, g))):
        rows = [
            (not _same_name(name, n), i in used, i, name, n)  # the name decides between equals
            for name, x in line.made.items()
            for i, of_ours in ours.items()
            for n, g in of_ours.made.items()
            if agree(x, g)
        ]
        if rows:
            _, _, row, name, n = min(rows)
            called[name.lower()] = n.lower()
            return row, mark
    for name, x in line.made.items():
        # dx may be the gradient of another x than ours; but it should be the gradient of something.
        steps = [v for v in known if v.gradient_of is not None or not GRADIENT.match(name)]
        if any(_agree(x, np.asarray(v.data)) for v in steps):
            return None, INSIDE
    for name, x in line.made.items():
        of = gradient_of(name) or ""
        for i, of_ours in ours.items():
            for n, g in of_ours.made.items():
                if of and gradient_of(n) == called.get(of, of) and x.shape == g.shape:
                    return i, WRONG
    return None, UNKNOWN


def _same_name(a: str, b: str) -> bool:
    return (gradient_of(a) or a.lower()) == (gradient_of(b) or b.lower()) and (
        bool(GRADIENT.match(a)) == bool(GRADIENT.match(b))
    )


def _agree(a: Array, b: Array) -> bool:
    scale = float(np.max(np.abs(b), initial=0.0))
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-9 * scale, equal_nan=True)


# -- the lines ---------------------------------------------------------------------------------


def _lines(made: Iterable[Assignment], f: Callable[..., Any]) -> Iterable[_Line]:
    """Yield the statements that gave names, in the order in which they first ran."""
    lines: dict[tuple[str, int], _Line] = {}
    generated = getattr(getattr(f, "__code__", None), "co_filename", "").startswith("<source of")
    statements: dict[str, list[_Statement]] = {}
    for a in made:
        if a.file not in statements:
            statements[a.file] = [] if generated else _statements(a.file)
        found = [s for s in statements[a.file] if s.first <= a.line <= s.last]
        number, text = (found[0].first, found[0].text) if found else (a.line, "")
        if text or generated:
            line = lines.setdefault((a.file, number), _Line(number, text, {}))
            line.made[a.name] = a.array
    return lines.values()


class _Statement(NamedTuple):
    first: int
    last: int
    text: str


def _statements(file: str) -> list[_Statement]:
    """Return the statements of a file that may give names, each as one line; no ``def``."""
    source = linecache.getlines(file)
    try:
        tree = ast.parse("".join(source))
    except SyntaxError:
        return [_Statement(i, i, line.strip()) for i, line in enumerate(source, 1)]
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            last = node.end_lineno or node.lineno
            text = " ".join(part.strip() for part in source[node.lineno - 1 : last])
            found.append(_Statement(node.lineno, last, text.partition("  #")[0]))
    return found


def _return(f: Callable[..., Any]) -> str:
    """Return the last ``return`` of a function as one line."""
    try:
        text = textwrap.dedent(inspect.getsource(f))
        ends = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Return)]
    except (OSError, TypeError, SyntaxError):
        return "return …"
    return ast.unparse(ends[-1]) if ends else "return …"


def _as_arrays(x: Any) -> Any:
    leaves, rebuild = flatten(x)
    return rebuild([np.array(v.data if isinstance(v, Tensor) else v)[()] for v in leaves])


def _arrays(result: Any) -> list[Array]:
    return [np.asarray(x.data if isinstance(x, Tensor) else x) for x in flatten(result)[0]]


# -- the table ---------------------------------------------------------------------------------


def _rows(body: Sequence[str], places: Sequence[Place]) -> list[Row]:
    rows = []
    for i, line in enumerate(body):
        here = [(mark, theirs.text) for row, mark, theirs in places if row == i]
        ours = re.sub(r"(?<=\S) +# .*$", "", line[4:])
        marked = [k for k, (mark, _) in enumerate(here) if mark in (SAME, TURNED, WRONG)]
        at = marked[0] if marked else len(here)  # what stands above the line that corresponds
        rows += [Row("", *pair) for pair in here[:at]]
        rows.append(Row(ours, *(here[at] if marked else ("", ""))))
        rows += [Row("", *pair) for pair in here[at + 1 :]]
    return rows


def _text(rows: Sequence[Row], name: str) -> str:
    width = max(len("from the tape"), *(len(row.ours) for row in rows))
    lines = [f"{'from the tape':{width}}     {name}", ""]
    lines += [f"{row.ours:{width}}  {row.mark:1}  {row.theirs}".rstrip() for row in rows]
    used = [mark for mark in LEGEND if any(row.mark == mark for row in rows)]
    return "\n".join([*lines, "", *(f"{mark}  {LEGEND[mark]}" for mark in used)])
