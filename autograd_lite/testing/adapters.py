"""Hand-written gradients of other forms, as a function and its gradient.

Each adapter returns what `check_gradient_function` takes, so that a line or two do::

    check_gradient_function(*with_cache(affine_forward, affine_backward), x, w, b)
    check_gradient_function(*stored(net, loss, backward, {"w1": "d_L_w1", "w2": "d_L_w2"}))
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import CheckInputError
from ..tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


def with_cache(
    forward: Callable[..., Any], backward: Callable[..., Any], seed: int = 0
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the function and the gradient of a layer that hands a cache to its backward pass.

    Parameters
    ----------
    forward
        Returns ``(out, cache)``.
    backward
        Takes ``(dout, cache)`` and returns the gradients of the arguments of `forward`.
    seed
        Of the weights with which `out` is summed to one number; they are `dout`.

    Examples
    --------
    >>> from autograd_lite.testing import check_gradient_function
    >>> def relu_forward(x):
    ...     return np.maximum(x, 0), x
    >>> def relu_backward(dout, cache):
    ...     return dout * (cache > 0)
    >>> x = np.array([-1.0, 2.0])
    >>> report = check_gradient_function(*with_cache(relu_forward, relu_backward), x)
    >>> report.verdict.name
    'RIGHT'
    """

    def weighted(out: Any) -> Array:
        draw = np.random.default_rng(seed)
        w: Array = draw.uniform(0.5, 1.5, np.shape(out))
        if _is_complex(out):
            w = w + 1j * draw.uniform(0.5, 1.5, w.shape)
        return w

    def f(*args: Any) -> Any:
        out = _out(forward(*args), forward)
        total = np.sum(out * np.conj(weighted(out)))
        return np.real(total) if _is_complex(out) else total

    def gradient(*args: Any) -> Any:
        made = forward(*args)
        return backward(weighted(_out(made, forward)), made[1])

    _called_as(f, forward)
    _called_as(gradient, backward)
    return f, gradient


def _is_complex(x: Any) -> bool:
    return getattr(x, "dtype", np.result_type(type(x))).kind == "c"


def _out(made: Any, forward: Callable[..., Any]) -> Any:
    if not isinstance(made, tuple) or len(made) != 2:
        raise CheckInputError(
            f"'{getattr(forward, '__name__', 'forward')}' must return (out, cache), and returned "
            f"{type(made).__name__}."
        )
    return made[0]


def stored(
    net: Any,
    loss: Callable[[Any], Any],
    backward: Callable[[Any], Any],
    gradients: Mapping[str, str] | None = None,
) -> tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]:
    """Return function, gradient and point of an object that keeps its gradients.

    Parameters
    ----------
    net
        The object; it is copied, so that it stays as it is.
    loss
        From the object to the loss, such as ``lambda net: mse(net.forward(X), y)``.
    backward
        What fills in the gradients, such as ``lambda net: net.backprop(y)``; the forward pass
        has been run when it is called.
    gradients
        For each weight, the attribute that holds its gradient; dots lead inside:
        ``{"layers.0.w": "layers.0.dw"}``, ``{"params.W1": "grads.W1"}`` (dicts too). By
        default they are found by their names: see `gradient_names`.

    Raises
    ------
    CheckInputError
        If a name is of no array of floats, or of one that each forward pass makes anew.

    Examples
    --------
    >>> from autograd_lite.testing import check_gradient_function
    >>> class Net:
    ...     w = np.array([0.5, -1.0])
    ...     def backprop(self, x):
    ...         self.d_w = 2 * (self.w @ x) * x
    >>> x = np.array([1.0, 2.0])
    >>> parts = stored(Net(), lambda n: (n.w @ x) ** 2, lambda n: n.backprop(x), {"w": "d_w"})
    >>> check_gradient_function(*parts).verdict.name
    'RIGHT'
    """
    mine = copy.deepcopy(net)
    for path in gradients or ():
        _read(mine, path)
    before = dict(_arrays(mine, ""))
    loss(mine)
    made = {path for path, x in _arrays(mine, "") if before.get(path) is not x}
    if gradients is None:
        backward(mine)
        gradients = gradient_names(mine, made)
    elif wrong := [path for path in gradients if path in made]:
        raise CheckInputError(
            f"'{wrong[0]}' is made anew by each forward pass of a {type(net).__name__}, so there "
            "is no gradient to check it with: name what the forward pass starts from, its weights."
        )
    mine = copy.deepcopy(net)

    def put(weights: Mapping[str, Any]) -> None:
        for path, x in weights.items():
            holder, name = _holder(mine, path)
            _set(holder, name, np.array(x) if isinstance(x, np.ndarray) else x)

    def f(weights: Mapping[str, Any]) -> Any:
        put(weights)
        return loss(mine)

    def gradient(weights: Mapping[str, Any]) -> dict[str, Any]:
        put(weights)
        loss(mine)
        backward(mine)
        return {path: _read(mine, where) for path, where in gradients.items()}

    f.__name__, gradient.__name__ = f"{type(net).__name__}.loss", type(net).__name__
    point = {path: _read(mine, path) for path in gradients}
    for path, x in point.items():
        if not isinstance(x, (np.ndarray, float, complex, np.inexact, Tensor)):
            raise CheckInputError(
                f"{type(net).__name__}.{path} is of type {type(x).__name__}: name an array of "
                "floats."
            )
    return f, gradient, {path: _wide(x) for path, x in point.items()}


