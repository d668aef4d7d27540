"""PyTorch's function names, for programs that are written with them.

>>> import autograd_lite.torch as torch
>>> w = torch.tensor([1.0, 2.0], requires_grad=True)
>>> torch.sum(torch.exp(w) * torch.arange(2)).backward()
>>> w.grad
array([0.       , 7.3890561])

It is a table onto NumPy's functions, onto the methods of a Tensor and onto `nn`, with nothing of
its own. Each function takes and returns Tensors, and means what PyTorch's means: ``torch.std``
divides by n − 1, where the method ``t.std()``, which is NumPy's, divides by n. Numbers are float64
if no dtype is given. What is not here says what to write; docs/coming_from.md has the differences.

This module stands above `nn`, on which it is built: the engine never imports it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import nn
from nn.files import read_arrays, write_arrays  # noqa: F401  (in lines)

from . import methods
from .elsewhere import as_asked
from .method_parts import CPU, Device, Largest, rng, to, unpacked  # noqa: F401  (in lines)
from .modes import enable_grad, no_grad, recording, state  # noqa: F401
from .randomness import get_rng_state, manual_seed, set_rng_state
from .tensor import Tensor, to_numpy, unwrap

MADE = """
tensor(data, *, dtype=None, device=None, requires_grad=False) =
    made(copied(data), dtype, device, requires_grad)
as_tensor(data, dtype=None, device=None) =
    to(data, (), dtype, device, False) if isinstance(data, Tensor) else made(data, dtype, device)
from_numpy(ndarray)                    = Tensor(ndarray)
zeros(*size, dtype=None, device=None, requires_grad=False) =
    made(np.zeros(unpacked(size)), dtype, device, requires_grad)
ones(*size, dtype=None, device=None, requires_grad=False) =
    made(np.ones(unpacked(size)), dtype, device, requires_grad)
empty(*size, dtype=None, device=None, requires_grad=False) =
    made(np.zeros(unpacked(size)), dtype, device, requires_grad)
full(size, fill_value, *, dtype=None, device=None, requires_grad=False) =
    made(np.full(size, unwrap(fill_value)), dtype, device, requires_grad)
arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False) =
    made(np.arange(*((start, end) if end is not None else (0, start)), step),
    dtype, device, requires_grad)
linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False) =
    made(np.linspace(start, end, steps), dtype, device, requires_grad)
logspace(start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False) =
    made(np.logspace(start, end, steps, base=base), dtype, device, requires_grad)
eye(n, m=None, *, dtype=None, device=None, requires_grad=False) =
    made(np.eye(n, m), dtype, device, requires_grad)
tril_indices(row, col, offset=0)       = Tensor(np.stack(np.tril_indices(row, offset, col)))
triu_indices(row, col, offset=0)       = Tensor(np.stack(np.triu_indices(row, offset, col)))
zeros_like(input, *, dtype=None, device=None, requires_grad=False) =
    made(np.zeros_like(unwrap(input)), dtype, device, requires_grad)
ones_like(input, *, dtype=None, device=None, requires_grad=False) =
    made(np.ones_like(unwrap(input)), dtype, device, requires_grad)
empty_like(input, *, dtype=None, device=None, requires_grad=False) =
    made(np.zeros_like(unwrap(input)), dtype, device, requires_grad)
full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False) =
    made(np.full_like(unwrap(input), unwrap(fill_value)), dtype, device, requires_grad)
rand(*size, generator=None, dtype=None, device=None, requires_grad=False) =
    made(rng(generator).random(unpacked(size)), dtype, device, requires_grad)
randn(*size, generator=None, dtype=None, device=None, requires_grad=False) =
    made(rng(generator).standard_normal(unpacked(size)), dtype, device, requires_grad)
rand_like(input, *, generator=None, dtype=None, device=None, requires_grad=False) =
    made(rng(generator).random(input.shape), dtype or input.dtype, device, requires_grad)
randn_like(input, *, generator=None, dtype=None, device=None, requires_grad=False) =
    made(rng(generator).standard_normal(input.shape), dtype or input.dtype, device, requires_grad)
randint(*bounds, generator=None, dtype=None, device=None, high=None, size=None) =
    made(rng(generator).integers(*bounded(bounds, high, size)), dtype, device)
randperm(n, *, generator=None, dtype=None, device=None) =
    made(rng(generator).permutation(n), dtype, device)
