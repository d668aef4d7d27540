"""Advice in a DetachError: what to write instead, one sentence for each common case.

`float(t)`, `np.array([t, u])`, `X.dot(t)` and their kin ask a Tensor for its numbers, and
do not say who they are. The frames on the way and the user's line do, and an error may
take its time.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from types import FrameType

from .later import later
from .reachable import is_library

# (what the user's line looks like, what it is called there, what to write instead)
LINES = (
    (r"\.dot\(", "ndarray.dot", "X @ t or np.dot(X, t)"),
    (r"\bfull\(", "np.full", "value * np.ones(shape)"),
    (r"\bfull_like\(", "np.full_like", "value * np.ones_like(x)"),
    (
        r"\b(sum|mean|max|min|prod)\(\s*\[",
        "A list of Tensors",
        "np.sum(np.stack([t, u])), or t + u",
    ),
    (r"\b(array|asarray)\(", "np.array", "np.stack([t, u]) for a list, t itself for one"),
    (
        r"\[[^\]]*\]\s*=(?!=)",
        "Writing into an array",
        "np.stack([...]) of the parts, or t.at[i].set(v)",
    ),
    (r"\bmath\.\w+\(", "A function of math", "np.sin(t) in place of math.sin(t)"),
    (r"""["'].*%[-+#0 .\d]*[eEfFgGdi]""", "%-formatting", '"%f" % t.item(), or f"{t:.3f}"'),
    (r"\bint\(", "int()", "int(t.item()), or np.trunc(t) for a value with a tape"),
    (r"\bfloat\(", "float()", "t itself to compute on, t.item() to print or to store it"),
    (r"\bcomplex\(", "complex()", "t + 0j"),
)
# (a part of the file, or a function, of a library on the way, what it is, what to write)
_WHOLE = "the function on the whole array, with np.where for its ifs"
_JOINED = "np.concatenate([...]) or np.stack([...])"
LIBRARIES = (
    ("matplotlib", "Matplotlib", "plt.plot(t.numpy())"),
    ("pandas", "pandas", "pd.Series(t.numpy())"),
    (os.path.join("scipy", "sparse"), "A sparse matrix", "A.toarray() @ t, or a rule for A @ t"),
    ("index_tricks", "np.r_ or np.c_", _JOINED),
    ("_vectorize_call", "np.vectorize", _WHOLE),
    ("_get_ufunc_and_otypes", "np.vectorize", _WHOLE),
    (os.path.join("", "copy.py"), "A copy", "t.detach(), or t.copy() with its tape"),
)


def advice(what: str, instead: str) -> tuple[str, str]:
    """Return what drops the tape, and what to write instead.

    Parameters
    ----------
    what, instead
        The default, where neither the user's line nor a library's frame tells more.
    """
    frame: FrameType | None = sys._getframe(1)
    library = None
    scipys: list[FrameType] = []
    while frame is not None:
        code, file = frame.f_code, frame.f_code.co_filename
        for part, name, write in LIBRARIES:
            if part in file or part == code.co_name:
                library = name, write  # the outermost is the one that the user called
        if _is_scipys(file):
            scipys.insert(0, frame)
        if not is_library(file):
            if library is None and scipys:
                library = later("counterpart")(scipys)
            line = linecache.getline(file, frame.f_lineno)
            return library or _of_line(line, what, instead)
        frame = frame.f_back
    return library or (what, instead)


def _is_scipys(file: str) -> bool:
    package = getattr(sys.modules.get("scipy"), "__file__", None)
    return package is not None and file.startswith(os.path.join(os.path.dirname(package), ""))


def _of_line(line: str, what: str, instead: str) -> tuple[str, str]:
    """Return what a line of the user's shows.

    >>> _of_line("y = X.dot(t)", "", "")
    ('ndarray.dot', 'X @ t or np.dot(X, t)')
    """
    for pattern, name, write in LINES:
        if re.search(pattern, line):
            return name, write
    return what, instead
