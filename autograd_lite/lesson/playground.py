"""`play`: a page on which a model is trained, step by step, in any browser, without a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..codegen.to_javascript import javascript
from ..errors import AutogradError
from ..modes import no_grad
from ..visualize import palette
from ..visualize.document import as_script, document, in_a_frame
from ..visualize.graph import read
from ..visualize.notebook import beside
from ..visualize.render import ending, write
from .batches import over_batches
from .derivation import derive
from .page import to_html
from .training import FunctionTraining, Training

OPTIMIZERS = {"sgd": 0.1, "momentum": 0.1, "adam": 0.01}
"""What can be chosen on the page, with the rate that it begins with."""
SETTINGS = {"beta": 0.9, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
"""What else an optimizer's formula has: what `nn.optim` has where nothing else is said."""
FEW, MOST = 2, 600  # examples, where some can be added and removed
LARGEST = 200_000  # numbers, in parameters and in examples: a page of a few megabytes
SCRIPTS = (
    "numbers", "optimizers", "trainer", "examples", "network", "plane", "line", "curve", "table",
    "opened", "play",
)  # fmt: skip


def play(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    X: Any,
    y: Any,
    *,
    optimizer: str = "sgd",
    lr: float | None = None,
    title: str | None = None,
) -> Playground:
    """Make a page on which a model learns: one file, which needs no network and no Python.

    On the page, an optimizer and its rate are chosen, and steps are taken: one, ten, or as a
    film that can be paused, rewound and opened at any step. The page computes with the model's
    own program, written in JavaScript, and takes the steps that `nn.optim` would take. The model
    itself stays as it is.

    Where an example is two numbers, it is a point that can be dragged, added, relabelled and
    removed, before a map of what the model says of each place. A chain of layers is drawn as
    circles and lines.

    Parameters
    ----------
    model
        Called on inputs; it has a method ``parameters()`` or ``named_parameters()``. It begins
        with the weights that it has.
    loss
        Called as ``loss(model(X), y)``; a single number, such as ``nn.MSELoss()``.
    X
        Examples, ``(n, …)``. Each training step sees all of them.
    y
        Their targets, ``(n, …)``: 0 and 1, or whole numbers from 0 as labels beside one output
        for each class, or rows with a 1, or any values.
    optimizer
        ``"sgd"``, ``"momentum"`` or ``"adam"``, to begin with.
    lr
        Its rate, to begin with.
    title
        Of the page.

    Returns
    -------
    Playground
        ``.save("play.html")`` it, or show it in a notebook.

    Raises
    ------
    TypeError, ValueError
        If the model has no parameters, or inputs and targets are not equally many.
    NonScalarBackwardError
        If the loss is not a single number.
    CompileError, NotWritable
        If what the model does depends on the numbers themselves, or cannot be written in
        JavaScript. The message names the line.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import Tensor, play
    >>> class Line:
    ...     def __init__(self):
    ...         self.w = Tensor([[0.1], [0.2]], requires_grad=True, name="w")
    ...     def parameters(self):
    ...         return [self.w]
    ...     def __call__(self, X):
    ...         return X @ self.w
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[2.0], [-1.0]])
    >>> play(Line(), lambda out, y: np.mean((out - y) ** 2), X, y)
    <Playground of Line: 2 parameters, 2 examples>
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"The page has the optimizers {', '.join(OPTIMIZERS)}, not {optimizer!r}.")
    if lr is not None and not (np.isreal(lr) and 0 < lr < np.inf):
        raise ValueError(f"lr is a number above 0, not {lr!r}.")
    training = Training(model, loss, X, y)
    return Playground(training, optimizer, lr, title)


class Playground:
    """A page on which a model learns. Made by `play`.

    Raises
    ------
    ValueError
        If the model or the examples are more numbers than a page holds.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> from autograd_lite import play
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[2.0], [-1.0]])
    >>> class Line:
    ...     def __init__(self):
    ...         self.w = Tensor([[0.1], [0.2]], requires_grad=True, name="w")
    ...
    ...     def parameters(self):
    ...         return [self.w]
    ...
    ...     def __call__(self, x):
    ...         return x @ self.w
    >>> page = play(Line(), lambda out, y: np.mean((out - y) ** 2), X, y)
    >>> page.to_html().startswith("<!DOCTYPE html>")
    True
    """

    def __init__(
        self,
        training: Training | FunctionTraining,
        optimizer: str = "sgd",
        lr: float | None = None,
        title: str | None = None,
    ) -> None:
        self.training = training
        for what, count in training.sizes.items():
            if count > LARGEST:
                raise ValueError(
                    f"The {what} are {count:,} numbers, and a page holds {LARGEST:,}: take a "
                    f"smaller {'model' if what == 'parameters' else 'sample'}."
                )
        self.rates = OPTIMIZERS | ({} if lr is None else {optimizer: float(lr)})
        self.settings = {"optimizer": optimizer, "rate": self.rates[optimizer], **SETTINGS}
        self.title = title or f"Watch it learn: {training.name}{_sizes(training)}"
        self.programs, self.sizes = _programs(training)

    def __repr__(self) -> str:
        t = self.training
        count = sum(p.size for p in t.parameters.values())
        examples = f", {len(t.X)} examples" if isinstance(t, Training) else ""
        return f"<Playground of {t.name}: {count} parameters{examples}>"

    def to_html(self) -> str:
        """Return the page, whole."""
        folder = files(__package__).joinpath("template").joinpath("play")
        scripts = [folder.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS]
        examples = _examples(self.training)
        return document(
            folder.joinpath("play.html").read_text("utf-8"),
            self.title,
            _classes(examples["classes"]) + folder.joinpath("play.css").read_text("utf-8"),
            script="\n".join(['"use strict";', self.programs, *scripts]),
            lesson=as_script(_lesson(self.training)),
            label=LABELS if examples["meaning"] != "values" else VALUES,
            data=as_script(self._data(examples)),
        )  # fmt: skip

    def _data(self, examples: dict[str, Any]) -> dict[str, Any]:
        t = self.training
        layers = t.columns if isinstance(t, Training) else []
        names = [[n for n in c.names if n not in ("input", "linear", "matmul")] for c in layers]
        columns = [
            {"size": c.size, "weight": c.weight, "bias": c.bias, "turned": c.turned,
             "names": ", ".join(own[:2])}
            for c, own in zip(layers, names, strict=True)
        ]  # fmt: skip
        parameters = [
            {"name": name, "shape": list(p.shape), "values": _numbers(p.data)}
            for name, p in t.parameters.items()
        ]
        return {
            "parameters": parameters, "columns": columns, "examples": examples,
            "settings": self.settings, "rates": self.rates, "least": FEW,
            "resizable": self.sizes and examples["shape"][0] <= MOST,
            "fixed": "On this page the number of examples is fixed: what the model does depends "
            "on it in a way that the page cannot follow.",
        }  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file whose name ends in ``.html``.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        ValueError
            If the name ends otherwise.
        """
        path = Path(path)
        ending(path, (".html",))
        write(path, self.to_html().encode())
        return path

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        return beside(repr(self), "text/html", self._in_a_frame)

    def _in_a_frame(self) -> str:
        return in_a_frame(self.to_html(), self.title, height=56)


