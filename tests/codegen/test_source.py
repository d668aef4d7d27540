"""source: the text is NumPy's, self-contained, reads as by hand, and gives the tape's bits."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from autograd_lite import (
    Tensor,
    grad,
    hessian,
    hvp,
    jacobian,
    source,
    value_and_grad,
)
from autograd_lite import compile as compiled
from autograd_lite.calculus.neural import sigmoid
from autograd_lite.codegen import NotWritable, record
from autograd_lite.codegen.simplify import simplify
from autograd_lite.trees import flatten
from nn import functional as F
from tests.calculus.test_programs import pairs, programs, run
from tests.peers import peer

rng = np.random.default_rng(7)
X = rng.random((21, 2))
Y = np.round(rng.random((21, 1)))
X3 = X[:9].reshape(3, 6)[:, :3].copy()


def lab(W1, W2, W3):
    Z1 = sigmoid(X @ W1)
    Z2 = sigmoid(Z1 @ W2)
    y = sigmoid(Z2 @ W3)
    return np.mean((y - Y) ** 2)


def weights(seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in ((2, 4), (4, 4), (4, 1))]


def assert_same_bits(found, expected):
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_the_labs_backward_pass_reads_as_by_hand():
    text = source(value_and_grad(lab, (0, 1, 2)), *weights(0))
    code = [re.sub(r"(?<=\S) +# .*", "", line).strip() for line in text.splitlines()]
    begin = code.index("def lab(W1, W2, W3):")
    assert code[begin + 1 :] == [
        "# forward",
        "Z1 = 1 / (1 + np.exp(-(X @ W1)))",
        "t1 = Z1 @ W2",
        "Z2 = 1 / (1 + np.exp(-t1))",
        "t2 = Z2 @ W3",
        "y = 1 / (1 + np.exp(-t2))",
        "t3 = y - Y",
        "loss = np.sum(t3**2) / 21",
        "# backward",
        "dt2 = 1 / 21 * (2 * t3) * y * (1 - y)",
        "dZ2 = dt2 @ W3.T",
        "dW3 = Z2.T @ dt2",
        "dt1 = dZ2 * Z2 * (1 - Z2)",
        "dZ1 = dt1 @ W2.T",
        "dW2 = Z1.T @ dt1",
        "dW1 = X.T @ (dZ1 * Z1 * (1 - Z1))",
        "return loss, (dW1, dW2, dW3)",
    ]
    assert "(21, 4)" in text
    assert_same_bits(text.load()(*weights(1)), value_and_grad(lab, (0, 1, 2))(*weights(1)))


@pytest.mark.parametrize("columns", [1, 2])
def test_a_transposed_constant_is_written_as_one(columns):
    """Also that of a single column, whose numbers lie in memory as the column's do."""
    data = np.random.default_rng(2).normal(size=(7, columns))
    text = source(value_and_grad(lambda W: np.sum((data @ W) ** 3)), np.ones((columns, 3)))
    assert "dW = data.T @ " in text
    assert text.count(repr(data[3, 0].item())) == 1


@pytest.mark.parametrize(
    ("f", "forward", "backward"),
    [
        (lambda x: x * x, ["loss = x * x"], ["dx = x + x"]),
        (lambda x: x * x + x, ["loss = x * x + x"], ["dx = 1 + x + x"]),
        (lambda x: np.exp(x), ["result = np.exp(x)"], []),
        (lambda x: 3.0 * x, ["result = 3 * x"], []),
    ],
    ids=["square", "sum", "exp", "linear"],
)
def test_the_simplest_programs_have_forward_and_backward_apart(f, forward, backward):
    """Where a gradient is a value of the forward pass, or a constant, no line is backward."""
    text = source(value_and_grad(f), 2.0)
    lines = [re.sub(r" +# a number", "", line).strip() for line in text.splitlines()]
    body = lines[lines.index("def f(x):") + 1 : -1]
    marked = ["# forward", *forward, "# backward", *backward]
    assert body == (marked if backward else forward)


@pytest.mark.parametrize("wrong", [3.0, None, Tensor(1.0), "f"])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(TypeError, match=r"source takes a function, as in source\(f, x\)"):
        source(wrong, 1.0)


def test_it_needs_numpy_alone():
    text = source(value_and_grad(lab, (0, 1, 2)), *weights(0))
    imported = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(n) for n in imported] == ["import numpy as np"]


