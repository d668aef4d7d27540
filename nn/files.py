"""Weights on disk: safetensors files, with PyTorch's names and layouts.

A safetensors file holds arrays by name and nothing that could be run, unlike a
pickle. What is read is checked whole before anything is changed, and what is
written takes its place under the name at once: a file is old or new, never half.

To PyTorch and back, where `model` and `theirs` are built alike::

    nn.save_weights(model, "weights.safetensors")
    theirs.load_state_dict(safetensors.torch.load_file("weights.safetensors"))

    safetensors.torch.save_file(theirs.state_dict(), "weights.safetensors")
    nn.load_weights(model, "weights.safetensors")

This needs the package safetensors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd_lite.errors import missing_extra
from autograd_lite.files import StrPath, replace

from .module import Array, Module

RESERVED = "__metadata__"


def save_weights(model: Module, path: StrPath, metadata: Mapping[str, str] | None = None) -> None:
    """Write all parameters and buffers of a model into a safetensors file.

    Parameters
    ----------
    model
        Its `state_dict` is written.
    path
        Of the file; it is replaced whole.
    metadata
        Texts by name, to go with the arrays.

    Examples
    --------
    >>> import nn, tempfile
    >>> model, twin = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, f"{folder}/weights.safetensors")
    ...     load_weights(twin, f"{folder}/weights.safetensors")
    >>> bool((model.weight.data == twin.weight.data).all())
    True
    """
    write_arrays(path, model.state_dict(), metadata)


def load_weights(model: Module, path: StrPath) -> None:
    """Set all parameters and buffers of a model from a safetensors file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no whole safetensors file, or does not fit the model: all keys
        that are missing, unexpected or misshaped are listed. The model is
        unchanged.

    Examples
    --------
    >>> import os, tempfile
    >>> import nn
    >>> model, other = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, os.path.join(folder, "weights.safetensors"))
    ...     load_weights(other, os.path.join(folder, "weights.safetensors"))
    >>> bool((other.weight.data == model.weight.data).all())
    True
    """
    arrays, _ = read_arrays(path)
    # safetensors.torch.save_model keeps one name of a shared parameter.
    names = {id(held): name for name, held in model._state() if name in arrays}
    for name, held in model._state():
        if name not in arrays and id(held) in names:
            arrays[name] = arrays[names[id(held)]]
    try:
        model.load_state_dict(arrays)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def write_arrays(
    path: StrPath, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays, and texts, by name into a safetensors file that is replaced whole.

    Raises
    ------
    ValueError
        If a name or a text cannot be in such a file, or a kind of number.
    OSError
        If the file cannot be written.
    """
    texts = dict(metadata or {})
    for text in (*arrays, *texts, *texts.values()):
        if not _is_text(text):
            raise ValueError(f"Names and texts in a safetensors file are text, and not {text!a}.")
    if RESERVED in arrays:
        raise ValueError(
            f"An array cannot be called '{RESERVED}', which is what safetensors calls its texts: "
            "give it another name."
        )
    # The library writes an array's memory as it lies there: it must lie in order.
    ordered = {name: np.array(array, order="C") for name, array in arrays.items()}
    try:
        content = _safetensors().save(ordered, texts)
    except Exception:  # the library raises many kinds
        for name, array in ordered.items():
            if not _can_be_saved(array):
                raise ValueError(
                    f"'{name}' has dtype {array.dtype}, which a safetensors file cannot hold: "
                    "convert it first, a complex one into its real and its imaginary part."
                ) from None
        raise
    replace(path, content)


def _is_text(text: Any) -> bool:
    """Whether UTF-8 can hold it: a str without lone surrogates."""
    try:
        return isinstance(text, str) and text.encode() is not None
    except UnicodeEncodeError:
        return False


def _can_be_saved(array: Array) -> bool:
    try:
        _safetensors().save({"array": np.zeros(0, array.dtype)})
    except Exception:
        return False
    return True


def read_arrays(path: StrPath) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays, and the texts, of a safetensors file, having checked it whole."""
    library = _safetensors()
    content = Path(path).read_bytes()
    try:
        arrays = library.load(content)
        metadata = _metadata(content)
    except MemoryError:
        raise
    except KeyError as error:  # a kind of number
        raise ValueError(
            f"{os.fspath(path)} has arrays of {error.args[0]}, which NumPy does not know, so "
            "nothing was loaded: convert them, as with .float(), before they are saved."
        ) from None
    except Exception as error:  # the library raises many kinds, for a header that lies
        raise ValueError(
            f"{os.fspath(path)} is no whole safetensors file, so nothing was loaded: {error}"
        ) from None
    return arrays, metadata


def _metadata(content: bytes) -> dict[str, str]:
    """Return the texts of a file that the library has found to be whole."""
    import json

    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return dict(header.get(RESERVED) or {})


def _safetensors() -> Any:
    try:
        from safetensors import numpy
    except ImportError:
        raise missing_extra("safetensors", "nn", "read or write weights") from None
    return numpy
