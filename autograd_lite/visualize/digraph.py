"""DOT without the package graphviz: what `to_dot` needs of its ``Digraph``, to the same text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PLAIN = re.compile(r"[a-zA-Z_]\w*|-?(\.\d+|\d+(\.\d*)?)", re.ASCII)
KEYWORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}


class Digraph:
    """A graph that is written line by line.

    >>> graph = Digraph("g", graph_attr={"rankdir": "LR"})
    >>> graph.node("a", "<<b>x</b>>", shape="box")
    >>> graph.edge("a", "b b")
    >>> graph.source.splitlines()[2].strip()
    'a [label=<<b>x</b>> shape=box]'
    """

    def __init__(self, name: str = "", **defaults: Mapping[str, str]) -> None:
        self._head = f"digraph {quoted(name)} {{" if name else "digraph {"
        self._lines: list[str] = []
        for kind in ("graph", "node", "edge"):
            if defaults.get(f"{kind}_attr"):
                self.attr(kind, **defaults[f"{kind}_attr"])

    @property
    def source(self) -> str:
        """The text, in DOT."""
        return "".join(f"{line}\n" for line in [self._head, *self._lines, "}"])

    def attr(self, kind: str | None = None, **look: str) -> None:
        """Set what holds from here on, for a kind of thing or for the graph itself."""
        if look:
            self._write(f"{kind}{listed(None, look)}" if kind else listed(None, look)[2:-1])

    def node(self, name: str, label: str | None = None, **look: str) -> None:
        """Add a box."""
        self._write(f"{quoted(name)}{listed(label, look)}")

    def edge(self, tail: str, head: str, label: str | None = None, **look: str) -> None:
        """Add an arrow; an end may name a side, as in ``a:e``."""
        ends = (":".join(map(quoted, end.split(":"))) for end in (tail, head))
        self._write(f"{' -> '.join(ends)}{listed(label, look)}")

    @contextmanager
    def subgraph(self, name: str) -> Iterator[Digraph]:
        """Add a frame, with what is added to it inside the `with`."""
        inside = Digraph()
        yield inside
        for line in [f"subgraph {quoted(name)} {{", *inside._lines, "}"]:
            self._write(line)

    def _write(self, line: str) -> None:
        self._lines.append(f"\t{line}")


def listed(label: str | None, look: Mapping[str, str]) -> str:
    """Write attributes: the label first, the others by their names."""
    pairs = [] if label is None else [("label", label)]
    pairs += sorted(look.items())
    said = " ".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)
    return f" [{said}]" if said else ""


def quoted(text: str) -> str:
    r"""Write a name or a value, in quotes where DOT needs them.

    >>> quoted("box"), quoted("0.5"), quoted("<b>"), quoted("a b"), quoted("")
    ('box', '0.5', '<b>', '"a b"', '""')
    """
    markup = text.startswith("<") and text.endswith(">")
    if markup or (PLAIN.fullmatch(text) and text.lower() not in KEYWORDS):
        return text
    return '"' + re.sub(r'((?:\\\\)*)\\?"', r'\1\\"', text) + '"'