@settings(max_examples=25)
@given(programs(), pairs)
def test_random_programs_give_the_tapes_bits_on_other_numbers(steps, inputs):
    f = value_and_grad(lambda x, y: np.sum(run(steps, x, y) ** 2), (0, 1))
    # In C order, as a leaf is on the tape: in what order np.einsum adds depends on the layout.
    x, y = (np.array(a, order="C") for a in (inputs[0], inputs[0] + inputs[1]))
    try:
        made = source(f, np.cos(x), np.sin(y))
    except NotWritable:  # np.std's branch at 0 deviation, on the numbers that it is tried on
        return
    assert_same_bits(made.load()(x, y), f(x, y))


def nested(params, x):
    h = x
    for W in params["W"]:
        h = np.maximum(h @ W + params["b"], 0)
    return np.sum(h[:, 0] * h[[0, 1, 0], 1]) + np.max(np.linalg.svd(h)[1])


def classifier(W, b):
    return F.cross_entropy(F.linear(X, W, b), np.arange(21) % 3)


def attention(q, k):
    return np.sum(F.softmax(q @ k.T / 1.5) @ k)


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (value_and_grad(nested), ({"W": [np.eye(3) + 0.1, np.eye(3)], "b": X[4:7, 0]}, X3)),
        (value_and_grad(classifier), (X[:3], X[3:6, 0])),
        (value_and_grad(attention, (0, 1)), (X[:4], X[4:8])),
        (hvp(lambda x: np.sum(x**3 * x[0])), (X[0], X[1])),
        (hessian(lambda x: x[0] ** 2 * np.sin(x[1])), (X[0],)),
        (jacobian(lambda x: np.tanh(X[:2] @ x) * x), (X[0],)),
        (grad(lambda x: np.einsum("ij,jk->", x, x)), (X[:2],)),
        (grad(grad(grad(np.sin))), (0.3,)),
        (value_and_grad(lambda x: np.sum(np.tanh(x) * 2.5) + np.mean(x)), (X.astype(np.float32),)),
    ],
    ids=[
        "loop",
        "cross_entropy",
        "attention",
        "hvp",
        "hessian",
        "jacobian",
        "einsum",
        "third",
        "float32",
    ],
)
def test_programs_of_many_kinds(f, inputs):
    made = source(f, *inputs)
    leaves, rebuild = flatten(inputs)
    others = rebuild([np.asarray(x * 1.25 - 0.1, np.asarray(x).dtype)[()] for x in leaves])
    assert_same_bits(made.load()(*others), f(*others))


