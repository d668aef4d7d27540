"""Containers: modules that run others one after another."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from autograd_lite.randomness import Random, generator

from . import init as initialisations
from .activation import BY_NAME
from .checkpoint import generators
from .linear import Linear
from .module import Module, Parameter, check_name, to_numpy

S = TypeVar("S", bound="Sequential")
Activation = str | Module | Callable[[], Module] | None


class Sequential(Module):
    """Modules in a row: the output of each is the input of the next.

    Parameters
    ----------
    *layers
        Modules, which are called ``"0"``, ``"1"``, …; or one dict of them by name.

    Raises
    ------
    TypeError
        If something is not a Module.

    Examples
    --------
    >>> model = Sequential(Linear(2, 4, rng=0), BY_NAME["sigmoid"](), Linear(4, 1, rng=0))
    >>> model(np.zeros((3, 2))).shape
    (3, 1)
    >>> len(model), model[-1]
    (3, Linear(in_features=4, out_features=1, bias=True))
    >>> model[:2]
    Sequential(
      (0): Linear(in_features=2, out_features=4, bias=True)
      (1): Sigmoid()
    )
    """

    _layers: tuple[Module, ...] = ()

    def __init__(self, *layers: Module | Mapping[str, Module]) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named: dict[str, Any] = dict(layers[0])
        else:
            named = {str(i): layer for i, layer in enumerate(layers)}
        self._add(named)

    def _add(self, named: Mapping[str, Any]) -> None:
        """Add modules at the end, or none if something is wrong with one."""
        for name, layer in named.items():
            if not isinstance(layer, Module):
                hint = f"write {layer.__name__}()" if isinstance(layer, type) else "give a Module"
                raise TypeError(f"Layer '{name}' of a {type(self).__name__} is {layer!r}: {hint}.")
            check_name("layer", name)
        for name, layer in named.items():
            setattr(self, name, layer)

    def append(self: S, module: Module) -> S:
        """Add a module at the end, called by its number; return the container."""
        return self.extend([module])

    def extend(self: S, modules: Iterable[Module]) -> S:
        """Add modules at the end, called by their numbers; return the container."""
        self._add({str(i): module for i, module in enumerate(modules, len(self))})
        return self

    def forward(self, x: Any) -> Any:
        """Run the modules one after another."""
        for layer in self._layers:
            x = layer.forward(x)
        return x

    # `forward` is called often and attributes are set seldom, so the row is kept ready.

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._line_up()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._line_up()

    def _line_up(self) -> None:
        vars(self)["_layers"] = tuple(layer for _, layer in self._held(Module))

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            # A part shares its layers with the whole; they keep the names that they have there.
            part = Sequential()
            vars(part).update(list(self._held(Module))[index])
            part._line_up()
            return part
        if not -len(self) <= index < len(self):
            raise IndexError(f"There is no layer {index} in a Sequential of {len(self)}.")
        return self._layers[index]


class ModuleList(Sequential):
    """Modules in a list, whose parameters are found; how they are run is yours to say.

    Parameters
    ----------
    modules
        An iterable of modules, which are called ``"0"``, ``"1"``, …

    Examples
    --------
    >>> class Residual(Module):
    ...     def __init__(self):
    ...         self.layers = ModuleList(Linear(2, 2, rng=i) for i in range(3))
    ...
    ...     def forward(self, x):
    ...         for layer in self.layers:
    ...             x = x + layer(x)
    ...         return x
    >>> len(list(Residual().parameters()))
    6
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__(*modules)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: a list does not say how its modules are run."""
        raise NotImplementedError("A ModuleList does not say how its modules are run: call them.")


class ModuleDict(Module):
    """Modules by name, whose parameters are found.

    Parameters
    ----------
    modules
        A dict, or pairs of names and modules.

    Examples
    --------
    >>> heads = ModuleDict({"mean": Linear(2, 1, rng=0), "spread": Linear(2, 1, rng=1)})
    >>> list(heads), heads["mean"](np.zeros((5, 2))).shape
    (['mean', 'spread'], (5, 1))
    """

    def __init__(self, modules: Any = ()) -> None:
        self.update(modules)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: a dict does not say how its modules are run."""
        raise NotImplementedError("A ModuleDict does not say how its modules are run: call them.")

    def update(self, modules: Any) -> None:
        """Add modules, from a dict or from pairs; one of a name that there is takes its place."""
        for name, module in dict(modules).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"'{name}' of a ModuleDict is a Module, and got {module!r}.")
        check_name("module", name)
        setattr(self, name, module)

    def __getitem__(self, name: str) -> Module:
        found = vars(self).get(name)
        if not isinstance(found, Module):
            raise KeyError(f"There is no module {name!r}; there are {', '.join(self) or 'none'}.")
        return found

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self._held(Module)]

    def values(self) -> list[Module]:
        """Return the modules."""
        return [module for _, module in self._held(Module)]

    def items(self) -> list[tuple[str, Module]]:
        """Return the names and modules."""
        return list(self._held(Module))


