"""What a derivation says is what `backward()` does, and its formulas are the rules'."""

import re
import shutil
import subprocess
import weakref
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, derivative, explain, grad, no_grad, trace
from autograd_lite.calculus.neural import log_softmax, logsumexp, relu, softmax
from autograd_lite.errors import NoGradientError, NonScalarBackwardError
from autograd_lite.lesson.derivation import derive, paths, read
from autograd_lite.lesson.formula import apply, record, replace, symbol
from autograd_lite.lesson.notation import LATEX, MATHML, TEXT
from autograd_lite.lesson.rewriting import together
from autograd_lite.lesson.simplifying import simplify
from autograd_lite.lesson.writing import exact, write


def inputs(**values):
    return [Tensor(v, requires_grad=True, name=name) for name, v in values.items()]


def derived(loss, upstream=None):
    return derive(read(loss), upstream)


def local(loss, which=0):
    """Return the local derivative of one edge, as text."""
    formula = derived(loss).edges[which].local
    return write(formula, TEXT)


RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 2))
B = RNG.normal(size=(2, 4))
V = RNG.normal(size=2)

PROGRAMS = {
    "twice": lambda a, b, v: np.sum(a * a) + np.sum(a),
    "matmul": lambda a, b, v: np.sum((a @ b) ** 2),
    "vector": lambda a, b, v: np.sum(np.tanh(a @ v)) + np.sum(v @ b),
    "broadcast": lambda a, b, v: np.mean(np.exp(a + v) / (1.0 + v * v)),
    "softmax": lambda a, b, v: np.sum(softmax(a @ b) * (a @ b)),
    "log_softmax": lambda a, b, v: -np.mean(log_softmax(a)[np.arange(3), [0, 1, 0]]),
    "logsumexp": lambda a, b, v: np.sum(logsumexp(a @ b)),
    "pieces": lambda a, b, v: np.sum(np.concatenate([*np.split(a @ b, 2, axis=1)], axis=0) ** 3),
    "shapes": lambda a, b, v: np.sum(a.T.reshape(-1)[1:] * np.arange(5.0)),
    "extremes": lambda a, b, v: np.max(a) + np.min(b, axis=0).sum() + np.prod(v),
    "where": lambda a, b, v: np.sum(np.where(a > 0, a, 0.1 * a)) + np.sum(np.abs(v)),
    "einsum-like": lambda a, b, v: np.sum(np.tensordot(a, b, 1) * 2.0),
    "std": lambda a, b, v: np.std(a) + np.sum(np.cumsum(v)) + np.sum(b[[0, 0, 1]]),
    "network": lambda a, b, v: nn.MSELoss()(nn.MLP([2, 4, 1], "tanh", rng=0)(a), np.ones((3, 1))),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_gradients_are_those_of_backward(program):
    given = inputs(a=A, b=B, v=V)
    loss = program(*given)
    derivation = derived(loss)
    loss.backward()
    for value in derivation.inputs:
        np.testing.assert_allclose(derivation.gradients[value], value.tensor.grad, rtol=1e-12)
    for edge in derivation.edges:
        assert np.shape(edge.contribution) == np.shape(edge.operand.data)
        assert edge.product.head != "rule", f"{edge.operation.name} is not read"
        for notation in (TEXT, LATEX, MATHML):
            assert write(edge.product, notation)


MORE = {
    "einsum": lambda a, b, v: np.sum(np.einsum("ij,jk->ik", a, b)),
    "slogdet": lambda a, b, v: np.linalg.slogdet(a.T @ a)[1],
    "inverse": lambda a, b, v: np.sum(np.linalg.inv(a.T @ a)),
    "solve": lambda a, b, v: np.sum(np.linalg.solve(a.T @ a, v)),
    "svd": lambda a, b, v: np.sum(np.linalg.svd(a, full_matrices=False)[1]),
    "fft": lambda a, b, v: np.sum(np.abs(np.fft.fft(v)) ** 2),
    "convolution": lambda a, b, v: np.sum(nn.Conv2d(1, 2, 2, rng=0)(np.reshape(a, (1, 1, 3, 2)))),
    "cross-entropy": lambda a, b, v: nn.CrossEntropyLoss()(a, np.array([0, 1, 1])),
    "sort": lambda a, b, v: np.sum(np.sort(a, axis=0) * np.arange(2.0)),
    "norm": lambda a, b, v: np.linalg.norm(v),
    "batch": lambda a, b, v: np.sum(np.stack([a, a]) @ b),
    "empty": lambda a, b, v: np.sum(v[:0] * 2.0),
    "large": lambda a, b, v: np.sum(np.tile(v, 3000) ** 2),
}


@pytest.mark.parametrize("program", (PROGRAMS | MORE).values(), ids=PROGRAMS | MORE)
def test_every_form_can_be_written(program):
    loss = program(*inputs(a=A, b=B, v=V))
    explanation = explain(loss)
    d = explanation.derivation
    loss.backward()
    for value in d.inputs:
        np.testing.assert_allclose(d.gradients[value], value.tensor.grad, rtol=1e-9, atol=1e-12)
    said, _, footnote = str(explanation).partition("⊙ multiplies")
    assert said.startswith("Forward")
    assert ("⊙" in said) == bool(footnote)  # a sign is explained where it stands
    html = explanation.to_html()
    assert len(html) < 1_000_000
    assert "✗ differs from finite differences" not in html
    latex = explanation.to_latex()
    assert latex.count(r"\begin") == latex.count(r"\end")
    assert latex.count("{") == latex.count("}")
    assert latex.isascii()
    assert latex.count(r"\odot") != 1  # in formulas, and where it is explained
    fragment = ElementTree.fromstring(explanation.to_mathml())  # it is well-formed
    assert len(fragment.findall("h3")) == 3
    assert len(fragment.findall("p/math[mo]")) > len(d.steps) + len(d.edges)
    assert all(math.get("display") == "block" for math in fragment.findall("p/math[mo]"))


def test_a_local_derivative_times_the_upstream_gradient_is_the_contribution():
    x, y = inputs(x=2.0, y=3.0)
    for edge in derived(np.log(1.0 + np.exp(x * y)) / x**2 - np.sqrt(y)).edges:
        assert edge.upstream * edge.local.value == pytest.approx(edge.contribution)


# -- formulas come from the rules --------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "formula"),
    [
        (lambda x: x.sigmoid(), "y · (1 - y)"),
        (lambda x: np.tanh(x), "1 - y · y"),
        (lambda x: np.sin(x), "cos(x)"),
        (lambda x: np.cos(x), "-sin(x)"),
        (lambda x: np.exp(x), "y"),
        (lambda x: np.log(x), "1 / x"),
        (lambda x: x**2, "2 · x"),
        (lambda x: x**3, "3 · x^2"),
        (lambda x: 1.0 / x, "-y / x"),
        (lambda x: -x, "-1"),
        (lambda x: relu(x), "1"),
        (lambda x: np.sqrt(x), "0.5 / y"),
        (lambda x: 3.0 * x, "3"),
        (lambda x: x - 1.0, "1"),
        (lambda x: np.arctan(x), "1 / (1 + x · x)"),
    ],
)
def test_a_local_derivative_reads_as_in_a_book(program, formula):
    (x,) = inputs(x=2.0)
    y = program(x)
    y.name = "y"
    assert local(y) == formula


