"""`draw`: the picture of a computation, with its numbers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import MissingExtraError
from ..later import later
from ..tensor import Tensor
from .closing import with_closing_frames
from .dot import View, to_dot
from .fold import fold
from .gradients import differentiate
from .graph import Graph, Level, check_level, named_in, read
from .mermaid import to_mermaid
from .network import columns_of, layers_of, picture, to_bytes, to_svg
from .notebook import beside
from .part import Part, nearest, piece
from .render import FORMATS, ending, render, write
from .schema import to_json
from .slide import OPERATIONS, to_slide
from .tikz import to_document, to_tikz
from .web import to_html

VIEW = View()
PATIENCE = 20  # seconds that a notebook waits for a picture


def draw(
    roots: Tensor | Sequence[Tensor] | Any,
    *,
    gradients: Any = None,
    rankdir: str = "LR",
    max_boxes: int = 200,
    level: Level = "program",
    part: str | None = None,
    backward: bool = False,
    color: Literal["kind", "gradient"] = "kind",
    size: Literal["slide"] | None = None,
    inputs: Any = None,
) -> Drawing:
    """Draw how a value came to be: a box for each value, one for each operation.

    The numbers are those that the program saw, even where an optimizer has changed
    an input since. Drawing changes no ``.grad``. A Tensor without a name is called as
    the variable is that holds it where `draw` is called.

    Parameters
    ----------
    roots
        The Tensor to draw, such as a loss, or a list of them. Or a model, layer after
        layer: then it is the classic picture of circles and lines.
    gradients
        None: show the gradients when ``backward()`` has run, and ``grad ?`` before.
        True: compute them for the picture. False: leave them out. Or the upstream
        gradient, as one gives it to ``backward()``, where the root is not a single
        number. For several roots it is the gradient of the sum of all their elements.
    rankdir
        Where the arrows point: ``"LR"`` to the right, ``"TB"`` down, ``"RL"``, ``"BT"``.
    max_boxes
        How many boxes to draw at most. Of a larger graph, modules and repetitions are
        folded into one box each until it fits; of what still does not fit, the latest
        operations are drawn; a box says so. Layout takes seconds at a few hundred
        boxes, and much longer beyond.
    level
        ``"program"``: the operations as the program has them, those of an `nn` module in
        a frame. ``"modules"``: each of the innermost modules in one box. ``"steps"``: a
        fused operation unfolds into those that it stands for. ``"scalars"``: each element
        of an array is a box, for a program of a few hundred numbers.
    part
        The name of a module, to see its inside, such as ``"blocks.3"`` (of several calls the
        first; ``"fc1[2]"`` is the third); of a result, to see what led to it, the latest
        operations first; or a repetition, as its box calls it: ``"× 20"`` is its first turn,
        ``"× 20[-1]"`` the last.
    backward
        Whether to draw the backward pass too: an arrow back for each arrow, with what it
        contributes to the gradient that it leads to (of an array ``|contribution|``, the root of
        the sum of squares). It computes the gradients if ``backward()`` has not run.
    color
        What the ground of a box tells: the ``"kind"`` of the value, or, on a scale from
        vanishing to exploding with a legend, the size of the ``"gradient"``. This too computes
        the gradients if need be.
    size
        ``"slide"``: the picture fills a slide of 1280 × 720, with letters as large as they can
        be: the lines wrap, an operation and its result are one box, which says the name, what
        is done, the shape and |gradient|. Of more than 40 operations some are folded.
    inputs
        For a model: one point, whose activations and gradients are shown.

    Returns
    -------
    Drawing
        Shows itself in a notebook; has ``.source``, ``.save`` and ``.render``.

    Raises
    ------
    NoGradientError
        If nothing was recorded on the way to the roots.
    TypeError
        If something else than a Tensor is given.
    ValueError
        If an option makes no sense, or there are too many numbers for ``"scalars"``.

    Examples
    --------
    >>> from autograd_lite import Tensor, draw
    >>> a = Tensor(-4.0, requires_grad=True, name="a")
    >>> b = a + a
    >>> b.backward()
    >>> picture = draw(b)
    >>> picture
    <Drawing of b: 2 values, 1 operation>
    >>> picture.source.count("->")  # a twice into the addition, and out of it
    3
    """
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir is 'LR', 'TB', 'RL' or 'BT', and {rankdir!r} was given.")
    if not isinstance(max_boxes, int) or max_boxes < 1:
        raise ValueError(
            f"max_boxes is how many boxes fit, at least 1, and {max_boxes!r} was given."
        )
    check_level(level)
    if color not in ("kind", "gradient"):
        raise ValueError(f"color is 'kind' or 'gradient', and {color!r} was given.")
    if size not in (None, "slide"):
        raise ValueError(f"size is 'slide' or None, and {size!r} was given.")
    if size == "slide" and (backward or rankdir != "LR"):
        raise ValueError(
            "size='slide' goes from left to right, and has no room for backward=True: leave out "
            f"{'backward=True' if backward else 'rankdir'}, or size='slide'."
        )
    if gradients is False and (backward or color == "gradient"):
        raise ValueError(
            "gradients=False leaves the gradients out, and they were asked for: leave out "
            f"{'backward=True' if backward else repr('color=' + color)}, or gradients=False."
        )
    layers = layers_of(roots)
    if layers is not None:
        if part is not None or level != "program":
            raise TypeError(
                "A model is drawn as circles and lines, without part or level: run it on some "
                "inputs, and draw the result."
            )
        return NetworkDrawing(layers, inputs)
    if inputs is not None:
        raise TypeError("inputs is for a model: a Tensor has been computed already.")
    graph = read(roots, named_in(sys._getframe(1)))
    if level in ("steps", "scalars"):
        # It reads formulas, and they read drawings.
        graph = later("lower")(graph, level)
    differentiate(graph, gradients)
    if graph.gradients == "unknown" and (backward or color == "gradient"):
        differentiate(graph, True)
    most = OPERATIONS if size == "slide" else np.inf
    seen = (
        fold(graph, max_boxes, level == "modules", bundles=True, operations=most)
        if part is None
        else piece(graph, part, max_boxes, most)
    )
    values, operations = len(graph.values), len(graph.operations)
    title = (
        f"{', '.join(root.name for root in graph.roots)}: "
        f"{values} value{'s' * (values != 1)}, {operations} operation{'s' * (operations != 1)}"
    )
    write_dot = to_slide if size == "slide" else to_dot
    shown, view = nearest(seen, max_boxes), View(rankdir, backward, color)
    whole = graph if part is None else piece(graph, part)
    return Drawing(write_dot(shown, view), title, graph, shown, view, whole)


class Drawing:
    """A picture of a computation. Made by `draw`.

    Attributes
    ----------
    digraph : graphviz.Digraph
        The picture as the package graphviz knows it, to change colours or add to it. Without
        that package, a `Digraph` of ours with its ``node``, ``edge``, ``attr`` and ``subgraph``.
    graph : Graph
        What is drawn, as plain values and operations, whole.

    Examples
    --------
    >>> from autograd_lite import Tensor, draw
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> picture = draw(x * x)
    >>> picture.graph.operations[0].name
    'multiply'
    """

    def __init__(
        self,
        digraph: Any,
        title: str = "",
        graph: Graph | None = None,
        part: Part | None = None,
        view: View = VIEW,
        whole: Graph | None = None,
    ) -> None:
        self.digraph = digraph
        self.graph = graph
        self._title = title
        self._part, self._view, self._whole = part, view, whole

    @property
    def source(self) -> str:
        """The picture in DOT, Graphviz's language. Two runs of a program give the same text."""
        return str(self.digraph.source)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file in the format that its name ends with, and return its path.

        Parameters
        ----------
        path
            Ends with ``.svg``, ``.pdf`` or ``.png`` for a picture (see `render`), ``.dot`` or
            ``.gv`` for the DOT text, ``.tikz`` for a picture to put into LaTeX by ``input``,
            ``.tex`` for a LaTeX document of its own, ``.mmd`` for a flowchart of Mermaid's,
            ``.html`` for a page that zooms and searches, and on which modules and repetitions
            open and close, for a graph of any size; or ``.json`` for the graph as data, which
            `autograd_lite.visualize.schema` describes.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        ValueError
            If the name ends otherwise.

        Examples
        --------
        >>> import tempfile
        >>> from autograd_lite import Tensor, draw
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw(Tensor(1.0, requires_grad=True)).save(folder + "/graph.dot").name
        'graph.dot'
        """
        path = Path(path)
        texts = self._texts()
        kind = ending(path, [*(f".{format}" for format in FORMATS), *texts])
        if kind not in texts:
            return self.render(path)
        write(path, texts[kind]().encode())
        return path

    def _texts(self) -> dict[str, Callable[[], str]]:
        """Return the formats that need no Graphviz, by ending."""
        texts: dict[str, Callable[[], str]] = {".dot": lambda: self.source}
        texts[".gv"] = texts[".dot"]
        if self.graph is not None:
            graph = self.graph
            texts[".json"] = lambda: to_json(graph) + "\n"
        if self._part is not None:
            part, view = self._part, self._view
            texts[".mmd"] = lambda: to_mermaid(part, view)
            texts[".tikz"] = lambda: to_tikz(part, view)
            texts[".tex"] = lambda: to_document(to_tikz(part, view))
        if self._whole is not None:
            whole, view, title = self._whole, self._view, self._title
            texts[".html"] = lambda: to_html(whole, f"The graph of {title}", view)
        return texts

    def render(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, in the format that its name ends with, and return its path.

        Parameters
        ----------
        path
            Ends with ``.svg``, ``.pdf`` or ``.png``.

        Raises
        ------
        MissingExtraError
            If neither the program ``dot`` nor the package pygraphviz is installed; or, for
            the circles and lines of a model as PDF or PNG, if matplotlib is not.
        FileNotFoundError
            If the folder does not exist.
        ValueError
            If the name ends otherwise.
        """
        path = Path(path)
        format = path.suffix.lower().lstrip(".")
        if format not in FORMATS:
            raise ValueError(
                f"'{path.name}' does not say which format to render: let it end with .svg, .pdf or "
                ".png (save writes DOT and JSON too)."
            )
        write(path, self._rendered(format))
        return path

    def _rendered(self, format: str) -> bytes:
        picture = render(self.source, format)
        if format == "svg" and self._part is not None:
            picture = with_closing_frames(picture.decode(), self._part).encode()
        return picture

    def _repr_svg_(self) -> str | None:
        try:
            return render(self.source, "svg", PATIENCE).decode()
        except (MissingExtraError, TimeoutError):
            return None

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        bundle = beside(repr(self), "image/svg+xml", self._repr_svg_)
        return bundle if len(bundle) > 1 else {"text/plain": self.source}

    def __repr__(self) -> str:
        return f"<Drawing of {self._title}>"


class NetworkDrawing(Drawing):
    """The picture of a network as circles and lines. Made by `draw`."""

    def __init__(self, layers: list[Any], inputs: Any = None) -> None:
        columns = columns_of(layers, inputs)
        super().__init__(None, f"a {'-'.join(str(c.size) for c in columns)} network")
        self._picture = picture(columns)

    @property
    def source(self) -> str:
        """The picture as SVG. Two runs of a program give the same text."""
        return to_svg(self._picture)

    def _texts(self) -> dict[str, Callable[[], str]]:
        return {}

    def _rendered(self, format: str) -> bytes:
        if format == "svg":
            return self.source.encode()
        return to_bytes(self._picture, format)

    def _repr_svg_(self) -> str:
        return self.source