# -- what stands on the page ---------------------------------------------------------------------

LABELS = '<label>label <select id="label"></select></label>'
VALUES = '<label>target <input type="text" id="label" inputmode="decimal"></label>'


def _examples(t: Training | FunctionTraining) -> dict[str, Any]:
    """Return the examples, and how their targets and the model's outputs are to be read."""
    if not isinstance(t, Training):
        return {
            "inputs": [], "targets": [], "shape": [0, 0], "wide": 1, "outputs": 1,
            "meaning": "values", "classes": 2, "between": [0, 1], "threshold": 0.5,
        }  # fmt: skip
    n, wide = len(t.X), int(np.prod(t.outputs.shape[1:]))
    y, whole = t.y, bool(np.all(t.y == np.rint(t.y)))
    between = [float(np.min(y)), float(np.max(y))]
    meaning, classes = "values", 2
    if whole and set(between) <= {0.0, 1.0} and wide == 1 and y.size == n:
        meaning = "binary"
    elif whole and y.size == n and y.dtype.kind in "iu" and between[0] >= 0 and wide > between[1]:
        meaning, classes = "labels", wide
    elif whole and y.shape == t.outputs.shape and wide > 1 and np.all(np.sort(y)[:, -2:] == [0, 1]):
        meaning, classes = "one-hot", wide
    if between[0] == between[1]:
        between[1] += 1.0
    return {
        "inputs": _numbers(t.X), "targets": _numbers(y), "shape": list(t.X.shape),
        "wide": y.size // n, "outputs": wide, "meaning": meaning, "classes": classes,
        "between": between, "threshold": _threshold(t) if meaning == "binary" else 0.5,
    }  # fmt: skip


def _lesson(training: Training | FunctionTraining) -> dict[str, Any]:
    """Return the page that explains the loss, and of which input each of its numbers is.

    Inputs are counted as in the program of a step: parameters, inputs, targets.
    """
    try:
        return _explained(training)
    except AutogradError as error:
        return {"refused": f"This step cannot be explained: {error}"}


def _explained(training: Training | FunctionTraining) -> dict[str, Any]:
    loss, inputs = training.traced()
    loss.name = loss.name or "L"
    derivation = derive(read(loss))
    of = {id(t): i for i, t in enumerate(inputs)}
    keys = {v.key: of[id(v.tensor)] for v in derivation.graph.values if id(v.tensor) in of}
    return {"page": to_html(derivation), "inputs": keys}


def _sizes(training: Training | FunctionTraining) -> str:
    """Return the sizes of a network's layers, as in " 2-4-4-1"."""
    if not isinstance(training, Training) or not training.columns:
        return ""
    return " " + "-".join(str(c.size) for c in training.columns)


def _threshold(t: Training) -> float:
    """Return where outputs change from label 0 to 1: a half, or 0 if they are logits.

    To a loss of logits more than 1 is better still where the target is 1.
    """
    ones = np.ones(t.outputs.shape)
    with no_grad(), np.errstate(all="ignore"):
        try:
            right, more = (float(t.loss(k * ones, ones.astype(t.y.dtype))) for k in (1.0, 2.0))
        except Exception:  # it takes probabilities alone
            return 0.5
    return 0.0 if more < right else 0.5


def _classes(count: int) -> str:
    """Return the colours of the classes beyond the first two."""
    more = "".join(f"--class-{k}: {palette.SERIES[k % 6]}; " for k in range(2, count))
    return f":root {{ {more} }}\n" if count > 2 else ""


def _numbers(x: Any) -> list[float]:
    return [float(v) for v in np.ravel(x)]


def _programs(training: Training | FunctionTraining) -> tuple[str, bool]:
    """Return the programs in JavaScript, and whether they are for any number of examples."""
    if not isinstance(training, Training):
        return f"const programs = {{ step: () => {javascript(training.step()).text} }};", False
    n = len(training.X)
    step, steps = over_batches(lambda k: javascript(training.step(k)).text, n)
    look, looks = over_batches(lambda k: javascript(training.look(k)).text, n)
    return f"const programs = {{\nstep: {step},\nlook: {look},\n}};", steps and looks