INDICES = {
    "one twice": np.s_[[0, 0, 1]],
    "of two axes": np.s_[[0, 0, 1], [1, 1, 0]],
    "a list of lists": np.s_[[[0, 1], [1, 1]]],
    "beside a slice": np.s_[[1, 1], 1:],
    "after a new axis": np.s_[None, [1, 1, 0]],
    "after an ellipsis": np.s_[..., [0, 0]],
    "a table beside a number": np.s_[np.array([[0], [0]]), 1],
    "a mask": np.arange(6).reshape(2, 3) % 2 == 0,
    "a mask of rows": np.s_[np.array([True, False]), 1:],
    "slices": np.s_[::-1, ..., 1:],
    "nothing": np.s_[[]],
    "nobody": (),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_what_is_picked_by_any_index_is_put_back(index):
    f = value_and_grad(lambda x: np.sum(np.sin(x[index]) * 1.5) + np.sum(x))
    a, b = X[:3].reshape(2, 3), X[3:6].reshape(2, 3)
    assert_same_bits(source(f, a).load()(b), f(b))


def test_what_is_picked_by_computed_indices_is_put_back():
    f = value_and_grad(lambda x: np.sum(np.sin(x[np.argsort(x) // 2]) * np.arange(5.0)))
    assert_same_bits(source(f, X[:5, 0]).load()(X[5:10, 0]), f(X[5:10, 0]))


ODD = {
    "nothing": np.zeros((0, 3)),
    "no integers": np.zeros((2, 0), np.int64),
    "infinite": np.array([np.inf, -np.inf, 0.5]),
    "not a number": np.array([np.nan, 1.0, -0.0]),
    "complex": np.array([complex(np.inf, -1.0), 2j, complex(0.0, np.nan)]),
    "rows": np.full((3, 3), [[np.inf], [0.123456789012345], [-np.inf]]),
    "large": np.float64(1.7976931348623157e308),
    "small": np.float64(5e-324),
    "single": np.array([np.inf, 1.5, -1.0], np.float32),
    "a number": np.float64(-np.inf),
    "of no axis": np.array(0.3),
}


@pytest.mark.parametrize("constant", ODD.values(), ids=ODD)
def test_any_constant_is_written(constant):
    def f(x):
        return np.sum(x), np.where(np.isfinite(constant), x[: np.size(constant)].sum(), constant)

    assert_same_bits(source(f, X[0]).load()(X[1]), f(X[1]))


def test_a_loops_values_are_numbered_and_arguments_unpacked():
    text = source(
        value_and_grad(nested), {"W": [np.eye(3), np.eye(3)], "b": X[4:7, 0]}, X[:3] @ X[:3].T
    )
    assert "W2 = params['W'][1]" in text
    assert "h1 = np.maximum(" in text
    assert "dW1 = " in text


def test_fractions_stay_fractions():
    text = source(grad(lambda x: F.mse_loss(x, Y)), Y * 0.5)
    assert "2 / 21" in text


def test_what_is_long_is_given_as_a_keyword():
    data = np.arange(500.0)
    made = source(grad(lambda w: np.sum(w * data * w)), 2.0)
    assert "*, data" in made
    assert made.load()(2.0) == 4.0 * data.sum()


def branching(x):
    return x * x if x > 0.2 else -x


def test_a_shape_that_depends_on_the_numbers_is_refused():
    with pytest.raises(NotWritable, match=r"test_source\.py, line \d+, .*for these numbers alone"):
        source(grad(lambda x: np.sum(np.resize(x[x > 0.2], 3) ** 2)), np.array([0.5, -1.0]))


def test_a_choice_by_the_numbers_is_refused():
    line = r"'return x \* x if x > 0\.2 else -x' in test_source\.py, line \d+, chooses by a value"
    with pytest.raises(NotWritable, match=rf"{line}.*np\.where"):
        source(branching, 0.5)


def test_constants_keep_their_dtype_beside_numbers_of_less():
    def f(x, t):
        return x * np.float64(1.0) + np.maximum(x, np.float64(0.25)), np.where(t, 1.0, 0.0) ** -1

    text = source(f, np.float32(0.5), np.bool_(True))
    for a, b in zip(
        text.load()(np.float32(0.3), np.bool_(True)), f(np.float32(0.3), True), strict=True
    ):
        assert a.dtype == b.dtype == np.float64
        assert a == b


@pytest.mark.parametrize(
    "name", ["x; import os", "__import__('os')", "lambda", "é", "np", "a-b", "", "ｘ", "ﬁ"]
)
def test_a_name_is_no_way_to_inject_code(name):
    other = unicodedata.normalize("NFKC", name)  # the same to Python
    x, w = Tensor(2.0, name=other), Tensor(3.0, requires_grad=True, name=name)

    def f(x):
        return w * x * w

    f.__name__ = name
    text = source(f, x)
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Call, ast.Import))]
    assert [ast.unparse(n) for n in calls] == ["import numpy as np"]
    assert text.load()(2.0) == 18.0
    for backend in ("numpy", "numba"):
        if backend == "numba":
            peer("numba")
        step = compiled(f, back_end=backend)
        assert step(x) == 18.0
        code = ast.parse(step.source)
        named = {n.id for n in ast.walk(code) if isinstance(n, ast.Name)}
        imported = {a.name for n in ast.walk(code) if isinstance(n, ast.Import) for a in n.names}
        assert not named & {"__import__", "os"}
        assert imported <= {"numpy", "math", "numba"}


def test_evaluate_is_the_program_on_other_numbers():
    program = record(value_and_grad(lab, (0, 1, 2)), weights(0)).program
    for p in (program, simplify(program)):
        found = p.evaluate(weights(3))
        assert_same_bits(found, flatten(value_and_grad(lab, (0, 1, 2))(*weights(3)))[0])
    assert len(simplify(program).steps) < len(program.steps)
    with pytest.raises(TypeError, match="3 inputs, and 1 were"):
        program.evaluate(weights(3)[:1])


def test_recording_leaves_a_debugger_in_place():
    import sys

    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        source(np.sin, 0.5)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_the_docs_show_what_it_says(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "source.md"
    block = "^```python\n(.*?)^```\n\n```text\n(.*?)^```"
    blocks = re.findall(block, page.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    for i, (code, shown) in enumerate(blocks):
        names, file = {}, tmp_path / f"program{i}.py"
        file.write_text(code, encoding="utf-8")  # `against` reads a function's lines
        exec(compile(code, str(file), "exec"), names)
        assert str(names["text"]).strip() == shown.strip()


# -- beside a backward pass that was written by hand -------------------------------------------

BY_HAND = """
import numpy as np
from tests.codegen.test_source import X, Y

def s(z):
    return 1 / (1 + np.exp(-z))

def by_hand(W1, W2, W3):
    A1 = s(X @ W1)
    A2 = s(A1 @ W2)
    out = s(A2 @ W3)
    dout = 2 / len(X) * (out - Y)
    dZ3 = dout * out * (1 - out)
    dW3 = A2.T @ dZ3
    dA2 = dZ3 @ W3.T
    dZ2 = dA2 * A2 * (
        1 - A2
    )
    dW2 = A1.T @ dZ2
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = X.T @ dZ1
    dW1 *= 1.0
    return dW1, dW2, dW3
"""


def rows_beside(code, tmp_path):
    file = tmp_path / f"hand_in_{abs(hash(code))}.py"
    file.write_text(code, encoding="utf-8")
    names = {}
    exec(compile(code, str(file), "exec"), names)
    made = source(value_and_grad(lab, (0, 1, 2)), *weights(0), against=names["by_hand"])
    assert_same_bits(made.load()(*weights(0)), value_and_grad(lab, (0, 1, 2))(*weights(0)))
    return made.rows


def test_each_line_by_hand_stands_beside_the_one_that_makes_the_same(tmp_path):
    rows = rows_beside(BY_HAND, tmp_path)
    theirs = [row.theirs for row in rows if row.theirs]
    statements = ast.parse(BY_HAND).body[-1].body
    assert len(theirs) == len(statements) - 1  # dW1 *= 1.0 changes nothing
    assert all(row.mark in "=·" for row in rows)

    def made(line):
        return line.partition(" = ")[0]

    beside = {made(row.theirs): made(row.ours) for row in rows if row.mark == "="}
    same = {"A1": "Z1", "A2": "Z2", "out": "y", "dA2": "dZ2", "dA1": "dZ1"}
    assert same.items() <= beside.items()


@pytest.mark.parametrize(
    ("right", "wrong", "marks"),
    [
        ("dZ2 = dA2 * A2 * (\n        1 - A2\n    )", "dZ2 = dA2 * A2", "≠"),
        ("dW2 = A1.T @ dZ2", "dW2 = A1.T @ dZ2 * 21", "≠"),
        ("dA1 = dZ2 @ W2.T", "dA1 = dZ2 @ W2", "≠"),
        ("dW1 *= 1.0", "dW1 += 0.1 * W1", "≠"),
        ("dW3 = A2.T @ dZ3", "dW3 = dZ3.T @ A2", "ᵀ"),
    ],
)
def test_the_first_line_with_other_numbers_is_the_mistake(right, wrong, marks, tmp_path):
    assert right in BY_HAND
    rows = rows_beside(BY_HAND.replace(right, wrong), tmp_path)
    assert next(row.theirs for row in rows if row.mark in ("≠", "ᵀ")) == wrong
    assert next(row.mark for row in rows if row.theirs == wrong) == marks
    assert rows[-1].mark == "≠"


def test_a_mistake_under_a_name_of_its_own_stands_above_what_follows_from_it(tmp_path):
    """Nothing tells what it should have been: it is marked as unknown, not passed over."""
    wrong = "delta = dA2 * A2"
    code = BY_HAND.replace("dZ2 = dA2 * A2 * (\n        1 - A2\n    )", wrong)
    rows = rows_beside(code.replace("dZ2", "delta"), tmp_path)
    marked = [(row.mark, row.theirs) for row in rows if row.mark in ("?", "≠")]
    assert marked[0] == ("?", wrong)
    assert {"dW2 = A1.T @ delta", "dA1 = delta @ W2.T", "dW1 = X.T @ dZ1"} <= {
        theirs for mark, theirs in marked[1:] if mark == "≠"
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "against takes a function of the same inputs, and got a number"),
        (lambda W1: W1, "cannot be called on the inputs given (too many positional arguments)"),
    ],
)
def test_what_cannot_stand_beside_is_one_sentence(given, said):
    with pytest.raises(TypeError, match=re.escape(said)):
        source(value_and_grad(lab, (0, 1, 2)), *weights(0), against=given)


def test_a_function_that_keeps_its_gradients_is_not_held_to_what_it_returns():
    def keeps(W1, W2, W3):
        A1 = 1 / (1 + np.exp(-(X @ W1)))
        kept.append(A1)

    kept = []
    rows = source(value_and_grad(lab, (0, 1, 2)), *weights(0), against=keeps).rows
    assert rows[-1].mark == ""
    assert [row.mark for row in rows if row.theirs.startswith("A1")] == ["="]


def test_a_function_without_its_inputs_is_told_how_to_write_it():
    with pytest.raises(TypeError, match=r"cannot be called .*'x'.*write source\(function, input"):
        source(lambda x: x * x)
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        source(lambda x: x * x, 2.0, y=3.0)
    assert source(lambda x, inputs: x * inputs, 2.0, inputs=3.0).load()(2.0, inputs=3.0) == 6.0