def test_a_primitive_registered_a_minute_ago_is_explained():
    swish = derivative(
        lambda x, beta: x / (1.0 + np.exp(-beta * x)),
        name="swish",
        elementwise=True,
        x=lambda g, x, beta, out: g * (beta * out + (1.0 - beta * out) / (1.0 + np.exp(-beta * x))),
        beta=lambda g, x, out: g * out * (x - out),
    )
    x, beta = inputs(x=1.5, beta=0.7)
    y = swish(x, beta)
    y.name = "y"
    text = str(explain(y))
    assert "y = swish(x, beta) = swish(1.5, 0.7)" in text
    assert "∂y/∂x = beta · y + (1 - beta · y) / (1 + exp(-beta · x))" in text
    assert "∂y/∂beta = y · (x - y)" in text


def test_a_name_that_is_taken_is_not_mistaken():
    other = derivative(lambda x: 5.0 * x, name="transpose", x=lambda g: 5.0 * g)
    twice = derivative(lambda x: x, name="add", x=lambda g, x: other(g) * 0.2)
    (x,) = inputs(x=2.0)
    assert "transpose_2(1)" in local(twice(x))


@pytest.mark.parametrize(
    "name", ["add", "where", "n", "numbers", "write", "greater", "terms", "rule"]
)
def test_any_name_of_a_primitive_can_be_written(name):
    odd = derivative(lambda x: 3.0 * x, name=name, x=lambda g: 3.0 * g)
    (x,) = inputs(x=2.0)
    explanation = explain(odd(x))
    assert f"{name}" in str(explanation)
    assert "= 6" in str(explanation)
    assert name in explanation.to_latex()
    assert name in explanation.to_mathml()


