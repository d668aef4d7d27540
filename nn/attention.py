"""Attention: each position of a sequence looks at others, and takes from them what it asks for.

A query at each position is compared with a key at every other; the softmax of
these products says how much of each position's value goes in. (Vaswani et al., 2017.)
`functional.scaled_dot_product_attention` is that formula; the modules put linear
layers around it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import attention
from autograd_lite.modes import runs_again
from autograd_lite.randomness import Random, generator
from autograd_lite.residuals import Residuals
from autograd_lite.tensor import measured

from . import functional, init, settings
from .dropout import Dropout
from .linear import Linear
from .module import Module, Parameter
from .normalization import LayerNorm
from .operands import operand
from .settings import count, flag, probability


class MultiheadAttention(Module):
    """Several attentions side by side, each on its share of the numbers.

    Parameters
    ----------
    embed_dim
        How many numbers a query, and the output, has.
    num_heads
        How many attentions; divides `embed_dim`.
    dropout
        What share of the attention's weights is dropped in training.
    bias
        Whether the linear layers have one.
    kdim, vdim
        How many numbers a key and a value have; `embed_dim` by default.
    batch_first
        Whether inputs are (N, L, …) instead of (L, N, …).
    rng, dtype
        As for `Linear`.

    Attributes
    ----------
    in_proj_weight : Parameter, (3 · embed_dim, embed_dim)
        Those of queries, keys and values in one; with `kdim` or `vdim` there are
        q_proj_weight, k_proj_weight and v_proj_weight instead.
    in_proj_bias : Parameter, (3 · embed_dim,), or None
    out_proj : Linear

    Raises
    ------
    ValueError
        If `num_heads` does not divide `embed_dim`; and at a call, if shapes do not fit.

    Examples
    --------
    >>> layer = MultiheadAttention(8, 2, batch_first=True, rng=0)
    >>> x = np.zeros((3, 5, 8))
    >>> output, weights = layer(x, x, x)
    >>> output.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter
    q_proj_weight: Parameter
    k_proj_weight: Parameter
    v_proj_weight: Parameter

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.embed_dim = width = count("embed_dim", embed_dim)
        self.num_heads = count("num_heads", num_heads)
        if width % self.num_heads:
            raise ValueError(
                f"num_heads divides embed_dim, and got num_heads={num_heads} for {width}."
            )
        self.dropout = probability("dropout", dropout)
        self.kdim = width if kdim is None else count("kdim", kdim)
        self.vdim = width if vdim is None else count("vdim", vdim)
        self.batch_first = flag("batch_first", batch_first)
        self.rng = None if rng is None else generator(rng)
        draws, dtype = generator(self.rng), settings.dtype(dtype)
        self._alike = self.kdim == width and self.vdim == width
        shapes = {"in_proj_weight": (3 * width, width)}
        if not self._alike:
            sizes = {"q": width, "k": self.kdim, "v": self.vdim}
            shapes = {f"{name}_proj_weight": (width, size) for name, size in sizes.items()}
        for name, shape in shapes.items():
            weight = Parameter(np.zeros(shape, dtype))
            init.xavier_uniform_(weight, rng=draws)
            setattr(self, name, weight)
        self.in_proj_bias = Parameter(np.zeros(3 * width, dtype)) if flag("bias", bias) else None
        self.out_proj = Linear(width, width, bias, rng=draws, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Return the output, and how much each query took from each key (None unless needed).

        Parameters
        ----------
        query, key, value
            (L, N, embed_dim), (S, N, kdim), (S, N, vdim); or (N, L, …) if `batch_first`;
            or without N.
        key_padding_mask
            (N, S): True for keys that are left out; or floats, which are added.
        attn_mask
            (L, S) or (N · num_heads, L, S), of the same kind.
        need_weights, average_attn_weights
            Whether weights are returned, and whether as their mean over the heads.
        is_causal
            Whether a query sees no keys that come after it.
        """
        inputs = [operand(x) for x in (query, key, value)]
        if {x.ndim for x in inputs} not in ({2}, {3}):
            raise ValueError(
                "MultiheadAttention takes query, key and value of 3 axes, or all of 2, and got "
                f"shapes {', '.join(str(x.shape) for x in inputs)}."
            )
        single = inputs[0].ndim == 2
        if single or not self.batch_first:  # what is given twice stays one
            turned = {id(x): x[None] if single else np.swapaxes(x, 0, 1) for x in inputs}
            inputs = [turned[id(x)] for x in inputs]
        n, length, source = len(inputs[0]), inputs[0].shape[1], inputs[1].shape[1]
        mask = self._mask(attn_mask, key_padding_mask, is_causal, (n, length, source))
        if query is key is value and not need_weights and self._is_plain(mask):
            output = self.out_proj(self._of_itself(inputs[0], mask))
            if single:
                return output[0], None
            return output if self.batch_first else np.swapaxes(output, 0, 1), None
        q, k, v = (self._heads(x) for x in self._projected(inputs))
        scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
        weights = functional.softmax(scores if mask is None else scores + mask.astype(q.dtype))
        weights = functional.dropout(weights, self.dropout, self.training, rng=self.rng)
        together = np.reshape(np.swapaxes(weights @ v, 1, 2), (n, length, self.embed_dim))
        output = self.out_proj(together)
        shown = (
            (weights.mean(axis=1) if average_attn_weights else weights) if need_weights else None
        )
        if single:
            return output[0], None if shown is None else shown[0]
        return output if self.batch_first else np.swapaxes(output, 0, 1), shown

    def _is_plain(self, mask: Any) -> bool:
        """Whether one operation computes it all: nothing but q, k and v asks for a gradient."""
        drops = self.dropout and self.training
        return self._alike and not drops and not isinstance(mask, Tensor) and not runs_again()

    def _of_itself(self, x: Any, mask: Any) -> Any:
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        mask = mask if mask is None else mask.astype(projected.dtype)
        return attention.attention.apply(
            projected, heads=self.num_heads, mask=mask, residuals=Residuals()
        )

    def _projected(self, inputs: list[Any]) -> list[Any]:
        weights: Any
        if self._alike and inputs[0] is inputs[1] is inputs[2]:  # three products in one
            whole = functional.linear(inputs[0], self.in_proj_weight, self.in_proj_bias)
            return np.split(whole, 3, axis=-1)
        if self._alike:
            weights = np.split(self.in_proj_weight, 3)
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases: Any = [None] * 3
        if self.in_proj_bias is not None:
            biases = np.split(self.in_proj_bias, 3)
        return [functional.linear(*of) for of in zip(inputs, weights, biases, strict=True)]

    def _heads(self, x: Any) -> Any:
        """Return (N, heads, L, embed_dim / heads)."""
        width = self.embed_dim // self.num_heads
        return np.swapaxes(np.reshape(x, (*x.shape[:2], self.num_heads, width)), 1, 2)

    def _mask(self, attn_mask: Any, padding: Any, causal: bool, shape: tuple[int, int, int]) -> Any:
        """Return what is added to the scores (N, heads, L, S), or what broadcasts to it."""
        n, length, source = shape
        found = []
        if flag("is_causal", causal) and attn_mask is None:
            attn_mask = ~np.tri(length, source, dtype=bool)
        if attn_mask is not None:
            mask = _added(attn_mask)
            if mask.shape == (length, source):
                found.append(mask)
            elif mask.shape == (n * self.num_heads, length, source):
                found.append(np.reshape(mask, (n, self.num_heads, length, source)))
            else:
                raise ValueError(
                    f"attn_mask is of shape {(length, source)} or "
                    f"{(n * self.num_heads, length, source)}, and got {mask.shape}."
                )
        if padding is not None:
            mask = _added(padding)
            if mask.shape not in ((n, source), *([(source,)] if n == 1 else [])):
                raise ValueError(
                    f"key_padding_mask is of shape {(n, source)}, and got {mask.shape}."
                )
            found.append(np.reshape(mask, (n, 1, 1, source)))
        return sum(found[1:], found[0]) if found else None

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _added(mask: Any) -> Any:
    """Return a mask as what is added to scores: −inf where a truth leaves something out."""
    mask = operand(mask)
    return np.where(measured(mask), -np.inf, 0.0) if mask.dtype == bool else mask


class TransformerEncoderLayer(Module):
    """Attention of a sequence to itself, then two linear layers; each is added to its input.

    Parameters
    ----------
    d_model, nhead
        How many numbers each position has, and how many heads the attention.
    dim_feedforward
        The width between the two linear layers.
    dropout
        What share is dropped in training, in the attention and after each part.
    activation
        ``"relu"``, ``"gelu"``, or a function.
    layer_norm_eps
        As `eps` of `LayerNorm`.
    batch_first
        Whether inputs are (N, L, d_model) instead of (L, N, d_model).
    norm_first
        Whether each part's input is normalized, instead of the sum after it.
    bias
        Whether linear layers and norms have one.
    rng, dtype
        As for `Linear`.

    Raises
    ------
    ValueError
        If the activation is not a function or the name of one that there is.

    Examples
    --------
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> layer(np.zeros((3, 5, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        named = {"relu": functional.relu, "gelu": functional.gelu}
        if not callable(activation) and activation not in named:
            raise ValueError(f"activation is 'relu', 'gelu' or a function, and got {activation!r}.")
        self.activation = activation if callable(activation) else named[activation]
        self.norm_first = flag("norm_first", norm_first)
        draws = None if rng is None else generator(rng)
        given: dict[str, Any] = {"rng": draws, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, **given
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, **given)
        self.dropout = Dropout(dropout, rng=draws)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **given)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout, rng=draws)
        self.dropout2 = Dropout(dropout, rng=draws)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Any:
        """Return the sequence, each position with what it took; masks as in attention."""
        x = operand(src)
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = x + self._attended(self.norm1(x), *masks)
            return x + self._fed(self.norm2(x))
        x = self.norm1(x + self._attended(x, *masks))
        return self.norm2(x + self._fed(x))

    def _attended(self, x: Any, mask: Any, padding: Any, causal: bool) -> Any:
        out, _ = self.self_attn(
            x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=causal
        )
        return self.dropout1(out)

    def _fed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
