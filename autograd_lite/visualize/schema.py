"""A graph as JSON, for other programs. Two runs of a program give the same text.

====================  =====================================================================
`schema`              ``"autograd_lite.graph/1"``; the number grows when a meaning changes
`gradients`           ``"known"``, ``"unknown"`` or ``"hidden"``
`roots`               keys of the values that were asked for
`modules`             `key`, `name`, `kind` (its class; empty where it is not known), `within`
                      (the key of the module around it, or null)
`values`              `key`, `name`, `kind` (input, constant, result), `shape`, `dtype`,
                      `requires_grad`, `module` (a key, or null), `value` and `gradient`:
                      numbers in nested lists, null where a gradient is not known or does not
                      arrive
`operations`          `key`, `name`, `operands` (keys of values, by the operand's name),
                      `results` (keys), `parameters` (as text), `module` (a key, or null),
                      `line` (without folders)
====================  =====================================================================

Numbers that JSON does not have are written as words: ``"inf"``, ``"-inf"``, ``"nan"``; a
complex number is text.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..locations import without_folders
from .graph import Graph, GraphValue, OpCall
from .modules import ModuleCall
from .text import parameter

SCHEMA = "autograd_lite.graph/1"


def to_json(graph: Graph) -> str:
    """Write a graph as JSON.

    >>> from autograd_lite import Tensor
    >>> from autograd_lite.visualize.graph import read
    >>> graph = json.loads(to_json(read(Tensor(2.0, requires_grad=True, name="x") * 3.0)))
    >>> graph["operations"][0]["operands"]
    {'x': 'v1', 'y': 'v2'}
    >>> graph["values"][0]["value"], graph["values"][0]["gradient"]
    (2.0, None)
    """
    around = (m for o in graph.operations if o.module for m in o.module.around())
    whole = {
        "schema": SCHEMA,
        "gradients": graph.gradients,
        "roots": [v.key for v in graph.roots],
        "modules": [_module(m) for m in dict.fromkeys(around)],
        "values": [_value(v) for v in graph.values],
        "operations": [_operation(operation) for operation in graph.operations],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _module(module: ModuleCall) -> dict[str, Any]:
    return {
        "key": module.key,
        "name": module.name,
        "kind": module.kind,
        "within": _key(module.within),
    }


def _key(module: ModuleCall | None) -> str | None:
    return module.key if module else None


def _value(value: GraphValue) -> dict[str, Any]:
    array = np.asarray(value.data)
    return {
        "key": value.key,
        "name": value.name,
        "kind": value.kind,
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "requires_grad": value.requires_grad,
        "module": _key(value.module),
        "value": _numbers(array.tolist()),
        "gradient": None if value.gradient is None else _numbers(value.gradient.tolist()),
    }


def _operation(operation: OpCall) -> dict[str, Any]:
    names = operation.operand_names
    return {
        "key": operation.key,
        "name": operation.name,
        "operands": {n: v.key for n, v in zip(names, operation.operands, strict=True)},
        "results": [v.key for v in operation.results],
        "parameters": {k: parameter(v) for k, v in operation.parameters.items() if v is not None},
        "module": _key(operation.module),
        "line": without_folders(operation.line) if operation.line else None,
    }


def _numbers(nested: Any) -> Any:
    if isinstance(nested, list):
        return [_numbers(x) for x in nested]
    if isinstance(nested, complex) or (isinstance(nested, float) and not np.isfinite(nested)):
        return str(nested)
    return nested
