"""The chain rule in ten minutes: four small programs, each in words, as a picture, in steps.

Each program is a few lines of ordinary code; what is said about it is read off its tape.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from itertools import chain, count
from pathlib import Path
from string import Template

import numpy as np

import nn
from autograd_lite import Tensor, draw, explain, trace
from autograd_lite.files import staged
from autograd_lite.visualize.palette import css

from .command import Parser
from .data import generate_XOR_easy
from .expression import ExpressionError, evaluate


@dataclass
class Lesson:
    """A program whose gradients are explained."""

    file: str
    title: str
    why: str
    program: Callable[[], Tensor]
    has_lines: bool = True
    """Whether its operations stand in lines that the reader can look up."""


# -- the programs ---------------------------------------------------------------------


def two_uses() -> Tensor:
    """Use x twice, so two contributions arrive at it."""
    x = Tensor(2.0, requires_grad=True, name="x")
    y = Tensor(3.0, requires_grad=True, name="y")
    f = x * y + np.sin(x)
    f.name = "f"
    return f


def neuron() -> Tensor:
    """One neuron: weigh the inputs, add a bias, squash, and compare with the truth."""
    x1 = Tensor(0.5, name="x1")
    x2 = Tensor(-1.0, name="x2")
    w1 = Tensor(0.8, requires_grad=True, name="w1")
    w2 = Tensor(-0.3, requires_grad=True, name="w2")
    b = Tensor(0.1, requires_grad=True, name="b")
    z = w1 * x1 + w2 * x2 + b
    y = z.sigmoid()
    loss = (y - 1.0) ** 2
    z.name, y.name, loss.name = "z", "y", "L"
    return loss


def network() -> Tensor:
    """The lab's network, with all points of XOR at once."""
    inputs, labels = generate_XOR_easy()
    model = nn.MLP(
        [2, 4, 4, 1], "sigmoid", output_activation="sigmoid", bias=False, init="normal", rng=0
    )
    y = model(Tensor(inputs, name="X"))
    loss: Tensor = nn.MSELoss()(y, Tensor(labels.astype(float), name="truth"))
    y.name, loss.name = "y", "L"
    return loss


def counterexample() -> Tensor:
    """A value that is used twice by its user, and that user again."""
    a = Tensor(-4.0, requires_grad=True, name="a")
    b = a + a
    c = b + b
    b.name, c.name = "b", "c"
    return c


LESSONS = [
    Lesson(
        "1-two-uses",
        "f(x, y) = x·y + sin(x)",
        "x is used twice: its gradient is the sum of two contributions.",
        two_uses,
    ),
    Lesson(
        "2-neuron",
        "One sigmoid neuron with a squared error",
        "The gradient of a weight is a product of local derivatives, back from the loss.",
        neuron,
    ),
    Lesson(
        "3-network",
        "The 2-4-4-1 network",
        "The same with matrices: click an element to see its sum of products.",
        network,
    ),
    Lesson(
        "4-order",
        "b = a + a, then c = b + b",
        "Why the order matters: b must wait for both of its contributions before it sends its own.",
        counterexample,
    ),
]

# -- the command line --------------------------------------------------------------------

EPILOG = """\
examples:
  the lesson:
    python -m demos chain-rule
  a formula of your own, step by step:
    python -m demos chain-rule --expression "log(1 + exp(w*x + b))" --at w=2 x=-1 b=0.5
"""


