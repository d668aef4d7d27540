"""Optimizers: from gradients to better parameters, by the formulas of ``torch.optim``.

SGD and those that divide each number by a mean of its own are here, Adam's kin in :mod:`nn.adam`.
What they share stands in :mod:`nn.optimizer`; :mod:`nn.optim.lr_scheduler` changes
the rate while a training goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd_lite import Tensor

from . import lr_scheduler
from .adam import Adam, Adamax, AdamW, NAdam
from .lbfgs import LBFGS
from .module import Module
from .optimizer import Check, Group, Optimizer, ParameterState, decayed
from .settings import count, flag, from_zero, number, plain_number, share

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]


# -- the formulas ----------------------------------------------------------------------------


class SGD(Optimizer):
    """Gradient descent: p ← p − lr · g, with momentum on request.

    With momentum, b ← momentum · b + (1 − dampening) · g takes the place of g
    (b starts as g); with `nesterov`, g + momentum · b does. `weight_decay` · p is
    added to g first.

    Parameters
    ----------
    params, lr
        As for `Optimizer`.
    momentum, dampening, weight_decay, nesterov
        As above; `nesterov` needs a momentum and no dampening.

    Examples
    --------
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.5, 1. ])
    """

    elementwise = True

    checks: Mapping[str, Check] = {
        "lr": from_zero,
        "momentum": from_zero,
        "dampening": number,
        "weight_decay": from_zero,
        "nesterov": flag,
    }

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )
        self._rates = self._with_rates()

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError(
                "nesterov needs a momentum above 0 and no dampening, and got "
                f"momentum={group['momentum']}, dampening={group['dampening']}."
            )

    def step(self) -> None:
        """Change each parameter that has a gradient."""
        if self._conversions != Module.conversions:
            self._convert()
        for group, rate, _ in self._rates:
            if group["momentum"] or group["weight_decay"]:
                super().step()
                return
            if group["lr"] is not rate:  # not !=, since it may be an array
                self._rates = self._with_rates()
        # The same without a call for each parameter: most of the time of a small network's step.
        for _, _, pairs in self._rates:
            for p, rate in pairs:
                g = p._grad
                if g is not None:
                    p._set(p._value - rate * g)

    def _convert(self) -> None:
        super()._convert()
        self._rates = self._with_rates()

    def _with_rates(self) -> list[tuple[Group, Any, list[Any]]]:
        """Return for each group its rate, and for each parameter the rate in its dtype.

        NumPy multiplies by an array of no dimension in less time than by a Python float.
        """
        found = []
        for group in self.param_groups:
            rate = plain_number("lr", group["lr"])
            pairs = [(p, np.array(rate, p.dtype)) for p in group["params"]]
            # An array can be written into, so it is looked at in each step.
            found.append((group, None if isinstance(rate, np.ndarray) else rate, pairs))
        return found

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return lr times the gradient, or what takes its place."""
        g = decayed(gradient, parameter, group)
        momentum = group["momentum"]
        if momentum:
            b = state.get("momentum_buffer")
            b = g.copy() if b is None else momentum * b + (1.0 - group["dampening"]) * g
            state["momentum_buffer"] = b
            g = g + momentum * b if group["nesterov"] else b
        return group["lr"] * g


class Adagrad(Optimizer):
    """A rate for each number, which falls with the gradients that it has seen.

    n ← n + g², p ← p − lr · g / (√n + eps), where n starts as
    `initial_accumulator_value`; in step t the rate is lr / (1 + (t − 1) · `lr_decay`).
    (Duchi, Hazan and Singer, 2011.) Some write √(n + eps): with an eps this
    small, the difference is in the first steps only.

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -4.5])
    """

    elementwise = True

    checks: Mapping[str, Check] = dict.fromkeys(
        ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"), from_zero
    )

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params,
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return the rate, which may fall."""
        return {"rate": group["lr"] / (1.0 + (step - 1) * group["lr_decay"])}

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the gradient over the root of the sum of its squares."""
        g = decayed(gradient, parameter, group)
        steps_before = state.get("step", 0)
        state["step"] = steps_before + 1
        state["sum"] = state.get("sum", group["initial_accumulator_value"]) + g * g
        rates = group.get("rates") or self.rates(group, steps_before + 1)
        return rates["rate"] * g / (np.sqrt(state["sum"]) + group["eps"])