def _wide(x: Any) -> Array:
    """Return a copy in double precision."""
    return np.array(x, dtype=complex if np.iscomplexobj(x) else float)


def gradient_names(net: Any, made: Collection[str] = ()) -> dict[str, str]:
    """Find which attribute holds the gradient of which, after a backward pass.

    Of what the forward pass has `made` it is not asked.

    ``dw``, ``d_w``, ``d_L_w``, ``grad_w``, ``w_grad``, ``w_gradient``, ``dL_dw``, ``delta_w``
    beside ``w``; the same keys in a dict ``grads`` beside ``params``; inside of a list of
    layers too.

    Raises
    ------
    CheckInputError
        If no such pair is found; the message lists the arrays that there are.

    >>> class Net:
    ...     def __init__(self):
    ...         self.w, self.d_L_w, self.x = np.ones(2), np.ones(2), np.ones(3)
    ...         self.params, self.grads = {"b": np.ones(1)}, {"b": np.ones(1)}
    >>> gradient_names(Net())
    {'w': 'd_L_w', 'params.b': 'grads.b'}
    """
    arrays = dict(_arrays(net, ""))
    by_name = {path.lower(): path for path in arrays}
    found: dict[str, str] = {}
    for path in [path for path in arrays if path not in made]:
        head, _, name = path.rpartition(".")
        inner = f"{head}." if head else ""
        candidates = [f"{inner}{form.format(name)}" for form in _FORMS]
        if head:
            holder, _, box = head.rpartition(".")
            outer = f"{holder}." if holder else ""
            if not re.match(r"d|grad", box, re.IGNORECASE):
                boxes = ("grads", "gradients", "grad", f"d{box}", f"d_{box}", f"grad_{box}")
                keys = (name, f"d{name}")
                candidates += [f"{outer}{b}.{key}" for b in boxes for key in keys]
        here = next((by_name[c.lower()] for c in candidates if c.lower() in by_name), None)
        if here is not None and here != path:
            found[path] = here
    if not found:
        raise CheckInputError(
            f"No gradients were found by their names on a {type(net).__name__}; its arrays are "
            f"{', '.join(arrays) or 'none'}: say which is whose, as in "
            'stored(net, loss, backward, {"w1": "d_L_w1"}).'
        )
    return found


_FORMS = (
    "d{}", "d_{}", "d_L_{}", "dL_d{}", "dL_{}", "grad_{}", "g_{}", "{}_grad", "{}_gradient",
    "delta_{}", "{}_g", "gradient_{}", "partial_{}",
)  # fmt: skip


def _arrays(x: Any, path: str, depth: int = 3) -> Iterator[tuple[str, Any]]:
    """Yield the float arrays on an object, in its dicts, lists and parts, with their paths."""
    if isinstance(x, np.ndarray):
        if x.dtype.kind in "fc":
            yield path, x
        return
    if depth == 0 or isinstance(x, (str, bytes, type)):
        return
    items: Any = ()
    if isinstance(x, Mapping):
        items = [(str(k), v) for k, v in x.items()]
    elif isinstance(x, (list, tuple)):
        items = [(str(i), v) for i, v in enumerate(x)]
    elif hasattr(x, "__dict__"):
        items = vars(x).items()
    for key, value in items:
        yield from _arrays(value, f"{path}.{key}" if path else key, depth - 1)


def _holder(net: Any, path: str) -> tuple[Any, str]:
    *inner, name = path.split(".")
    for part in inner:
        net = _step(net, part, path)
    return net, name


def _read(net: Any, path: str) -> Any:
    holder, name = _holder(net, path)
    return _step(holder, name, path)


def _step(holder: Any, name: str, path: str) -> Any:
    try:
        if isinstance(holder, Mapping):
            return holder[name]
        if isinstance(holder, (list, tuple)):
            return holder[int(name)]
        return getattr(holder, name)
    except (AttributeError, KeyError, IndexError, ValueError):
        raise CheckInputError(
            f"There is no '{path}' on the network (no '{name}' in a {type(holder).__name__}): name "
            "the attribute that holds it."
        ) from None


def _set(holder: Any, name: str, x: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = x
    elif isinstance(holder, list):
        holder[int(name)] = x
    else:
        setattr(holder, name, x)


def _called_as(function: Any, other: Any) -> None:
    function.__name__ = getattr(other, "__name__", type(other).__name__)
    function.__wrapped__ = other
