"""Every line of docs/conventions.md holds."""

import re
from pathlib import Path

import numpy as np
import pytest

import autograd_lite
import nn
from autograd_lite import Tensor

PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
LINES = re.findall(r"^\| (.+?) \| .+? \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.M)


class Gradients:
    """What `each` returns: compares as numbers, exactly."""

    def __init__(self, arrays):
        self.arrays = arrays

    def __eq__(self, other):
        expected = other if isinstance(other, tuple) else (other,)
        pairs = zip(self.arrays, expected, strict=True)
        return all(np.array_equal(a, np.asarray(b, float), equal_nan=True) for a, b in pairs)

    __hash__ = None

    def near(self, *expected):
        pairs = zip(self.arrays, expected, strict=True)
        return all(np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in pairs)

    def __repr__(self):
        return repr(self.arrays)


def each(f, *operands):
    leaves = [Tensor(x, requires_grad=True) for x in operands]
    with np.errstate(all="ignore"):  # of the forward pass
        np.sum(f(*leaves)).backward()
    return Gradients([t.grad for t in leaves])


def test_the_page_has_its_lines():
    assert len(LINES) > 20


@pytest.mark.parametrize(("where", "line"), LINES, ids=[where for where, _ in LINES])
def test_line(where, line):
    assert eval(line, {"np": np, "nn": nn, "each": each, "autograd_lite": autograd_lite})


def test_the_double_where():
    [code] = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.S)
    printed = []
    exec(code, {"print": lambda *args: printed.append(" ".join(map(str, args)))})
    assert printed == re.findall(r"print\(.+\)  # (.+)", code)
