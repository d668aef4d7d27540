"""Products in JavaScript: each is a sum over letters, as `einsum` has it, or adds up in a place.

A window that slides over an image is the image with more axes, whose strides are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..calculus import convolution, pooling
from .javascript_memory import Lines, Place
from .program import Step, Value


def contraction(w: Lines, result: Place, out: str, operands: Sequence[tuple[Place, str]]) -> None:
    """Write a sum of products, with a letter for each axis, as `einsum` has it."""
    sizes = {c: n for p, w in operands for c, n in zip(w, p.shape, strict=True)}
    product = " * ".join(p.at([f"{c}_" for c in w]) for p, w in operands)
    target = result.at([f"{c}_" for c in out])
    summed = [(f"{c}_", n) for c, n in sizes.items() if c not in out]
    inner = Lines()
    inner.nest(summed, [f"s += {product};"])
    around = [(f"{c}_", sizes[c]) for c in out]
    w.nest(around, ["{", "let s = 0;", *inner.body, f"{target} = s;", "}"])


def product(w: Lines, step: Step) -> None:
    """A product of matrices."""
    a, b = (w.place(v) for v in step.operands)
    made = w.new(step.results[0])
    left, right = "ik"[len(a.shape) == 1 :], "kj"[: len(b.shape)]
    axes = "nopqrstuvw"[: max(len(a.shape), len(b.shape), 2) - 2]
    shape = made.shape[: len(axes)]
    if len(a.shape) > 1:
        a = _stacked(a, shape)
    if len(b.shape) > 1:
        b = _stacked(b, shape)
    out = axes + (left + right).replace("k", "")
    words = [(p, (axes if len(p.shape) > 1 else "") + w) for p, w in ((a, left), (b, right))]
    contraction(w, made, out, words)


def _stacked(place: Place, shape: tuple[int, ...]) -> Place:
    """Broadcast all axes but the last two."""
    return place.spread((*shape, *place.shape[-2:])) if len(place.shape) - 2 < len(shape) or (
        place.shape[:-2] != shape
    ) else place  # fmt: skip


def linear(w: Lines, step: Step) -> None:
    """X Wᵀ + b."""
    x, weight = (w.place(v) for v in step.operands[:2])
    made = w.new(step.results[0])
    axes = "abcdefgh"[: len(x.shape) - 1]
    contraction(w, made, axes + "o", [(x, axes + "i"), (weight, "oi")])
    if len(step.operands) > 2:
        bias = w.place(step.operands[2]).spread(made.shape)
        w.each([made, bias], "{} += {};")


def einsum(w: Lines, step: Step) -> None:
    """A sum of products."""
    inputs, out = step.parameters["subscripts"].split("->")
    places = [w.place(v) for v in step.operands]
    made = w.new(step.results[0])
    contraction(w, made, out, list(zip(places, inputs.split(","), strict=True)))


def convolved(w: Lines, step: Step) -> None:
    """Every overlap of two sequences."""
    (n,), (k,) = (v.shape for v in step.operands)
    made = w.zeroed(w.new(step.results[0]))
    windows = Place(made.offset, (n, k), (1, 1))
    a, v = (w.place(x) for x in step.operands)
    a = Place(a.offset, (n, k), (a.strides[0], 0))
    v = Place(v.offset, (n, k), (0, v.strides[0]))
    letters = ["i", "j"]
    text = f"{windows.at(letters)} += {a.at(letters)} * {v.at(letters)};"
    w.nest([("i", n), ("j", k)], [text])


# -- windows over images -----------------------------------------------------------------------


def geometry(w: Lines, step: Step, kernel: Any, grid: Any) -> Callable[[Place], Place]:
    """Return what makes the windows (n, c, rows, columns, kh, kw) of a padded image."""
    sy, sx = step.parameters.get("stride", (1, 1))
    dy, dx = step.parameters.get("dilation", (1, 1))

    def windows(image: Place) -> Place:
        n, c, y, x = image.strides
        shape = (*image.shape[:2], *grid, *kernel)
        return Place(image.offset, shape, (n, c, y * sy, x * sx, y * dy, x * dx))

    return windows


def padded(w: Lines, step: Step, image: Place) -> Place:
    """Return an image with its border of zeros."""
    (top, bottom), (left, right) = step.parameters.get("padding", convolution.NONE)
    if not (top or bottom or left or right):
        return image
    n, c, height, width = image.shape
    whole = w.zeroed(w.room((n, c, top + height + bottom, left + width + right)))
    w.each([inside(w, step, whole, image.shape), image], "{} = {};")
    return whole


def inside(w: Lines, step: Step, whole: Place, shape: tuple[int, ...]) -> Place:
    """Return the image within its border."""
    (top, _), (left, _) = step.parameters.get("padding", convolution.NONE)
    offset = whole.offset + top * whole.strides[2] + left * whole.strides[3]
    return Place(offset, shape, whole.strides)


def bordered(w: Lines, step: Step, shape: tuple[int, ...]) -> Place:
    """Return zeros for an image and its border."""
    (top, bottom), (left, right) = step.parameters.get("padding", convolution.NONE)
    n, c, height, width = shape
    return w.zeroed(w.room((n, c, top + height + bottom, left + width + right)))


def conv2d(w: Lines, step: Step) -> None:
    """Images times a kernel that slides over them."""
    image, weight, *bias = (w.place(v) for v in step.operands)
    made = w.new(step.results[0])
    windows = geometry(w, step, weight.shape[2:], made.shape[2:])(padded(w, step, image))
    contraction(w, made, "noyx", [(windows, "ncyxij"), (weight, "ocij")])
    for b in bias:
        b = Place(b.offset, made.shape, (0, b.strides[0], 0, 0))
        w.each([made, b], "{} += {};")


def conv2d_weight(w: Lines, step: Step) -> None:
    """What arrives at each tap of the kernel."""
    upstream, image = (w.place(v) for v in step.operands)
    made = w.new(step.results[0])
    windows = geometry(w, step, made.shape[2:], upstream.shape[2:])(padded(w, step, image))
    contraction(w, made, "ocij", [(upstream, "noyx"), (windows, "ncyxij")])


def conv2d_image(w: Lines, step: Step) -> None:
    """What arrives at each place of the image: windows overlap, and it adds up."""
    upstream, weight = (w.place(v) for v in step.operands)
    (v,) = step.results
    whole = bordered(w, step, v.shape)
    windows = geometry(w, step, weight.shape[2:], upstream.shape[2:])(whole)
    added(w, windows, "ncyxij", [(upstream, "noyx"), (weight, "ocij")])
    w.places[v] = inside(w, step, whole, v.shape)


def added(w: Lines, target: Place, out: str, operands: Sequence[tuple[Place, str]]) -> None:
    """Add products to a place whose elements may meet."""
    pairs = [(target, out), *operands]
    sizes = {c: n for p, w in pairs for c, n in zip(w, p.shape, strict=True)}
    product = " * ".join(p.at([f"{c}_" for c in w]) for p, w in operands)
    text = f"{target.at([f'{c}_' for c in out])} += {product};"
    w.nest([(f"{c}_", n) for c, n in sizes.items()], [text])


def pool_sum(w: Lines, step: Step) -> None:
    """The sum over each window."""
    image = padded(w, step, w.place(step.operands[0]))
    made = w.new(step.results[0])
    windows = geometry(w, step, step.parameters["kernel"], made.shape[2:])(image)
    contraction(w, made, "ncyx", [(windows, "ncyxij")])


def pool_spread(w: Lines, step: Step) -> None:
    """A number spread over each window."""
    upstream, (v,) = w.place(step.operands[0]), step.results
    whole = bordered(w, step, v.shape)
    windows = geometry(w, step, step.parameters["kernel"], upstream.shape[2:])(whole)
    added(w, windows, "ncyxij", [(upstream, "ncyx")])
    w.places[v] = inside(w, step, whole, v.shape)


def max_pool(w: Lines, step: Step) -> None:
    """Of each window, the value where `by` is largest; or a part, put there."""
    values, by = (w.place(v) for v in step.operands)
    picks = step.primitive is pooling.max_pool
    made = w.new(step.results[0])
    if not picks:
        w.zeroed(made)
    else:
        values = w.in_one_run(values)
    grid = made.shape if picks else values.shape
    (top, _), (left, _) = step.parameters.get("padding", convolution.NONE)
    (sy, sx), (dy, dx) = (step.parameters.get(k, (1, 1)) for k in ("stride", "dilation"))
    kh, kw = step.parameters["kernel"]
    height, width = by.shape[2:]
    letters = ["0" if n == 1 else c for n, c in zip(grid, "ncyx", strict=True)]
    n, c, y, x = letters
    image = f"{by.offset} + {by.strides[0]} * {n} + {by.strides[1]} * {c}"
    corner = f"{sy} * {y} - {top}, {sx} * {x} - {left}"
    call = (
        f"largest(m, {image}, {by.strides[2]}, {by.strides[3]}, {kh}, {kw}, {corner}, "
        f"{height}, {width}, {dy}, {dx})"
    )
    whole = values if picks else made
    at = f"m[{whole.offset} + ({n} * {by.shape[1]} + {c}) * {height * width} + found]"
    if picks:
        found = f"{made.at(letters)} = found < 0 ? -Infinity : {at};"
    else:
        found = f"if (found >= 0) {at} += {values.at(letters)};"
    w.nest(zip(letters, grid, strict=True), ["{", f"const found = {call};", found, "}"])


# -- matrices ----------------------------------------------------------------------------------


def of_matrices(w: Lines, step: Step) -> None:
    """What is computed of each matrix of a stack."""
    name = step.primitive.name
    a = w.place(step.operands[0])
    n, stack = a.shape[-1], a.shape[:-2]
    results = [w.new(v) for v in step.results]
    k, shared = n, True
    other = w.place(Value(np.eye(n if name == "inv" else 0)))
    if name == "solve":
        v = step.operands[1]
        other, vector = w.place(v), len(v.shape) == 1
        k = 1 if vector else v.shape[-1]
        shape = step.results[0].shape[: -1 if vector else -2]
        a = w.in_one_run(a.spread((*shape, n, n)))
        other = w.in_one_run(other.spread((*shape, n) if vector else (*shape, n, k)))
        stack, shared = shape, False
    a = w.copied(a)
    at = f"{a.offset} + {n * n} * i"
    to = [f"{place.offset} + {prod(place.shape[len(stack) :])} * i" for place in results]
    if name in ("solve", "inv"):
        b = f"{other.offset}" + ("" if shared else f" + {n * k} * i")
        text = f"solve(m, {at}, {n}, {b}, {k}, {to[0]});"
    elif name == "cholesky":
        text = f"cholesky(m, {at}, {n}, {to[0]});"
    elif name == "det":
        text = f"m[{to[0]}] = det(m, {at}, {n});"
    else:
        parts = zip(to, step.indices, strict=True)
        told = " ".join(f"m[{place}] = found[{index}];" for place, index in parts)
        text = f"{{ const found = slogdet(m, {at}, {n}); {told} }}"
    w.turns(prod(stack), text)
