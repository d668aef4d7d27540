"""Check the network of one file: ``lab.py:NNet``, as somebody handed it in.

What to check is declared by a function ``gradient_check``, in the file itself or in one of
the teacher's; it takes the class (or function) that was named and returns what
`check_gradient_function` takes::

    def gradient_check(NNet):
        X, y = np.random.default_rng(0).normal(size=(9, 2)), np.ones((9, 1))
        return stored(NNet(), lambda net: np.mean((net.forward(X) - y) ** 2),
                      lambda net: net.backprop(X, y))
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from .handwritten import check_gradient_function

RIGHT, WRONG, CANNOT = "right", "wrong", "cannot check"
STATUS = {RIGHT: 0, WRONG: 1, CANNOT: 2}


def check_file(spec: str, adapter: str | None = None) -> dict[str, Any]:
    """Check what ``file.py:Name`` names; return the result as plain data.

    Returns
    -------
    dict
        ``status``, ``message``, ``rows`` (one for each array: name, verdict, difference),
        ``diagnoses``, and ``step`` where the first wrong line is known.

    Whatever the file does, exceptions and `SystemExit` too, becomes a result.
    """
    try:
        f, grad_f, *inputs = _parts(spec, adapter)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UncertainGradientWarning)
            report = check_gradient_function(f, grad_f, *inputs)
        doubts = [str(w.message) for w in caught]
        status = CANNOT if doubts else RIGHT
        message = doubts[0] if doubts else "every gradient agrees with numerical derivatives"
        return {"status": status, "message": message, "rows": _rows(report), "diagnoses": []}
    except GradientCheckError as error:
        said = [f.text for f in error.findings]
        return {
            "status": WRONG,
            "message": str(error),
            "rows": _rows(error.report),
            "diagnoses": said,
            "step": _step(error.step),
        }
    except SystemExit as error:
        return _cannot(f"the program exits (status {error.code}) when it is loaded or run")
    except CheckInputError as error:
        return _cannot(str(error))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return _cannot(f"{type(error).__name__}{_where(error, spec)}: {error}")


def _cannot(why: str) -> dict[str, Any]:
    return {"status": CANNOT, "message": " ".join(why.split()), "rows": [], "diagnoses": []}


def _where(error: BaseException, spec: str) -> str:
    """Return the line of the hand-in that an error came from."""
    file, line = spec.rpartition(":")[0], None
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == Path(file).name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" at line {line}" if line else ""


def _rows(report: Any) -> list[dict[str, Any]]:
    return [
        {"name": r.argument, "verdict": r.verdict.name.lower(), "difference": r.difference}
        for r in report.rows
    ]


def _step(step: Any) -> dict[str, Any] | None:
    if step is None:
        return None
    a = step.assignment
    return {
        "file": a.file,
        "line": a.line,
        "name": a.name,
        "given": np.asarray(a.array).tolist() if a.array.size <= 200 else None,
        "wanted": None if step.wanted is None or step.wanted.size > 200 else step.wanted.tolist(),
    }


def _parts(spec: str, adapter: str | None) -> Any:
    """Load the file and return function, gradient and point."""
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier():
        raise CheckInputError(f"'{spec}' is not of the form path/to/file.py:Name.")
    module = _load(Path(file), "handin")
    if not hasattr(module, name):
        there = [
            n for n, x in vars(module).items() if inspect.isclass(x) and x.__module__ == "handin"
        ]
        raise CheckInputError(
            f"{file} has no '{name}'; its classes are {', '.join(there) or 'none'}."
        )
    network = getattr(module, name)
    declared = _load(Path(adapter), "adapter") if adapter else module
    if not hasattr(declared, "gradient_check"):
        if adapter:
            raise CheckInputError(f"{adapter} has no function gradient_check({name}).")
        raise CheckInputError(explanation(file, name, network))
    parts = declared.gradient_check(network)
    if not isinstance(parts, tuple) or len(parts) < 3 or not all(map(callable, parts[:2])):
        raise CheckInputError(
            "gradient_check must return a function, its gradient and where to check, as "
            "stored(...) and (loss, gradient, w1, w2) are."
        )
    return parts


def explanation(file: str, name: str, network: Any) -> str:
    """Say what is needed to check a class, with what was found of it filled in."""
    methods = [
        n for n, x in vars(network).items() if callable(x) and not n.startswith("_")
    ] if inspect.isclass(network) else []  # fmt: skip
    forward = next(
        (m for m in methods if m.lower() in ("forward", "predict", "__call__")), "forward"
    )
    backward = next((m for m in methods if m.lower().startswith("back")), "backward")
    return (
        f"{file} does not say how to check {name} (methods: {', '.join(methods) or 'none'}). Add "
        "to it, or to a file given with --adapter: "
        f"def gradient_check({name}): return stored({name}(), lambda net: "
        f"loss(net.{forward}(X), y), lambda net: net.{backward}(X, y)) — with your X, y and loss, "
        "and from autograd_lite.testing import stored."
    )


def _load(path: Path, name: str) -> Any:
    if not path.is_file():
        raise CheckInputError(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CheckInputError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    return module
