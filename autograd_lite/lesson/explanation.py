"""`explain`: a derivation that can be printed, typeset, and stepped through."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from ..arguments import check_inputs
from ..modes import trace
from ..tensor import Tensor
from ..visualize.document import in_a_frame
from ..visualize.fold import fold
from ..visualize.graph import Level, check_level, named_in, read
from ..visualize.notebook import beside
from ..visualize.part import piece
from ..visualize.render import FORMATS, ending, write
from . import frames
from .derivation import Derivation, derive, seed_of
from .levels import lower
from .parts import of_graph
from .people import named_by_people
from .playground import Playground
from .training import FunctionTraining
from .words import to_text


@overload
def explain(
    loss: Tensor | Callable[..., Tensor],
    *inputs: Any,
    upstream: Any = None,
    level: Level = "program",
    part: str | None = None,
    train: Literal[False] = False,
) -> Explanation: ...
@overload
def explain(loss: Callable[..., Tensor], *inputs: Any, train: Literal[True]) -> Playground: ...
def explain(
    loss: Tensor | Callable[..., Tensor],
    *inputs: Any,
    upstream: Any = None,
    level: Level = "program",
    part: str | None = None,
    train: bool = False,
) -> Explanation | Playground:
    """Explain the gradients of a result: the chain rule, one edge of the graph at a time.

    No ``.grad`` is changed, whether ``backward()`` has run or not.

    Parameters
    ----------
    loss
        The Tensor to explain; or a function, which is called on the inputs while the line
        of each operation is recorded.
    *inputs
        For a function: its arguments. Numbers and arrays of floats become inputs, named as
        the function's parameters are.
    upstream
        The gradient to begin with, where the result is not a single number.
    level
        ``"program"``: the operations as the program has them. ``"modules"``: each of the
        innermost modules is one step. ``"steps"``: a fused operation, such as `sigmoid`,
        unfolds into the steps that it stands for. ``"scalars"``: each element of an array is a
        value of its own, for a program of a few hundred numbers.
    part
        The name of a module, to explain only what is inside it; or of a result, for what led
        to it. The gradients are still those of the whole result.
    train
        Of a function: a page on which its inputs are trained, step by step, to make the result
        small. For a model with a loss and examples there is `play`.

    Returns
    -------
    Explanation
        ``print`` it, or ``.save("derivation.tex")``, or ``.save("steps.html")``; with `train`
        what `play` returns.

    Raises
    ------
    NoGradientError
        If nothing that requires a gradient led to the result.
    NonScalarBackwardError
        If the result is not a single number and no upstream gradient is given.
    ValueError
        If the program is too large for scalars, or there is no such level or part.

    Examples
    --------
    >>> from autograd_lite import Tensor, explain
    >>> x, y = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    >>> f = x * y
    >>> print(explain(f))
    Forward: from the inputs to f
    <BLANKLINE>
      x = 2
      y = 3
      f = x · y = 2 · 3 = 6
    <BLANKLINE>
    Backward: from f to the inputs, one edge at a time
    <BLANKLINE>
      ∂f/∂x is the gradient of x: how fast f changes with it, along all ways together. f′(x) is a
      local derivative: how fast f changes with x in this one operation, all else held still.
    <BLANKLINE>
      ∂f/∂f = 1, to begin with
    <BLANKLINE>
      1. f → x      x = 2
         upstream      ∂f/∂f = 1
         local         f′(x) = y = 3
         contribution  ∂f/∂f · y = 1 · 3 = 3
    <BLANKLINE>
      2. f → y      y = 3
         upstream      ∂f/∂f = 1
         local         f′(y) = x = 2
         contribution  ∂f/∂f · x = 1 · 2 = 2
    <BLANKLINE>
    Gradients
    <BLANKLINE>
      ∂f/∂x = f′(x)
      ∂f/∂x = y
      ∂f/∂x = 3
      ∂f/∂y = f′(y)
      ∂f/∂y = x
      ∂f/∂y = 2
    <BLANKLINE>
    f.backward() has not run: what stands in .grad is not from it. This derivation changed nothing.
    """
    if train:
        return _trained(loss, inputs)
    check_level(level)
    variables = named_in(sys._getframe(1))
    if not isinstance(loss, Tensor) and callable(loss):
        check_inputs(loss, inputs, "write explain(function, input, …)")
        given = [_input(x, name) for x, name in zip(inputs, _names(loss, inputs), strict=True)]
        with trace():
            result = loss(*given)
        called = getattr(loss, "__name__", "result")
        variables[id(result)] = called if called.isidentifier() else "result"
        loss = result
    elif inputs:
        raise TypeError("Inputs are given to a function; a Tensor has been computed already.")
    if isinstance(loss, (list, tuple)):
        raise TypeError(
            "One result is explained at a time, and several were given: give one, or their sum."
        )
    graph = read(loss, variables)
    named_by_people(graph)
    if level in ("steps", "scalars"):
        assert isinstance(loss, Tensor)
        seed = seed_of(loss, upstream)
        graph = lower(graph, level, seed)
        # Of an array's elements, each weighted by the seed, there is one number, which begins anew.
        upstream = seed if np.shape(graph.roots[0].data) == np.shape(seed) else None
    derivation = derive(graph, upstream)
    if part is not None:
        return Explanation(of_graph(derivation, piece(graph, part)), folding=False)
    if level == "modules":
        return Explanation(of_graph(derivation, fold(graph, len(graph.values) * 9, modules=True)))
    return Explanation(derivation)


def _trained(loss: Any, inputs: tuple[Any, ...]) -> Playground:
    """Return the page on which a function's inputs are trained."""
    if isinstance(loss, Tensor) or not callable(loss):
        raise TypeError(
            "With train=True the result is computed again for other numbers, so give the function "
            "and its inputs, explain(f, w, b, train=True); or play(model, loss, X, y)."
        )
    check_inputs(loss, inputs, "write explain(function, input, …)")
    given = [_input(np.array(x.data if isinstance(x, Tensor) else x, float), "") for x in inputs]
    names = _names(loss, inputs)
    return Playground(FunctionTraining(loss, dict(zip(names, given, strict=True))))


