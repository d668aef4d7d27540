"""scipy.integrate: solutions of ordinary differential equations, with derivatives.

>>> import numpy as np
>>> from autograd_lite import grad
>>> from autograd_lite.scipy.integrate import odeint
>>> def decay(y, t, rate):
...     return -rate * y
>>> def at_the_end(rate):
...     return odeint(decay, 2.0, [0.0, 1.0], args=(rate,))[-1, 0]
>>> round(float(grad(at_the_end)(0.5)), 6)  # −2 exp(−0.5)
-1.213061

The solver's own steps are not recorded. The derivatives of a solution y(t) come from the adjoint
equation, which is solved backwards in time for a, the upstream gradient of y(t):

    da/dt = −aᵀ ∂f/∂y,    and its gradient by the parameters θ of f gathers ∫ aᵀ ∂f/∂θ dt

(Pontryagin and others (1962); Chen and others, "Neural Ordinary Differential Equations" (2018)).
That is again an initial value problem, solved by the same solver, and so again differentiable:
second derivatives are the adjoint of the adjoint. A gradient is as exact as the tolerances are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate  # type: ignore[import-untyped]

from ..composite import as_array
from ..errors import DetachError, UnsupportedArgumentError
from ..modes import GRADIENT, recording, report_read, special
from ..primitive import Primitive, derivative
from ..tensor import Tensor, unwrap
from ..transforms import vjp
from ..trees import flatten

__all__ = ["odeint", "solve_ivp"]

Field = Callable[..., Any]
"""f(t, y, θ): by how much the vector y moves at the time t, for a vector of parameters θ."""


# -- what both have in common ------------------------------------------------------------------


def _solved(y0: Any, t: Any, theta: Any, field: Field, solver: Callable[..., Any]) -> Any:
    """Return y at the times t, (times, n)."""

    def f(t: float, y: Any) -> Any:
        return _numbers(field(t, y, theta))

    with recording(lambda outside: GRADIENT):  # what the solver calls is no part of the program
        return np.asarray(solver(f, y0, t))


def _numbers(moved: Any) -> Any:
    moved = as_array(moved)
    if isinstance(moved, Tensor) and moved.requires_grad:
        raise DetachError(_CLOSED_OVER)
    return unwrap(moved)


_CLOSED_OVER = (
    "The right-hand side of the differential equation uses a Tensor that is none of its arguments, "
    "by which there would be no gradient: give it in args=, and take it as an argument."
)


def _adjoint_rule(
    g: Any, y0: Any, t: Any, theta: Any, out: Any, field: Field, solver: Callable[..., Any]
) -> tuple[Any, Any, Any]:
    """Solve the adjoint equation backwards, from each time that a gradient arrives at to the next.

    By a time itself, y moves as f there; by the first one, from which all others are counted,
    what is left of the gradient moves with −f.
    """
    n, m = y0.shape[0], theta.shape[0]

    def adjoint(t: Any, state: Any, theta: Any) -> Any:
        y, a = state[:n], state[n : 2 * n]
        moved, pullback = vjp(lambda y, theta: _vector(field(t, y, theta), n), y, theta)
        by_y, by_theta = pullback(a)
        return np.concatenate([moved, -by_y, -by_theta])

    a, by_theta = g[-1], np.zeros(m)
    by_time = []
    for i in range(len(unwrap(t)) - 1, 0, -1):
        by_time.append(np.dot(g[i], _vector(field(t[i], out[i], theta), n)))
        start = np.concatenate([out[i], a, by_theta])
        times = np.stack([t[i], t[i - 1]])
        state = solution(start, times, theta, field=adjoint, solver=solver)[-1]
        a, by_theta = state[n : 2 * n] + g[i - 1], state[2 * n :]
    at_start = a - g[0] if len(by_time) else a * 0.0
    by_time.append(-np.dot(at_start, _vector(field(t[0], y0, theta), n)))
    return a, np.stack(by_time[::-1]), by_theta


def _vector(moved: Any, n: int) -> Any:
    """Return what a right-hand side returned, a list of numbers perhaps, as a vector."""
    return np.reshape(as_array(moved), (n,))


solution: Primitive = derivative(
    _solved,
    name="odeint",
    operands="y0 t theta",
    joint=lambda g, y0, t, theta, out, field, solver: _adjoint_rule(
        g, y0, t, theta, out, field, solver
    ),
    parameters="field solver",
)
"""y at some times, of dy/dt = f(t, y, θ) and y(t₀) = y₀."""


def _gathered(args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Return the Tensors of the arguments as one vector θ, and what makes arguments of θ again."""
    args = args if isinstance(args, tuple) else (args,)
    for x in args:
        if isinstance(x, (list, dict, tuple)) and any(isinstance(i, Tensor) for i in flatten(x)[0]):
            raise UnsupportedArgumentError(
                "args= holds Tensors in a list or a dict: give each as an argument of its own, or "
                "joined with np.stack or np.concatenate."
            )
    places = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.dtype.kind == "f"]
    shapes = [args[i].shape for i in places]
    ends = np.cumsum([0, *(args[i].size for i in places)]).tolist()
    theta = np.concatenate([np.ravel(args[i]) for i in places]) if places else np.zeros(0)

    def rebuilt(theta: Any) -> tuple[Any, ...]:
        parts = list(args)
        for k, i in enumerate(places):
            parts[i] = np.reshape(theta[ends[k] : ends[k + 1]], shapes[k])
        return tuple(parts)

    return _double(theta), rebuilt