def _opaque(g, x):
    """Scale by the largest element of a copy."""
    return g * float(np.max(np.asarray(x).copy()))


def test_a_rule_that_cannot_be_read_is_called_by_its_name():
    scaled = derivative(lambda x: x * x.max(), name="scaled", x=lambda g, x: _opaque(g, x))
    (x,) = inputs(x=[1.0, 3.0])
    (edge,) = derived(scaled(x), np.ones(2)).edges
    assert edge.product.head == "rule"
    assert edge.contribution.tolist() == [3.0, 3.0]
    assert edge.remarks == ["Scale by the largest element of a copy."]


def test_matrix_forms():
    x, w = inputs(X=A, W=B)
    loss = np.sum(x @ w)
    loss.name = "L"
    for_x, for_w = derived(loss).edges[1:]
    assert write(for_x.product, TEXT) == "∂L/∂t1 · Wᵀ"
    assert write(for_w.product, TEXT) == "Xᵀ · ∂L/∂t1"
    assert r"{X}^{\top} \, \frac{\partial L}{\partial t_{1}}" in explain(loss).to_latex()


def test_binary_cross_entropy_is_the_handouts():
    (y,) = inputs(y=[0.2, 0.7])
    truth = np.array([0.0, 1.0])
    derivation = derived(nn.BCELoss(reduction="sum")(y, truth))
    edge = derivation.edges[-1]
    assert write(edge.local, TEXT) == "(y - c1) / (y ⊙ (1 - y))"
    np.testing.assert_allclose(edge.local.value, -truth / y.data + (1 - truth) / (1 - y.data))


def test_a_bias_is_summed_over_the_batch():
    w, b = inputs(W=B, b=np.zeros(4))
    text = str(explain(np.sum(A @ w + b)))
    assert "summed over axis 0, because the forward pass broadcast b" in text.replace("\n", " ")


def test_why_a_branch_was_taken():
    (x,) = inputs(x=-2.0)
    assert "= 0, since x ≤ 0" in str(explain(relu(x)))
    assert "(1 where x > 0, else 0)" in str(
        explain(np.sum(relu(Tensor([1.0, -1.0], True, name="x"))))
    )


# -- fan-out and order ------------------------------------------------------------------


def test_a_second_contribution_is_added_to_the_first():
    (a,) = inputs(a=-4.0)
    b = a + a
    c = b + b
    text = str(explain(c))
    assert "2 + 2 = 4   (old + new; 2 of 2 contributions: complete)" in text
    derivation = derived(c)
    assert [(e.arrived, e.expected, e.ready) for e in derivation.edges] == [
        (1, 2, False),
        (2, 2, True),
    ] * 2
    complete = set()
    for edge in derivation.edges:  # nothing is passed on before all of it has arrived
        assert edge.result is derivation.root or edge.result in complete
        if edge.ready:
            complete.add(edge.operand)


def test_the_product_of_local_derivatives_along_each_way():
    x, y = inputs(x=2.0, y=3.0)
    f = x * y + np.sin(x)
    f.name = "f"
    text = str(explain(f))
    assert "∂f/∂x = f′(t2) · t2′(x) + f′(t1) · t1′(x)" in text
    assert "∂f/∂x = cos(x) + y" in text
    many = x
    for _ in range(5):
        many = many + many
    derivation = derived(many)
    assert paths(derivation, derivation.inputs[0]) is None  # 32 ways