normal(mean=0.0, std=1.0, size=None, *, generator=None) =
    made(rng(generator).normal(to_numpy(mean), to_numpy(std), size))
"""
"""What makes Tensors, in the words of NumPy."""

JOINED = """
cat(tensors, dim=0)                    = np.concatenate(tensors, axis=dim)
concat(tensors, dim=0)                 = np.concatenate(tensors, axis=dim)
concatenate(tensors, dim=0)            = np.concatenate(tensors, axis=dim)
stack(tensors, dim=0)                  = np.stack(tensors, axis=dim)
hstack(tensors)                        = np.hstack(tensors)
vstack(tensors)                        = np.vstack(tensors)
dstack(tensors)                        = np.dstack(tensors)
where(condition, input=None, other=None) =
    np.nonzero(condition) if input is None else np.where(condition, input, other)
einsum(equation, *operands)            = np.einsum(equation, *unpacked(operands))
tensordot(a, b, dims=2)                = np.tensordot(a, b, dims)
meshgrid(*tensors, indexing='ij')      = np.meshgrid(*unpacked(tensors), indexing=indexing)
broadcast_tensors(*tensors)            = np.broadcast_arrays(*tensors)
block_diag(*tensors)                   = blocks(tensors)
outer(input, vec2)                     = np.outer(input, vec2)
trapezoid(y, x=None, *, dx=1.0, dim=-1) = np.trapezoid(y, x, dx, axis=dim)
numel(input)                           = input._value.size
is_tensor(obj)                         = isinstance(obj, Tensor)
is_grad_enabled()                      = state.mode.records
"""
"""What takes several, or anything, and asks."""

PYTORCHS = """
max(input, dim=None, keepdim=False)    = extreme(np.max, np.argmax, np.maximum, input, dim, keepdim)
min(input, dim=None, keepdim=False)    = extreme(np.min, np.argmin, np.minimum, input, dim, keepdim)
var(input, dim=None, unbiased=True, keepdim=False, *, correction=1) =
    np.var(input, axis=axes(dim), ddof=freedom(unbiased, correction), keepdims=keepdim)
std(input, dim=None, unbiased=True, keepdim=False, *, correction=1) =
    np.std(input, axis=axes(dim), ddof=freedom(unbiased, correction), keepdims=keepdim)
var_mean(input, dim=None, *, correction=1, keepdim=False) =
    (np.var(input, axis=axes(dim), ddof=correction, keepdims=keepdim),
    np.mean(input, axis=axes(dim), keepdims=keepdim))
std_mean(input, dim=None, *, correction=1, keepdim=False) =
    (np.std(input, axis=axes(dim), ddof=correction, keepdims=keepdim),
    np.mean(input, axis=axes(dim), keepdims=keepdim))
sort(input, dim=-1, descending=False)  = input.topk(input.shape[dim], dim, descending)
flip(input, dims)                      = np.flip(input, axes(dims))
median(input)                          = np.quantile(input, 0.5, method='lower')
nonzero(input, *, as_tuple=False)      = input.nonzero(as_tuple=as_tuple)
transpose(input, dim0, dim1)           = np.swapaxes(input, dim0, dim1)
squeeze(input, dim=None)               = np.squeeze(input, axis=lonely(input, dim))
histogram(input, bins=100, *, range=None, density=False) =
    tuple(map(Tensor, np.histogram(to_numpy(input), bins, range, density)))
save(obj, f)                           = write_arrays(f, a_state(obj))
load(f, map_location=None, weights_only=True) = read_arrays(f)[0]
unique(input)                          = Tensor(np.unique(to_numpy(input)))
"""
"""What means something else as a method, which is NumPy's: here it is PyTorch's."""

NAMES: dict[str, Any] = {
    "Tensor": Tensor,
    "Size": tuple,
    "nn": nn,
    "optim": nn.optim,
    "linalg": np.linalg,
    "fft": np.fft,
    "no_grad": no_grad,
    "inference_mode": no_grad,
    "enable_grad": enable_grad,
    "manual_seed": manual_seed,
    "get_rng_state": get_rng_state,
    "set_rng_state": set_rng_state,
    "set_printoptions": np.set_printoptions,
    "finfo": np.finfo,
    "iinfo": np.iinfo,
    "dtype": np.dtype,
    "float16": np.float16,
    "half": np.float16,
    "float32": np.float32,
    "float": np.float32,
    "float64": np.float64,
    "double": np.float64,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "short": np.int16,
    "int32": np.int32,
    "int": np.int32,
    "int64": np.int64,
    "long": np.int64,
    "bool": np.bool_,
    "pi": np.pi,
    "e": np.e,
    "inf": np.inf,
    "nan": np.nan,
    "cuda": SimpleNamespace(is_available=lambda: False, device_count=lambda: 0),
    "backends": SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
    "utils": SimpleNamespace(data=nn.data),
}
"""What is another's altogether."""

