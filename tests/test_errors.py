"""docs/errors.md: each line of its table raises, and says what the table says."""

from __future__ import annotations

import copy
import json
import linecache
import math
import re
from pathlib import Path

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.errors import DetachError

PAGE = (Path(__file__).parents[1] / "docs" / "errors.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", PAGE, re.M)


def names():
    t, u = Tensor(1.5, requires_grad=True), Tensor(2.0, requires_grad=True)
    return {
        "np": np, "math": math, "json": json, "copy": copy, "t": t * 2.0, "u": u * 1.0,
        "v": np.stack([t, u]), "X": np.ones((3, 2)), "z": np.zeros(3),
    }  # fmt: skip


def run(line, known):
    """Run a line as if it stood in a file."""
    file = f"<line {line}>"
    linecache.cache[file] = len(line), None, [line + "\n"], file
    exec(compile(line, file, "exec"), known)


def test_the_table_is_there():
    assert len(LINES) == 16


@pytest.mark.parametrize(("line", "says"), LINES, ids=[line for line, _ in LINES])
def test_line(line, says):
    known = names()
    if "plt" in line:
        known["plt"] = pytest.importorskip("matplotlib.pyplot")
        known["plt"].switch_backend("agg")
    if "pd." in line:
        known["pd"] = pytest.importorskip("pandas")
    if "sparse" in line:
        known["sparse"] = pytest.importorskip("scipy.sparse").csr_array(np.eye(2))
    with pytest.raises((DetachError, TypeError)) as caught:
        run(line, known)
    assert says in str(caught.value)


def test_writing_into_an_array():
    with pytest.raises((DetachError, ValueError)) as caught:
        run("z[0] = t", names())
    error, said = caught.value, ""
    while error is not None:
        said, error = said + str(error), error.__cause__
    assert "t.at[i].set(v)" in said


def test_formats_work():
    assert f"{names()['t']:.3f}" == "3.000"
