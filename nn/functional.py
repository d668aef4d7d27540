"""The functions behind the modules, under the names of ``torch.nn.functional``.

They take Tensors, arrays and lists, and refuse what their modules refuse. Here are linear layers,
attention and dropout; the others stand in a file for each kind.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.calculus import neural
from autograd_lite.calculus.draws import uniform_like
from autograd_lite.errors import BroadcastError
from autograd_lite.randomness import Random

from .activation_functions import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    logsumexp,
    prelu,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from .convolution_functions import avg_pool1d, avg_pool2d, conv1d, conv2d, max_pool1d, max_pool2d
from .cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from .embedding import embedding
from .loss_functions import (
    cosine_similarity,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
    triplet_margin_loss,
)
from .normalization_functions import batch_norm, group_norm, layer_norm, rms_norm
from .operands import operand
from .resizing import adaptive_avg_pool2d, interpolate
from .settings import flag, number, probability
from .shaping_functions import normalize, one_hot, pad
from .transposed import conv_transpose2d

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hardtanh",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "logsumexp",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
    "triplet_margin_loss",
]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return x Wᵀ + b; input (..., in), weight (out, in), bias (out,).

    Raises
    ------
    BroadcastError
        If the shapes do not go together.

    Examples
    --------
    >>> linear(np.ones((1, 2)), np.ones((3, 2)))
    array([[2., 2., 2.]])
    """
    input, weight, bias = operand(input), operand(weight), None if bias is None else operand(bias)
    if weight.ndim != 2:
        raise BroadcastError(f"linear takes a weight (out, in), and got shape {weight.shape}.")
    if not input.ndim or input.shape[-1] != weight.shape[1]:
        name = getattr(weight, "name", None)
        raise BroadcastError(
            f"An input of shape {input.shape} does not fit a Linear that takes {weight.shape[1]} "
            f"features on the last axis{f' ({weight._describe()})' if name else ''}."
        )
    if bias is None:
        return neural.linear.apply(input, weight)
    if bias.shape != weight.shape[:1]:
        raise BroadcastError(
            f"linear takes a bias of shape {weight.shape[:1]}, a number for each output, and got "
            f"{bias.shape}."
        )
    return neural.affine.apply(input, weight, bias)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: Random = None,
) -> Any:
    """Return softmax(q kᵀ · scale) v: for each query, a mean of values (Vaswani et al., 2017).

    Parameters
    ----------
    query, key, value
        Of shapes (…, L, E), (…, S, E) and (…, S, V); the first axes broadcast.
    attn_mask
        (…, L, S): of booleans, True where a query may look; of numbers, they are added.
    dropout_p
        Which share of the weights is set to 0, always.
    is_causal
        Whether a query looks at no key behind its own position; without `attn_mask`.
    scale
        By default 1 / √E.
    rng
        For the dropout.

    Returns
    -------
    Tensor or array
        (…, L, V). A query that may look nowhere gets 0.

    Raises
    ------
    ValueError
        If both a mask and `is_causal` are given.

    Examples
    --------
    >>> q = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(q, q, np.array([[1.0], [3.0]]), is_causal=True).round(3)
    array([[1.  ],
           [2.34]])
    """
    query, key, value = operand(query), operand(key), operand(value)
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1])
    scores = np.matmul(query, np.matrix_transpose(key)) * number("scale", scale)
    if flag("is_causal", is_causal):
        if attn_mask is not None:
            raise ValueError("scaled_dot_product_attention takes attn_mask or is_causal, not both.")
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is None:
        weights = softmax(scores)
    else:
        mask = operand(attn_mask)
        allowed = mask if mask.dtype == bool else mask > -math.inf
        # What is masked out counts for nothing, and a row of nothing but that is 0.
        shown = np.where(allowed, scores if mask.dtype == bool else scores + mask, -math.inf)
        some = np.any(allowed, axis=-1, keepdims=True)
        weights = np.where(some, softmax(np.where(some, shown, 0.0)), 0.0)
    return np.matmul(dropout(weights, dropout_p, rng=rng), value)


def dropout(input: Any, p: float = 0.5, training: bool = True, *, rng: Random = None) -> Any:
    """Return the input with a share of p set to 0, the rest divided by 1 − p; see `nn.Dropout`.

    >>> dropout(np.ones(6), 0.5, rng=0)
    array([2., 2., 2., 0., 0., 0.])
    >>> dropout(np.ones(3), 0.5, training=False)
    array([1., 1., 1.])
    """
    p, input = probability("p", p), operand(input)
    if not flag("training", training) or p == 0.0:
        return input
    keep = uniform_like(input, rng, np.float32) >= p
    dtype = input.dtype if input.dtype.kind == "f" else np.dtype(float)
    return input * (keep * dtype.type(1.0 / (1.0 - p) if p < 1.0 else 0.0))
