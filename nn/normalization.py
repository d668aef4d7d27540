"""Normalization: mean 0 and variance 1, so that a layer's inputs keep their size in training.

x̂ = (x − mean) / √(variance + eps), then a weight and a bias give back whatever
mean and size is best. They differ in what the mean is over: the batch and all
places for a channel (batch), or all features of one example (layer).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus.normalization import mean_and_variance
from autograd_lite.residuals import Residuals
from autograd_lite.tensor import measured

from . import functional, settings
from .module import Buffer, Module, Parameter
from .normalization_functions import by_channel, check_shape, normalized
from .operands import in_single, operand
from .settings import count, flag, number


class _BatchNorm(Module):
    """Both batch normalizations; they differ in the axes of their input."""

    _axes: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.num_features = count("num_features", num_features)
        self.eps = number("eps", eps)
        self.momentum = None if momentum is None else number("momentum", momentum)
        self.affine = affine = flag("affine", affine)
        self.track_running_stats = flag("track_running_stats", track_running_stats)
        dtype = settings.dtype(dtype)
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        tracked = track_running_stats
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if tracked else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if tracked else None
        self.num_batches_tracked = Buffer(np.int64(0)) if tracked else None

    def forward(self, x: Any) -> Any:
        """Return the normalized input."""
        x = operand(x)
        if x.ndim not in self._axes or x.shape[1] != self.num_features:
            axes = " or ".join(map(str, self._axes))
            raise ValueError(
                f"This {type(self).__name__} takes an input of {axes} axes with "
                f"{self.num_features} channels on the second, and got shape {x.shape}."
            )
        scales = [p if p is None else by_channel(p, x) for p in (self.weight, self.bias)]
        if self.training or self.running_mean is None:
            axis = (0, *range(2, x.ndim))
            numbers = math.prod(x.shape) // self.num_features
            if self.training and numbers < 2:
                raise ValueError(
                    f"In training, {type(self).__name__} needs more than one number for each "
                    f"channel, and got shape {x.shape}: give a larger batch, or call eval()."
                )
            residuals = Residuals()
            out = normalized(x, axis, self.eps, *scales, residuals=residuals)
            if self.training and self.running_mean is not None:
                self._track(measured(in_single(x)), axis, numbers, residuals)
            return out
        assert self.running_var is not None
        variance = in_single(self.running_var.data) + number("eps", self.eps)
        scale, mean = 1.0 / np.sqrt(variance), self.running_mean.data
        out = (in_single(x) - by_channel(mean, x)) * by_channel(scale, x)
        if self.weight is not None and self.bias is not None:
            out = out * scales[0] + scales[1]
        return out.astype(x.dtype) if x.dtype == np.float16 else out

    def _track(self, x: Any, axis: tuple[int, ...], numbers: int, residuals: Residuals) -> None:
        """Move the running means towards those of a batch."""
        mean, variance, batches = self.running_mean, self.running_var, self.num_batches_tracked
        assert mean is not None
        assert variance is not None
        assert batches is not None
        batches.data = batches.data + 1
        momentum = self.momentum
        share: Any = 1.0 / batches.data if momentum is None else number("momentum", momentum)
        if share is not momentum:
            share = share.astype(mean.dtype)
        # A row for each example that has its own, or one for the batch.
        rows = [a.reshape(-1, self.num_features) for a in mean_and_variance(x, axis, residuals)]
        new, spread = (a[0] if len(a) == 1 else np.mean(a, axis=0) for a in rows)
        mean.data = (1.0 - share) * mean.data + share * new
        spread = spread * (numbers / (numbers - 1))  # from the mean of all, not of these
        variance.data = (1.0 - share) * variance.data + share * spread

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """`BatchNorm2d` for rows of features or for signals: input (N, C) or (N, C, L).

    >>> layer = BatchNorm1d(2)
    >>> layer(np.array([[1.0, 10.0], [3.0, 30.0]])).numpy().round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> layer.running_mean.data
    array([0.2, 2. ])
    """

    _axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalize each channel over the batch and all positions: input (N, C, H, W).

    While training, by the mean and variance of the batch; a running mean of both
    is kept (the variance with n − 1 in the denominator), and used in evaluation,
    where an output must not hang on what else is in the batch.

    Parameters
    ----------
    num_features
        The number of channels.
    eps
        Added to the variance.
    momentum
        The share of the newest batch in the running means; None for the plain
        mean over all batches so far.
    affine
        Whether there are a weight and a bias.
    track_running_stats
        Whether running means are kept; without them evaluation uses the batch too.
    dtype
        Of parameters and running means.

    Attributes
    ----------
    weight, bias : Parameter, (num_features,), or None
    running_mean, running_var : Buffer, (num_features,), or None
    num_batches_tracked : Buffer, ()

    Raises
    ------
    ValueError
        If the input has another number of channels or axes, or a single number
        for a channel to take the variance of.

    Examples
    --------
    >>> BatchNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _axes = (4,)


class LayerNorm(Module):
    """Normalize each example over its last axes.

    Parameters
    ----------
    normalized_shape
        The sizes of these axes, or the size of the last one.
    eps
        Added to the variance.
    elementwise_affine, bias
        Whether there is a weight, and with it a bias, of that shape.
    dtype
        Of the parameters.

    Attributes
    ----------
    weight, bias : Parameter, ``(*normalized_shape,)``, or None

    Raises
    ------
    ValueError
        If the input's last axes have other sizes.

    Examples
    --------
    >>> LayerNorm(2)(np.array([[1.0, 3.0]])).numpy().round(3)
    array([[-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.normalized_shape = shape = check_shape(normalized_shape)
        self.eps = number("eps", eps)
        self.elementwise_affine = given = flag("elementwise_affine", elementwise_affine)
        dtype = settings.dtype(dtype)
        self.weight = Parameter(np.ones(shape, dtype)) if given else None
        self.bias = Parameter(np.zeros(shape, dtype)) if flag("bias", bias) and given else None

    def forward(self, x: Any) -> Tensor:
        """Return the normalized input."""
        return functional.layer_norm(  # type: ignore[no-any-return]
            x, self.normalized_shape, self.weight, self.bias, self.eps
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


class GroupNorm(Module):
    """Normalize each group of channels of each example: input (N, C, …).

    Parameters
    ----------
    num_groups
        Into how many groups the channels are divided.
    num_channels
        C, which the groups divide.
    eps
        Added to the variance.
    affine
        Whether there are a weight and a bias for each channel.
    dtype
        Of the parameters.

    Attributes
    ----------
    weight, bias : Parameter, (num_channels,), or None

    Raises
    ------
    ValueError
        If `num_groups` does not divide `num_channels`.

    Examples
    --------
    >>> GroupNorm(2, 4)(np.zeros((3, 4, 5, 5))).shape
    (3, 4, 5, 5)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.num_groups = count("num_groups", num_groups)
        self.num_channels = channels = count("num_channels", num_channels)
        if channels % self.num_groups:
            raise ValueError(
                f"num_groups divides num_channels, and got {num_groups} for {num_channels}."
            )
        self.eps, self.affine, dtype = (
            number("eps", eps),
            flag("affine", affine),
            settings.dtype(dtype),
        )
        self.weight = Parameter(np.ones(channels, dtype)) if self.affine else None
        self.bias = Parameter(np.zeros(channels, dtype)) if self.affine else None

    def forward(self, x: Any) -> Any:
        """Return the normalized input."""
        x = operand(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"This GroupNorm takes an input (N, {self.num_channels}, …), and got {x.shape}."
            )
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class RMSNorm(Module):
    """x / √(mean x² + eps) over the last axes, times a weight: a LayerNorm that leaves the mean.

    (Zhang and Sennrich, 2019.)

    Parameters
    ----------
    normalized_shape
        The sizes of these axes, or the size of the last one.
    eps
        By default the dtype's own, such as 2.2e-16.
    elementwise_affine
        Whether there is a weight of that shape.
    dtype
        Of the weight.

    Examples
    --------
    >>> RMSNorm(2)(np.array([[1.0, 7.0]])).numpy().round(3)
    array([[0.2, 1.4]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.normalized_shape = shape = check_shape(normalized_shape)
        self.eps = None if eps is None else number("eps", eps)
        self.elementwise_affine = flag("elementwise_affine", elementwise_affine)
        dtype = settings.dtype(dtype)
        self.weight = Parameter(np.ones(shape, dtype)) if self.elementwise_affine else None

    def forward(self, x: Any) -> Any:
        """Return the normalized input."""
        return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


class _InstanceNorm(_BatchNorm):
    """Both instance normalizations: every example has a mean and a variance of its own."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: Any = np.float64,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype=dtype)

    def forward(self, x: Any) -> Any:
        """Return the normalized input."""
        x = operand(x)
        single = x.ndim == self._axes[0] - 1
        images = np.expand_dims(x, 0) if single else x
        if images.ndim not in self._axes or images.shape[1] != self.num_features:
            raise ValueError(
                f"This {type(self).__name__} takes an input of {self._axes[0]} axes with "
                f"{self.num_features} channels on the second, or one without the first, and got "
                f"shape {x.shape}."
            )
        if not self.training and self.running_mean is not None:
            out = super().forward(images)
            return out[0] if single else out
        axis = tuple(range(2, images.ndim))
        numbers = math.prod(images.shape[2:])
        if numbers < 2 and self.training:
            raise ValueError(
                f"In training, {type(self).__name__} needs more than one number for each channel "
                f"of an example, and got shape {x.shape}."
            )
        scales = [p if p is None else by_channel(p, images) for p in (self.weight, self.bias)]
        residuals = Residuals()
        out = normalized(images, axis, self.eps, *scales, residuals=residuals)
        if self.training and self.running_mean is not None:
            self._track(measured(in_single(images)), axis, numbers, residuals)
        return out[0] if single else out

    def _track(self, x: Any, axis: tuple[int, ...], numbers: int, residuals: Residuals) -> None:
        """Move the running means; batches are not counted, as in PyTorch."""
        assert self.num_batches_tracked is not None
        before = self.num_batches_tracked.data
        super()._track(x, axis, numbers, residuals)
        self.num_batches_tracked.data = before


class InstanceNorm1d(_InstanceNorm):
    """`InstanceNorm2d` for signals: input (N, C, L) or (C, L).

    >>> InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3)
    array([[[-1.,  1.]]])
    """

    _axes = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Normalize each channel of each example over its positions: input (N, C, H, W) or (C, H, W).

    Arguments and attributes are those of `BatchNorm2d`; by default there are no
    weights and no running means. (Ulyanov et al., 2016.)

    >>> InstanceNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _axes = (4,)
