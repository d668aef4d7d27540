"""Module: what owns parameters, alone or through the modules inside it.

>>> import nn
>>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sigmoid())
>>> [(name, p.shape) for name, p in model.named_parameters()]
[('0.weight', (3, 2)), ('0.bias', (3,))]

There is no registry beside the attributes: a module's parameters are those of
its attributes that are a `Parameter`, its buffers those that are a `Buffer`, its
children those that are a `Module`, in the order in which they were set.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from autograd_lite import Tensor
from autograd_lite.later import later
from autograd_lite.locations import skip_frames_in
from autograd_lite.method_parts import destination
from autograd_lite.run import identity as alias
from autograd_lite.tensor import Array as Array
from autograd_lite.tensor import to_numpy as to_numpy

from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter

skip_frames_in(os.path.dirname(__file__))

M = TypeVar("M", bound="Module")
T = TypeVar("T")


class Module:
    """The base of layers, losses and networks.

    A subclass sets parameters and modules as attributes, and says in `forward`
    what it computes. Calling the module calls `forward`.

    Examples
    --------
    >>> import numpy as np
    >>> class Scale(Module):
    ...     def __init__(self, factor):
    ...         self.factor = Parameter(factor)
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale(3.0)
    >>> scale(np.array([1.0, 2.0])).numpy()
    array([3., 6.])
    >>> list(scale.state_dict())
    ['factor']
    """

    training: bool = True
    """Whether the module is being trained; `train` and `eval` switch it."""

    conversions: int = 0
    """How often `to` was called, of any model: optimizers look whether they must follow."""

    if TYPE_CHECKING:
        forward: Callable[..., Any]

        __call__: Callable[..., Any]
    else:

        def forward(self, *args, **kwargs):
            """Compute the output: each subclass says how."""
            raise NotImplementedError(
                f"{type(self).__name__} does not say what it computes: give it a method forward."
            )

        __call__ = forward

    def __compile__(self, *others: Any, **how: Any) -> Any:
        """Answer ``autograd_lite.compile(model, loss, optimizer)``: see `nn.compiled`."""
        loss, optimizer = others if len(others) == 2 else (None, None)  # which it refuses
        return later("TrainingStep")(self, loss, optimizer, **how)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # `model(x)` is `model.forward(x)`, with no Python call in between.
        if "__call__" not in vars(cls):
            cls.__call__ = cls.forward  # type: ignore[method-assign]

    # -- what it holds -----------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and refuse what would lose parameters in silence."""
        if name != "training" and hasattr(Module, name):
            raise AttributeError(
                f"'{name}' is a method of every Module: give the attribute another name, or "
                "override the method in a subclass."
            )
        if isinstance(value, Parameter):
            value.name = name
        elif isinstance(value, Module):
            for path, parameter in value.named_parameters():
                parameter.name = f"{name}.{path}"
        elif (
            isinstance(held := vars(self).get(name), (Parameter, Buffer, Module))
            and value is not None
            and value is not held  # as after `self.count += 1`
        ):
            raise TypeError(
                f"'{name}' holds a {type(held).__name__}, and {type(value).__name__} "
                f"cannot take its place: set {name}.data for other values, or give another of its "
                "kind."
            )
        elif isinstance(value, (list, tuple, dict)):
            for item in value.values() if isinstance(value, dict) else value:
                if isinstance(item, (Parameter, Buffer, Module)):
                    raise TypeError(
                        f"The parameters in the {type(value).__name__} '{name}' would not be "
                        "found: use nn.ModuleList or nn.Sequential for modules, or an attribute "
                        "for each."
                    )
        super().__setattr__(name, value)

    def _held(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Yield the attributes of a kind, with their names."""
        for name, value in vars(self).items():
            if isinstance(value, kind):
                yield name, value

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield each module directly inside this one once, with its name."""
        seen = set()
        for name, child in self._held(Module):
            if id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """Yield each module directly inside this one once."""
        for _, child in self.named_children():
            yield child

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield this module (path ``""``) and all inside it once, outer before inner."""
        seen = set()
        waiting: list[tuple[str, Module]] = [("", self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                inside = [(_join(path, name), child) for name, child in module.named_children()]
                waiting += reversed(inside)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all inside it once, outer before inner."""
        for _, module in self.named_modules():
            yield module

    def _named(self, *kinds: type[T]) -> Iterator[tuple[str, T]]:
        """Yield what all modules hold of these kinds, with its path; each thing once."""
        seen = set()
        for path, module in self.named_modules():
            for kind in kinds:
                for name, value in module._held(kind):
                    if id(value) not in seen:
                        seen.add(id(value))
                        yield _join(path, name), value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield each parameter once, with its path; a shared one under its first path."""
        yield from self._named(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Yield each parameter once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield each buffer once, with its path."""
        yield from self._named(Buffer)

    def buffers(self) -> Iterator[Buffer]:
        """Yield each buffer once."""
        for _, buffer in self.named_buffers():
            yield buffer

    def __open__(self) -> tuple[list[Any], Callable[[list[Any]], Any]]:
        """Return the parameters, and what makes a copy of the module with others.

        This is what `autograd_lite.flatten` and ``tree.map`` see of a module. In the copy a
        Tensor takes the place of a parameter as it is; an array becomes a parameter. Buffers
        are copied.
        """
        held = list(self.parameters())
        return [*held], lambda others: _copied(self, held, others)

    # -- held by name, as PyTorch writes it ---------------------------------------------

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Hold an array as a `Buffer`; it is in the state unless not `persistent`.

        >>> import numpy as np
        >>> module = Module()
        >>> module.register_buffer("mask", np.tri(2), persistent=False)
        >>> module.mask.shape, module.state_dict()
        ((2, 2), {})
        """
        check_name("buffer", name)
        if isinstance(vars(self).get(name), Buffer):
            delattr(self, name)
        if tensor is None or isinstance(tensor, Buffer):
            setattr(self, name, tensor)
        else:
            setattr(self, name, Buffer(to_numpy(tensor)))
        transient = vars(self).get("_transient", frozenset()) - {name}
        vars(self)["_transient"] = transient if persistent else transient | {name}

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold a parameter, as setting an attribute does."""
        check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"'{name}' is to be an nn.Parameter, and got {type(param).__name__}.")
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Hold a module, as setting an attribute does."""
        check_name("module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"'{name}' is to be an nn.Module, and got {type(module).__name__}.")
        setattr(self, name, module)

    # -- settings for all of it ------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Switch this module and all inside it to training; return it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Switch this module and all inside it to evaluation; return it."""
        return self.train(False)

    def requires_grad_(self: M, flag: bool = True) -> M:
        """Freeze (False) or unfreeze every parameter; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad = flag
        return self

    def to(self: M, *target: Any, dtype: Any = None, device: Any = None) -> M:
        """Convert every parameter and buffer of floats to another dtype; return the module.

        There is one device, the CPU: ``model.to("cpu")`` changes nothing.

        >>> import nn
        >>> nn.Linear(2, 1, rng=0).to(np.float32).weight.dtype
        dtype('float32')
        """
        dtype = destination(target, dtype, device)
        if dtype is None:
            return self
        if dtype.kind != "f":
            raise TypeError(f"A model is of floats, and cannot become {dtype}.")
        for held in (*self.parameters(), *self.buffers()):
            if held.dtype.kind == "f":
                held._set(held.data.astype(dtype))
                held.grad = None
        Module.conversions += 1
        return self

    def float(self: M) -> M:
        """Convert to float32, as PyTorch calls it; return the module."""
        return self.to(np.float32)

    def cpu(self: M) -> M:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Raise an error: there is no other device."""
        return self.to("cuda")

    def half(self: M) -> M:
        """Convert to float16; return the module."""
        return self.to(np.float16)

    def double(self: M) -> M:
        """Convert to float64; return the module."""
        return self.to(np.float64)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call a function with every module inside this one, and with this one; return it.

        >>> import nn
        >>> model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh())
        >>> def start(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.ones_(module.weight)
        >>> model.apply(start)[0].weight.data
        array([[1., 1.],
               [1., 1.]])
        """
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter, or set it to 0."""
        for parameter in self.parameters():
            parameter.zero_grad(set_to_none)

    # -- saving and loading ------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every array that makes up the model, parameters and buffers, by path.

        As in PyTorch, a parameter that stands in two places is there under both paths.

        >>> import nn, numpy as np
        >>> model = nn.Linear(2, 1, rng=0)
        >>> twin = nn.Linear(2, 1, rng=1)
        >>> twin.load_state_dict(model.state_dict())
        >>> np.array_equal(model.weight.data, twin.weight.data)
        True
        """
        return {path: np.array(held.data) for path, held in self._state()}

    def _state(self, path: str = "") -> Iterator[tuple[str, Tensor]]:
        """Yield what is saved, under every path that leads to it: a shared one has several."""
        transient = vars(self).get("_transient", ())
        for kind in (Parameter, Buffer):
            for name, held in self._held(kind):
                if name not in transient:
                    yield _join(path, name), held
        for name, child in self._held(Module):
            yield from child._state(_join(path, name))

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Set every parameter and buffer from an array of its path.

        Parameters
        ----------
        state
            What `state_dict` returned, or the like: arrays of the model's
            shapes, which are converted to the model's dtypes.
        strict
            Whether keys that are missing or unknown are an error. Else those are
            set that are in both.

        Raises
        ------
        ValueError
            If a key is missing or unknown, an array does not fit, or two are
            given for one shared parameter. It lists all of them, and nothing has
            been changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict takes a dict of arrays by name, and got {type(state).__name__}."
            )
        held = dict(self._state())
        arrays = {path: to_numpy(state[path]) for path in held if path in state}
        problems = []
        if strict:
            problems += [f"'{path}' is missing" for path in held if path not in state]
            problems += [f"'{path}' is not in the model" for path in state if path not in held]
        for path, array in arrays.items():
            own = held[path]
            if array.shape != own.shape:
                problems.append(f"'{path}' has shape {array.shape} where the model has {own.shape}")
            elif not np.can_cast(array.dtype, own.dtype, "same_kind"):
                problems.append(f"'{path}' has dtype {array.dtype} where the model has {own.dtype}")
        first: dict[int, str] = {}
        for path, array in arrays.items():
            other = first.setdefault(id(held[path]), path)
            if not np.array_equal(array, arrays[other], equal_nan=True):
                problems.append(f"'{other}' and '{path}' are one in the model, and differ")
        if problems:
            raise ValueError(
                f"The state does not fit this {type(self).__name__}, so nothing was loaded: "
                f"{'; '.join(problems)}."
            )
        for path, array in arrays.items():
            held[path].data = array

    # -- how it reads ----------------------------------------------------------------

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows: the text; for layers in a row, circles and lines too."""
        return later("mimebundle")(self)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return what stands between the brackets of its repr: its settings."""
        return ""

    def __repr__(self) -> str:
        lines = [self.extra_repr()] if self.extra_repr() else []
        children = list(self._held(Module))
        if not children:
            return f"{type(self).__name__}({''.join(lines)})"
        lines += [f"({name}): {child!r}" for name, child in children]
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


def check_name(kind: str, name: Any) -> None:
    """Raise a ValueError unless what a module holds can be called so: paths are joined by dots."""
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"A {kind} cannot be called {name!r}: give a name without dots.")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _copied(module: Module, held: list[Parameter], others: list[Any]) -> Module:
    """Return a copy of a module in which other numbers take the places of its parameters."""
    # What deepcopy has met before it does not copy: so what is shared stays shared.
    held_by_all = (x for m in module.modules() for x in vars(m).values())
    memo: dict[int, Any] = {id(x): x for x in held_by_all if isinstance(x, np.random.Generator)}
    memo.update((id(p), _in_place_of(p, x)) for p, x in zip(held, others, strict=True))
    return copy.deepcopy(module, memo)


def _in_place_of(parameter: Parameter, x: Any) -> Parameter:
    """Return a parameter of other numbers; what is on the tape stays there."""
    if isinstance(x, Tensor):
        made = alias.apply(x)
        made.__class__ = Parameter  # so that a module's own loops find it
    else:
        made = Parameter(x, requires_grad=parameter.requires_grad)
    made.name = parameter.name
    return made  # type: ignore[no-any-return]