def _double(x: Any) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise UnsupportedArgumentError(
            "A solution is differentiated here of real numbers: give real and imaginary parts as "
            "elements of y0."
        )
    return x if x.dtype == np.float64 else x.astype(np.float64)


def _in_general(options: dict[str, Any]) -> dict[str, Any]:
    """Return a solver's options without those that depend on the size of y."""
    kept = {k: v for k, v in options.items() if k in ("mxstep", "hmax", "hmin", "max_step")}
    return kept | {k: np.min(options[k]) for k in ("rtol", "atol") if options.get(k) is not None}


# -- odeint ------------------------------------------------------------------------------------


def odeint(
    func: Field,
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    *more: Any,
    tfirst: bool = False,
    **options: Any,
) -> Any:
    """Solve dy/dt = ``func(y, t, *args)`` from y0 on, at the times t.

    Parameters
    ----------
    func
        The right-hand side, in NumPy: of y, (n,), a time and `args`, it returns dy/dt, (n,).
        With `tfirst`, of the time and y.
    y0
        What y is at the first time: a number or (n,).
    t
        The times, which go up, or down.
    args
        Further arguments. Those that are Tensors are differentiated; a Tensor that `func` takes
        from elsewhere is refused.
    **options
        SciPy's, such as ``rtol`` and ``atol``, for the adjoint equation too; `Dfun` is not needed.

    Returns
    -------
    Tensor or array
        (times, n)

    Raises
    ------
    DetachError
        If a Tensor would be left without its gradient.

    Examples
    --------
    >>> from autograd_lite import grad
    >>> def end(rate):
    ...     return odeint(lambda y, t, rate: -rate * y, 2.0, [0.0, 1.0], args=(rate,))[-1, 0]
    >>> grad(end)(0.5).round(4)  # −2 e^(−0.5)
    np.float64(-1.2131)
    """
    if full_output or more:
        raise UnsupportedArgumentError(
            "odeint with derivatives returns the solution alone: leave full_output out, and give "
            "options by name."
        )
    theta, rebuilt = _gathered(args)
    y0, t = np.atleast_1d(_double(y0)), _double(t)

    def field(t: Any, y: Any, theta: Any) -> Any:
        rest = rebuilt(theta)
        return func(t, y, *rest) if tfirst else func(y, t, *rest)

    def solver(f: Any, y0: Any, t: Any) -> Any:
        own = {"Dfun": jacobian, "col_deriv": col_deriv, **options} if len(y0) == n else general
        return scipy.integrate.odeint(f, y0, t, tfirst=True, **own)

    def given(t: Any, y: Any) -> Any:
        rest = rebuilt(unwrap(theta))
        return Dfun(t, y, *rest) if tfirst else Dfun(y, t, *rest)

    jacobian = None if Dfun is None else given
    n, general = y0.shape[0], _in_general(options)
    return solution(y0, t, theta, field=field, solver=solver)