def test_an_input_is_its_own_result():
    (x,) = inputs(x=2.0)
    text = str(explain(x))
    assert "∂x/∂x = 1, to begin with" in text
    assert text.count("∂x/∂x = 1") == 2
    assert explain(x).to_html()


def test_a_long_program():
    (x,) = inputs(x=1.0)
    y = x
    for _ in range(3000):
        y = y * 1.001
    assert str(explain(y)).count(" → ") == 3000


# -- nothing is changed, nothing is pretended ----------------------------------------------


def test_explaining_changes_no_gradient():
    x, y = inputs(x=2.0, y=3.0)
    f = x * y
    assert "has not run" in str(explain(f))
    assert x.grad is None
    assert f.tape.upstream is None
    f.backward()
    assert "backward() has run" in str(explain(f))
    assert x.grad == 3.0


def test_values_are_those_that_were_recorded():
    (x,) = inputs(x=2.0)
    f = x * x
    x.data = 10.0
    assert float(derived(f).edges[-1].after) == 4.0


def test_an_upstream_gradient():
    (x,) = inputs(x=[1.0, 2.0])
    y = x * 3.0
    with pytest.raises(NonScalarBackwardError):
        explain(y)
    assert derived(y, [1.0, 10.0]).edges[0].contribution.tolist() == [3.0, 30.0]
    y.backward([1.0, 5.0])
    assert derived(y).edges[0].contribution.tolist() == [3.0, 15.0]


def test_what_has_no_gradient_is_refused():
    with pytest.raises(NoGradientError):
        explain(Tensor(1.0))
    with pytest.raises(TypeError, match="begins at a Tensor"):
        explain(3.0)
    with pytest.raises(TypeError, match="begins at a Tensor"):
        explain(lambda: 3.0)
    with pytest.raises(TypeError, match="One result is explained at a time"):
        explain([Tensor(1.0, requires_grad=True) * 2.0])
    with pytest.raises(TypeError, match="given to a function"):
        explain(Tensor(1.0, requires_grad=True) * 2.0, 3.0)


def test_inside_no_grad():
    (x,) = inputs(x=2.0)
    y = x * x
    with no_grad():
        assert "2 · 2" in str(explain(y)) or "x · x" in str(explain(y))


def test_float32_stays_float32():
    (x,) = inputs(x=np.float32([1.0, 2.0]))
    for edge in derived(np.mean(x * 2.0)).edges:
        assert edge.contribution.dtype == np.float32


# -- names and lines ------------------------------------------------------------------------


def test_names_are_those_of_the_variables():
    learning = Tensor(2.0, requires_grad=True)
    hidden = learning * 3.0
    loss = hidden * hidden
    text = str(explain(loss))
    assert "loss = hidden · hidden = 6 · 6 = 36" in text
    assert "hidden′(learning) = 3" in text


def test_a_given_name_wins_and_is_not_given_twice():
    x = Tensor(2.0, requires_grad=True, name="y")
    y = Tensor(3.0, requires_grad=True)
    names = {v.name for v in explain(x * y).derivation.graph.values}
    assert names == {"y", "x1", "t1"}


def test_a_function_is_run_with_its_lines():
    def f(w, b):
        return np.sum(w * 2.0 + b)

    explanation = explain(f, [1.0, 2.0], 0.5)
    assert [v.name for v in explanation.derivation.inputs] == ["w", "b"]
    assert "[test_derivation.py:" in str(explanation)


def test_a_traced_line_is_named():
    (x,) = inputs(x=2.0)
    with trace():
        y = x * x
    assert "[test_derivation.py:" in str(explain(y))


# -- determinism and files -----------------------------------------------------------------


def network_loss():
    model = nn.MLP([2, 4, 4, 1], "sigmoid", output_activation="sigmoid", bias=False, rng=0)
    return nn.MSELoss()(model(A), np.ones((3, 1)))