def main(argv: Sequence[str]) -> int:
    """Write the lesson and print it; return the exit status."""
    args = parse(argv)
    with staged(args.out) as folder:
        for lesson in args.lessons:
            write(lesson, folder)
        (folder / "index.html").write_text(index(args.lessons), encoding="utf-8")
    for lesson in args.lessons:
        print(f"{lesson.title}\n{'=' * len(lesson.title)}\n{lesson.why}\n")
        print((args.out / f"{lesson.file}.txt").read_text(encoding="utf-8"))
    print(f"Open {args.out / 'index.html'} in a browser to step through it.")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags; whatever is wrong with them ends the program here, in one line."""
    parser = Parser(
        prog="python -m demos chain-rule",
        description="The chain rule in ten minutes: in words, as pictures, step by step.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--expression", metavar="TEXT", help="a formula to step through instead of the lesson"
    )
    parser.add_argument(
        "--at", metavar="NAME=NUMBER", nargs="+", default=[], help="where to evaluate it"
    )
    parser.add_argument(
        "--out", metavar="DIR", default="out/chain-rule", help="folder (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    args.lessons = LESSONS
    if args.expression is not None:
        try:
            args.lessons = [typed(args.expression, bindings(args.at))]
        except ExpressionError as error:
            parser.error(f"argument --expression: {error}", error.marked)
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --at: {error}")
    elif args.at:
        parser.error("argument --at: give a formula with --expression")
    return parser.ready(args, "graphviz")


def binding(text: str) -> tuple[str, float]:
    """Read what a name stands for.

    >>> binding("w=-2.5")
    ('w', -2.5)
    """
    name, equals, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = np.nan
    if not (name.isidentifier() and equals and np.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be like w=2, not '{text}'")
    return name, value


def bindings(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Read what each name stands for; none may be given twice."""
    at = [binding(text) for text in texts]
    for i, (name, _) in enumerate(at):
        if name in dict(at[:i]):
            raise argparse.ArgumentTypeError(f"{name} is given twice")
    return at


def typed(expression: str, at: list[tuple[str, float]]) -> Lesson:
    """Make a lesson of a formula that was typed; refuse what is none."""

    def program() -> Tensor:
        inputs = {name: Tensor(value, requires_grad=True, name=name) for name, value in at}
        with np.errstate(all="ignore"):
            result = evaluate(expression, inputs)
        if not isinstance(result, Tensor) or result.is_leaf:
            raise ExpressionError("there is nothing to derive: no operation on a name")
        if not np.isfinite(result.item()):
            raise ExpressionError(f"its value at this point is {result.item()}")
        free = chain("fyL", (f"f{n}" for n in count(1)))
        result.name = next(name for name in free if name not in inputs)
        return result

    program()
    where = ", ".join(f"{name} = {value:g}" for name, value in at)
    return Lesson("expression", expression, f"At {where}.", program, has_lines=False)


# -- what is written -------------------------------------------------------------------


def write(lesson: Lesson, folder: Path) -> None:
    """Write a lesson as text, LaTeX, picture and page of steps."""
    with trace() if lesson.has_lines else nullcontext():
        result = lesson.program()
    explanation = explain(result)
    for kind in ("txt", "tex", "html"):
        explanation.save(folder / f"{lesson.file}.{kind}")
    draw(result, gradients=True).render(folder / f"{lesson.file}.svg")


PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>The chain rule in ten minutes</title>
<style>
$colours
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
         color: var(--ink); background: var(--paper); font: 1.05rem/1.5 system-ui, sans-serif; }
  li { margin: 1.2rem 0; } h2 { font-size: 1.1rem; margin: 0; } p { margin: .2rem 0; }
  a { color: var(--positive); } a.steps { font-weight: 700; }
  img { max-width: 100%; max-height: 14rem; }
</style>
</head>
<body>
<h1>The chain rule in ten minutes</h1>
<p>Each of these programs was run and its tape read: the numbers are its own, and the formulas are
those of the rules that <code>backward()</code> applies. In the steps, press → to go on.</p>
<ol>
$lessons
</ol>
</body>
</html>
""")


def index(lessons: Sequence[Lesson]) -> str:
    """Return the page that leads to all the others."""
    items = [
        f"<li><h2>{escape(lesson.title)}</h2><p>{escape(lesson.why)}</p><p>"
        f'<a class="steps" href="{lesson.file}.html">Step by step</a> · '
        f'<a href="{lesson.file}.txt">in words</a> · <a href="{lesson.file}.tex">LaTeX</a> · '
        f'<a href="{lesson.file}.svg">the graph</a></p>'
        f'<img src="{lesson.file}.svg" alt="The graph of {escape(lesson.title)}"></li>'
        for lesson in lessons
    ]
    return PAGE.substitute(colours=css(), lessons="\n".join(items))
