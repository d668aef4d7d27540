"""Write what editors and mypy read, ``typed_methods.pyi``: the names of `method_names`, with types.

``python -m autograd_lite.typed_methods`` prints it; a test keeps the file current.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import method_names as names
from .methods import _BINARY, _COMPARISONS, _LINES, _UNARY, parts, source

_HEAD = '''"""A Tensor's methods for editors and mypy: made by typed_methods.py."""

from builtins import bool as _bool, float as _float, int as _int
from typing import Any, Never

from .protocol import Axis
from .tensor import ArrayLike, Tensor

class Methods:
'''
_TYPES = {
    "axis": "Axis",
    "dim": "Axis",
    "keepdims": "_bool",
    "keepdim": "_bool | None",
    "out": "None",
    "ddof": "_float",
    "order": "Any",
    "descending": "_bool",
}
_RETURNS = {
    "_bool": "allclose equal is_floating_point is_complex is_contiguous is_cuda",
    "_int": "numel nelement dim ndimension element_size get_device itemsize nbytes",
    "tuple[Tensor, ...]": "split chunk tensor_split unbind __divmod__ __rdivmod__ topk",
    "Any": "nonzero type device",
}
_RETURN = {name: kind for kind, listed in _RETURNS.items() for name in listed.split()}


def _typed(parameter: str) -> str:
    name, _, default = parameter.partition("=")
    if name == "*":
        return name
    kind = _TYPES.get(name, "Any")
    if name.startswith("**") or not default:
        return f"{name}: {'_int' if kind == 'Axis' else kind}"
    return f"{name}: {kind} = {default}"


def stub() -> Iterator[str]:
    """Yield the lines of the file."""
    yield from _HEAD.splitlines()
    for name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_COMPARISONS):
        ignored = "  # type: ignore[override]" if name in ("eq", "ne") else ""
        yield f"    def __{name}__(self, other: ArrayLike) -> Tensor: ...{ignored}"
    for name in _UNARY:
        yield f"    def __{name}__(self) -> Tensor: ..."
    for name in _LINES:
        parameters, _ = parts(source(name).partition(":\n")[0])
        typed = ", ".join(["self", *map(_typed, parameters[1:])])
        yield f"    def {name}({typed}) -> {_RETURN.get(name, 'Tensor')}: ..."
    for name in names.ELEMENTWISE.split():
        yield f"    def {name}(self) -> Tensor: ..."
    for name in names.PROPERTIES:
        yield "    @property"
        yield f"    def {name}(self) -> {_RETURN.get(name, 'Tensor')}: ..."
    for name in names.WRITING.split():
        yield f"    def {name}_(self, *args: Any, **kwargs: Any) -> Tensor: ..."
    for name in names.REFUSED:
        yield f"    def {name}(self, *args: Any, **kwargs: Any) -> Never: ..."


if __name__ == "__main__":
    print("\n".join(stub()))
