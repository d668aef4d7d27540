"""Where the first NaN was born: programs in which one operation makes it, and is found."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_lite import (
    Tensor,
    anomaly,
    checkpoint,
    first_bad,
    grad,
    hessian,
    jacobian,
    jvp,
    no_grad,
    trace,
    vjp,
)
from autograd_lite.calculus.neural import softmax
from autograd_lite.errors import NotFiniteError

F = nn.functional
INF = np.inf

# -- generated programs, of one operation a line -------------------------------------------------

# Each has finite results and slopes, and leaves 0 where it was.
HARMLESS = ["2.5 * {}", "np.sin({})", "np.tanh({})", "{} * W", "np.abs({} + 0.0)", "{}[::-1]",
            "np.swapaxes({}, -1, -2)", "np.reshape({}, (2, 3))", "np.minimum({}, 9.0)",
            "np.where({0} > 5.0, 5.0, {0})", "F.relu({})"]  # fmt: skip
# What makes a number that is not finite of a 0: forward, …
FORWARD = ["np.log({})", "1.0 / {}", "{0} / {0}", "{} ** -1.5", "np.sqrt({} - 1e-9)",
           "np.exp(1e3 - {})", "np.arccos({} - 1.5)", "np.log10({})", "np.arctanh({} + 1.0)",
           "np.log1p({} - 1.0)", "np.float_power({}, -2.0)", "np.exp(800.0 - {})"]  # fmt: skip
# … or only backward, where the slope is infinite.
BACKWARD = [
    "np.sqrt(np.abs({}))",
    "np.abs({}) ** 0.5",
    "np.cbrt({})",
    "np.arccosh(np.abs({}) + 1.0)",
    "np.arccos(np.maximum(1.0 - np.abs({}), 0.0))",
    "np.arcsin(np.maximum(1.0 - np.abs({}), 0.0))",
    "np.float_power(np.abs({}), 0.25)",
]
AFTER = ["3.0 * {}", "{} - 1.0", "np.reshape({}, (3, 2))", "{}.T", "np.concatenate([{}, W + 1.0])",
         "np.sum({}, axis=0)", "np.cumsum({}, axis=0)", "np.transpose({})"]  # fmt: skip
W = np.array([[0.5, -1.5, 1.0], [2.0, 0.25, -0.75]])


@st.composite
def programs(draw: Any, makers: list[str]) -> tuple[list[str], int, Any]:
    """Draw a program, the line that makes the first bad number, and an input with one 0."""
    before = draw(st.lists(st.sampled_from(HARMLESS), max_size=4))
    lines = [
        *before,
        draw(st.sampled_from(makers)),
        *draw(st.lists(st.sampled_from(AFTER), max_size=3)),
    ]
    x = np.linspace(0.1, 0.6, 6).reshape(2, 3)
    x.flat[draw(st.integers(0, 5))] = 0.0
    return lines, len(before), x


def fitting(lines: list[str], x: Any) -> list[str]:
    """Return those lines that NumPy can run, with names for their results."""
    program: list[str] = []
    scope = {"np": np, "F": F, "W": W, "t0": x}
    for line in lines:
        i = len(program)
        made = f"t{i + 1} = {line.format(f't{i}')}"
        exec(made, scope)
        program.append(made)
    return program


def evaluated(program: list[str], x: Any) -> list[Any]:
    scope: dict[str, Any] = {"np": np, "F": F, "W": W, "t0": x}
    for line in program:
        exec(line, scope)
    return [scope[f"t{i}"] for i in range(len(program) + 1)]


def found_in(program: list[str], x: Any) -> Any:
    """Run a program, a line of a file for each operation, and ask for its first bad number."""
    code = compile("\n".join([*program, f"t = np.sum(t{len(program)})"]), "program.py", "exec")
    scope: dict[str, Any] = {"np": np, "F": F, "W": W, "t0": Tensor(x, True, name="x")}
    with trace(), np.errstate(all="ignore"):
        exec(code, scope)
    return first_bad(scope["t"])


@settings(max_examples=80)
@given(programs(FORWARD))
def test_a_birth_forward_is_where_numpy_has_it(drawn: Any) -> None:
    lines, _, x = drawn
    with np.errstate(all="ignore"):
        try:
            program = fitting(lines, x)
        except ValueError:  # shapes that do not go together
            return
        values = evaluated(program, x)
    line = next(i for i, v in enumerate(values) if not np.isfinite(v).all())
    bad = found_in(program, x)
    assert (bad.way, bad.line) == ("forward", f"program.py:{line}")
    assert bad.operation in str(bad)
    born = np.asarray(values[line])
    assert not np.isfinite(born[bad.index])
    assert np.array_equal(bad.value, born[bad.index], equal_nan=True)


@settings(max_examples=80)
@given(programs(BACKWARD))
def test_a_birth_backward_is_at_the_infinite_slope(drawn: Any) -> None:
    lines, maker, x = drawn
    with np.errstate(all="ignore"):
        try:
            program = fitting(lines, x)
        except ValueError:
            return
        values = evaluated(program, x)
    assert np.isfinite(values[-1]).all()
    bad = found_in(program, x)
    assert (bad.way, bad.line) == ("backward", f"program.py:{maker + 1}")
    assert values[maker][bad.index] == 0.0
    assert re.fullmatch(r".* · -?inf", bad.numbers)


@settings(max_examples=40)
@given(programs(HARMLESS), st.sampled_from([np.nan, INF, None]), st.integers(0, 5))
def test_an_input_that_had_it_already(drawn: Any, number: Any, place: int) -> None:
    lines, _, x = drawn
    stops = ("tanh", "where", "minimum", "relu")  # an infinity
    lines = [line for line in lines if not any(word in line for word in stops)]
    with np.errstate(all="ignore"):
        try:
            program = fitting(lines, x)
        except ValueError:
            return
    if number is None:
        assert found_in(program, x) is None
        return
    x.flat[place] = number
    bad = found_in(program, x)
    assert (bad.way, bad.name, bad.index) == (
        "input",
        "the input 'x'",
        np.unravel_index(place, (2, 3)),
    )
    assert np.array_equal(bad.value, number, equal_nan=True)


# -- the kinds, one by one -------------------------------------------------------------------------

HALF = np.array([300.0, 1.0], np.float16)
CASES: dict[str, Any] = {
    # name: (program, inputs, operation, way, index, numbers)
    "log": (lambda x: np.sum(np.log(x)), [[1.0, 0.0]], "log", "forward", (1,), "log(0)"),
    "scalar": (lambda x: np.log(x), [0.0], "log", "forward", (), "log(0)"),
    "sqrt": (lambda x: np.sum(np.sqrt(x)), [[-1.0, 4.0]], "sqrt", "forward", (0,), "sqrt(-1)"),
    "sqrt, back": (lambda x: np.sum(np.sqrt(x)), [[4.0, 0.0]], "sqrt", "backward", (1,), "1 · inf"),
    "0 · inf": (lambda x: np.sum(0.0 * np.sqrt(x)), [[0.0, 1.0]], "sqrt", "backward", (0,),
                "0 · inf"),
    "distance": (lambda a, b: np.sqrt(np.sum((a - b) ** 2)), [[1.0, 2.0], [1.0, 2.0]], "sqrt",
                 "backward", (), "1 · inf"),
    "0 / 0": (lambda x, y: np.sum(x / y), [[1.0, 0.0], [1.0, 0.0]], "divide", "forward", (1,),
              "0 / 0"),
    "standardized": (lambda x: np.sum((x - np.mean(x)) / np.std(x)), [[2.0, 2.0]], "divide",
                     "forward", (0,), "0 / 0"),
    "unit vector": (lambda x: np.sum(x / np.linalg.norm(x)), [[0.0, 0.0]], "divide", "forward",
                    (0,), "0 / 0"),
    "exp": (lambda x: np.sum(np.exp(x)), [[1.0, 1000.0]], "exp", "forward", (1,), "exp(1000)"),
    "exp, seen late": (lambda x: np.sum(np.exp(x) / np.sum(np.exp(x))), [[1.0, 1000.0]], "exp",
                       "forward", (1,), "exp(1000)"),
    "exp, back": (lambda x: 1.0 / np.sum(np.exp(x)), [[1.0, 1000.0]], "exp", "forward", (1,),
                  "exp(1000)"),
    "power": (lambda x: np.sum(x**0.5), [[-1.0]], "power", "forward", (0,), "-1 ** 0.5"),
    "power of 0": (lambda x: np.sum(x**-1.0), [[0.0]], "power", "forward", (0,), "0 ** -1"),
    "power, back": (lambda x: np.sum(x**0.5), [[0.0, 1.0]], "power", "backward", (0,), "1 · inf"),
    "arccos": (lambda x: np.sum(np.arccos(x)), [[0.5, 1.0]], "arccos", "backward", (1,),
               "1 · -inf"),
    "half": (lambda x: np.sum(x * x), [HALF], "multiply", "forward", (0,), "300 · 300"),
    "half, cast": (lambda x: np.sum(x.astype(np.float16)), [[1e6]], "astype", "forward", (0,),
                   "1e+06"),
    "product": (lambda x: np.sum(x @ x), [[[1.0, 1e200], [1e200, 2.0]]], "matmul", "forward",
                (0, 0), "1e+200 · 1e+200"),
    "sum": (lambda x: np.sum(1.0 * x), [[1e308, 1e308]], "sum", "forward", (), "1e+308 + 1e+308"),
    "of gradients": (lambda x: np.sum(1e308 * x) + np.sum(1e308 * x), [[1e-9]],
                     "the sum of gradients", "backward", (0,), "1e+308 + 1e+308"),
    "broadcast, back": (lambda x, y: np.sum(x * np.sqrt(y)), [np.ones((3, 2)), [1.0, 0.0]], "sqrt",
                        "backward", (1,), "3 · inf"),
    "fused": (lambda x, y: F.mse_loss(x, y), [[1e200], [0.0]], "mse", "forward", (), "1e+200 ** 2"),
    "module": (lambda x: nn.Softmax()(x * 1e308), [[10.0, 10.0]], "multiply", "forward", (0,),
               "10 · 1e+308"),
    "checkpoint": (checkpoint(lambda x: np.sum(np.log(x))), [[0.0, 1.0]], "log", "forward", (0,),
                   "log(0)"),
    "checkpoint, back": (checkpoint(lambda x: np.sum(np.sqrt(x))), [[1.0, 0.0]], "sqrt",
                         "backward", (1,), "1 · inf"),
    "one of several": (lambda x: np.sum(np.log(np.split(x, 2)[1])), [[1.0, 0.0]], "log", "forward",
                       (0,), "log(0)"),
    "through several": (lambda x: np.sum(np.split(np.sqrt(x), 2)[1]), [[1.0, 0.0]], "sqrt",
                        "backward", (1,), "1 · inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_kinds(name: str) -> None:
    program, inputs, operation, way, index, numbers = CASES[name]
    bad = first_bad(program, *inputs)
    assert (bad.operation, bad.way, bad.index, bad.numbers) == (operation, way, index, numbers)
    line = f"test_nonfinite.py:{bad.line.rpartition(':')[2]}" if bad.line else ""
    assert str(bad).startswith(f"{operation}{line and f' at {line}'}: {numbers}")
    x = [Tensor(x, requires_grad=True) for x in inputs]
    with np.errstate(all="ignore"):
        without = first_bad(program(*x))  # the same, and no line is known
    assert (without.operation, without.index, without.numbers) == (operation, index, numbers)
    assert without.line is None or "checkpoint" in name
    assert all(t.grad is None for t in x)


TRAPS: dict[str, Any] = {
    "np.where": (lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), "sqrt", "where"),
    "np.where, cbrt": (lambda x: np.sum(np.where(x > 0.0, np.cbrt(x), 0.0)), "cbrt", "where"),
    "farther": (lambda x: np.sum(np.where(x > 0.0, 3.0 * np.sqrt(x) + 1.0, 0.0)), "sqrt", "where"),
    "np.maximum": (lambda x: np.sum(np.maximum(np.sqrt(x), 0.1)), "sqrt", "maximum"),
    "index": (lambda x: np.sum(np.sqrt(x)[1:]), "sqrt", "getitem"),
    "times 0": (lambda x: np.sum(np.sqrt(x) * np.array([0.0, 1.0])), "sqrt", "multiply"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_what_is_not_used_spoils_the_gradient(name: str) -> None:
    program, operation, hidden_by = TRAPS[name]
    bad = first_bad(program, [0.0, 4.0])
    assert (bad.operation, bad.way, bad.index, bad.numbers) == (
        operation,
        "backward",
        (0,),
        "0 · inf",
    )
    assert f"{hidden_by} at test_nonfinite.py" in str(bad)
    assert ("double where" in str(bad)) == (hidden_by == "where")


def test_a_branch_that_is_not_taken() -> None:
    bad = first_bad(lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), [4.0, -1.0])
    assert (bad.operation, bad.way, bad.index, bad.numbers) == ("sqrt", "forward", (1,), "sqrt(-1)")
    assert "No result shows it" in str(bad)
    assert "0 · nan at [1]" in str(bad)
    assert "double where" in str(bad)
    bad = first_bad(lambda x: np.sum(np.where(x > 0.0, np.log(x), 0.0)), [4.0, 0.0])
    assert (bad.operation, bad.way, bad.numbers) == ("log", "forward", "log(0)")
    assert "0 · inf at [1]" in str(bad)

    def mended(x: Any) -> Any:
        return np.sum(np.where(x > 0.0, np.sqrt(np.where(x > 0.0, x, 1.0)), 0.0))

    assert first_bad(mended, [4.0, -1.0]) is None
    # A NaN among the data that is masked out of the loss is the same trap.
    target = np.array([1.0, np.nan])
    bad = first_bad(
        lambda x: np.sum(np.where(np.isnan(target), 0.0, (x - target) ** 2)), [1.0, 2.0]
    )
    assert (bad.way, bad.name, bad.index) == ("input", "the array 'target'", (1,))
    assert "where at test_nonfinite.py" in str(bad)


GIVEN: dict[str, Any] = {
    "softmax": (lambda x: np.sum(softmax(x)), [-INF, -INF], "0 / 0 at [0]"),
    "log_softmax": (lambda x: np.sum(F.log_softmax(x)), [-INF, -INF], "-inf - -inf at [0]"),
    "by hand": (lambda x: np.sum(np.exp(x - np.max(x))), [-INF, -INF], "-inf - -inf at [0]"),
    "difference": (lambda x: np.sum(x - np.mean(x)), [1.0, INF], "inf - inf at [1]"),
    "product": (lambda x: np.sum(x * np.array([1.0, 0.0])), [1.0, INF], "inf · 0 at [1]"),
    "matmul": (lambda x: x @ np.array([1.0, 0.0]), [1.0, INF], "0 · inf"),
    "sum": (lambda x: np.sum(x), [INF, -INF], "inf + -inf"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_an_infinity_that_was_given_and_became_a_nan(name: str) -> None:
    program, x, numbers = GIVEN[name]
    bad = first_bad(program, x)
    assert bad.way == "input"
    assert np.isinf(np.array(x)[bad.index])
    assert numbers in str(bad)
    assert "makes nan of it" in str(bad)


def test_an_infinity_that_does_no_harm_is_not_named() -> None:
    mask = np.array([0.0, -INF])
    assert first_bad(lambda x: np.sum(softmax(x + mask) * x), [1.0, 2.0]) is None
    # One that was made is, if there is nothing worse, …
    bad = first_bad(lambda x: np.sum(np.exp(np.log(x) * 2.0)), [0.0, 1.0])
    assert (bad.operation, bad.way) == ("log", "forward")
    # … and is said to be harmless if it is.
    bad = first_bad(lambda x: np.sum(np.where(x > 0.0, np.log(x), 0.0)), [-1.0, 1.0])
    assert (bad.operation, bad.numbers) == ("log", "log(-1)")
    assert "finite all the same" in str(bad)


class Net(nn.Module):
    def __init__(self) -> None:
        self.block = nn.Sequential(nn.Linear(2, 2, rng=0), nn.ReLU())
        self.last = nn.Linear(2, 1, rng=0)

    def forward(self, x: Any) -> Any:
        return np.log(self.last(self.block(x)) * 0.0)


def test_layers_and_parameters_are_named() -> None:
    net = Net()
    bad = first_bad(lambda x: np.sum(net(x)), np.ones((1, 2)))
    assert (bad.operation, bad.layer) == ("log", "Net")
    net.block[0].weight.data = [[1.0, INF], [1.0, 1.0]]
    bad = first_bad(lambda x: np.sum(net(x)), np.ones((1, 2)))
    assert (bad.way, bad.name, bad.index) == ("input", "the parameter 'block.0.weight'", (0, 1))
    net.block[0].weight.data = [[1.0, 1e308], [1e308, 1.0]]
    bad = first_bad(lambda x: np.sum(net(x)), np.full((1, 2), 10.0))
    assert (bad.operation, bad.layer, bad.index) == ("linear", "'block.0' (Linear)", (0, 0))
    assert bad.numbers == "10 · 1e+308"
    with np.errstate(all="ignore"):
        bad = first_bad(np.sum(net(np.full((1, 2), 10.0))))
    assert bad.layer == "'block.0'"  # as the parameter's name tells


def test_what_first_bad_refuses() -> None:
    with pytest.raises(TypeError, match="takes a Tensor or a function, and got list"):
        first_bad([1.0])
    with pytest.raises(TypeError, match="computed already"):
        first_bad(Tensor(1.0), 2.0)
    with pytest.raises(TypeError, match="returned float"):
        first_bad(lambda x: 1.0, 2.0)
    with no_grad():
        assert first_bad(Tensor([1.0])) is None
    x = Tensor([1.0, 0.0], requires_grad=True)
    y = np.sqrt(x)
    y.backward(np.array([1.0, 0.0]))
    assert first_bad(y).numbers == "0 · inf"  # with the gradient that it began with


# -- on the watch ---------------------------------------------------------------------------------


def caught(program: Any, *inputs: Any, **options: Any) -> Any:
    with pytest.raises(NotFiniteError) as error, anomaly(**options):
        program(*inputs)
    assert str(error.value) == str(error.value.first_bad)
    assert isinstance(error.value, FloatingPointError)
    return error.value.first_bad


@pytest.mark.parametrize("name", [*CASES, *TRAPS])
def test_anomaly_raises_what_first_bad_finds(name: str) -> None:
    program, inputs = (CASES[name][:2]) if name in CASES else (TRAPS[name][0], [[0.0, 4.0]])
    expected = first_bad(program, *inputs)
    x = [Tensor(x, requires_grad=True) for x in inputs]
    with np.errstate(all="ignore"):  # np.sum, in Python, warns before we can see its result
        bad = caught(lambda *x: program(*x).backward(), *x)
    told = "operation", "way", "index", "numbers", "line"
    assert [getattr(bad, k) for k in told] == [getattr(expected, k) for k in told]
    assert all(t.grad is None for t in x)


ZERO = np.zeros(2)
INSIDE: dict[str, Any] = {
    "grad": (lambda: grad(lambda x: np.sum(np.sqrt(x)))(ZERO), "sqrt", "backward"),
    "grad, forward": (lambda: grad(lambda x: np.sum(np.log(x)))(ZERO), "log", "forward"),
    "vjp": (lambda: vjp(np.sqrt, ZERO)[1](np.ones(2)), "sqrt", "backward"),
    "jvp": (lambda: jvp(np.sqrt, (ZERO,), (np.ones(2),)), "sqrt", "backward"),
    "jacobian": (lambda: jacobian(np.sqrt)(ZERO), "sqrt", "backward"),
    "hessian": (lambda: hessian(lambda x: np.sum(x**1.5))(ZERO), "power", "backward"),
    "grad of grad": (lambda: grad(lambda y: np.sum(grad(lambda x: np.sum(x**1.5))(y)))(ZERO),
                     "power", "backward"),
    "checkpoint": (lambda: grad(lambda x: np.sum(checkpoint(np.sqrt)(x)))(ZERO), "sqrt",
                   "backward"),
    "constants": (lambda: np.log(Tensor(ZERO)), "log", "forward"),
    "no_grad": (lambda: no_grad(lambda: np.log(Tensor(ZERO, True)))(), "log", "forward"),
    "module": (lambda: nn.Sequential(nn.Linear(1, 1, rng=0), nn.Softmax())(np.full((1, 1), INF)),
               None, "input"),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_anomaly_inside_of_transforms(name: str) -> None:
    program, operation, way = INSIDE[name]
    bad = caught(program)
    assert (bad.operation, bad.way) == (operation, way)
    first = program.__code__.co_firstlineno
    if operation:
        assert int(bad.line.rpartition(":")[2]) - first in (0, 1)


def test_anomaly_lets_pass_what_is_no_fault() -> None:
    x = Tensor([1.0, 4.0], requires_grad=True)
    with anomaly():
        np.sum(softmax(x + np.array([0.0, -INF])) * np.sqrt(x)).backward()
        jvp(np.sqrt, (x.data,), (np.ones(2),))
    zero = Tensor([0.0, 1.0])
    with anomaly(infinities=False):
        assert np.exp(np.log(zero)).tolist() == [0.0, 1.0]
    bad = caught(lambda: np.log(Tensor([0.0], True)) * 0.0, infinities=False)
    assert bad.operation == "log"
    assert "-inf · 0 at [0] makes nan of it" in str(bad)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.log(zero)  # outside nothing is raised


def test_gradients_that_are_added_up_are_so_in_silence() -> None:
    x = Tensor([0.0], requires_grad=True)
    y = np.sqrt(x)
    y.retain_grad()
    np.sum(y).backward()
    y.backward(np.array([-1.0]))  # inf − inf: a warning, which is an error here, would stop halfway
    assert np.isnan(x.grad).all()
    assert y.grad.tolist() == [0.0]


def test_a_number_in_the_program_and_a_long_chain() -> None:
    mask = np.array([False, False])
    bad = first_bad(lambda x: np.sum(softmax(np.where(mask, x, -INF))), [1.0, 2.0])
    assert str(bad).startswith("The number -inf was given. softmax at test_nonfinite.py:")
    x = Tensor(0.0, requires_grad=True)
    with np.errstate(all="ignore"):
        y = np.log(x)
    for _ in range(3000):  # deeper than Python recurses
        y = y * 1.5
    assert first_bad(y).operation == "log"
