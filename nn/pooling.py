"""Pooling: a window of an image becomes one number, its largest or its mean.

A feature is kept and its exact position dropped: the image gets smaller, and the
layers after it see more of it at once.
"""

from __future__ import annotations

from typing import Any

from . import functional, windows
from .convolution_functions import check_divisor
from .module import Module
from .settings import Sizes, flag


class _Pool(Module):
    """What the poolings share: windows of `kernel_size`, by default side by side."""

    _dimensions = 2

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None,
        padding: Sizes,
        dilation: Sizes,
        ceil_mode: bool,
    ) -> None:
        own = windows.of_pooling(self._dimensions, kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.padding, self.dilation = own
        self.ceil_mode = flag("ceil_mode", ceil_mode)


class MaxPool2d(_Pool):
    """The largest number of each window.

    Input (N, C, H, W) or (C, H, W). The gradient goes to the first of the
    largest, row by row, as in PyTorch.

    Parameters
    ----------
    kernel_size
        Of the window: a number, or (rows, columns). So are the others.
    stride
        How far from one window to the next; by default the kernel's size.
    padding
        How much is put around the image that is never the largest; at most half
        the kernel's size.
    dilation
        How far from one element of a window to the next.
    ceil_mode
        Whether a window may reach over the end, so that none of the image is left out.

    Raises
    ------
    ValueError
        If a setting is out of range; and at a call, if there is no window.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 5.,  7.],
            [13., 15.]]])
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x: Any) -> Any:
        """Return the largest of each window."""
        return functional.max_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(_Pool):
    """The mean of each window.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode
        As for `MaxPool2d`; around the image are zeros.
    count_include_pad
        Whether these zeros count in the mean.
    divisor_override
        By what to divide the sum in place of the count.

    Raises
    ------
    ValueError
        As for `MaxPool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = flag("count_include_pad", count_include_pad)
        self.divisor_override = check_divisor(divisor_override)

    def forward(self, x: Any) -> Any:
        """Return the mean of each window."""
        return functional.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(MaxPool2d):
    """`MaxPool2d` for signals: input (N, C, L) or (C, L).

    >>> import numpy as np
    >>> MaxPool1d(2)(np.arange(4.0).reshape(1, 4))
    array([[1., 3.]])
    """

    _dimensions = 1

    def forward(self, x: Any) -> Any:
        """Return the largest of each window."""
        return functional.max_pool1d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class AvgPool1d(_Pool):
    """`AvgPool2d` for signals: input (N, C, L) or (C, L).

    >>> import numpy as np
    >>> AvgPool1d(2)(np.arange(4.0).reshape(1, 4))
    array([[0.5, 2.5]])
    """

    _dimensions = 1

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = flag("count_include_pad", count_include_pad)

    def forward(self, x: Any) -> Any:
        """Return the mean of each window."""
        settings = self.kernel_size, self.stride, self.padding, self.ceil_mode
        return functional.avg_pool1d(x, *settings, self.count_include_pad)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
