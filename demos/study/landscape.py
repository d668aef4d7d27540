"""The loss as a landscape: over the plane in which trainings move most."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from autograd_lite import no_grad

from ..data import Array
from .configuration import LOSSES, OPTIMIZERS
from .draws import points
from .inside import Watched, model_of, watch
from .outcome import logged_epochs


@dataclass
class Slice:
    """The loss over a plane through weight space that the optimizers' ways lie near.

    Attributes
    ----------
    xs, ys
        Places along the two directions, in units of weight.
    losses
        Shape (len(ys), len(xs)).
    paths
        For each optimizer the places that it visited, shape (moments, 2).
    explained
        The share of the ways' variance that lies in the plane.
    """

    xs: Array
    ys: Array
    losses: Array
    paths: dict[str, Array]
    explained: float


def slice_through(
    ways: Mapping[str, Array], loss: Callable[[Array], float], places: int = 45
) -> Slice:
    """Cut the loss along the two directions in which the ways differ most.

    Parameters
    ----------
    ways
        For each optimizer all weights, in one row, at each moment: shape (moments, weights).
    loss
        From all weights in one row to the loss.
    places
        Along each side.

    Notes
    -----
    The directions are the first two principal components of all moments around their
    mean, as in H. Li and others, Visualizing the Loss Landscape of Neural Nets (2018).
    """
    every = np.concatenate(list(ways.values()))
    middle = every.mean(axis=0)
    _, spread, directions = np.linalg.svd(every - middle, full_matrices=False)
    plane = directions[:2]
    paths = {name: (way - middle) @ plane.T for name, way in ways.items()}
    flat = np.concatenate(list(paths.values()))
    low, high = flat.min(axis=0), flat.max(axis=0)
    edge = 0.12 * (high - low) + 1e-6
    xs, ys = (np.linspace(a, b, places) for a, b in zip(low - edge, high + edge, strict=True))
    losses = np.array([[loss(middle + x * plane[0] + y * plane[1]) for x in xs] for y in ys])
    explained = float(np.sum(spread[:2] ** 2) / np.sum(spread**2))
    return Slice(xs, ys, losses, paths, explained)


def surface_of(seen: Watched, places: int = 45) -> Slice:
    """Train the first seed's network with four optimizers, and cut the loss along their ways."""
    c, last = seen.configuration, max(seen.states)
    inputs, labels = points(c.data, seen.seeds[0])
    start = seen.states[0][0]
    moments = logged_epochs(last, 40)
    ways = {}
    for name, lr in RATES.items():
        cell = dataclasses.replace(c, optimizer=name, lr=lr, epochs=last)
        states = watch(cell, seen.seeds[:1], moments).states
        ways[f"{OPTIMIZERS[name]}, rate {lr:g}"] = np.stack([flat(s[0]) for s in states.values()])
    model = model_of(c, start)

    def loss(row: Array) -> float:
        model.load_state_dict(unflat(row, start))
        with no_grad():
            return float(LOSSES[c.loss](model(inputs), labels).item())

    return slice_through(ways, loss, places)


RATES = {"sgd": 1.0, "momentum": 0.1, "adagrad": 0.1, "adam": 0.01}


def flat(state: Mapping[str, Array]) -> Array:
    """Return all weights in one row."""
    return np.concatenate([np.ravel(array) for array in state.values()])


def unflat(row: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    """Return a row of weights as the parameters it was made of."""
    parts = np.split(row, np.cumsum([np.size(a) for a in like.values()])[:-1])
    return {
        name: part.reshape(np.shape(a)) for part, (name, a) in zip(parts, like.items(), strict=True)
    }