# -- solve_ivp ---------------------------------------------------------------------------------


def solve_ivp(
    fun: Field,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """Solve dy/dt = ``fun(t, y, *args)`` from y0 on, over a span of time.

    Parameters
    ----------
    fun
        The right-hand side, in NumPy: of a time, y, (n,), and `args`, it returns dy/dt, (n,).
    t_span
        The first and the last time; both may be differentiated.
    y0
        What y is at the first time, (n,).
    method, **options
        SciPy's solver and options, such as ``rtol``, by which the adjoint equation is solved too.
        SciPy's own tolerance is 1e-3, and so exact are gradients: give a smaller one.
    t_eval
        The times of the result; where none are given, those of the solver's steps, which count as
        constants but for the first and the last.
    dense_output, events
        Refused: of neither there is a derivative.
    args
        Further arguments, as for `odeint`.

    Returns
    -------
    OdeResult
        SciPy's, in which `t` and `y`, (n, times), have their gradients.

    Raises
    ------
    UnsupportedArgumentError
        If events or a dense output are asked for.

    Examples
    --------
    >>> from autograd_lite import grad
    >>> def end(y0):
    ...     return solve_ivp(lambda t, y: -y, (0.0, 1.0), [y0], rtol=1e-8).y[0, -1]
    >>> round(float(grad(end)(3.0)), 4)
    0.3679
    """
    if events is not None or dense_output:
        what = "events" if events is not None else "dense_output"
        raise UnsupportedArgumentError(
            f"solve_ivp has no derivative with {what}=: leave it out, and give the times that are "
            "asked for with t_eval=."
        )
    theta, rebuilt = _gathered(() if args is None else args)

    def field(t: Any, y: Any, theta: Any) -> Any:
        return fun(t, y, *rebuilt(theta))

    first, last = (_double(x) for x in t_span)
    y0, jac = np.atleast_1d(_double(y0)), options.get("jac")
    if special and t_eval is None:
        for x in (y0, first, last, theta):
            if isinstance(x, Tensor):
                report_read(x, "the steps of a solver, where t_eval= does not give its times")
    if callable(jac):
        options["jac"] = lambda t, y: jac(t, y, *rebuilt(unwrap(theta)))
    found = scipy.integrate.solve_ivp(
        lambda t, y: _numbers(field(t, y, unwrap(theta))),
        (float(unwrap(first)), float(unwrap(last))),
        unwrap(y0),
        method,
        t_eval if t_eval is None else unwrap(t_eval),
        vectorized=vectorized,
        **options,
    )
    if not found.success:
        return found

    def solver(f: Any, y0: Any, t: Any) -> Any:
        own = options if len(y0) == n else general
        result = scipy.integrate.solve_ivp(f, (t[0], t[-1]), y0, method, t, **own)
        if not result.success:
            raise RuntimeError(f"The differential equation was not solved: {result.message}")
        return result.y.T

    n, general = y0.shape[0], _in_general(options)
    times = found.t if t_eval is None else t_eval
    if t_eval is None:
        times = np.concatenate([np.stack([first]), found.t[1:-1], np.stack([last])])
    times = _double(times)
    begins = bool(unwrap(times)[:1] == unwrap(first))  # where not, it is solved from there on
    asked = times if begins else np.concatenate([np.stack([first]), times])
    out = solution(y0, asked, theta, field=field, solver=solver)
    found.t, found.y = times, np.transpose(out if begins else out[1:])
    return found


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(scipy.integrate, name)  # which refuses a Tensor that needs a gradient
