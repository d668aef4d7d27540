"""What optimizers share: parameters, their settings, what is remembered of each, and its files.

A step never writes into a parameter's array. It stores a new one, so that a
graph that was made before keeps its numbers, and taking its gradient
afterwards is an error instead of a wrong number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograd_lite import Tensor

from .module import Module
from .settings import from_zero, number, plain_number

SCALARS = ("step", "mu_product")
"""What is remembered as one number, whatever a parameter's shape."""

ParameterState = dict[str, Any]
"""What an optimizer keeps of one parameter from step to step, such as a momentum."""

Group = dict[str, Any]
Check = Callable[[str, Any], Any]


# -- the base -------------------------------------------------------------------------------


class Optimizer:
    """The base: holds parameters, their settings, and what it remembers of each.

    A subclass says in `update` what is to be subtracted from a parameter (or in
    `moved` what it becomes).

    Parameters
    ----------
    params
        What to optimize: ``model.parameters()``, or any Tensors that require a
        gradient; or a list of groups, each a dict of its ``"params"`` and of the
        settings in which it differs.
    lr
        The learning rate, at least 0. It may be set between steps.
    **settings
        The other settings of a subclass.

    Attributes
    ----------
    param_groups : list of dict
        For each group its ``"params"`` and all its settings, which may be changed.
    params : tuple of Tensor
        The parameters of all groups.
    state : tuple of dict
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
    ...     def update(self, parameter, gradient, state, group):
    ...         return group["lr"] * np.sign(gradient)
    >>> w = Tensor([1.0, -2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w], lr=0.5).step()
    >>> w.data
    array([ 0.5, -1.5])

    A rate of its own for each part of a model:

    >>> from nn.optim import SGD
    >>> v = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([{"params": [w]}, {"params": [v], "lr": 0.01}], lr=0.1)
    >>> [group["lr"] for group in optimizer.param_groups]
    [0.1, 0.01]
    """

    checks: Mapping[str, Check] = {"lr": from_zero}
    """For each setting, what sees that it is in range, and may return it in a better form."""

    elementwise: bool = False
    """Whether each number's step depends on its own gradient and state alone, as a class says
    beside its formula: compiled steps put all parameters into one vector."""

    loads: int = 0
    """How often a state was loaded: a scheduler that is older than that leaves the rates alone."""

    def __init__(
        self, params: Iterable[Tensor] | Iterable[Group], lr: float, **settings: Any
    ) -> None:
        self.param_groups = _groups(params, {"lr": lr, **settings})
        for group in self.param_groups:
            group.update(_plain(group))
            self._check(group)
        self.params = tuple(p for group in self.param_groups for p in group["params"])
        if len({id(p) for p in self.params}) < len(self.params):
            raise ValueError("A parameter was given to the optimizer twice: give each once.")
        self.state: tuple[ParameterState, ...] = tuple({} for _ in self.params)
        self._conversions = Module.conversions

    def _check(self, group: Group) -> None:
        for name, check in self.checks.items():
            found = check(name, group[name])
            group[name] = group[name] if found is None else found

    @property
    def memory(self) -> tuple[ParameterState, ...]:
        """The older name of `state`."""
        return self.state

    @property
    def lr(self) -> float:
        """The learning rate, of the first group; setting it sets that of all."""
        return self.param_groups[0]["lr"]  # type: ignore[no-any-return]

    @lr.setter
    def lr(self, lr: float) -> None:
        lr = from_zero("lr", lr)
        for group in self.param_groups:
            group["lr"] = lr

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the parameters, or set them to 0."""
        for p in self.params:
            p._grad = None if set_to_none or p._grad is None else np.zeros_like(p._grad)

    def step(self) -> None:
        """Change each parameter that has a gradient."""
        if self._conversions != Module.conversions:
            self._convert()
        states = iter(self.state)
        for group in self.param_groups:
            settings = _plain(group)
            for p in group["params"]:
                state = next(states)
                g = p._read_grad()
                if g is not None:
                    new = self.moved(p, g, state, settings)
                    p._set(new if new.dtype is p._value.dtype else new.astype(p.dtype))

    def _convert(self) -> None:
        """Follow the parameters, which `Module.to` may have converted."""
        self._conversions = Module.conversions
        self.state = tuple(map(_in_dtype, self.state, self.params))

    def moved(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return the next value of a parameter, an array: its value less `update`."""
        return parameter.data - self.update(parameter, gradient, state, group)

    def update(self, parameter: Tensor, gradient: Any, state: ParameterState, group: Group) -> Any:
        """Return what is to be subtracted from a parameter: each subclass says how.

        `state` is the parameter's own, `group` the settings that hold for it.
        """
        change = getattr(self, "change", None)  # its older name
        if change is not None:
            return change(parameter, gradient, state, group)
        raise NotImplementedError(f"{type(self).__name__} does not say how parameters change.")

    def is_elementwise(self) -> bool:
        """Whether the class that has the formula, or one made of it, says so."""
        for cls in type(self).__mro__:
            if "elementwise" in vars(cls):
                return bool(vars(cls)["elementwise"])
            if {"update", "change", "moved", "step"} & set(vars(cls)):
                return False
        return False

    def rates(self, group: Group, step: int) -> dict[str, float]:
        """Return what of the formula changes from step to step, beside the learning rate.

        It is the same for all parameters; `step` counts from 1. A compiled step gives it to
        the formula as ``group["rates"]``.
        """
        return {}

    # -- saving and loading --------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings, and of what is remembered of each parameter.

        The form is PyTorch's: ``"param_groups"`` with the numbers of their
        parameters, and ``"state"`` by number.

        >>> from nn.optim import SGD
        >>> w = Tensor([1.0], requires_grad=True)
        >>> SGD([w], lr=0.1).state_dict()["param_groups"][0]["lr"]
        0.1
        """
        groups, first = [], 0
        for group in self.param_groups:
            numbers = list(range(first, first + len(group["params"])))
            groups.append({**group, "params": numbers})
            first += len(numbers)
        state = {i: _copied(own) for i, own in enumerate(self.state) if own}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, with parameters of the same shapes.

        What is remembered takes the parameters' dtypes.

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
        for group, saved in zip(self.param_groups, state["param_groups"], strict=True):
            group.update({k: v for k, v in _plain(saved).items() if k != "params"})
        self.state = tuple(
            _in_dtype(state["state"].get(i, {}), p) for i, p in enumerate(self.params)
        )
        self.loads += 1

    def _misfit(self, state: Any) -> str:
        if not isinstance(state, Mapping) or set(state) != {"state", "param_groups"}:
            return "it is not a dict of 'state' and 'param_groups'"
        sizes = [len(group["params"]) for group in self.param_groups]
        saved = [len(group.get("params", ())) for group in state["param_groups"]]
        if sizes != saved:
            return f"its groups have {saved} parameters, not {sizes}"
        for group in state["param_groups"]:
            missing = set(self.checks) - set(group)
            if missing:
                return f"it has no setting {', '.join(sorted(missing))}"
            try:
                # Schedulers that chain can take a rate below 0, as in PyTorch.
                self._check({**group, "lr": abs(number("lr", group["lr"]))})
            except ValueError as error:
                return str(error).rstrip(".")
        for i, own in state["state"].items():
            if i not in range(len(self.params)):
                return f"it remembers a parameter {i}, and there are {len(self.params)}"
            for name, value in own.items():
                if name in SCALARS or value is None:
                    continue
                if np.shape(value) != self.params[i].shape:
                    shape = self.params[i].shape
                    return f"its {name} of parameter {i} has shape {np.shape(value)}, not {shape}"
        return ""

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({' | '.join(groups)})"


# -- what they share ---------------------------------------------------------------------------


def _groups(params: Any, settings: Group) -> list[Group]:
    """Return the groups, having seen that their parameters can be optimized."""
    wanted = "an optimizer takes an iterable of Tensors, such as model.parameters()"
    if isinstance(params, (Tensor, Mapping)) or not isinstance(params, Iterable):
        raise TypeError(f"{wanted}, and got {type(params).__name__}.")
    found = list(params)
    if not found or not isinstance(found[0], Mapping):
        return [{"params": _parameters(found, wanted), **settings}]
    groups = []
    for i, group in enumerate(found):
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"A group is a dict with 'params', and number {i} is {group!r}.")
        unknown = set(group) - set(settings) - {"params", "initial_lr"}
        if unknown:
            raise ValueError(
                f"Group {i} has a setting {', '.join(sorted(unknown))}; there are "
                f"{', '.join(settings)}."
            )
        own = group["params"]
        own = [own] if isinstance(own, Tensor) else list(own)
        groups.append({**settings, **group, "params": _parameters(own, wanted)})
    return groups


def _parameters(found: list[Any], wanted: str) -> list[Tensor]:
    if not found:
        raise ValueError(f"{wanted}, and got none: the model has no parameters, or was used up.")
    for i, p in enumerate(found):
        if not isinstance(p, Tensor):
            raise TypeError(f"{wanted}, and number {i} is {type(p).__name__}.")
        if not p.is_leaf:
            raise ValueError(f"{p._describe()} is computed from others: give an optimizer those.")
        if p.dtype.kind not in "fc":
            raise ValueError(f"{p._describe()} holds {p.dtype}, which cannot be optimized.")
    return found


def decayed(gradient: Any, parameter: Tensor, group: Group) -> Any:
    """Return a gradient with `weight_decay` times its parameter added."""
    decay = group["weight_decay"]
    return gradient + decay * parameter.data if decay else gradient


def _plain(group: Group) -> Group:
    """Return settings with NumPy's numbers as Python's, which leave a parameter's dtype alone."""
    return {
        name: tuple(plain_number(name, v) for v in value)
        if isinstance(value, (tuple, list)) and name != "params"
        else plain_number(name, value)
        for name, value in group.items()
    }


def _in_dtype(state: Mapping[str, Any], parameter: Tensor) -> ParameterState:
    """Return a copy of what is remembered of a parameter, with floats in its dtype."""
    found = _copied(state)
    for name, value in state.items():
        if name in SCALARS:
            found[name] = int(value) if name == "step" else float(value)
        elif value is None:  # as PyTorch keeps where there is no momentum
            del found[name]
        elif np.asarray(value).dtype.kind == parameter.dtype.kind:
            found[name] = np.asarray(value).astype(parameter.dtype)[()]
    return found


def _copied(state: Mapping[str, Any]) -> ParameterState:
    return {
        name: np.copy(value) if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }
