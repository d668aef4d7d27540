"""Gradients clipped, and parameters as one vector, as in ``torch.nn.utils``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_lite import Tensor

from .module import Array, to_numpy
from .settings import number


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients together so that their norm is at most `max_norm`; return what it was.

    Parameters
    ----------
    parameters
        Tensors; those without a gradient are passed over.
    max_norm
        The longest that the gradients may be, taken as one vector.
    norm_type
        Of the norm; ``inf`` is for the largest element. It is computed in float64,
        since that of large float16 gradients is beyond float16.
    error_if_nonfinite
        Whether a norm that is NaN or infinite is an error.

    Raises
    ------
    ValueError
        If `max_norm` is negative.
    RuntimeError
        See `error_if_nonfinite`; no gradient has been changed.

    Examples
    --------
    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> w.grad = [3.0, 4.0]
    >>> clip_grad_norm_([w], 1.0)
    5.0
    >>> w.grad.round(3)
    array([0.6, 0.8])
    """
    max_norm = number("max_norm", max_norm, least=0.0, finite=False)
    norm_type = number("norm_type", norm_type, finite=False)
    found = _with_gradient(parameters)
    norms = [np.linalg.norm(np.ravel(_wide(p.grad)), norm_type) for p in found]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(f"The norm of the gradients is {total}: nothing was clipped.")
    with np.errstate(invalid="ignore"):  # of NaN or infinite gradients all become so, to be seen
        factor = np.minimum(1.0, max_norm / (total + 1e-6))
        for p in found:
            p.grad = _wide(p.grad) * factor
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each element of each gradient to ± `clip_value`.

    >>> w = Tensor([3.0, -0.5], requires_grad=True)
    >>> w.grad = [3.0, -0.5]
    >>> clip_grad_value_(w, 1.0)
    >>> w.grad
    array([ 1. , -0.5])
    """
    clip_value = number("clip_value", clip_value, least=0.0, finite=False)
    for p in _with_gradient(parameters):
        p.grad = np.clip(_wide(p.grad), -clip_value, clip_value)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters as one vector, in order; gradients go back to them.

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> parameters_to_vector([Tensor([[1.0, 2.0]]), Tensor(3.0)]).numpy()
    array([1., 2., 3.])
    """
    found = list(parameters)
    if not found:
        raise ValueError("parameters_to_vector takes parameters, and got none.")
    return np.concatenate([np.ravel(p) for p in found])  # type: ignore[return-value]


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Set all parameters from one vector, in order.

    Raises
    ------
    ValueError
        If it has another length than they together; none has been changed.

    Examples
    --------
    >>> a, b = Tensor([[0.0, 0.0]]), Tensor(0.0)
    >>> vector_to_parameters([1.0, 2.0, 3.0], [a, b])
    >>> a.data, b.data
    (array([[1., 2.]]), np.float64(3.0))
    """
    found, numbers = list(parameters), to_numpy(vec)
    size = sum(p.size for p in found)
    if numbers.shape != (size,):
        raise ValueError(
            f"These parameters are a vector of shape {(size,)}, and got {numbers.shape}."
        )
    first = 0
    for p in found:
        p.data = numbers[first : first + p.size].reshape(p.shape).copy()
        first += p.size


def _wide(gradient: Any) -> Array:
    """Return a gradient in float64 at least."""
    array = np.asarray(gradient)
    return array.astype(np.promote_types(array.dtype, np.float64), copy=False)


def _with_gradient(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    found = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p for p in found if p.grad is not None]