MISSING = {
    "autograd func vmap jacobian hessian": "write grad(f), value_and_grad(f), jacobian(f), "
    "hessian(f), vjp(f, x) or jvp(f, x, v); a Function of your own is an Operation",
    "special": "write scipy.special's functions",
    "jit compile export onnx fx": "write compile(f) or source(f, x) of autograd_lite, which make "
    "NumPy code of a program and its gradient",
    "distributed multiprocessing cuda xla": "all is computed by NumPy, on the CPU",
    "set_default_dtype set_default_device set_default_tensor_type": "give dtype= to each Tensor "
    "and layer; the default is float64, and the device the CPU",
    "nanmedian mode kthvalue cummax cummin": "write np.nanmedian(t), np.sort(t) or "
    "np.maximum.accumulate(t)",
    "svd qr eig symeig cholesky solve lstsq slogdet": "write torch.linalg.…, which is NumPy's "
    "np.linalg",
}
"""What PyTorch has there and is written otherwise."""

_METHODS_ALONE = """
view view_as reshape_as expand expand_as contiguous to cpu type type_as float double half cfloat
cdouble long int short char byte bool new_zeros new_ones new_empty new_full new_tensor nelement dim
ndimension element_size astype copy repeat compress choose argpartition is_contiguous get_device
conjugate"""
"""Methods that are no functions of PyTorch's, or are above."""


# -- what the lines call ---------------------------------------------------------------------------


class Generator(np.random.Generator):
    """NumPy's generator, with PyTorch's `manual_seed`; the numbers are NumPy's.

    >>> g = Generator().manual_seed(3)
    >>> g.random() == g.manual_seed(3).random()
    True
    """

    def __init__(self, device: Any = CPU) -> None:
        super().__init__(np.random.PCG64(0))

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed."""
        self.bit_generator.state = np.random.PCG64(seed).state
        return self

    def __reduce__(self) -> Any:
        return _generator, (self.bit_generator.state,)


def _generator(stands: Any) -> Generator:
    generator = Generator()
    generator.bit_generator.state = stands
    return generator


def device(name: Any = CPU) -> Device:
    """Return the one device there is, the CPU."""
    to(Tensor(0.0), (), None, str(name), False)
    return CPU


def set_grad_enabled(mode: bool) -> recording:
    """Record for gradients inside a ``with`` block, or not."""
    return enable_grad() if mode else no_grad()


def made(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of the dtype, on the device, that requires a gradient if it should."""
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = np.stack([to_numpy(x) for x in data])  # as in PyTorch: the numbers alone
    t: Tensor = to(Tensor(unwrap(data)), (), dtype, device, False)
    return t.requires_grad_() if requires_grad else t


def copied(data: Any) -> Any:
    """Return what ``tensor(…)`` copies: of a Tensor the numbers, with PyTorch's warning."""
    if isinstance(data, Tensor) and data.requires_grad:
        warnings.warn(
            "torch.tensor(t) copies the numbers and leaves the tape: write t.detach().clone() to "
            "say so, or t itself to compute on with its gradient.",
            stacklevel=4,
        )
    return data


def bounded(bounds: Any, high: Any, size: Any) -> tuple[Any, Any, Any]:
    """Return low, high and size of ``randint(high, size)`` and of ``randint(low, high, size)``."""
    if size is None:
        *bounds, size = bounds
    if high is not None:
        bounds = [*bounds, high]
    low, high = (0, *bounds) if len(bounds) == 1 else bounds
    return int(low), int(high), tuple(size)


def axes(dim: Any) -> Any:
    """Return axes as NumPy takes them."""
    return tuple(dim) if isinstance(dim, list) else dim


def freedom(unbiased: bool, correction: Any) -> Any:
    """Return NumPy's `ddof`."""
    return correction if unbiased else 0


