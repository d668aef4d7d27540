"""The methods of NumPy's arrays: ``t.sum(axis=1)`` is ``np.sum(t, axis=1)``.

Names and parameters are those of `numpy.ndarray`, and of each the function says more.
What is used most goes the shortest way, straight to its entry in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

import numpy as np

from .errors import InPlaceError
from .protocol import TABLE

if TYPE_CHECKING:
    from .tensor import Tensor

Axis = int | tuple[int, ...] | None

_ENTRY: Mapping[Callable[..., Any], Callable[..., Tensor]] = TABLE  # given a Tensor, all return one


def _full(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
    """Call as NumPy would be called, with any argument that it has."""
    return TABLE[function].from_numpy(args, kwargs)  # type: ignore[no-any-return]


class ArrayMethods:
    """What a Tensor does by a method as an array does."""

    __slots__ = ()

    if TYPE_CHECKING:
        _value: Any

    # -- many numbers into fewer -----------------------------------------------------

    def sum(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """Sum over `axis`, as `numpy.sum`; more: `initial`, `where`."""
        if dtype is out is None and not more:
            return _ENTRY[np.sum](self, axis=axis, keepdims=keepdims)
        return _full(np.sum, self, axis, dtype, out, keepdims, **more)

    def prod(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """Product over `axis`, as `numpy.prod`; more: `initial`, `where`."""
        if dtype is out is None and not more:
            return _ENTRY[np.prod](self, axis=axis, keepdims=keepdims)
        return _full(np.prod, self, axis, dtype, out, keepdims, **more)

    def mean(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """Mean over `axis`, as `numpy.mean`; more: `where`."""
        return _full(np.mean, self, axis, dtype, out, keepdims, **more)

    def var(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """Variance over `axis`, as `numpy.var`; more: `where`, `mean`, `correction`."""
        return _full(np.var, self, axis, dtype, out, ddof, keepdims, **more)

    def std(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """Standard deviation over `axis`, as `numpy.std`; more: `where`, `mean`, `correction`."""
        return _full(np.std, self, axis, dtype, out, ddof, keepdims, **more)

    def max(
        self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Maximum over `axis`, as `numpy.max`; ties share the gradient."""
        if out is None and not more:
            return _ENTRY[np.max](self, axis=axis, keepdims=keepdims)
        return _full(np.max, self, axis, out, keepdims, **more)

    def min(
        self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Minimum over `axis`, as `numpy.min`; ties share the gradient."""
        if out is None and not more:
            return _ENTRY[np.min](self, axis=axis, keepdims=keepdims)
        return _full(np.min, self, axis, out, keepdims, **more)

    def any(
        self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Whether any element is true, as `numpy.any`; more: `where`."""
        return _full(np.any, self, axis, out, keepdims, **more)

    def all(
        self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Whether all elements are true, as `numpy.all`; more: `where`."""
        return _full(np.all, self, axis, out, keepdims, **more)

    def argmax(self, axis: int | None = None, out: None = None, **more: Any) -> Tensor:
        """Index of the largest element, as `numpy.argmax`; more: `keepdims`."""
        return _full(np.argmax, self, axis, out, **more)

    def argmin(self, axis: int | None = None, out: None = None, **more: Any) -> Tensor:
        """Index of the smallest element, as `numpy.argmin`; more: `keepdims`."""
        return _full(np.argmin, self, axis, out, **more)

    # -- running along an axis, and in order -----------------------------------------

    def cumsum(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
        """Running sum along `axis`, as `numpy.cumsum`."""
        return _full(np.cumsum, self, axis, dtype, out)

    def cumprod(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
        """Running product along `axis`, as `numpy.cumprod`."""
        return _full(np.cumprod, self, axis, dtype, out)

    def argsort(
        self, axis: int | None = -1, kind: Any = None, order: None = None, **more: Any
    ) -> Tensor:
        """The order that sorts an axis, as `numpy.argsort`; more: `stable`."""
        return _full(np.argsort, self, axis, kind, order, **more)

    def argpartition(
        self, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
    ) -> Tensor:
        """An order that puts the k-th element in its place, as `numpy.argpartition`."""
        return _full(np.argpartition, self, kth, axis, kind, order)

    def searchsorted(self, v: Any, side: Any = "left", sorter: Any = None) -> Tensor:
        """Where numbers belong among these, as `numpy.searchsorted`."""
        return _full(np.searchsorted, self, v, side, sorter)

    # -- the same numbers in another shape -------------------------------------------

    def reshape(self, *shape: Any, order: Any = "C", copy: bool | None = None) -> Tensor:
        """The same elements in another shape: ``t.reshape(2, 3)`` or ``t.reshape((2, 3))``."""
        shape = shape[0] if len(shape) == 1 else shape
        more = {} if copy is None else {"copy": copy}
        return _full(np.reshape, self, shape, order, **more)

    def ravel(self, order: Any = "C") -> Tensor:
        """All elements along one axis, as `numpy.ravel`."""
        return _full(np.ravel, self, order)

    def flatten(self, order: Any = "C") -> Tensor:
        """All elements along one axis."""
        return _full(np.ravel, self, order)

    @property
    def flat(self) -> Tensor:
        """All elements along one axis, to go through or to index."""
        return _full(np.ravel, self)

    def squeeze(self, axis: Axis = None) -> Tensor:
        """Drop axes of length 1, as `numpy.squeeze`."""
        return _full(np.squeeze, self, axis)

    def transpose(self, *axes: Any) -> Tensor:
        """Permute the axes, as `numpy.ndarray.transpose`; reverse them by default."""
        if len(axes) == 1 and not isinstance(axes[0], SupportsIndex):
            axes = axes[0]
        return _ENTRY[np.transpose](self, axes=axes or None)

    @property
    def T(self) -> Tensor:
        """The transpose."""
        return _ENTRY[np.transpose](self, axes=None)

    @property
    def mT(self) -> Tensor:
        """The transpose of the last two axes."""
        return _full(np.matrix_transpose, self)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes, as `numpy.swapaxes`."""
        return _full(np.swapaxes, self, axis1, axis2)

    # -- some of the numbers ------------------------------------------------------------

    def take(
        self, indices: Any, axis: int | None = None, out: None = None, mode: Any = "raise"
    ) -> Tensor:
        """Elements along an axis, as `numpy.take`."""
        return _full(np.take, self, indices, axis, out, mode)

    def compress(self, condition: Any, axis: int | None = None, out: None = None) -> Tensor:
        """Those along an axis for which a condition holds, as `numpy.compress`."""
        return _full(np.compress, condition, self, axis, out)

    def choose(self, choices: Any, out: None = None, mode: Any = "raise") -> Tensor:
        """Elements of several arrays, by these indices, as `numpy.choose`."""
        return _full(np.choose, self, choices, out, mode)

    def nonzero(self) -> tuple[Tensor, ...]:
        """The places that are not 0, as `numpy.nonzero`."""
        return _full(np.nonzero, self)  # type: ignore[return-value]

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Repeat each element, as `numpy.repeat`."""
        return _full(np.repeat, self, repeats, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """The diagonal, as `numpy.diagonal`."""
        return _full(np.diagonal, self, offset, axis1, axis2)

    def trace(
        self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None
    ) -> Tensor:
        """The sum of the diagonal, as `numpy.trace`."""
        return _full(np.trace, self, offset, axis1, axis2, dtype, out)

    # -- other numbers, one for each ----------------------------------------------------

    def clip(self, min: Any = None, max: Any = None, out: None = None, **more: Any) -> Tensor:
        """Limit to an interval, as `numpy.clip`; the gradient at a bound is 1."""
        return _full(np.clip, self, min, max, out, **more)

    def round(self, decimals: int = 0, out: None = None) -> Tensor:
        """Round, as `numpy.round`; the gradient is 0."""
        return _full(np.round, self, decimals, out)

    def __round__(self, ndigits: int | None = None) -> Tensor:
        return self.round(ndigits or 0)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _ENTRY[np.divmod](self, other)  # type: ignore[return-value]

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _ENTRY[np.divmod](other, self)  # type: ignore[return-value]

    def dot(self, b: Any, out: None = None) -> Tensor:
        """Dot product, as `numpy.dot`."""
        if out is None and self._value.ndim == 2 and np.ndim(b) == 2:
            return _ENTRY[np.matmul](self, b)
        return _full(np.dot, self, b, out)

    @property
    def real(self) -> Tensor:
        """The real part."""
        return _ENTRY[np.real](self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part."""
        return _ENTRY[np.imag](self)

    def conj(self) -> Tensor:
        """The complex conjugate."""
        return _ENTRY[np.conjugate](self)

    conjugate = conj

    def astype(
        self, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: bool = True,
        copy: bool = True,
    ) -> Tensor:  # fmt: skip
        """Convert; the gradient is converted back. Integers carry no gradient."""
        how = {} if (order, casting) == ("K", "unsafe") else {"order": order, "casting": casting}
        return _ENTRY[np.ndarray.astype](self, dtype=np.dtype(dtype), **how)

    def copy(self, order: Any = "C") -> Tensor:
        """A copy of the value that stays on the tape."""
        return _full(np.copy, self, order)

    @property
    def itemsize(self) -> int:
        """How many bytes an element takes."""
        return self._value.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """How many bytes the elements take."""
        return self._value.nbytes  # type: ignore[no-any-return]


_IN_PLACE = {
    "sort": "np.sort(t)",
    "partition": "np.partition(t, kth)",
    "put": "t.at[index].set(v)",
    "fill": "np.full_like(t, value)",
    "resize": "np.resize(t, shape)",
}


def _refused(name: str, instead: str) -> Callable[..., NoReturn]:
    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise InPlaceError(
            f"{name}() of an array writes into it, which a Tensor does not allow: write {instead}, "
            "which returns another."
        )

    method.__name__ = name
    method.__doc__ = f"Raise an error: write ``{instead}``."
    return method


for _name, _instead in _IN_PLACE.items():
    setattr(ArrayMethods, _name, _refused(_name, _instead))
