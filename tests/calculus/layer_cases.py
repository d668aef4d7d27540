"""How to call the primitives that layers are made of: more of `cases.CASES`.

A call is given as the arguments of a `cases.Call`. `INTERNAL` has, for those that
stand for no composition, the same in other words.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autograd_lite.calculus import (
    activations,
    attention,
    convolution,
    normalization,
    pooling,
    recurrence,
)
from autograd_lite.testing import arrays, dtypes

Pair = tuple[int, int]


@st.composite
def geometry(draw, dilated=True):
    """A size of image, a kernel, and where its windows stand; there is at least one."""
    kernel = draw(pairs(1, 3))
    stride = draw(pairs(1, 2))
    dilation = draw(pairs(1, 2)) if dilated else (1, 1)
    # At most half of the window lies beside the image, so that none is all border.
    padding = tuple(
        (draw(st.integers(0, d * (k - 1) // 2)), draw(st.integers(0, d * (k - 1) // 2)))
        for k, d in zip(kernel, dilation, strict=True)
    )
    size = tuple(
        max(d, d * (k - 1) + 1 - sum(p) + draw(st.integers(0, 2)))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    settings = {"stride": stride, "padding": padding}
    return size, kernel, settings | ({"dilation": dilation} if dilated else {})


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


def windows(size: Pair, kernel: Pair, settings: dict[str, Any]) -> Pair:
    dilation = settings.get("dilation", (1, 1))
    axes = zip(size, kernel, settings["stride"], settings["padding"], dilation, strict=True)
    return tuple(convolution.window_count(*axis) for axis in axes)


@st.composite
def convolutions(draw, operands, **extra):
    """A call with some of image, weight, bias and upstream gradient."""
    size, kernel, settings = draw(geometry())
    n, inputs, outputs = (draw(st.integers(1, 2)) for _ in range(3))
    dtype = draw(dtypes())
    shapes = {
        "image": (n, inputs, *size),
        "weight": (outputs, inputs, *kernel),
        "bias": (outputs,),
        "upstream": (n, outputs, *windows(size, kernel, settings)),
    }
    given = {"size": size, "kernel": kernel}
    keywords = settings | {name: given[name] for name in extra.get("keywords", ())}
    drawn = tuple(draw(arrays(shapes[name], dtype)) for name in operands.split())
    return {"operands": drawn, "keywords": keywords}


@st.composite
def pools(draw, upstream):
    size, kernel, settings = draw(geometry(dilated=False))
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    keywords = settings | {"kernel": kernel}
    if not upstream:
        return {"operands": (draw(arrays((n, channels, *size))),), "keywords": keywords}
    shape = (n, channels, *windows(size, kernel, settings))
    return {"operands": (draw(arrays(shape)),), "keywords": keywords | {"size": size}}


@st.composite
def picks(draw, part):
    size, kernel, settings = draw(geometry())
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    # Few numbers, so that there are ties: the first of them counts.
    by = draw(arrays((n, channels, *size))).round().astype(draw(st.sampled_from([int, float])))
    shape = (n, channels, *windows(size, kernel, settings)) if part else by.shape
    return {
        "operands": (draw(arrays(shape)),),
        "after": (by,),
        "keywords": settings | {"kernel": kernel},
    }


@st.composite
def normalized(draw):
    x = draw(arrays((draw(st.integers(2, 3)), draw(st.integers(2, 3)), 2), unique=True))
    axis = draw(st.sampled_from([-1, (0,), (0, 2), (1, 2)]))
    if draw(st.booleans()):  # rows of channels, as batch norm has them
        x, axis = x[..., 0].copy(), (0,)
    eps = draw(st.sampled_from([1e-3, 0.5]))
    return {"operands": (x,), "keywords": {"axis": axis, "eps": eps}}


@st.composite
def normalized_and_scaled(draw):
    """With a weight and a bias for each channel, for each number of the last axes, or none."""
    call = draw(normalized())
    [x], axis = call["operands"], call["keywords"]["axis"]
    if axis == (0,) and draw(st.booleans()):
        x = x[:2, :1].copy()  # so few that their second derivatives are looked at as well
    over = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    channels = tuple(1 if a in over else n for a, n in enumerate(x.shape))
    shape = draw(st.sampled_from([channels, x.shape[-1:], ()]))
    scales = (draw(arrays(shape, x.dtype)), draw(arrays(shape, x.dtype)))
    return {"operands": (x, *scales), "keywords": call["keywords"]}


@st.composite
def attended(draw):
    """Queries, keys and values of one head or of two, with a mask or without."""
    heads, length, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    x = draw(arrays((n, length, 3 * heads * draw(st.integers(1, 2)))))
    if draw(st.booleans()):  # a single sequence; so few numbers that second derivatives are seen
        heads, x = 1, x[0, :1, :3].copy()
    causal = np.where(np.tri(x.shape[-2], dtype=bool), 0.0, -np.inf).astype(x.dtype)
    return {
        "operands": (x,),
        "keywords": {"heads": heads, "mask": draw(st.sampled_from([None, causal]))},
    }


@st.composite
def gated(draw, operands):
    """Operands of a recurrent cell, each of so many gates, for some examples or for one."""
    rows = draw(st.sampled_from([(), (1,), (2,)]))
    size, dtype = draw(st.integers(1, 2)), draw(dtypes())
    return {"operands": tuple(draw(arrays((*rows, n * size), dtype)) for n in operands)}


def smooth(**domain: Any) -> Any:
    return arrays(**domain).map(lambda x: {"operands": (x,)})


CASES = {
    convolution.conv2d.function: convolutions("image weight"),
    convolution.conv2d_bias.function: convolutions("image weight bias"),
    convolution.conv2d_image.function: convolutions("upstream weight", keywords=["size"]),
    convolution.conv2d_weight.function: convolutions("upstream image", keywords=["kernel"]),
    pooling.pool_sum.function: pools(upstream=False),
    pooling.pool_spread.function: pools(upstream=True),
    pooling.max_pool.function: picks(part=False),
    pooling.max_unpool.function: picks(part=True),
    activations.erf.function: smooth(),
    activations.gelu.function: smooth(),
    activations.silu.function: smooth(),
    activations.elu.function: st.builds(
        lambda x, keywords: {"operands": (x,), "keywords": keywords},
        arrays(away_from=[0.0]),
        st.sampled_from([{}, {"alpha": 0.5}]),
    ),
    normalization.normalize.function: normalized(),
    normalization.normalize_and_scale.function: normalized_and_scaled(),
    attention.attention.function: attended(),
    recurrence.lstm.function: gated((4, 4, 1)),
    recurrence.gru.function: gated((3, 3, 1)),
}


def each_window(by, kernel, stride, padding, dilation):
    """Yield the index of each window, and the place in the image of its first largest number."""
    axes = (by.shape[2:], kernel, stride, padding, dilation)
    rows, columns = (convolution.window_count(*axis) for axis in zip(*axes, strict=True))
    for n, c, r, s in np.ndindex(*by.shape[:2], rows, columns):
        best = None
        for i, j in np.ndindex(*kernel):
            y = r * stride[0] + i * dilation[0] - padding[0][0]
            x = s * stride[1] + j * dilation[1] - padding[1][0]
            inside = 0 <= y < by.shape[2] and 0 <= x < by.shape[3]
            if inside and (best is None or by[n, c, y, x] > by[best]):
                best = (n, c, y, x)
        yield (n, c, r, s), best


def picked(values, by, kernel, **settings):
    found = dict(each_window(by, kernel, **settings))
    picks = [values[place] for place in found.values()]
    return np.array(picks, values.dtype).reshape(np.array(list(found)[-1]) + 1)


def placed(part, by, kernel, **settings):
    whole = np.zeros(by.shape, part.dtype)
    for window, place in each_window(by, kernel, **settings):
        whole[place] += part[window]
    return whole


def erf(x):
    kind = np.asarray(x).dtype
    return np.vectorize(math.erf, [float])(x).astype(kind if kind.kind == "f" else float)[()]


def lstm(from_x, from_h, c):
    gates = from_x + from_h
    i, f, g, o = np.moveaxis(gates.reshape(*gates.shape[:-1], 4, -1), -2, 0)
    new = c / (1.0 + np.exp(-f)) + np.tanh(g) / (1.0 + np.exp(-i))
    return np.tanh(new) / (1.0 + np.exp(-o)), new


INTERNAL = {
    pooling.max_pool.function: picked,
    pooling.max_unpool.function: placed,
    recurrence.lstm.function: lstm,
    activations.erf.function: erf,
}
