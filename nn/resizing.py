"""Other sizes: images and signals made larger or smaller.

Along each axis a new size is a matrix product, with a matrix that says how much
of each old number goes into each new one; so its gradient is one too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .module import Array, Module
from .operands import in_single, operand
from .settings import flag, integer, number, sizes


def _along(x: Any, axis: int, matrix: Array) -> Any:
    """Return an array whose axis was multiplied by a matrix (new, old)."""
    matrix = matrix.astype(x.dtype)
    if axis == -1:
        return x @ matrix.T
    return np.matmul(matrix, x)


# -- means over as many windows as there are to be numbers ------------------------------------


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Return the means of output_size[0] × output_size[1] windows; see `nn.AdaptiveAvgPool2d`.

    Raises
    ------
    ValueError
        If the input is not (N, C, H, W) or (C, H, W).

    Examples
    --------
    >>> adaptive_avg_pool2d(np.arange(4.0).reshape(1, 2, 2), 1)
    array([[[1.5]]])
    """
    input = operand(input)
    if input.ndim not in (3, 4):
        raise ValueError(f"Pooling takes (N, C, H, W) or (C, H, W), and got {input.shape}.")
    rows, columns = _wanted(output_size, input.shape[-2:])
    out = _along(in_single(input), -2, _windows(rows, input.shape[-2]))
    out = _along(out, -1, _windows(columns, input.shape[-1]))
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def _wanted(output_size: Any, found: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many rows and columns there are to be: None stands for those found."""
    given = (None, None) if output_size is None else output_size
    if isinstance(given, (tuple, list)) and len(given) == 2:
        given = tuple(old if new is None else new for new, old in zip(given, found, strict=True))
    return sizes("output_size", given, 2)


def _windows(new: int, old: int) -> Array:
    """Return the matrix of means from ⌊i · old / new⌋ to ⌈(i + 1) · old / new⌉."""
    matrix = np.zeros((new, old))
    for i in range(new):
        first, end = i * old // new, -(-(i + 1) * old // new)
        matrix[i, first:end] = 1.0 / (end - first)
    return matrix


class AdaptiveAvgPool2d(Module):
    """Means over windows that are chosen so that the output has a given size.

    Input (N, C, H, W) or (C, H, W). Window i reaches from ⌊i H / rows⌋ to
    ⌈(i + 1) H / rows⌉; so each row of the image is in one at least.

    Parameters
    ----------
    output_size
        (rows, columns), or a number for both; None keeps the size of an axis.

    Examples
    --------
    >>> AdaptiveAvgPool2d((1, 2))(np.zeros((3, 5, 7))).shape
    (3, 1, 2)
    """

    def __init__(self, output_size: Any) -> None:
        _wanted(output_size, (1, 1))
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        """Return the means."""
        return adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"


# -- larger or smaller images -------------------------------------------------------------------


MODES = {"nearest": None, "linear": 1, "bilinear": 2}


def check_mode(mode: Any, align_corners: Any) -> str:
    """Return a `mode` that there is; only lines can have their ends aligned."""
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, and got {mode!r}.")
    if align_corners is not None and flag("align_corners", align_corners) and mode == "nearest":
        raise ValueError("align_corners is for the modes linear and bilinear.")
    return mode


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """Return images (N, C, H, W), or signals (N, C, L), of another size; see `nn.Upsample`.

    Raises
    ------
    ValueError
        If the input has other axes than the mode takes, or not one of `size` and
        `scale_factor` is given.

    Examples
    --------
    >>> interpolate(np.array([[[1.0, 2.0]]]), scale_factor=2)
    array([[[1., 1., 2., 2.]]])
    """
    input = operand(input)
    axes, wanted = input.ndim - 2, MODES[check_mode(mode, align_corners)]
    if axes not in (1, 2) or wanted not in (None, axes):
        kind = "(N, C, L) or (N, C, H, W)" if wanted is None else "(N, C, L)" * (wanted == 1)
        raise ValueError(
            f"interpolate with mode={mode!r} takes {kind or '(N, C, H, W)'}, and got shape "
            f"{input.shape}."
        )
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate takes a size or a scale_factor, one of the two.")
    old = input.shape[2:]
    if size is None:
        given = scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * axes
        scales = [number("scale_factor", scale) for scale in given]
        if len(scales) != axes or min(scales) <= 0.0:
            raise ValueError(f"scale_factor is {axes} numbers above 0, and got {scale_factor!r}.")
        new = sizes(
            "size", tuple(math.floor(n * s) for n, s in zip(old, scales, strict=True)), axes
        )
        steps = [1.0 / scale for scale in scales]
    else:
        new = sizes("size", size, axes)
        steps = [n / m for n, m in zip(old, new, strict=True)]
    out = in_single(input) if mode != "nearest" else input
    for axis, (n, m, step) in enumerate(zip(old, new, steps, strict=True), start=-axes):
        if mode == "nearest":
            index = np.minimum(np.floor(np.arange(m) * step).astype(int), n - 1)
            out = np.take(out, index, axis=axis)
        else:
            out = _along(out, axis, _lines(m, n, step, bool(align_corners)))
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def _lines(new: int, old: int, step: float, aligned: bool) -> Array:
    """Return the matrix in which each new number lies on the line between two old ones."""
    at = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)
    if not aligned:  # the middles of the first and the last number do not lie on the border
        at = np.maximum((np.arange(new) + 0.5) * step - 0.5, 0.0)
    first = np.minimum(np.floor(at).astype(int), old - 1)
    share = at - first
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new), first), 1.0 - share)
    np.add.at(matrix, (np.arange(new), np.minimum(first + 1, old - 1)), share)
    return matrix


class Upsample(Module):
    """Images or signals made larger (or smaller).

    Parameters
    ----------
    size
        Of the output: a number, or (rows, columns).
    scale_factor
        How many times the input's, instead.
    mode
        ``"nearest"``, or on lines between the numbers: ``"linear"`` for (N, C, L),
        ``"bilinear"`` for (N, C, H, W).
    align_corners
        Whether the first and last numbers stay where they are, on lines.

    Raises
    ------
    ValueError
        If not one of `size` and `scale_factor` is given, or it is not above 0.

    Examples
    --------
    >>> Upsample(scale_factor=2)(np.zeros((1, 3, 4, 5))).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError("Upsample takes a size or a scale_factor, one of the two.")
        for name, given, check in (("size", size, integer), ("scale_factor", scale_factor, number)):
            for one in given if isinstance(given, (tuple, list)) else (given,):
                if one is not None and check(name, one) <= 0:
                    raise ValueError(f"{name} is above 0, and got {given!r}.")
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = check_mode(mode, align_corners), align_corners

    def forward(self, x: Any) -> Any:
        """Return the image of another size."""
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        """Return the settings."""
        what = f"scale_factor={self.scale_factor}" if self.size is None else f"size={self.size}"
        return f"{what}, mode={self.mode!r}"
