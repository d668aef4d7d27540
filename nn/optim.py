"""Optimizers: from gradients to better parameters, by the formulas of ``torch.optim``.

A step never writes into an array. It stores a new one in each parameter, so
that a graph that was made before keeps its numbers, and taking its gradient
afterwards is an error instead of a wrong number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd_lite import Tensor

Memory = dict[str, Any]


class Optimizer:
    """The base: holds parameters, a rate, and what it remembers of each parameter.

    A subclass says in `change` what is to be subtracted from a parameter.

    Parameters
    ----------
    params
        What to optimize: ``model.parameters()``, or any Tensors that require a gradient.
    lr
        The learning rate, at least 0. It may be set between steps.

    Attributes
    ----------
    params : tuple of Tensor
    memory : tuple of dict
        For each parameter, what the optimizer keeps from step to step.

    Raises
    ------
    TypeError
        If `params` are not Tensors.
    ValueError
        If there are none, one comes twice or is not a leaf, or a setting is out of range.

    Examples
    --------
    >>> class SignDescent(Optimizer):
    ...     def change(self, parameter, gradient, memory):
    ...         return self.lr * np.sign(gradient)
    >>> w = Tensor([1.0, -2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w], lr=0.5).step()
    >>> w.data
    array([ 0.5, -1.5])
    """

    settings: tuple[str, ...] = ("lr",)
    """The names of the attributes that `state_dict` saves."""

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params = _parameters(params)
        self.lr = lr
        self.memory: tuple[Memory, ...] = tuple({} for _ in self.params)

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = at_least("lr", lr, 0.0)
        # Beside each parameter, the rate as an array of its dtype: NumPy multiplies by it in
        # less time than by a Python float.
        self._rates = tuple((p, np.array(lr, p.dtype)) for p in self.params)

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        for p in self.params:
            p._grad = None

    def step(self) -> None:
        """Change each parameter that has a gradient."""
        for p, memory in zip(self.params, self.memory, strict=True):
            g = p.grad
            if g is not None:
                p._set(p.data - self.change(p, g, memory))

    def change(self, parameter: Tensor, gradient: Any, memory: Memory) -> Any:
        """Return what is to be subtracted from a parameter: each subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} does not say how parameters change.")

    # -- saving and loading --------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings, and of what is remembered of each parameter.

        >>> w = Tensor([1.0], requires_grad=True)
        >>> SGD([w], lr=0.1).state_dict()["settings"]["lr"]
        0.1
        """
        return {
            "settings": {name: getattr(self, name) for name in self.settings},
            "memory": [_copied(memory) for memory in self.memory],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, with parameters of the same shapes.

        Raises
        ------
        ValueError
            If it is not the state of such an optimizer; nothing has been changed then.
        """
        problem = self._misfit(state)
        if problem:
            raise ValueError(
                f"The state does not fit this {type(self).__name__}, so nothing was loaded: "
                f"{problem}."
            )
        for name, value in state["settings"].items():
            setattr(self, name, value)
        self.memory = tuple(_copied(memory) for memory in state["memory"])

    def _misfit(self, state: Any) -> str:
        if not isinstance(state, Mapping) or set(state) != {"settings", "memory"}:
            return "it is not a dict of 'settings' and 'memory'"
        if set(state["settings"]) != set(self.settings):
            return (
                f"its settings are {', '.join(state['settings'])}, not {', '.join(self.settings)}"
            )
        if len(state["memory"]) != len(self.params):
            return (
                f"it remembers {len(state['memory'])} parameters, and there are {len(self.params)}"
            )
        for i, (p, memory) in enumerate(zip(self.params, state["memory"], strict=True)):
            for name, value in memory.items():
                if name != "step" and np.shape(value) != p.shape:
                    return f"its {name} of parameter {i} has shape {np.shape(value)}, not {p.shape}"
        return ""

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.settings)
        return f"{type(self).__name__}({settings})"


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

    settings = ("lr", "momentum", "dampening", "weight_decay", "nesterov")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = at_least("momentum", momentum, 0.0)
        self.dampening = number("dampening", dampening)
        self.weight_decay = at_least("weight_decay", weight_decay, 0.0)
        self.nesterov = bool(nesterov)
        if nesterov and (not momentum or dampening):
            raise ValueError(
                "nesterov needs a momentum above 0 and no dampening, and got "
                f"momentum={momentum}, dampening={dampening}."
            )

    def step(self) -> None:
        """Change each parameter that has a gradient."""
        if self.momentum or self.weight_decay:
            super().step()
            return
        # The same without a call for each parameter: most of the time of a small network's step.
        for p, rate in self._rates:
            g = p._grad
            if g is not None:
                p._set(p._data - rate * g)

    def change(self, parameter: Tensor, gradient: Any, memory: Memory) -> Any:
        """Return lr times the gradient, or what takes its place."""
        g = _decayed(gradient, parameter, self.weight_decay)
        if self.momentum:
            b = memory.get("momentum_buffer")
            b = g.copy() if b is None else self.momentum * b + (1.0 - self.dampening) * g
            memory["momentum_buffer"] = b
            g = g + self.momentum * b if self.nesterov else b
        return self.lr * g


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

    settings = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(params, lr)
        self.lr_decay = at_least("lr_decay", lr_decay, 0.0)
        self.weight_decay = at_least("weight_decay", weight_decay, 0.0)
        self.initial_accumulator_value = at_least(
            "initial_accumulator_value", initial_accumulator_value, 0.0
        )
        self.eps = at_least("eps", eps, 0.0)

    def change(self, parameter: Tensor, gradient: Any, memory: Memory) -> Any:
        """Return the gradient over the root of the sum of its squares."""
        g = _decayed(gradient, parameter, self.weight_decay)
        steps_before = memory.get("step", 0)
        memory["step"] = steps_before + 1
        memory["sum"] = memory.get("sum", self.initial_accumulator_value) + g * g
        rate = self.lr / (1.0 + steps_before * self.lr_decay)
        return rate * g / (np.sqrt(memory["sum"]) + self.eps)


