"""How a distribution is stated, by its standard form, and called as SciPy calls it.

A continuous one is stated for location 0 and scale 1: where y = (x − loc) / scale, the density is
f(y) / scale. Outside of its support the logarithm of the density is −inf, with derivative 0; where
a parameter is none, such as a scale of 0, everything is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...composite import as_array
from ...errors import NoDerivativeError, UnsupportedArgumentError
from ...tensor import Tensor, unwrap

Formula = Callable[..., Any]


class Distribution:
    """A family of distributions; its call with parameters freezes them.

    Parameters
    ----------
    name
        SciPy's name.
    shapes
        The names of its parameters beside ``loc`` and ``scale``.
    support
        The first and the last number of the standard form, or a function of the shapes.
    valid
        A function of the shapes: whether they are parameters.
    **formulas
        Functions of a number y and the shapes: ``logf``, the logarithm of the density or of the
        probability, and what there is of ``cdf``, ``sf``, ``logcdf``, ``logsf`` and ``ppf``.
    """

    density = "pdf"
    scaled = True

    def __init__(
        self,
        name: str,
        shapes: str = "",
        *,
        support: Any = (-np.inf, np.inf),
        valid: Formula = lambda *shapes: True,
        **formulas: Formula,
    ) -> None:
        self.name = name
        self.shapes = tuple(shapes.split())
        self.support = support
        self.valid = valid
        self.formulas = formulas
        self.parameters = (*self.shapes, "loc", *(["scale"] if self.scaled else []))
        self.__doc__ = self._about()

    def __repr__(self) -> str:
        return f"<distribution {self.name}({', '.join(self.parameters)})>"

    def _about(self) -> str:
        """Return its docstring, for `help` and the reference."""
        methods = ", ".join(f"``{name}``" for name in self._methods())
        shapes = ["0.5" if name == "p" else "2" for name in self.shapes]
        call = f"stats.{self.name}.{self.density}({', '.join(['1', *shapes])})"
        return f"""scipy.stats.{self.name} of the parameters {", ".join(self.parameters)}.

        Its methods {methods} take a number and the parameters, which broadcast; a call with the
        parameters alone gives a distribution whose methods take the number.

        >>> import scipy
        >>> from autograd_lite.scipy import stats
        >>> bool(np.isclose({call}, scipy.{call}))
        True
        """

    def __call__(self, *args: Any, **kwargs: Any) -> Frozen:
        """Return the distribution with these parameters."""
        self._read("()", args, kwargs)
        return Frozen(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"'{self.name}' has no '{name}' here, only what has a derivative: "
            f"{', '.join(self._methods())}. SciPy's is scipy.stats.{self.name}.{name}, of numbers "
            "and arrays.",
            name=name,
        )

    def _methods(self) -> list[str]:
        names = (self.density, f"log{self.density}", "cdf", "logcdf", "sf", "logsf", "ppf")
        return [name for name in names if hasattr(type(self), name)]

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of at most x."""
        return self._along("logcdf", "cdf", (-np.inf, 0.0), x, args, kwargs)

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of at most x."""
        return self._along("cdf", "logcdf", (0.0, 1.0), x, args, kwargs)

    def logsf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of more than x."""
        return self._along("logsf", "sf", (0.0, -np.inf), x, args, kwargs)

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of more than x."""
        return self._along("sf", "logsf", (1.0, 0.0), x, args, kwargs)

    def _log_density(self, method: str, x: Any, args: Any, kwargs: Any) -> Any:
        y, shapes, scale, known = self._standard(method, x, args, kwargs)
        inside = self._inside(y, *shapes)
        out = self.formulas["logf"](np.where(inside, y, self._some(*shapes)), *shapes)
        return np.where(known, np.where(inside, out - np.log(scale), -np.inf), np.nan)

    def _along(
        self, method: str, other: str, ends: tuple[float, float], x: Any, args: Any, kwargs: Any
    ) -> Any:
        """Return a probability of one side, by its formula or by that of its logarithm or power."""
        y, shapes, _, known = self._standard(method, x, args, kwargs)
        if not self.scaled:
            y = np.floor(y)
        low, high = self._ends(*shapes)
        below, above = y < low, y >= high
        within = np.where(below | above | ~known, self._some(*shapes), y)
        if method in self.formulas:
            out = self.formulas[method](within, *shapes)
        elif other in self.formulas:
            turn = np.log if method.startswith("log") else np.exp
            with np.errstate(divide="ignore"):
                out = turn(self.formulas[other](within, *shapes))
        else:
            raise NoDerivativeError(f"scipy.stats.{self.name}.{method} has no formula here.")
        out = np.where(below, ends[0], np.where(above, ends[1], out))
        return np.where(known, out, np.nan)

    def _standard(self, method: str, x: Any, args: Any, kwargs: Any) -> Any:
        """Return (x − loc) / scale, the shapes, the scale and where all of them are parameters."""
        x, *shapes, loc, scale = self._floats(method, x, args, kwargs)
        positive = scale > 0
        y = (x - loc) / np.where(positive, scale, 1.0)
        known = np.logical_and(self.valid(*shapes), positive) & ~np.isnan(y)
        return y, shapes, np.where(positive, scale, 1.0), known

    def _read(self, method: str, args: Any, kwargs: Any) -> dict[str, Any]:
        """Return the parameters by their names."""
        if len(args) > len(self.parameters):
            raise TypeError(
                f"{self.name}.{method} takes the parameters {', '.join(self.parameters)}, and was "
                f"given {len(args)}."
            )
        given = dict(zip(self.parameters, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.parameters or name in given:
                raise TypeError(
                    f"{self.name}.{method} was given {name}= "
                    f"{'twice' if name in given else 'which is none of its parameters'}: "
                    f"those are {', '.join(self.parameters)}."
                )
            given[name] = value
        missing = [name for name in self.shapes if name not in given]
        if missing:
            raise TypeError(f"{self.name}.{method} needs its parameter {' and '.join(missing)}.")
        return {"loc": 0.0, "scale": 1.0, **given}

    def _floats(self, method: str, x: Any, args: Any, kwargs: Any) -> list[Any]:
        """Return x, the shapes, the location and the scale, in the dtype that NumPy gives them."""
        given = self._read(method, args, kwargs)
        return alike(x, *(given[name] for name in (*self.shapes, "loc", "scale")))

    def _ends(self, *shapes: Any) -> tuple[Any, Any]:
        low, high = self.support(*shapes) if callable(self.support) else self.support
        return low, high

    def _inside(self, y: Any, *shapes: Any) -> Any:
        low, high = self._ends(*shapes)
        return (y >= low) & (y <= high) & np.isfinite(y)  # far out, each density is 0

    def _some(self, *shapes: Any) -> float:
        """Return a number inside of the support, to compute with in place of one outside."""
        if callable(self.support):
            return 0.0
        low, high = self.support
        return 0.5 if (low, high) == (0.0, 1.0) else 1.0 + max(float(low), 0.0)


class Continuous(Distribution):
    """A distribution with a density."""

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the density at x."""
        return self._log_density("logpdf", x, args, kwargs)

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the density at x."""
        return np.exp(self._log_density("pdf", x, args, kwargs))

    def ppf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the x of which the probability of at most x is q."""
        if "ppf" not in self.formulas:
            raise NoDerivativeError(f"scipy.stats.{self.name}.ppf has no formula here.")
        q, *shapes, loc, scale = self._floats("ppf", q, args, kwargs)
        known = np.logical_and(self.valid(*shapes), scale > 0)
        between = (q > 0) & (q < 1)
        known = known & (between | (q == 0) | (q == 1))
        low, high = self._ends(*shapes)
        out = self.formulas["ppf"](np.where(between, q, 0.5), *shapes)
        out = np.where(between, out, np.where(q == 0, low, high))
        return np.where(known, out * scale + loc, np.nan)


