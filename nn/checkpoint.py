"""Checkpoints: all of a training's state in one file, to go on from as if nothing had happened.

The file is a safetensors file. Its arrays are those of the model, of the
optimizer's memory and of the best weights; the rest (settings, counters, where
random generators stand, what was measured) is JSON in its metadata, where a
float keeps every bit. There is no pickle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograd_lite.files import StrPath

from .data import Dataset
from .files import read_arrays, write_arrays
from .module import Array, Module

FORMAT = "autograd_lite checkpoint 2"


def generators(module: Module) -> Iterator[tuple[str, np.random.Generator]]:
    """Yield the generators that a model's layers draw from, such as a Dropout's, with paths."""
    for path, part in module.named_modules():
        for name, rng in _held(part):
            yield f"{path}.{name}" if path else name, rng


def generators_of_data(dataset: Any) -> Iterator[tuple[str, np.random.Generator]]:
    """Yield the generators that a dataset, or those it is made of, draws from, with paths."""
    yield from _held(dataset)
    for name, value in _attributes(dataset):
        if isinstance(value, Dataset):
            for path, rng in generators_of_data(value):
                yield f"{name}.{path}", rng


def _held(owner: Any) -> Iterator[tuple[str, np.random.Generator]]:
    for name, value in _attributes(owner):
        if isinstance(value, np.random.Generator):
            yield name, value


def _attributes(owner: Any) -> list[tuple[str, Any]]:
    return list(getattr(owner, "__dict__", {}).items())  # what has slots has none


def write(path: StrPath, state: Mapping[str, Any]) -> None:
    """Write a state: dicts and lists in each other, of arrays and of what JSON can say."""
    arrays: dict[str, Array] = {}
    text = json.dumps(_without_arrays(state, "", arrays))
    write_arrays(path, arrays, {"format": FORMAT, "state": text})


def read(path: StrPath) -> Any:
    """Return a state that `write` wrote.

    Raises
    ------
    ValueError
        If the file is damaged or no checkpoint.
    """
    arrays, metadata = read_arrays(path)
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "none")
        raise ValueError(
            f"{path} is no checkpoint of this fit: its format is {found}, not {FORMAT}."
        )
    try:
        return _with_arrays(json.loads(metadata["state"]), arrays)
    except (KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is a damaged checkpoint: {error}.") from None


def _without_arrays(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """Return the value with a mark for each array, which is put into `arrays`."""
    if isinstance(value, Mapping):
        pairs = [[key, _without_arrays(v, f"{path}/{key}", arrays)] for key, v in value.items()]
        return {"dict": pairs}  # keys may be integers
    if isinstance(value, (list, tuple)):
        return [_without_arrays(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, (np.ndarray, np.generic)):
        arrays[path] = np.asarray(value)
        return {"array": path}
    return value


def _with_arrays(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return [_with_arrays(v, arrays) for v in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]][()]
        return {key: _with_arrays(v, arrays) for key, v in value["dict"]}
    return value