class Adam(Optimizer):
    """Momentum, and a rate for each number from the mean of its squared gradients.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²; both start at 0, and in step t
    m / (1 − β₁ᵗ) and v / (1 − β₂ᵗ) make up for that in
    p ← p − lr · m / (√v + eps). (Kingma and Ba, 2015.)

    Examples
    --------
    >>> w = Tensor([1.0, -5.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -4.5])
    """

    settings = ("lr", "betas", "eps", "weight_decay")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.betas = (share("betas[0]", betas[0]), share("betas[1]", betas[1]))
        self.eps = at_least("eps", eps, 0.0)
        self.weight_decay = at_least("weight_decay", weight_decay, 0.0)

    def change(self, parameter: Tensor, gradient: Any, memory: Memory) -> Any:
        """Return lr times the mean of the gradient over the root of the mean of its square."""
        g = _decayed(gradient, parameter, self.weight_decay)
        beta1, beta2 = self.betas
        t = memory["step"] = memory.get("step", 0) + 1
        m = memory["exp_avg"] = beta1 * memory.get("exp_avg", 0.0) + (1.0 - beta1) * g
        v = memory["exp_avg_sq"] = beta2 * memory.get("exp_avg_sq", 0.0) + (1.0 - beta2) * g * g
        root = np.sqrt(v) / math.sqrt(1.0 - beta2**t) + self.eps
        return self.lr / (1.0 - beta1**t) * m / root


# -- what all of them check ---------------------------------------------------------------


def _parameters(params: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Return the parameters, having seen that they can be optimized."""
    wanted = "an optimizer takes an iterable of Tensors, such as model.parameters()"
    if isinstance(params, (Tensor, Mapping)) or not isinstance(params, Iterable):
        raise TypeError(f"{wanted}, and got {type(params).__name__}.")
    found = tuple(params)
    if not found:
        raise ValueError(f"{wanted}, and got none: the model has no parameters, or was used up.")
    for i, p in enumerate(found):
        if not isinstance(p, Tensor):
            raise TypeError(f"{wanted}, and number {i} is {type(p).__name__}.")
        if not p.is_leaf:
            raise ValueError(f"{p.called()} is computed from others: give an optimizer those.")
        if p.dtype.kind not in "fc":
            raise ValueError(f"{p.called()} holds {p.dtype}, which cannot be optimized.")
    if len({id(p) for p in found}) < len(found):
        raise ValueError("A parameter was given to the optimizer twice: give each once.")
    return found


def number(name: str, value: Any) -> float:
    """Return a finite number, or say that it is none."""
    if not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise ValueError(f"{name} is a finite number, and got {value!r}.")
    return value  # type: ignore[return-value]


def at_least(name: str, value: Any, low: float) -> float:
    """Return a number that is not below `low`."""
    if number(name, value) < low:
        raise ValueError(f"{name} is at least {low:g}, and got {value!r}.")
    return value  # type: ignore[no-any-return]


def share(name: str, value: Any) -> float:
    """Return a number from 0 up to but not including 1."""
    if not 0.0 <= number(name, value) < 1.0:
        raise ValueError(f"{name} is at least 0 and below 1, and got {value!r}.")
    return value  # type: ignore[no-any-return]


def _decayed(gradient: Any, parameter: Tensor, weight_decay: float) -> Any:
    return gradient + weight_decay * parameter.data if weight_decay else gradient


def _copied(memory: Mapping[str, Any]) -> Memory:
    return {name: np.copy(value) if np.ndim(value) else value for name, value in memory.items()}
