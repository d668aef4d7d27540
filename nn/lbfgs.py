"""L-BFGS: steps along a direction that the last gradients say is shorter than the steepest.

Of the last few steps s and the changes y of the gradient on them it makes an
approximate inverse Hessian, which is never written down: two loops over the pairs
multiply a gradient by it. (Nocedal and Wright, Numerical Optimization, 2006,
algorithm 7.4; the line search is their 3.5 and 3.6.) It is for losses of all data
at once, since it compares gradients, and steps as ``torch.optim.LBFGS`` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd_lite import Tensor

from .module import Array, to_numpy
from .optimizer import Group, Optimizer
from .settings import count, from_zero

ENOUGH, FLAT = 1e-4, 0.9  # Wolfe's conditions: how much lower, and how much flatter
MOST_TRIALS = 25


class Trial(NamedTuple):
    """A length of the step that was tried."""

    t: float
    loss: float
    gradient: Array
    slope: float  # of the loss along the direction


class LBFGS(Optimizer):
    """Quasi-Newton steps; `step` takes a function that computes the loss and its gradients.

    Parameters
    ----------
    params, lr
        As for `Optimizer`, in one group; `lr` is the length that is tried first.
    max_iter, max_eval
        Directions, and evaluations of the loss, in one `step`; by default 20, and 1.25 times
        as many.
    tolerance_grad, tolerance_change
        It stops where no gradient, or no change of a parameter or the loss, is larger.
    history_size
        How many pairs are kept.
    line_search_fn
        None takes each step as it is; ``"strong_wolfe"`` looks for one that is long and low
        enough.

    Raises
    ------
    ValueError
        If there is more than one group of parameters, or no such line search.

    Examples
    --------
    >>> w = Tensor([-1.2, 1.0], requires_grad=True)
    >>> optimizer = LBFGS([w], max_iter=50, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> loss = optimizer.step(closure)
    >>> w.data.round(4)
    array([1., 1.])
    """

    checks: Mapping[str, Any] = {
        "lr": from_zero, "max_iter": count, "tolerance_grad": from_zero,
        "tolerance_change": from_zero, "history_size": count,
    }  # fmt: skip

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(
                f"line_search_fn is None or 'strong_wolfe', and got {line_search_fn!r}."
            )
        most = count("max_iter", max_iter) * 5 // 4 if max_eval is None else max_eval
        super().__init__(
            params, lr, max_iter=max_iter, max_eval=count("max_eval", most),
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
            history_size=history_size, line_search_fn=line_search_fn,
        )  # fmt: skip
        if len(self.param_groups) > 1:
            raise ValueError("LBFGS takes one group of parameters: they are one vector to it.")
        self._past: dict[str, Any] = {"directions": 0, "pairs": []}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to `max_iter` steps; return the loss from before.

        Parameters
        ----------
        closure
            Forgets the gradients, computes the loss, runs backward, and returns the loss.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS evaluates the loss several times in a step: give step a function that runs "
                "zero_grad() and backward() and returns the loss (nn.fit takes another optimizer)."
            )
        group, past = self.param_groups[0], self._past
        begun = closure()
        loss, gradient, evaluations = float(to_numpy(begun)), self._gradient(), 1
        if np.abs(gradient).max() <= group["tolerance_grad"]:
            return begun
        for iteration in range(1, group["max_iter"] + 1):
            direction = self._direction(gradient)
            first = past["directions"] == 1
            t = group["lr"] * (min(1.0, 1.0 / np.abs(gradient).sum()) if first else 1.0)
            slope = float(gradient @ direction)
            before = loss
            past.update(direction=direction, gradient=gradient, t=t)
            if slope > -group["tolerance_change"]:
                break
            start = self._vector()
            if group["line_search_fn"]:

                def at(t: float, start: Array = start, along: Array = direction) -> Trial:
                    self._move(start + t * along)
                    value = float(to_numpy(closure()))
                    found = self._gradient()
                    return Trial(t, value, found, float(found @ along))

                here = Trial(0.0, loss, gradient, slope)
                best, tried = search(at, here, t, float(np.abs(direction).max()))
                t, loss, gradient = best.t, best.loss, best.gradient
                evaluations += tried
                self._move(start + t * direction)
            else:
                self._move(start + t * direction)
                if iteration < group["max_iter"]:
                    loss, gradient = float(to_numpy(closure())), self._gradient()
                    evaluations += 1
            past["t"] = t
            if (
                evaluations >= group["max_eval"]
                or np.abs(gradient).max() <= group["tolerance_grad"]
                or np.abs(t * direction).max() <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                break
        return begun

    def _direction(self, gradient: Array) -> Array:
        """Return minus the gradient, times what the pairs say of the inverse Hessian."""
        past, pairs = self._past, self._past["pairs"]
        past["directions"] += 1
        if past["directions"] == 1:
            return -gradient
        y, s = gradient - past["gradient"], past["t"] * past["direction"]
        if y @ s > 1e-10:
            pairs.append((y, s))
            del pairs[: -self.param_groups[0]["history_size"]]
            past["scale"] = (y @ s) / (y @ y)
        q, shares = -gradient, []
        for y, s in reversed(pairs):
            share = (s @ q) / (y @ s)
            q = q - share * y
            shares.append(share)
        r: Array = q * past.get("scale", 1.0)
        for (y, s), share in zip(pairs, reversed(shares), strict=True):
            r = r + s * (share - (y @ r) / (y @ s))
        return r

    def _vector(self) -> Array:
        return np.concatenate([np.ravel(p.data) for p in self.params])

    def _gradient(self) -> Array:
        found = [np.zeros_like(p.data) if p.grad is None else p.grad for p in self.params]
        return np.concatenate([np.ravel(g) for g in found])

    def _move(self, vector: Array) -> None:
        first = 0
        for p in self.params:
            p.data = vector[first : first + p.size].reshape(p.shape).copy()
            first += p.size

    # -- saving and loading --------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of the pairs."""
        past = {k: np.copy(v) if isinstance(v, np.ndarray) else v for k, v in self._past.items()}
        past["pairs"] = [(y.copy(), s.copy()) for y, s in self._past["pairs"]]
        return super().state_dict() | {"state": {"past": past}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, with parameters of the same sizes.

        Raises
        ------
        ValueError
            If it is not the state of such an optimizer; nothing has been changed then.
        """
        past = state.get("state", {}).get("past") if isinstance(state, Mapping) else None
        size = sum(p.size for p in self.params)
        if past is None or any(len(y) != size for pair in past["pairs"] for y in pair):
            raise ValueError(
                "The state does not fit this LBFGS, so nothing was loaded: it is not of an LBFGS "
                f"of {size} numbers."
            )
        super().load_state_dict({**state, "state": {}})
        self._past = {**past, "pairs": [(y.copy(), s.copy()) for y, s in past["pairs"]]}


# -- how long a step ------------------------------------------------------------------------------


def search(
    at: Callable[[float], Trial], here: Trial, t: float, largest: float
) -> tuple[Trial, int]:
    """Return a length that satisfies the strong Wolfe conditions, and how many were tried.

    Longer and longer steps are tried until one is too high, or goes up again: between
    the last two lies a good one, which `_between` then looks for.
    """
    before, new, tried = here, at(t), 1
    while tried <= MOST_TRIALS:
        too_high = new.loss > here.loss + ENOUGH * new.t * here.slope
        if too_high or (tried > 2 and new.loss >= before.loss):
            return _between(at, here, before, new, tried, largest)
        if abs(new.slope) <= -FLAT * here.slope:
            return new, tried
        if new.slope >= 0.0:
            return _between(at, here, before, new, tried, largest)
        longer = (new.t + 0.01 * (new.t - before.t), 10.0 * new.t)
        before, new = new, at(lowest(before, new, *longer))
        tried += 1
    return (here if here.loss <= new.loss else new), tried


def _between(
    at: Callable[[float], Trial], here: Trial, a: Trial, b: Trial, tried: int, largest: float
) -> tuple[Trial, int]:
    """Look between two lengths, of which the lower loss is kept, for one that will do."""
    ends, stuck = [a, b], False
    low = 0 if a.loss <= b.loss else 1
    while tried <= MOST_TRIALS and abs(ends[1].t - ends[0].t) * largest >= 1e-9:
        left, right = sorted((ends[0].t, ends[1].t))
        t, margin = lowest(ends[0], ends[1], left, right), 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (stuck or t >= right or t <= left):  # it does not get on: well inside, then
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near = False
        stuck = near
        new = at(t)
        tried += 1
        if new.loss > here.loss + ENOUGH * t * here.slope or new.loss >= ends[low].loss:
            ends[1 - low] = new
            low = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        done = abs(new.slope) <= -FLAT * here.slope
        if not done and new.slope * (ends[1 - low].t - ends[low].t) >= 0.0:
            ends[1 - low] = ends[low]
        ends[low] = new
        if done:
            break
    return ends[low], tried


def lowest(a: Trial, b: Trial, least: float, most: float) -> float:
    """Return where the cubic through two points, with their slopes, is lowest (formula 3.59)."""
    d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0.0:
        return (least + most) / 2.0
    a, b = sorted((a, b), key=lambda trial: trial.t)
    d2 = math.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
    return min(max(t, least), most)