class Discrete(Distribution):
    """A distribution of whole numbers, by which nothing is differentiated."""

    density = "pmf"
    scaled = False

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of k."""
        return self._log_density("logpmf", k, args, kwargs)

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of k."""
        return np.exp(self._log_density("pmf", k, args, kwargs))

    def _standard(self, method: str, x: Any, args: Any, kwargs: Any) -> Any:
        given = self._read(method, args, kwargs)
        for what, value in (("its count", x), ("'loc'", given["loc"])):
            if isinstance(value, Tensor) and value.requires_grad:
                raise NoDerivativeError(
                    f"scipy.stats.{self.name}.{method} has no derivative by {what}, a whole "
                    "number: give t.numpy()."
                )
        return super()._standard(method, x, args, kwargs)

    def _inside(self, y: Any, *shapes: Any) -> Any:
        return super()._inside(y, *shapes) & (y == np.floor(y))


class Frozen:
    """A distribution with its parameters: its methods take the number alone.

    >>> from autograd_lite.scipy.stats import norm
    >>> float(norm(1.0, 2.0).cdf(1.0))
    0.5
    """

    def __init__(self, family: Any, args: Any, kwargs: Any) -> None:
        self.dist, self.args, self.kwds = family, args, kwargs

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwds.items())]
        return f"<{self.dist.name}({', '.join(given)})>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self.dist, name)

        def frozen(x: Any) -> Any:
            return method(x, *self.args, **self.kwds)

        frozen.__name__ = name
        return frozen


def alike(*values: Any) -> list[Any]:
    """Return Tensors or arrays of floats, of the dtype that these numbers have together."""
    values = tuple(v if type(v) in (int, float) else as_array(v) for v in values)
    dtype = np.result_type(*map(unwrap, values))
    if dtype.kind == "c":
        raise UnsupportedArgumentError("A distribution's numbers are real, and one is complex.")
    if dtype.kind != "f":
        dtype = np.dtype(float)
    arrays = map(as_array, values)
    return [x if x.dtype == dtype else x.astype(dtype) for x in arrays]