def _names(function: Callable[..., Any], inputs: tuple[Any, ...]) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"x{i + 1}" for i in range(len(inputs))]


def _input(x: Any, name: str) -> Any:
    if isinstance(x, Tensor):
        return x
    t = Tensor(x, name=name)
    return t.requires_grad_() if t.dtype.kind in "fc" else t


class Explanation:
    """The derivation of a result's gradients. Made by `explain`.

    Attributes
    ----------
    derivation : Derivation
        Every step with its numbers and formulas, as data.

    Examples
    --------
    >>> from autograd_lite import Tensor, explain
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> explanation = explain(x * x)
    >>> len(explanation.derivation.steps)
    1
    """

    def __init__(self, derivation: Derivation, folding: bool = True) -> None:
        self.derivation = derivation
        self._folding = folding

    def __str__(self) -> str:
        return to_text(self.derivation)

    def __repr__(self) -> str:
        d = self.derivation
        return f"<Explanation of {d.root.name}: {len(d.steps)} steps forward, {len(d.edges)} back>"

    def to_latex(self) -> str:
        """Return the derivation as a LaTeX document that needs nothing but amsmath.

        Two runs of a program give the same text.
        """
        from .latex import to_latex

        return to_latex(self.derivation)

    def to_mathml(self) -> str:
        """Return the derivation as headings and equations, to stand within a web page of yours.

        It is a piece of HTML, ``<div class="derivation">``, with MathML in it, which browsers
        show by themselves: no script, no style, no network. For a page of its own that can be
        stepped through, see `to_html`.

        >>> from autograd_lite import Tensor, explain
        >>> x = Tensor(2.0, requires_grad=True)
        >>> y = x * x
        >>> fragment = explain(y).to_mathml()
        >>> fragment.startswith('<div class="derivation">'), "<script" in fragment
        (True, False)
        """
        from .mathml import to_mathml

        return to_mathml(self.derivation)

    def to_html(self) -> str:
        """Return the derivation as one whole web page with a stepper. It needs no network.

        The numbers of inputs and parameters can be changed on it: dragged, typed, or stepped with
        ↑ and ↓. All values, derivatives, formulas and checks follow, computed by the page in
        double precision. Where an operation has no words in JavaScript, or there are more than
        20,000, the numbers stand still and the page says why.

        Where there are more operations than one can step through, modules and repetitions are
        one step each, and the page says how to see what is inside.
        """
        from .page import to_html

        return to_html(self.derivation, self._folding)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        return beside(str(self), "text/html", self._in_a_frame)

    def _in_a_frame(self) -> str:
        return in_a_frame(self.to_html(), repr(self), height=44)

    def _film(self) -> frames.LessonFilm:
        return frames.film(self.derivation, self._folding)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the derivation to a file, as its name ends.

        Parameters
        ----------
        path
            Ends with ``.txt``, ``.tex`` or ``.html``; with ``.gif`` for an animation; with
            ``.tikz`` for a picture with an overlay for each step, for Beamer. With a ``*`` in
            its name it is a picture for each step: ``step_*.svg`` is ``step_01.svg`` and so on
            (or ``.png``, ``.pdf``); then the path of the first is returned.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        ValueError
            If the name ends otherwise.
        """
        path = Path(path)
        if "*" in path.name:
            ending(path, [f".{format}" for format in FORMATS])
            return frames.save_frames(self._film(), path)[0]
        kinds: dict[str, Callable[[], Any]] = {
            ".txt": self.__str__, ".tex": self.to_latex, ".html": self.to_html,
            ".gif": lambda: frames.to_gif(self._film()),
            ".tikz": lambda: frames.to_beamer(self._film()),
        }  # fmt: skip
        text = kinds[ending(path, kinds)]()
        if isinstance(text, bytes):
            write(path, text)
            return path
        write(path, text.rstrip("\n").encode() + b"\n")
        return path