def test_two_runs_give_the_same_bytes():
    first, second = explain(network_loss()), explain(network_loss())
    assert str(first) == str(second)
    assert first.to_latex() == second.to_latex()


def test_save(tmp_path):
    (x,) = inputs(x=2.0)
    explanation = explain(x * x)
    for name in ("a.txt", "a.tex"):
        assert explanation.save(tmp_path / name).read_text().endswith("\n")
    with pytest.raises(ValueError, match=r"\.txt, \.tex, \.html, \.gif or \.tikz"):
        explanation.save(tmp_path / "a.docx")
    with pytest.raises(FileNotFoundError):
        explanation.save(tmp_path / "nowhere" / "a.tex")


def test_a_fragment_says_what_the_text_says():
    """Each number of the chain rule stands in it, and what is hostile is quoted."""
    x, y = inputs(x=2.0, **{"<b>&": -3.0})
    fragment = explain(x * y + np.sin(x) * y).to_mathml()
    words = "".join(ElementTree.fromstring(fragment).itertext())
    assert "<b>" not in fragment
    for number in ("0.9093", "−3", "0.4161", "(2 of 2 contributions)"):
        assert number in words


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
@pytest.mark.parametrize("name", ["softmax", "network", "where", "convolution", "pieces"])
def test_latex_compiles(name, tmp_path):
    explain((PROGRAMS | MORE)[name](*inputs(a=A, b=B, v=V))).save(tmp_path / "d.tex")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_name_cannot_break_the_latex():
    odd = "a_{b}$%&#~^\\ü"
    latex = explain(Tensor(2.0, True, name=odd) * 3.0).to_latex()
    assert latex.isascii()
    assert r"a\_\{b\}\$\%\&\#\~{}\^{}\textbackslash{}" in latex


# -- formulas by themselves --------------------------------------------------------------


def test_numbers_come_to_the_front():
    x = symbol("x", np.float64(3.0))
    formula = simplify(record(lambda x: (2.0 * x) * ((x * 0.5) * (3.0 * x)), {"x": x}))
    assert write(formula, TEXT) == "3 · x · x · x"
    assert formula.value == 81.0


@pytest.mark.parametrize("notation", [TEXT, LATEX, MATHML])
def test_what_begins_with_a_minus_stands_in_parentheses_after_a_sign(notation):
    x, y = symbol("x", np.float64(-3.0)), symbol("y", np.float64(-2.0))
    formula = record(lambda x, y: x * y + x * y, {"x": x, "y": y})
    text = write(formula, notation, numbers=True)
    assert text.count(notation.parentheses(notation.number("-2"))) == 2
    assert TEXT is not notation or text == "-3 · (-2) + (-3 · (-2))"
    negative = write(record(lambda x: -x, {"x": x}), notation, numbers=True)
    assert negative == notation.negative(notation.parentheses(notation.number("-3")))


def test_replacing_computes_anew():
    x = symbol("x", np.float64(3.0))
    formula = record(lambda x: x * x + 1.0, {"x": x})
    assert replace(formula, x, symbol("z", np.float64(2.0))).value == 5.0


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1 / 3, "1/3"),
        (np.float32(0.1), "0.1"),
        (np.inf, "inf"),
        (np.pi, "π"),
        (1 / 7e5, "1.4285714285714286e-06"),
        (1e-12, "1e-12"),
    ],
)
def test_exact_numbers(x, text):
    assert exact(x) == text


@pytest.mark.parametrize("inputs", [(), (1.0, 2.0)])
def test_a_function_that_does_not_take_the_inputs(inputs):
    with pytest.raises(
        TypeError, match=r"<lambda> cannot be called .* write explain\(function, inp"
    ):
        explain(lambda x: x * x, *inputs)