def lonely(t: Any, dim: Any) -> Any:
    """Return those of some axes that have length 1, which may be dropped."""
    dims = range(t.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    return tuple(d for d in dims if t.shape[d] == 1)


def extreme(reduce: Any, find: Any, both: Any, t: Any, dim: Any, keepdim: bool) -> Any:
    """Return the extreme of all; along an axis with its places; or that of two Tensors."""
    if dim is None:
        return reduce(t)
    if isinstance(dim, Tensor):
        return both(t, dim)
    values = reduce(t, axis=dim, keepdims=keepdim)
    return Largest(values, find(t, axis=dim, keepdims=keepdim))


def a_state(obj: Any) -> dict[str, Any]:
    """Return a dict of arrays, which is what can be saved."""
    if not isinstance(obj, dict):
        raise TypeError(
            "torch.save() writes a dict of arrays, such as model.state_dict(), into a safetensors "
            f"file, and got {type(obj).__name__}: write np.save(file, t.numpy()) for one Tensor "
            "(docs/coming_from.md)."
        )
    return {name: to_numpy(x) for name, x in obj.items()}


def blocks(tensors: Any) -> Any:
    """Return a matrix with others along its diagonal."""
    rows = [np.atleast_2d(t) for t in tensors]
    zeros = [[np.zeros((a.shape[0], b.shape[1])) for b in rows] for a in rows]
    return np.block(
        [[a if i == j else z for j, z in enumerate(zeros[i])] for i, a in enumerate(rows)]
    )


# -- how a name is found ---------------------------------------------------------------------------


_LINES = methods.lines(MADE, JOINED, PYTORCHS)
_METHODS = frozenset(
    name
    for name in methods.FUNCTIONS
    if not name.startswith("_") and not name.endswith("_") and name not in _METHODS_ALONE.split()
)
_found: dict[str, Any] = {}  # not among the globals, where `any` and `int` are Python's


def _as_tensors(result: Any) -> Any:
    if isinstance(result, (np.ndarray, np.generic)):
        return Tensor(result)
    if isinstance(result, (list, tuple)):
        parts = map(_as_tensors, result)
        return result._make(parts) if hasattr(result, "_make") else tuple(parts)
    return result


def _of_line(name: str) -> Callable[..., Any]:
    parameters, body = methods.parts(_LINES[name])
    source = f"def {name}({', '.join(parameters)}):\n    return {body}"
    made = methods.compiled(name, source, globals())

    def function(*args: Any, **kwargs: Any) -> Any:
        return _as_tensors(made(*args, **kwargs))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = made.__doc__
    return function


def _of_method(name: str) -> Callable[..., Any]:
    method = getattr(Tensor, name)

    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        return method(input if isinstance(input, Tensor) else Tensor(input), *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The method of that name: {method.__doc__}"
    return function


def __getattr__(name: str) -> Any:
    if name in _found:
        return _found[name]
    if name in NAMES:
        found = NAMES[name]
    elif name in _LINES:
        found = _of_line(name)
    elif name in _METHODS:
        found = _of_method(name)
    elif name.startswith("__"):
        raise AttributeError(name)
    else:
        listed = dict(methods.ELSEWHERE)
        listed |= {word: instead for words, instead in MISSING.items() for word in words.split()}
        if name in listed:
            instead = listed[name]
        elif hasattr(nn.functional, name):
            instead = f"write nn.functional.{name}"
        elif hasattr(np, name):
            instead = f"write np.{name}, which takes Tensors"
        elif hasattr(Tensor, name):
            instead = f"the method t.{name} is there"
        else:
            instead = "dir(torch) lists what it has"
        message = f"autograd_lite.torch has no '{name}': {instead} (docs/coming_from.md)."
        raise as_asked(message, name, sys._getframe(1))
    _found[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*NAMES, *_LINES, *_METHODS, "Generator", "device", "set_grad_enabled"})


# So that ``import autograd_lite.torch.nn.functional as F`` finds what stands elsewhere.
__path__: list[str] = []
for _path, _module in {
    "nn": nn,
    "nn.functional": nn.functional,
    "nn.init": nn.init,
    "nn.utils": nn.utils,
    "optim": nn.optim,
    "optim.lr_scheduler": nn.optim.lr_scheduler,
    "utils.data": nn.data,
}.items():
    sys.modules[f"{__name__}.{_path}"] = _module
