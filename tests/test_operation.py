"""A user's own operation: by call, decorated, or a class with a state. All are as good as ours."""

from __future__ import annotations

import ast
import copy
import gc
import inspect
import operator
import pickle
import weakref

import numpy as np
import pytest

from autograd_lite import (
    Operation,
    Tensor,
    checkpoint,
    derivative,
    elementwise_grad,
    explain,
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from autograd_lite.declaration import RENAMED, WOVEN
from autograd_lite.errors import DetachError, NoDerivativeError, RuleError
from autograd_lite.primitive import Primitive
from autograd_lite.protocol import TABLE
from autograd_lite.testing import check_gradients
from autograd_lite.weave import VJPS

# exp(−a x) sin x, in the three forms.


def damped_sine(x, a):
    return np.exp(-a * x) * np.sin(x)


def by_x(g, x, a, out):
    return g * (np.exp(-a * x) * np.cos(x) - a * out)


def by_a(g, x, out):
    return -g * x * out


called = derivative(damped_sine, name="damped", elementwise=True, x=by_x, a=by_a)


@derivative(elementwise=True, a=by_a, x=by_x)  # the order is the function's, not the rules'
def decorated(x, a):
    """Swing and fade."""
    return damped_sine(x, a)


@derivative(elementwise=True, joint=lambda g, x, a, out: (by_x(g, x, a, out), by_a(g, x, out)))
def with_joint_rule(x, a):
    return damped_sine(x, a)


class Damped(Operation, elementwise=True):
    def __init__(self, frequency):
        self.frequency = frequency

    def forward(self, x, a):
        return np.exp(-a * x) * np.sin(self.frequency * x)

    def grad_x(self, g, x, a, out):
        w = self.frequency
        return g * (w * np.exp(-a * x) * np.cos(w * x) - a * out)

    def grad_a(self, g, x, out):
        return -g * x * out


class Product(Operation, elementwise=True, name="times"):
    def forward(self, x, y):
        return x * y

    def backward(self, g, x, y):
        return g * y, g * x


FORMS = {
    "called": called,
    "decorated": decorated,
    "with_joint_rule": with_joint_rule,
    "Damped": Damped(1.0),
}
forms = pytest.mark.parametrize("name", FORMS)


def nth(n, x, a):
    """The n-th derivative: of e^(−ax) sin x = Im e^((i − a)x)."""
    return ((1j - a) ** n * np.exp((1j - a) * x)).imag


def pushed(f):
    return lambda t: jvp(f, (t,), (1.0,))[1]


@forms
@pytest.mark.parametrize("n", [1, 2, 3])
def test_orders_in_both_modes(name, n):
    x, a = 0.7, 0.3
    f = lambda t: FORMS[name](t, a)  # noqa: E731
    reverse, forward = f, f
    for _ in range(n):
        reverse = grad(reverse)
        forward = pushed(forward)
    assert reverse(x) == pytest.approx(nth(n, x, a), rel=1e-12)
    assert forward(x) == pytest.approx(nth(n, x, a), rel=1e-12)


@forms
def test_inside_nested_transforms(name):
    op, x, a = FORMS[name], np.array([0.3, -1.2]), 0.4
    f = lambda x: np.sum(op(x, a) ** 2)  # noqa: E731
    same = lambda x: np.sum((np.exp(-a * x) * np.sin(x)) ** 2)  # noqa: E731
    for transform in (
        hessian,
        lambda f: grad(checkpoint(f)),
        lambda f: jacobian(lambda x: jvp(grad(f), (x,), (x,))[1]),
        lambda f: lambda x: vjp(grad(f), x)[1](x)[0],
        lambda f: lambda x: grad(lambda y: y @ value_and_grad(f)(y)[1])(x),
        lambda f: elementwise_grad(grad(f)),
    ):
        np.testing.assert_allclose(transform(f)(x), transform(same)(x), rtol=1e-10)


@forms
def test_checked(name):
    op = FORMS[name]
    check_gradients(op, np.array([[0.3], [-0.5]]), np.array([0.2, 1.0, 2.0]), order=3)
    check_gradients(lambda x: op(x, 0.5), np.array([0.3, 1.5], dtype=np.float32))


def test_a_wrong_rule_is_found():
    wrong = derivative(lambda x: x * x, name="wrong", x=lambda g, x: g * x)
    with pytest.raises(AssertionError, match="wrong"):
        check_gradients(wrong, 3.0)


@pytest.mark.parametrize(("op", "word"), [(decorated, "decorated"), (FORMS["Damped"], "Damped")])
def test_drawn_and_explained_by_name(op, word):
    x = Tensor(0.5, requires_grad=True, name="x")
    y = op(x, 0.25)
    y.name = "y"
    text = str(explain(y))
    assert f"y = {word}(x, 0.25)" in text
    assert "cos(" in text  # the local derivative, read from the rule
    visualize = pytest.importorskip("autograd_lite.visualize")
    pytest.importorskip("graphviz")
    assert word in visualize.draw(y).source


def test_it_is_a_function_still():
    assert decorated.__doc__ == "Swing and fade."
    assert decorated.__name__ == "decorated"
    assert list(inspect.signature(decorated).parameters) == ["x", "a"]
    assert decorated(0.5, a=0.25) == decorated(a=0.25, x=0.5) == damped_sine(0.5, 0.25)
    x, a = Tensor(0.5, requires_grad=True), Tensor(0.25)
    decorated(a=a, x=x).backward()
    assert x.grad == by_x(1.0, 0.5, 0.25, damped_sine(0.5, 0.25))


# -- arguments with and without a rule -------------------------------------------------------------


@derivative(x=lambda g, x, n: g * n * x ** (n - 1))
def power(x, n=2):
    return x**n


@derivative(x=lambda g, x, scale: g * scale)
def scaled_by_first(scale, x, kind="plain"):
    assert isinstance(kind, str)
    return scale * x


def test_parameters_by_place_by_name_and_by_default():
    assert grad(power)(3.0) == 6.0
    assert grad(power)(3.0, 3) == 27.0
    assert grad(lambda x: power(x, n=3))(3.0) == 27.0
    assert grad(grad(power))(3.0, 3) == 18.0
    assert grad(scaled_by_first, 1)(5.0, 2.0) == 5.0
    assert grad(lambda x: scaled_by_first(5.0, x, kind="other"))(2.0) == 5.0


@derivative(x=lambda g, scale: g * scale, scale=lambda g, x: g * x)
def both_have_rules(x, scale=2.0):
    return x * scale


def test_an_operand_with_a_default():
    assert grad(both_have_rules)(3.0) == 2.0
    assert grad(both_have_rules, (0, 1))(3.0, 5.0) == (5.0, 3.0)


class ByFirst(Operation):
    def forward(self, x, w):
        return x * w

    def grad_x(self, g, w):
        return g * w


@derivative(joint=lambda g, x, w: (g * w, None))
def joint_without(x, w):
    return x * w


@pytest.mark.parametrize("op", [power, ByFirst(), joint_without])
def test_a_rule_that_is_left_out_is_missed_only_when_asked_for(op):
    x, w = Tensor(3.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    op(x, w.detach()).backward()  # a Tensor of which nothing is asked
    expected = x.grad
    assert grad(op)(3.0, 2.0) == expected
    assert jvp(lambda x: op(x, 2.0), (3.0,), (1.0,))[1] == expected
    result = op(x, w)
    with pytest.raises(NoDerivativeError, match=r"no rule for its operand '[nw]'"):
        result.backward()
    assert x.grad == expected
    assert w.grad is None
    for ask in (
        lambda: grad(op, 1)(3.0, 2.0),
        lambda: jvp(op, (3.0, 2.0), (0.0, 1.0)),
        lambda: vjp(op, 3.0, 2.0)[1](1.0),
        lambda: hessian(lambda w: op(3.0, w))(2.0),
    ):
        with pytest.raises(NoDerivativeError, match=r"no rule for its operand '[nw]'"):
            ask()


class WithoutRules(Operation, operands="x"):
    def forward(self, x):
        return 2.0 * x


WITHOUT_A_RULE = {
    "called": derivative(lambda z: 2.0 * z, name="foo", operands="z"),
    "decorated": derivative(operands="z", elementwise=True)(lambda z: 2.0 * z),
    "a ufunc": Primitive(np.frompyfunc(abs, 1, 1), {}, operands="z", scalar=lambda z: 2.0 * z),
    "a class": WithoutRules(),
    "a sequence": derivative(lambda *zs: sum(zs), name="total", operands="*zs"),
    "two results": derivative(lambda z: (z, z), operands="z", outputs=True),
    "its rule gives None": derivative(lambda z: 2.0 * z, elementwise=True, z=lambda g: None),
    "its joint rule gives None": derivative(lambda z: 2.0 * z, joint=lambda g, z: (None,)),
    "one of a sequence is None": derivative(
        lambda *zs: sum(zs), operands="*zs", joint=lambda g, zs: [None for _ in zs]
    ),
}


@pytest.mark.parametrize("value", [3.0, np.array([1.0, 2.0])], ids=["scalar", "array"])
@pytest.mark.parametrize("form", WITHOUT_A_RULE)
def test_without_any_rule_no_gradient_is_made_up(form, value):
    op = WITHOUT_A_RULE[form]

    def f(z):
        result = op(z)
        return np.sum(result[0] if isinstance(result, tuple) else result)

    np.testing.assert_array_equal(f(value), f(Tensor(value)).data)
    x = Tensor(value, requires_grad=True)
    loss = f(x) + np.sum(x)
    for ask in (
        loss.backward,
        lambda: grad(f)(value),
        lambda: vjp(f, value)[1](1.0),
        lambda: jvp(f, (value,), (value,)),
        lambda: grad(lambda z: np.sum(grad(f)(z)))(value),
    ):
        with pytest.raises(NoDerivativeError, match=r"has no rule for its operand '(z|zs|x)'"):
            ask()
    assert x.grad is None


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_option_is_known_by_its_older_name(old, new):
    given = {"nondifferentiable": "x", "parameters": "y", "decomposition": np.multiply}[new]

    def declared(**options):
        function = derivative(lambda x, y=2.0: x * y, operands="x", **options)
        members = {"forward": lambda self, x, y=2.0: x * y}
        kind = type("Product", (Operation,), members, operands="x", **options)
        return [getattr(p, new) for p in (function, kind().primitive)]

    assert declared(**{old: given}) == declared(**{new: given}) != declared()


def test_what_is_declared_constant_carries_no_gradient():
    class Sign(Operation, operands="x", nondifferentiable="x"):
        def forward(self, x):
            return np.sign(x)

    x = Tensor([-1.0, 2.0], requires_grad=True)
    by_two_words = derivative(lambda z: 2.0 * z, operands="z", nondifferentiable="z")
    by_one = derivative(lambda z, n=1: n * z, nondifferentiable="z")
    of_many = derivative(lambda *zs: sum(zs), operands="*zs", nondifferentiable="zs")
    for op in (Sign(), by_two_words, by_one, of_many):
        assert not op(x).requires_grad
        (np.sum(op(x)) + np.sum(x)).backward()
        np.testing.assert_array_equal(x.grad, [1.0, 1.0])
        x.zero_grad()
    both = derivative(
        lambda mask, x: mask * x, nondifferentiable="mask", x=lambda g, mask: g * mask
    )
    assert grad(lambda x: both(x > 0, x))(3.0) == 1.0


@pytest.mark.parametrize(
    "returned", [(np.ones(2),), np.ones(2), (np.ones(2),) * 3, np.float64(1.0), None]
)
def test_a_joint_rule_returns_one_for_each(returned):
    x = Tensor(np.ones(2), requires_grad=True)
    joint = lambda g: returned  # noqa: E731
    for op in (
        derivative(lambda x, y: x * y, name="wrong", elementwise=True, operands="x y", joint=joint),
        derivative(lambda *xs: sum(xs), name="wrong", operands="*xs", joint=joint),
    ):
        with pytest.raises(RuleError, match=r"joint rule of 'wrong' returned .* a tuple of 2"):
            np.sum(op(x, x)).backward()
    assert x.grad is None


@pytest.mark.parametrize("returned", [2.0, 2, np.float32(2.0), [2.0], np.array([2.0])])
def test_a_rule_may_return_any_number_and_its_gradient_is_an_array(returned):
    """Of one number, a single number; the gradient of the wrong shape is summed or refused."""
    x = Tensor(3.0, requires_grad=True)
    derivative(lambda x: 2.0 * x, elementwise=True, x=lambda g: returned)(x).backward()
    assert (x.grad, x.grad.shape, x.grad.dtype) == (2.0, (), np.float64)
    if np.ndim(returned):
        with pytest.raises(
            RuleError, match=r"gradient of shape \(1,\) for an operand of shape \(\)"
        ):
            derivative(lambda x: 2.0 * x, x=lambda g: returned)(x).backward()


def test_a_tensor_as_a_parameter_of_numpys():
    """A mask or a start on the tape: no rule of `sum` is for them, and nothing is dropped."""
    x, s = Tensor([1.0, 2.0, 3.0], requires_grad=True), Tensor(5.0, requires_grad=True)
    np.sum(x, where=x > 1.5).backward()
    np.testing.assert_array_equal(x.grad, [0.0, 1.0, 1.0])
    assert np.max(x, where=x < 2.5, initial=0.0).data == 2.0
    with pytest.raises(NoDerivativeError, match="'sum' has no rule for its operand 'initial'"):
        np.sum(x, initial=s).backward()
    assert s.grad is None


# -- what a declaration or a forward pass can do wrong ---------------------------------------------


BAD_NAMES = {
    "no name in Python": ["x-y", "1x", "x.y", "class", "lambda", "None", "x,", "y=2", "*x"],
    "a meaning of its own": [
        *("g", "out", "self", "_t", "_value_x", "__x", "type", "isinstance", "all", "any", "tuple"),
        *("zip", "len", "enumerate", "ValueError"),
    ],
    "Python reads": ["ﬁ", "ｘ", "µ", "𝐱", "xⁿ"],
    "two operands of the name": ["a"],
}


@pytest.mark.parametrize(
    ("words", "name"), [(k, n) for k, names in BAD_NAMES.items() for n in names]
)
def test_names_that_cannot_be_names(words, name):
    """Each is refused where it is declared, as an operand and as a parameter."""
    known = dict(TABLE)
    f = np.frompyfunc(lambda x, y: x * y, 2, 1)  # without a signature: nothing else would notice
    for declare in (
        lambda: derivative(f, operands=f"a {name}", a=lambda g: g),
        lambda: derivative(f, operands=f"a {name}", joint=lambda g: (g, g)),
        lambda: derivative(operands=f"a {name}", a=lambda g: g)(lambda *given: given[0]),
        lambda: type("Op", (Operation,), {"forward": lambda s, *xs: xs[0]}, operands=f"a {name}")()(
            1.0
        ),
        *(
            [lambda: derivative(f, operands="a b", parameters=name)]
            if words.startswith(("no", "Py"))
            else []
        ),
    ):
        with pytest.raises(RuleError, match=words):
            declare()
    assert known == TABLE


@pytest.mark.parametrize(
    "name", ["max", "list", "match", "µ".upper(), "größe", "x1", "float", "data"]
)
def test_other_names_are_free(name):
    rules = {name: lambda g: 2.0 * g}
    op = Primitive(np.frompyfunc(abs, 1, 1), rules, scalar=lambda x: 2.0 * x)
    assert grad(op)(1.0) == 2.0


def test_the_names_that_compiled_functions_use_are_no_operands():
    """What stands in their sources is an operand, begins with an underscore, or is refused."""
    for entry in TABLE.values():
        if isinstance(entry, Primitive):
            for function in ("apply", *VJPS):
                tree = ast.parse(entry.source(function))
                used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id[0] != "_"}
                assert used - {*entry.operands, "x"} <= WOVEN


def test_declarations_that_contradict_the_function():
    known = dict(TABLE)
    with pytest.raises(RuleError, match="'z', which is no argument of it; those are x"):
        derivative(z=lambda g: g)(lambda x: x)
    with pytest.raises(RuleError, match="'y', which is no argument"):
        derivative(x=lambda g, y: g * y)(lambda x: x)
    with pytest.raises(RuleError, match="3 is none"):
        derivative(lambda x: x, x=3)
    with pytest.raises(RuleError, match="takes 2 operands, and the declaration names x"):
        derivative(np.multiply, x=lambda g: g)
    with pytest.raises(RuleError, match="'z', which is no argument"):
        derivative(np.exp, x=lambda g, z: g)
    with pytest.raises(RuleError, match="'scalar' is an argument of '<lambda>' and an option"):
        derivative(lambda x, scalar: x * scalar, x=lambda g: g, scalar=lambda g, x: g * x)
    with pytest.raises(RuleError, match="operands= takes a text such as 'x y'"):
        derivative(lambda x: x, operands=["x"])
    with pytest.raises(RuleError, match="name= takes a text"):
        derivative(lambda x, name: x * name, x=lambda g: g, name=lambda g, x: g * x)
    for joint in (np.negative, operator.neg, lambda *given: given):
        with pytest.raises(RuleError, match="must name each of its arguments"):
            derivative(lambda x: -x, joint=joint)
    with pytest.raises(RuleError, match="are a sequence, \\*xs: it takes a joint rule"):
        derivative(lambda *xs: sum(xs), operands="*xs", xs=lambda g, xs: [g for _ in xs])
    with pytest.raises(RuleError, match="joint rule and others"):
        derivative(lambda x: x, x=lambda g: g, joint=lambda g: (g,))
    with pytest.raises(RuleError, match=r"has no option 'elementwse'; it has .*elementwise"):
        type("Misspelt", (Operation,), {}, elementwse=True)
    assert known == TABLE  # what is refused is not in the table
    with pytest.raises(TypeError, match=r"power.*'x'"):
        power()
    with pytest.raises(TypeError, match="'k'"):
        power(1.0, k=3)


def test_an_operation_without_its_methods():
    class Empty(Operation):
        pass

    with pytest.raises(RuleError, match="'Empty' needs a method forward"):
        Empty()(1.0)

    class Misnamed(Operation):
        def forward(self, x):
            return x

        def grad_y(self, g):
            return g

    with pytest.raises(RuleError, match="'y', which is no argument of it; those are x"):
        Misnamed()(1.0)


def test_a_forward_pass_that_uses_another_tensor():
    w = Tensor(2.0, requires_grad=True)
    x = Tensor(3.0, requires_grad=True)
    leaky = derivative(lambda x: x * w, name="leaky", x=lambda g: g * 2.0)
    with pytest.raises(DetachError, match="'leaky' uses a Tensor that is none of its arguments"):
        leaky(x)


def test_a_forward_pass_that_returns_a_number_of_pythons():
    import math

    op = derivative(lambda x: math.sin(x), name="sine", x=lambda g, x: g * np.cos(x))
    x = Tensor(0.5, requires_grad=True)
    op(x).backward()
    assert x.grad == np.cos(0.5)
    both = derivative(lambda x: (float(x), 2), outputs=True, x=lambda g: g[0])
    first, second = both(x)
    assert (first.shape, second.shape) == ((), ())


def test_a_gufunc_is_not_elementwise_by_itself():
    """Its operands have axes of their own, over which a sum would hide a wrong rule."""
    known = TABLE[np.vecdot]
    try:
        wrong = derivative(np.vecdot, x=lambda g, y: g[..., None] * y, y=lambda g, x: g * 1.0)
        x = Tensor(np.ones((2, 3)), requires_grad=True)
        y = Tensor(np.ones((2, 3)), requires_grad=True)
        assert not wrong.elementwise
        np.vecdot(x, y.detach()).backward(np.ones(2))
        np.testing.assert_array_equal(x.grad, np.ones((2, 3)))
        with pytest.raises(RuleError, match=r"gradient of shape \(2,\)"):
            np.vecdot(x, y).backward(np.ones(2))
    finally:
        TABLE[np.vecdot] = known


# -- state -----------------------------------------------------------------------------------------


def test_each_instance_has_its_own_state():
    slow, fast = Damped(1.0), Damped(3.0)
    assert grad(slow)(0.0, 0.5) == 1.0
    assert grad(fast)(0.0, 0.5) == 3.0
    assert jvp(fast, (0.0, 0.5), (1.0, 0.0))[1] == 3.0


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_has_a_state_of_its_own(duplicate):
    original = Damped(1.0)
    assert grad(original)(0.0, 0.5) == 1.0  # compiled by now
    twin = duplicate(original)
    twin.frequency = 3.0
    assert (grad(original)(0.0, 0.5), grad(twin)(0.0, 0.5)) == (1.0, 3.0)


def test_functions_are_copied_and_pickled_by_name():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.deepcopy({"f": decorated})["f"] is decorated


def test_one_rule_for_all_and_a_name_in_a_class():
    check_gradients(Product(), np.array([0.4, 2.0]), 0.3)
    assert Product()(Tensor(2.0, requires_grad=True), 3.0).tape.primitive.name == "times"


class Counted(Operation):
    """Keeps count, and has a float64 table that float32 operands do not become."""

    def __init__(self):
        self.runs = {"forward": 0, "rule": 0}

    def forward(self, x):
        self.runs["forward"] += 1
        return np.square(x)

    def grad_x(self, g, x):
        self.runs["rule"] += 1
        return g * 2.0 * x


def test_a_state_that_is_written():
    op = Counted()
    x = Tensor(np.array([1.0, 2.0], dtype=np.float32), requires_grad=True)
    np.sum(op(x) + op(x)).backward()
    assert op.runs == {"forward": 2, "rule": 2}
    assert x.grad.dtype == np.float32


def test_what_belongs_to_one_call_is_an_argument():
    class Dropout(Operation, elementwise=True):
        def __init__(self, p, rng):
            self.p, self.rng = p, rng

        def __call__(self, x):
            return super().__call__(x, self.rng.random(np.shape(x)) >= self.p)

        def forward(self, x, kept):
            return np.where(kept, x / (1.0 - self.p), 0.0)

        def grad_x(self, g, kept):
            return np.where(kept, g / (1.0 - self.p), 0.0)

    drop = Dropout(0.5, np.random.default_rng(0))
    x, y = (Tensor(np.ones(100), requires_grad=True) for _ in range(2))
    dropped, other = drop(x), drop(y)
    dropped.backward(np.ones(100))
    other.backward(np.ones(100))
    np.testing.assert_array_equal(x.grad, dropped.data)
    np.testing.assert_array_equal(y.grad, other.data)
    assert np.any(x.grad != y.grad)


def test_an_instance_is_forgotten():
    op = Damped(1.0)
    grad(op)(0.5, 0.5)
    gone = weakref.ref(op)
    del op
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("function", [np.exp, lambda x: np.exp(x)], ids=["a ufunc", "a function"])
def test_a_rule_of_ones_own_is_fitted_to_its_one_operand(function):
    """Of an elementwise function what a rule returns is broadcast; only the table is trusted."""
    x = np.ones((2, 3))
    for rule in (lambda g: np.full(3, 2.0), lambda g: np.full((2, 2, 3), 1.0)):
        op = Primitive(function, {"x": rule}, elementwise=True)
        gradient = grad(lambda x, op=op: np.sum(op(x)))(x)
        np.testing.assert_array_equal(gradient, np.full((2, 3), 2.0))