class ParameterList(Module):
    """Parameters in a list, which a model finds.

    Parameters
    ----------
    values
        Parameters; Tensors and arrays of floats become some.

    Examples
    --------
    >>> weights = ParameterList([np.zeros(2), np.ones(3)])
    >>> len(weights), [name for name, _ in weights.named_parameters()]
    (2, ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.extend(values)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: a list of parameters computes nothing."""
        raise NotImplementedError("A ParameterList computes nothing: use its parameters.")

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end; return the list."""
        new = value if isinstance(value, Parameter) else Parameter(to_numpy(value))
        setattr(self, str(len(self)), new)
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end; return the list."""
        for value in values:
            self.append(value)
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self._held(Parameter))

    def __iter__(self) -> Iterator[Parameter]:
        return iter([parameter for _, parameter in self._held(Parameter)])

    def __getitem__(self, index: int) -> Parameter:
        return list(self)[index]

    def __setitem__(self, index: int, value: Any) -> None:
        new = value if isinstance(value, Parameter) else Parameter(to_numpy(value))
        setattr(self, str(range(len(self))[index]), new)


class MLP(Sequential):
    """A multilayer perceptron: linear layers with an activation after each.

    Parameters
    ----------
    sizes
        How many numbers go in, the units of each hidden layer, how many come out.
    activation
        After every layer but the last: a name (see `nn.activation.BY_NAME`), a
        module, of which each layer gets a copy, something that returns a new
        module when called, or None.
    bias
        Whether the linear layers have one.
    output_activation
        After the last layer; None by default.
    rng, init, dtype
        As for `Linear`; all layers draw from one generator, in order.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or a size or a name is not valid.

    Examples
    --------
    The network of the lab:

    >>> MLP([2, 4, 4, 1], "sigmoid", bias=False, output_activation="sigmoid", init="normal", rng=0)
    MLP(
      (linear1): Linear(in_features=2, out_features=4, bias=False)
      (sigmoid1): Sigmoid()
      (linear2): Linear(in_features=4, out_features=4, bias=False)
      (sigmoid2): Sigmoid()
      (linear3): Linear(in_features=4, out_features=1, bias=False)
      (sigmoid3): Sigmoid()
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation = "sigmoid",
        bias: bool = True,
        *,
        output_activation: Activation = None,
        rng: Random = None,
        init: str | initialisations.Initialisation = "fan_in_uniform",
        dtype: Any = np.float64,
    ) -> None:
        sizes = list(sizes)
        if len(sizes) < 2:
            raise ValueError(f"An MLP needs at least two sizes, input and output, and got {sizes}.")
        rng = generator(rng)
        layers: dict[str, Module] = {}
        last = len(sizes) - 1
        for i in range(1, last + 1):
            layers[f"linear{i}"] = Linear(
                sizes[i - 1], sizes[i], bias, rng=rng, init=init, dtype=dtype
            )
            follows = _new(output_activation if i == last else activation)
            if follows is not None:
                layers[f"{type(follows).__name__.lower()}{i}"] = follows
        super().__init__(layers)


def _new(activation: Activation) -> Module | None:
    """Return a new module of the kind that an `activation` argument stands for."""
    if activation is None:
        return None
    if isinstance(activation, Module):
        # A generator is not copied: two layers that draw from it draw different numbers.
        return copy.deepcopy(activation, {id(rng): rng for _, rng in generators(activation)})
    if isinstance(activation, str):
        name = activation.replace("-", "_")  # leaky-relu too, as one writes it in a shell
        if name not in BY_NAME:
            raise ValueError(
                f"No activation is called {activation!r}: use one of {', '.join(BY_NAME)}."
            )
        return BY_NAME[name]()
    module = activation() if callable(activation) else activation
    if not isinstance(module, Module):
        raise TypeError(
            "An activation is a name, a Module or something that returns one, and got "
            f"{activation!r}."
        )
    return module