def test_layers_of_a_list_are_called_what_they_are():
    def losses():
        net = nn.Sequential(
            nn.Conv2d(1, 2, 2, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(2, 3, rng=0), nn.Linear(3, 2, rng=0),
        )  # fmt: skip
        return nn.CrossEntropyLoss()(net(np.ones((10, 1, 3, 3))), np.arange(10) % 2)

    plain = explain(losses())
    with trace():
        traced = explain(losses())
    expected = [f"{layer}.{what}" for layer in ("conv1", "linear1", "linear2")
                for what in ("weight", "bias")]  # fmt: skip
    for explanation in (plain, traced):
        assert [v.name for v in explanation.derivation.inputs] == expected
        assert "[rows, labels]" in str(explanation)
        assert "(as its operand" not in str(explanation)


@pytest.mark.parametrize(
    ("function", "at", "reason"),
    [
        (lambda x: np.maximum(x, 0.0), 2.0, "x > 0"),
        (lambda x: np.maximum(x, 0.0), 0.0, "x = 0"),
        (lambda x: np.maximum(x, 0.0), -1.0, "x < 0"),
        (lambda x: np.minimum(x, 3.0), 2.0, "x < 3"),
        (lambda x: np.minimum(x, 3.0), 3.0, "x = 3"),
        (lambda x: nn.functional.elu(x), 0.0, "x = 0"),
        (lambda x: nn.functional.leaky_relu(x), -1.0, "x ≤ 0"),
        (lambda x: np.clip(x, -1.0, 3.0), 3.0, "x ≥ -1 and x ≤ 3"),
    ],
)
def test_a_reason_gives_the_same_derivative_wherever_it_holds(function, at, reason):
    x = Tensor(at, requires_grad=True, name="x")
    assert re.findall(r"local .* since (.+)", str(explain(function(x)))) == [reason]
    condition = reason.replace("≥", ">=").replace("≤", "<=").replace(" = ", " == ")
    for other in (-2.0, -1.0, 0.0, 1.0, 3.0, 4.0):
        if eval(condition, {"x": other}):
            assert grad(function)(other) == grad(function)(at)


CONDITIONS = {
    "a value": lambda x, v: np.where(x > 1.0, x, x * 2.0),
    "a function of it": lambda x, v: np.where(np.abs(x) < 0.1, x, x * 2.0),
    "a composition": lambda x, v: np.where(np.exp(x * x) - x > 9.0, x, x * 2.0),
    "a number of an array": lambda x, v: np.where(np.sum(v * v) > 3.0, x, x * 2.0),
    "two at once": lambda x, v: np.where((np.abs(x) > 1.0) | ~(x * 2.0 > 0.0), x, x * 2.0),
    "each element": lambda x, v: np.sum(np.where(np.tanh(v) > 0.5, v * x, v)),
    "NumPy's own": lambda x, v: np.sinc(x),
}


@pytest.mark.parametrize("program", CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_says_what_it_asks_with_or_without_a_trace(program):
    """What was computed for the question alone is gone, and told again."""
    given = inputs(x=0.5, v=np.array([0.25, -2.0]))
    with trace():
        traced = str(explain(program(*given)))
    plain = str(explain(program(*given)))
    assert plain == re.sub(r"   \[.*?:\d+\]", "", traced).replace("loss", "t")
    assert "(constant)" not in plain


def test_a_condition_that_asks_nothing_is_said_to_be_true_or_not():
    x = Tensor(2.0, requires_grad=True, name="x")
    text = str(explain(np.where(Tensor(False, name="training"), x, x * 3.0)))
    assert text.count(", since training = False") == 2


def test_what_a_question_was_asked_of_is_not_kept():
    x = Tensor(np.ones(1000), requires_grad=True)
    asked = np.exp(x)
    gone = weakref.ref(asked)
    mask = asked > 2.0
    del asked
    assert gone() is None
    primitive, (of, _) = mask.tape.asks
    assert (primitive.name, of[0].name, of[1][0] is x) == ("greater", "exp", True)


def test_two_ways_round_of_a_comparison_are_one_reason():
    x, y = symbol("x", 2.0), symbol("y", 1.0)
    at_least = apply("greater_equal", x, y, value=True)
    unlike = apply("not_equal", y, x, value=True)
    at_most = apply("less_equal", y, x, value=True)
    assert [write(n, TEXT) for n in together([at_least, unlike, at_most])] == ["x > y"]
    assert together([unlike]) == []
