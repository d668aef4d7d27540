"""A function and its derivatives as SciPy calls them: vectors of float64, in SciPy's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arguments import check_numbers, one_number, transform_of_functions
from .errors import TreeError
from .matrices import hessian, jacobian
from .tensor import to_numpy, unwrap
from .transforms import hvp, value_and_grad
from .tree import leaves as tree_leaves
from .tree import map as tree_map
from .trees import is_number
from .vectors import flatten


@transform_of_functions
def for_scipy(f: Callable[..., Any], *example: Any) -> ForScipy:
    """Return what `scipy.optimize` asks for of a function: ``fun``, ``jac``, ``hess``, ``hessp``.

    Parameters
    ----------
    f
        Returns one number, to minimize, or any nest of numbers, such as residuals. Its first
        arguments are what is looked for; SciPy's ``args`` are those after them.
    *example
        What to begin with: one for each of those first arguments, a number, an array, or any
        nest of them that `flatten` takes.

    Returns
    -------
    ForScipy
        The functions, and `x0`, the example as a vector.

    Raises
    ------
    TypeError
        If there is nothing to begin with.

    Examples
    --------
    >>> def loss(params, x, y):
    ...     return np.mean((params["w"] * x + params["b"] - y) ** 2)
    >>> s = for_scipy(loss, {"w": 0.0, "b": 0.0})
    >>> data = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> from scipy.optimize import minimize
    >>> found = minimize(s.fun, s.x0, data, "Newton-CG", jac=s.jac, hessp=s.hessp)
    >>> {name: round(float(x), 6) for name, x in s.rebuild(found.x).items()}
    {'w': 2.0, 'b': 1.0}
    """
    if not example:
        raise TypeError("for_scipy takes what to begin with, as in for_scipy(f, params).")
    return ForScipy(f, example)


class ForScipy:
    """A function and its derivatives in SciPy's order. Made by `for_scipy`, which see.

    All take a vector `x` of shape (n,) and return arrays of float64 that are the caller's. Where
    the example was one number, `x` may be one too, as for ``root_scalar``.

    Attributes
    ----------
    x0
        The example as a vector, (n,).

    Notes
    -----
    ``rebuild(x)`` makes of a vector what the example was, a tuple where there were several; all
    numbers in it are float64.

    Raises
    ------
    TypeError
        If there is no example.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import for_scipy
    >>> f = for_scipy(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    >>> f.fun(f.x0), f.jac(f.x0)
    (5.0, array([2., 4.]))
    """

    def __init__(self, f: Callable[..., Any], example: tuple[Any, ...]) -> None:
        tree = example[0] if len(example) == 1 else example
        leaves = list(map(to_numpy, tree_leaves(tree)))
        if not sum(map(np.size, leaves)):
            raise TreeError(f"for_scipy has nothing to look for: no number is in {tree!r}.")
        if any(np.iscomplexobj(x) for x in leaves):
            raise TreeError(
                "SciPy's optimizers look for real numbers, and the example is complex: give its "
                "real and its imaginary part, as in z = p[0] + 1j * p[1]."
            )
        vector, self._rebuild = flatten(tree_map(lambda x: to_numpy(x).astype(float)[()], tree))
        self.x0: Any = to_numpy(vector)
        self._f, self._several = f, len(example) > 1
        self._is_number = is_number(tree) and not np.ndim(unwrap(tree))

    def rebuild(self, x: Any) -> Any:
        """Make of a vector what the example was."""
        return self._rebuild(self._read(x))

    def fun(self, x: Any, *args: Any) -> Any:
        """Return f: a float, or a vector (m,) of all numbers that it returns."""
        return _out(self._on(self._read(x), *args))

    def jac(self, x: Any, *args: Any) -> Any:
        """Return the gradient (n,) of one number, or the Jacobian (m, n)."""
        return self._shaped(x, jacobian(self._on)(self._read(x), *args))

    def fun_and_jac(self, x: Any, *args: Any) -> tuple[Any, Any]:
        """Return both, for ``minimize(s.fun_and_jac, s.x0, jac=True)``: f is run once."""
        value, gradient = value_and_grad(self._number)(self._read(x), *args)
        return _out(value), self._shaped(x, gradient)

    def hess(self, x: Any, *args: Any) -> Any:
        """Return the Hessian (n, n) of one number."""
        return self._shaped(x, hessian(self._number)(self._read(x), *args))

    def hessp(self, x: Any, p: Any, *args: Any) -> Any:
        """Return the Hessian times a vector `p`, which stands behind `x`: `hvp` has it last."""
        return self._shaped(x, hvp(self._number)(self._read(x), *args, self._read(p)))

    def weighted_hess(self, x: Any, v: Any, *args: Any) -> Any:
        """Return the Hessian of v·f, where f returns a vector: `NonlinearConstraint`'s ``hess``."""

        def weighted(x: Any, *args: Any) -> Any:
            return np.dot(np.asarray(v, float), self._on(x, *args))

        return self._shaped(x, hessian(weighted)(self._read(x), *args))

    # -- from SciPy's vectors and back -----------------------------------------------------------

    def _read(self, x: Any) -> Any:
        """Return a copy of a vector: SciPy goes on to write into its own."""
        vector = np.array(to_numpy(x), float)
        return vector.reshape(1) if self._is_number and not vector.ndim else vector

    def _on(self, x: Any, *args: Any) -> Any:
        """Call the function on a vector: one number, or a vector of all that it returns."""
        given = self._rebuild(x)
        result = self._f(*given, *args) if self._several else self._f(given, *args)
        leaves = tree_leaves(result)
        check_numbers("for_scipy", result, leaves)
        return (
            leaves[0] if len(leaves) == 1 and not np.ndim(unwrap(leaves[0])) else flatten(result)[0]
        )

    def _number(self, x: Any, *args: Any) -> Any:
        return one_number("for_scipy", self._on(x, *args))

    def _shaped(self, x: Any, derivative: Any) -> Any:
        """Return a derivative by a number that SciPy gave as one, as one."""
        found = np.asarray(_out(derivative))
        return found.reshape(())[()] if self._is_number and not np.ndim(x) else found


def _out(values: Any) -> Any:
    """Return numbers as SciPy's compiled loops take them."""
    array = np.array(to_numpy(values), float)
    return array if array.ndim else float(array)
