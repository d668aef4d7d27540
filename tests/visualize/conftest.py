"""How the tests read a drawing back: with Graphviz's own parser."""

import html
import re
from dataclasses import dataclass

import pytest


@dataclass
class Picture:
    """A drawing as Graphviz understands it, in words a test can compare."""

    labels: dict[str, list[str]]  # by key: the texts in the box, cell by cell
    looks: dict[str, dict[str, str]]
    arrows: list[tuple[str, str]]  # by key, one for each arrow
    dashed: list[tuple[str, str]]
    layout: dict[str, str]

    def key(self, name: str) -> str:
        """The key of the one box whose first cell begins with `name`."""
        (key,) = (k for k, texts in self.labels.items() if re.split(r" [=(]", texts[0])[0] == name)
        return key

    def text(self, name: str) -> str:
        """All that the box says, cells apart by |."""
        return "|".join(self.labels[self.key(name)])

    def look(self, name: str) -> dict[str, str]:
        return self.looks[self.key(name)]

    def names(self, kind: str) -> list[str]:
        """The first words of all values (v) or operations (o)."""
        return [re.split(r" [=(]", t[0])[0] for k, t in self.labels.items() if k.startswith(kind)]

    def edges(self) -> list[tuple[str, str]]:
        """The arrows by the names of their boxes, in order."""
        name = {k: re.split(r" [=(]", t[0])[0] for k, t in self.labels.items()}
        return sorted((name[a], name[b]) for a, b in self.arrows)


def texts(label: str) -> list[str]:
    """The texts of an HTML-like label, cell by cell."""
    cells = re.split(r"</?td[^>]*>|<br/>", label)  # pygraphviz has taken off the outer brackets
    plain = [html.unescape(re.sub(r"<[^>]*>", "", cell)).replace("\xa0", " ") for cell in cells]
    return [text for text in plain if text.strip()]


@pytest.fixture
def parse():
    """Parse a drawing, or DOT text."""
    pygraphviz = pytest.importorskip("pygraphviz")

    def parse(drawing) -> Picture:
        graph = pygraphviz.AGraph(string=getattr(drawing, "source", drawing))
        assert graph.is_directed()
        assert not graph.is_strict()
        arrows = graph.edges()
        return Picture(
            {str(n): texts(n.attr["label"]) for n in graph.nodes()},
            {str(n): dict(n.attr) for n in graph.nodes()},
            [(str(a), str(b)) for a, b in arrows],
            [(str(e[0]), str(e[1])) for e in arrows if e.attr["style"] == "dashed"],
            dict(graph.graph_attr),
        )

    return parse
