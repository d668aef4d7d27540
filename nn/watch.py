"""Watching a model at work: what each of its modules returns, and a table of its layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_lite import no_grad
from autograd_lite.randomness import aside

from .checkpoint import generators
from .convolution import _Convolution
from .linear import Linear
from .module import Module, to_numpy

See = Callable[[str, Module, tuple[Any, ...], Any], None]


@contextmanager
def observed(model: Module, see: See) -> Iterator[None]:
    """Call `see` with (path, module, arguments, output) whenever a module of the model has run.

    Inside the ``with`` the modules' classes run a `forward` that reports, and
    outside it nothing is slower for it.

    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU())
    >>> with observed(model, lambda path, module, inputs, output: print(path, output.shape)):
    ...     y = model(np.ones((1, 2)))
    0 (1, 3)
    1 (1, 3)
     (1, 3)
    """
    paths = {id(module): path for path, module in model.named_modules()}
    before = []
    try:
        for cls in {type(module) for module in model.modules()}:
            own = {name: vars(cls)[name] for name in ("forward", "__call__") if name in vars(cls)}
            before.append((cls, own))
            reporting = _reporting(cls, paths, see)
            cls.forward = reporting
            cls.__call__ = reporting  # type: ignore[method-assign]
        yield
    finally:
        for cls, own in before:
            for name in ("forward", "__call__"):
                if name in own:
                    setattr(cls, name, own[name])
                else:
                    delattr(cls, name)


@contextmanager
def evaluation(model: Module) -> Iterator[None]:
    """Switch a model to evaluation inside a ``with``, and afterwards back to what it was.

    That goes for each module's mode, and for the generators that layers draw from, the
    default sequence among them.

    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout())
    >>> with evaluation(model):
    ...     model[1].training
    False
    >>> model[1].training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with same_draws(model):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def same_draws(model: Module) -> Iterator[None]:
    """Put the generators that layers draw from back, after a ``with``, to where they were.

    >>> import nn
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> with same_draws(layer):
    ...     first = layer(np.ones(5))
    >>> bool((layer(np.ones(5)) == first).all())
    True
    """
    states = [(rng, rng.bit_generator.state) for _, rng in generators(model)]
    try:
        with aside():
            yield
    finally:
        for rng, state in states:
            rng.bit_generator.state = state


def _reporting(cls: type[Module], paths: dict[int, str], see: See) -> Callable[..., Any]:
    original = cls.forward

    def forward(self: Module, *args: Any, **kwargs: Any) -> Any:
        output = original(self, *args, **kwargs)
        if type(self) is cls and id(self) in paths:
            see(paths[id(self)], self, args, output)
        return output

    return forward


def first_not_finite(model: Module, x: Any) -> str:
    """Name the first module whose output is not finite for an input; ``""`` if all are.

    >>> import nn
    >>> model = nn.Sequential(nn.Linear(1, 1, rng=0), nn.ReLU())
    >>> model[0].bias.data = [np.inf]
    >>> first_not_finite(model, np.ones((1, 1)))
    "'0' (Linear)"
    """
    found: list[str] = []

    def see(path: str, module: Module, inputs: Any, output: Any) -> None:
        if not found and not np.isfinite(to_numpy(output)).all():
            found.append(f"'{path}' ({type(module).__name__})" if path else "the model's own")

    with no_grad(), np.errstate(all="ignore"), observed(model, see):
        model(x)
    return found[0] if found else ""


# -- the table of layers ---------------------------------------------------------------------


@dataclass
class LayerRow:
    """One line of a `Summary`.

    >>> import nn
    >>> summary(nn.Linear(2, 3), (2,)).rows[0]
    LayerRow(path='', kind='Linear', shape=(3,), parameters=9, multiply_adds=6)
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass
class Summary:
    """The layers of a model in the order in which they ran, for one example.

    >>> import nn
    >>> print(summary(nn.MLP([2, 4, 1]), (2,)))
    layer     kind     output  parameters  multiply-adds
    ────────────────────────────────────────────────────
    linear1   Linear   4               12              8
    sigmoid1  Sigmoid  4                0              0
    linear2   Linear   1                5              4
    ────────────────────────────────────────────────────
    total                              17             12
    """

    rows: list[LayerRow]
    parameters: int
    multiply_adds: int

    def __str__(self) -> str:
        cells = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for row in self.rows:
            shape = " × ".join(map(str, row.shape)) or "1"
            numbers = f"{row.parameters:,}", f"{row.multiply_adds:,}"
            cells.append((row.path, row.kind, shape, *numbers))
        cells.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__


def summary(model: Module, input_shape: tuple[int, ...], dtype: Any = None) -> Summary:
    """Return a table of a model's layers: output shapes, parameters, multiply-adds.

    The model is run once, in evaluation, on a batch of one example of zeros. A
    shared parameter is counted where it is used first.

    Parameters
    ----------
    model
        Of any modules; those that hold no others are listed.
    input_shape
        Of one example, without the batch.
    dtype
        Of the input; by default that of the model's first parameter.

    Examples
    --------
    >>> import nn
    >>> summary(nn.MLP([2, 4, 1], "tanh"), (2,))
    layer    kind    output  parameters  multiply-adds
    ──────────────────────────────────────────────────
    linear1  Linear  4               12              8
    tanh1    Tanh    4                0              0
    linear2  Linear  1                5              4
    ──────────────────────────────────────────────────
    total                            17             12
    """
    rows: list[LayerRow] = []
    counted: set[int] = set()

    def see(path: str, module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        if any(True for _ in module.children()):
            return
        shape = tuple(np.shape(to_numpy(output)))
        own = sum(p.size for p in module.parameters() if id(p) not in counted)
        counted.update(map(id, module.parameters()))
        work = _multiply_adds(module, shape)
        rows.append(LayerRow(path, type(module).__name__, shape[1:], own, work))

    if dtype is None:
        dtype = next((p.dtype for p in model.parameters()), np.dtype(float))
    with no_grad(), evaluation(model), observed(model, see):
        model(np.zeros((1, *input_shape), dtype))
    return Summary(
        rows,
        sum(p.size for p in model.parameters()),
        sum(row.multiply_adds for row in rows),
    )


def _multiply_adds(module: Module, shape: tuple[int, ...]) -> int:
    """Return the number of multiply-adds: each weight is used once for every output position."""
    if isinstance(module, Linear):
        return module.weight.size * math.prod(shape[1:-1])
    if isinstance(module, _Convolution):
        return module.weight.size * math.prod(shape[2:])
    return 0
