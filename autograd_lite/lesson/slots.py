"""The numbers of a page: each has a place, and sentences and formulas refer to it.

A text is a template. ``⟦3⟧`` is the number of array 3, ``⟦3:1⟧`` its element 1, and what stands
in ``⟪…⟫`` gets parentheses where it begins with a minus, and what stands in ``⟨…⟩`` is not said
while a learner predicts it. The page fills it in: at first, and each time that a number is
changed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..visualize.text import number as short
from .derivation import Derivation
from .formula import Formula
from .living import Living
from .notation import ELEMENT, MATHML

SHOWN = 24  # rows or columns of an array, before the rest is left out


class Lost(Exception):
    """A number of a formula is none that the page computes."""


class Slots:
    """The arrays of a page, in the order of their numbers.

    Parameters
    ----------
    derivation
        What the page is about.
    living
        Its program; None where the page cannot compute: then the arrays have their numbers.
    """

    def __init__(self, derivation: Derivation, living: Living | None) -> None:
        self.living = living
        self.derivation = derivation
        self.arrays: list[dict[str, Any]] = []
        self._numbers: dict[Any, int] = {}
        self._kept: list[Any] = []  # an id is only a name while its object lives
        values = derivation.graph.values
        self._by_name = {v.name: v for v in reversed(values)}
        self._by_data = {id(v.data): v for v in reversed(values) if np.ndim(v.data)}

    def of(self, of: Any, which: str, data: Any) -> int:
        """Return the number of an array: which one of a value or an edge, see `Living.number`."""
        made = None if self.living is None else self.living.number.get((of, which))
        key = (of, which) if made is not None else id(data)
        if key not in self._numbers:
            self._kept.append(data)
            self._numbers[key] = len(self.arrays)
            self.arrays.append(self._entry(made, data))
        return self._numbers[key]

    def _entry(self, made: int | None, data: Any) -> dict[str, Any]:
        array = np.asarray(data)
        if made is None or self.living is None:
            part = [min(n, SHOWN) for n in array.shape]
            shown = array[tuple(slice(n) for n in part)].ravel()
            cells = [short(x) if array.dtype.kind == "c" else finite(x) for x in shown]
            return {"shape": list(array.shape), "part": part, "cells": cells}
        shape = self.living.shapes[made]
        return {"shape": list(shape), "part": [min(n, SHOWN) for n in shape], "out": made}

    def text(self, number: int, data: Any) -> str:
        """Return what stands for a number, or for an array: its shape."""
        if np.ndim(data) == 0:
            return self.slot(number)
        return f"an array of shape {' by '.join(map(str, np.shape(data)))}"

    def mathml(self, number: int, data: Any) -> str:
        """Return the same for a formula."""
        if np.ndim(data) == 0:
            return self.slot(number)
        return MATHML.words(f"[{' × '.join(map(str, np.shape(data)))}]")

    def slot(self, number: int) -> str:
        """Return what stands for one number."""
        return f"⟦{number}:0⟧" if self.arrays[number]["shape"] else f"⟦{number}⟧"

    def leaf(self, f: Formula) -> str:
        """Return what stands for a symbol, a gradient or one element of a formula.

        Raises
        ------
        Lost
            If it is nothing that the page computes.
        """
        whole, index = f.parameters.get("at", (f.value, ()))
        element = ELEMENT.fullmatch(f.name)
        name = element[1] if element and index != () else f.name
        name = f.parameters.get("stands_for", name)  # u is the first factor, which is x
        value = self._by_name.get(name)
        if f.head == "gradient":
            if value is None or value not in self.derivation.gradients:
                raise Lost(name)
            number = self.of(value, "gradient", self.derivation.gradients[value])
            name = f"∂{f.parameters['of']}/∂{name}"
        else:
            if value is None or value.data is not whole:
                value = self._by_data.get(id(whole))
            if value is None:
                raise Lost(name)
            number = self.of(value, "value", value.data)
        entry = self.arrays[number]
        if index == ():
            entry.setdefault("name", name)
            return self.slot(number)
        shape = tuple(entry["part"] if "cells" in entry else entry["shape"])
        if any(i >= n for i, n in zip(index, shape, strict=True)):
            return short(f.value)  # it is not among those that the page has, and does not change
        entry.setdefault("name", name)
        if entry["name"] != name:
            raise Lost(name)
        return f"⟦{number}:{np.ravel_multi_index(index, shape)}⟧"

    def named(self, text: str) -> str:
        """Fill a template with names: the element 1 of array 3 is ``W[0, 1]``."""

        def name(match: re.Match[str]) -> str:
            entry = self.arrays[int(match[1])]
            if match[2] is None:
                return str(entry.get("name"))
            shape = entry["part"] if "cells" in entry else entry["shape"]
            places = np.unravel_index(int(match[2]), shape)
            return f"{entry.get('name')}[{', '.join(map(str, places))}]"

        return re.sub(r"⟦(\d+)(?::(\d+))?⟧", name, re.sub("[⟪⟫]", "", text))


def finite(x: Any) -> float | str:
    """Return a number as JSON has it: what is not finite as a word."""
    return float(x) if np.isfinite(x) else str(float(x))