class RMSprop(Optimizer):
    """A rate for each number, from the running mean of its squared gradients.

    v ← alpha · v + (1 − alpha) · g², p ← p − lr · g / (√v + eps). `centered`
    takes the variance of the gradient in place of v; with `momentum`,
    b ← momentum · b + g / (√v + eps) takes the place of the quotient. (Hinton, 2012.)

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.05)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -4.5])
    """

    elementwise = True

    checks: Mapping[str, Check] = {
        **dict.fromkeys(("lr", "alpha", "eps", "weight_decay", "momentum"), from_zero),
        "centered": flag,
    }

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the gradient over the root of the mean of its square."""
        g = decayed(gradient, parameter, group)
        alpha = group["alpha"]
        state["step"] = state.get("step", 0) + 1
        v = state["square_avg"] = alpha * state.get("square_avg", 0.0) + (1.0 - alpha) * g * g
        if group["centered"]:
            mean = state["grad_avg"] = alpha * state.get("grad_avg", 0.0) + (1.0 - alpha) * g
            v = v - mean * mean
        quotient = g / (np.sqrt(v) + group["eps"])
        if group["momentum"]:
            quotient = group["momentum"] * state.get("momentum_buffer", 0.0) + quotient
            state["momentum_buffer"] = quotient
        return group["lr"] * quotient


class Adadelta(Optimizer):
    """A rate for each number from the means of squared gradients and of squared steps.

    v ← rho · v + (1 − rho) · g², d = √(u + eps) / √(v + eps) · g, u ← rho · u + (1 − rho) · d²,
    p ← p − lr · d: the units are those of p. (Zeiler, 2012.)

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = Adadelta([w], lr=100.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(2)
    array([ 0.68, -4.68])
    """

    elementwise = True

    checks: Mapping[str, Check] = dict.fromkeys(("lr", "rho", "eps", "weight_decay"), from_zero)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the gradient, in the size of the steps so far."""
        g = decayed(gradient, parameter, group)
        rho, eps = group["rho"], group["eps"]
        state["step"] = state.get("step", 0) + 1
        v = state["square_avg"] = rho * state.get("square_avg", 0.0) + (1.0 - rho) * g * g
        before = state["acc_delta"] if "acc_delta" in state else np.zeros_like(g)
        d = np.sqrt(before + eps) / np.sqrt(v + eps) * g
        state["acc_delta"] = rho * before + (1.0 - rho) * d * d
        return group["lr"] * d


class Muon(Optimizer):
    """Momentum whose matrix is made orthogonal: every direction moves at one speed.

    For weights of two axes. b ← momentum · b + (1 − momentum) · g; the step is lr times
    the orthogonal factor of b (with `nesterov`, of (1 − momentum) · g + momentum · b),
    by five steps of a Newton-Schulz iteration with a polynomial of the fifth degree, and
    times √max(1, rows / columns). Weights decay as for `AdamW`. (Jordan, 2024.)
    PyTorch iterates in bfloat16, and this in the weights' own precision.

    Parameters
    ----------
    params, lr
        As for `Optimizer`; all are matrices. Give others, such as biases, to `AdamW`.
    weight_decay, momentum, nesterov
        As above.
    ns_coefficients, eps, ns_steps
        Of the iteration: the polynomial's, what the norm is at least, how many steps.

    Raises
    ------
    ValueError
        If a parameter is not a matrix.

    Examples
    --------
    >>> w = Tensor([[3.0, 0.0], [0.0, 4.0]], requires_grad=True)
    >>> optimizer = Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(1)
    array([[2.9, 0. ],
           [0. , 3.9]])
    """

    checks: Mapping[str, Check] = {
        "lr": from_zero, "weight_decay": from_zero, "momentum": share, "nesterov": flag,
        "eps": from_zero, "ns_steps": count,
    }  # fmt: skip

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
    ) -> None:
        super().__init__(
            params, lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps,
        )  # fmt: skip
        for p in self.params:
            if p.ndim != 2:
                raise ValueError(
                    f"Muon is for matrices, and {p._describe(inside=True)} has shape {p.shape}: "
                    "give it to another optimizer, such as AdamW."
                )

    def moved(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the next value of a parameter."""
        momentum = group["momentum"]
        b = momentum * state.get("momentum_buffer", 0.0) + (1.0 - momentum) * gradient
        state["momentum_buffer"] = b
        update = (1.0 - momentum) * gradient + momentum * b if group["nesterov"] else b
        rate = group["lr"] * math.sqrt(max(1.0, parameter.shape[0] / parameter.shape[1]))
        decayed = parameter.data * (1.0 - group["lr"] * group["weight_decay"])
        return decayed - rate * _orthogonal(update, group)


def _orthogonal(matrix: Any, group: Group) -> Any:
    """Return about the orthogonal factor of a matrix: its singular values become near 1."""
    a, b, c = group["ns_coefficients"]
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / max(float(np.linalg.norm(x)), group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
