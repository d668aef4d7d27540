"""Adam and its kin: momentum, and a rate for each number from the gradients that it has seen.

The formulas stand in the classes' docstrings; `_adapt` is Adam's, in as few passes over memory
as NumPy has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus.loops import loop, loops

from .optimizer import Check, Group, Optimizer, ParameterState, decayed
from .settings import flag, from_zero, shares


class Adam(Optimizer):
    """Momentum, and a rate for each number from the mean of its squared gradients.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²; both start at 0, and in step t
    m / (1 − β₁ᵗ) and v / (1 − β₂ᵗ) make up for that in
    p ← p − lr · m / (√v + eps). (Kingma and Ba, 2015.) With `amsgrad` the largest
    v so far takes the place of v.

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -4.5])
    """

    elementwise = True

    checks: Mapping[str, Check] = {
        "lr": from_zero,
        "betas": shares,
        "eps": from_zero,
        "weight_decay": from_zero,
        "amsgrad": flag,
    }

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params, lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def moved(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the next value of a parameter."""
        return self._moved(parameter.data, decayed(gradient, parameter, group), state, group)

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return the rate and the root by which the means make up for where they started."""
        beta1, beta2 = group["betas"]
        root = math.sqrt(1.0 - beta2**step)
        return {"rate": group["lr"] / (1.0 - beta1**step), "root": root}

    def _moved(self, p: Any, g: Any, state: ParameterState, group: Group) -> Any:
        """Return a share of p less what Adam subtracts."""
        beta1, beta2 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        rates = group.get("rates") or self.rates(group, t)
        share, rate, root = rates.get("share", 1.0), rates["rate"], rates["root"]
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        settings = (share, beta1, beta2, rate, root, group["eps"])
        if isinstance(g, Tensor):  # a step is recorded
            return _adapted(p, g, state, names, *settings)
        for name in names:
            state[name] = np.asarray(state[name]) if name in state else np.zeros_like(g)
        return loops["adapt"](p, g, [state[name] for name in names], *settings)


BLOCK = 1 << 16  # numbers


@loop
def _adapt(
    p: Any, g: Any, means: Any, share: float, beta1: float, beta2: float, rate: float,
    root: float, eps: float,
) -> Any:  # fmt: skip
    """Take g into the means m and v; return share · p − rate · m / (√v / root + eps).

    The third of the means, if there is one, is the largest v so far, which
    takes its place. A large layer goes by in blocks, which stay in the cache
    from the first line to the last: in memory, a step costs what it moves.
    """
    settings = share, beta1, beta2, rate, root, eps
    arrays = p, g, *means
    alike = all(a.flags.c_contiguous and a.dtype is p.dtype for a in arrays if a.ndim)
    if g.size > BLOCK and alike and not any(map(np.ndim, settings)):
        out = np.empty_like(p)
        lines = [a.reshape(-1) for a in (*arrays, out)]
        for first in range(0, g.size, BLOCK):
            *block, moved = (a[first : first + BLOCK] for a in lines)
            moved[:] = _adapt(block[0], block[1], block[2:], *settings)
        return out
    m, v = means[:2]
    m *= beta1
    m += (1.0 - beta1) * g
    term = np.asarray(g * g)
    term *= 1.0 - beta2
    v *= beta2
    v += term
    for largest in means[2:]:
        v = np.maximum(largest, v, out=largest)
    np.sqrt(v, out=term)
    term /= root
    term += eps
    np.divide(m, term, out=term)
    term *= rate
    return np.subtract(p if np.ndim(share) == 0 and share == 1.0 else share * p, term, out=term)[()]


def _adapted(
    p: Any, g: Any, state: ParameterState, names: list[str], share: Any, beta1: float, beta2: float,
    rate: Any, root: Any, eps: float,
) -> Any:  # fmt: skip
    """Do what `_adapt` does, to the bit, with new values in place of writes."""
    m = state[names[0]] * beta1 + (1.0 - beta1) * g
    v = state[names[1]] * beta2 + (g * g) * (1.0 - beta2)
    state.update(zip(names, (m, v), strict=False))
    if len(names) > 2:
        v = state[names[2]] = np.maximum(state[names[2]], v)
    term = m / (np.sqrt(v) / root + eps) * rate
    return (p if isinstance(share, float) and share == 1.0 else share * p) - term


class AdamW(Adam):
    """Adam whose weight decay is no part of the gradient: p ← p − lr · weight_decay · p first.

    So a parameter decays alike whatever its gradients are. (Loshchilov and Hutter, 2019.)

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.5, weight_decay=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.45, -4.25])
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return Adam's, and the share of a parameter that the decay leaves."""
        share = 1.0 - group["lr"] * group["weight_decay"]
        return {**super().rates(group, step), "share": share}

    def moved(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the next value of a parameter: Adam's, after the decay."""
        return self._moved(parameter.data, gradient, state, group)


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean of squares.

    m ← β₁ m + (1 − β₁) g, u ← max(β₂ u, ``|g|`` + eps), p ← p − lr / (1 − β₁ᵗ) · m / u.
    (Kingma and Ba, 2015.)

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -4.5])
    """

    elementwise = True

    checks: Mapping[str, Check] = {
        "lr": from_zero, "betas": shares, "eps": from_zero, "weight_decay": from_zero,
    }  # fmt: skip

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return the rate, which makes up for where the mean started."""
        return {"rate": group["lr"] / (1.0 - group["betas"][0] ** step)}

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the mean gradient over the largest."""
        g = decayed(gradient, parameter, group)
        beta1, beta2 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        rates = group.get("rates") or self.rates(group, t)
        m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1.0 - beta1) * g
        u = np.maximum(beta2 * state.get("exp_inf", 0.0), np.abs(g) + group["eps"])
        state["exp_inf"] = u
        return rates["rate"] * m / u


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the next mean of the gradient counts, not the last.

    m and v are Adam's. With μₜ = β₁ (1 − ½ 0.96^(t · momentum_decay)) and the products
    Πₜ of all μ so far, p ← p − lr · ((1 − μₜ) / (1 − Πₜ) g + μₜ₊₁ / (1 − Πₜ₊₁) m) /
    (√(v / (1 − β₂ᵗ)) + eps). (Dozat, 2016.)

    Parameters
    ----------
    params, lr, betas, eps, weight_decay
        As for `Adam`.
    momentum_decay
        How fast μ rises to β₁.
    decoupled_weight_decay
        Whether the decay is no part of the gradient, as for `AdamW`.

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(2)
    array([ 0.47, -4.47])
    """

    elementwise = True

    checks: Mapping[str, Check] = {
        "lr": from_zero, "betas": shares, "eps": from_zero, "weight_decay": from_zero,
        "momentum_decay": from_zero, "decoupled_weight_decay": flag,
    }  # fmt: skip

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        self._products: dict[tuple[float, float], tuple[int, float]] = {}

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return what the gradient, its mean and the mean of squares are multiplied by."""
        beta1, beta2 = group["betas"]
        now, after = (
            beta1 * (1.0 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (step, step + 1)
        )
        product = self._product(beta1, group["momentum_decay"], step)
        return {
            "of_gradient": group["lr"] * (1.0 - now) / (1.0 - product),
            "of_mean": group["lr"] * after / (1.0 - product * after),
            "of_squares": 1.0 / (1.0 - beta2**step),
            "share": 1.0 - group["lr"] * group["weight_decay"] * group["decoupled_weight_decay"],
        }

    def _product(self, beta1: float, decay: float, step: int) -> float:
        """Return the product of μ₁ to μₜ; that of the last step is kept."""
        key = beta1, decay
        done, product = self._products.get(key, (0, 1.0))
        if done > step:
            done, product = 0, 1.0
        for k in range(done + 1, step + 1):
            product *= beta1 * (1.0 - 0.5 * 0.96 ** (k * decay))
        self._products[key] = step, product
        return product

    def moved(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the next value of a parameter."""
        decoupled = group["decoupled_weight_decay"]
        g = gradient if decoupled else decayed(gradient, parameter, group)
        beta1, beta2 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        rates = group.get("rates") or self.rates(group, t)
        m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1.0 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1.0 - beta2) * g * g
        root = np.sqrt(v * rates["of_squares"]) + group["eps"]
        ahead = rates["of_gradient"] * g + rates["of_mean"] * m
        p = parameter.data * rates["share"] if decoupled else parameter.data
        return p - ahead / root
