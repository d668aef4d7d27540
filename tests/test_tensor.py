"""What a Tensor promises: NumPy's answers, and nothing detached in silence."""

import copy
import inspect
import math
import operator
import pickle
import re
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import Operation, Tensor, derivative, grad, jvp, no_grad, vjp
from autograd_lite.errors import (
    BroadcastError,
    DetachError,
    GradientShapeError,
    InPlaceError,
    IntegerGradientError,
    NoDerivativeError,
    NoGradientError,
    ObjectArrayError,
    RuleError,
    StaleValueError,
    UnsupportedArgumentError,
)
from autograd_lite.primitive import Primitive, output
from autograd_lite.protocol import TABLE
from autograd_lite.reachable import is_library


def leaf(value, **kwargs):
    return Tensor(value, requires_grad=True, **kwargs)


# -- making one ------------------------------------------------------------------------


def test_the_data_is_copied():
    array = np.ones(3)
    t = Tensor(array)
    array[0] = 9.0
    np.testing.assert_array_equal(t.data, np.ones(3))


@pytest.mark.parametrize("value", [3, True, [1, 2], np.arange(3), np.int32(1)])
def test_integers_cannot_require_a_gradient(value):
    assert not Tensor(value).requires_grad
    with pytest.raises(IntegerGradientError, match="give floats"):
        Tensor(value, requires_grad=True)
    with pytest.raises(TypeError):
        Tensor(value).requires_grad_()


@pytest.mark.parametrize("bad", ["text", [None], np.array([object()]), [[1, 2], "x"]])
def test_a_tensor_holds_numbers_only(bad):
    with pytest.raises((ObjectArrayError, ValueError)):
        Tensor(bad)


def test_tensors_and_object_arrays_do_not_mix():
    t = leaf(1.0)
    with pytest.raises(ObjectArrayError, match=r"np\.stack"):
        Tensor([t, t])
    with pytest.raises(ObjectArrayError):
        t + np.array([1, "a"], dtype=object)
    with pytest.raises(ObjectArrayError):
        np.array([1, "a"], dtype=object) * t


def test_data_keeps_shape_and_dtype_when_set():
    w = leaf(np.zeros(2, dtype=np.float32))
    w.data = [1.0, 2.0]
    assert w.dtype == np.float32
    with pytest.raises(GradientShapeError, match=r"\(3,\)"):
        w.data = np.zeros(3)
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    with pytest.raises(InPlaceError, match="computed by 'multiply'"):
        (w * 2).data = [0.0, 0.0]


def test_grad_can_be_set_and_is_checked():
    w = leaf(np.zeros(2))
    w.grad = 0  # as programs for micrograd do
    np.testing.assert_array_equal(w.grad, np.zeros(2))
    given_array = np.ones(2)
    w.grad = given_array
    given_array[0] = 5.0
    np.testing.assert_array_equal(w.grad, np.ones(2))
    with pytest.raises(ValueError, match="must be the same"):
        w.grad = np.ones(3)
    with pytest.raises(TypeError):
        w.grad = np.ones(2) * 1j
    np.testing.assert_array_equal(w.grad, np.ones(2))


def test_only_inputs_switch_requires_grad():
    x = leaf(1.0)
    with pytest.raises(InPlaceError, match="detach"):
        (x * x).requires_grad = False
    k = Tensor(1.0)
    y = x * k
    k.requires_grad = True
    with pytest.raises(StaleValueError):  # k was a constant then, and not all of its uses are kept
        y.backward()
    assert k.grad is None
    with pytest.raises(NoGradientError):
        Tensor(1.0).retain_grad()


# -- operators and questions ------------------------------------------------------------

BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow),
    *(operator.mod, operator.floordiv, operator.matmul),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
]


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize("kind", ["array", "tensor", "list"])
def test_operators_are_numpys(op, kind):
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.5], [1.5, 4.0]])
    other = {"array": b, "tensor": Tensor(b), "list": b.tolist()}[kind]
    for result, expected in ((op(Tensor(a), other), op(a, b)), (op(other, Tensor(a)), op(b, a))):
        assert isinstance(result, Tensor)
        np.testing.assert_array_equal(result.data, expected)
        assert result.dtype == expected.dtype


@pytest.mark.parametrize("scalar", [2, 2.0, np.float64(2.0), np.float32(2.0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_scalars_promote_as_in_numpy(scalar, dtype, shape):
    array = np.full(shape, 3.0, dtype=dtype)[()]
    for op in (operator.add, operator.mul, operator.truediv, operator.pow, operator.sub):
        assert op(leaf(array), scalar).dtype == op(array, scalar).dtype
        assert op(scalar, leaf(array)).dtype == op(scalar, array).dtype


def test_bits_and_signs():
    a, b = Tensor([True, False]), Tensor([True, True])
    np.testing.assert_array_equal((a & b).data, [True, False])
    np.testing.assert_array_equal((a | b).data, [True, True])
    np.testing.assert_array_equal((a ^ b).data, [False, True])
    np.testing.assert_array_equal((~a).data, [False, True])
    np.testing.assert_array_equal((-Tensor([1.0])).data, [-1.0])
    np.testing.assert_array_equal(abs(+Tensor([-1.0])).data, [1.0])


def test_questions():
    t = leaf(np.arange(6.0).reshape(2, 3))
    assert (t.shape, t.ndim, t.size, len(t), t.dtype) == ((2, 3), 2, 6, 2, np.float64)
    assert [row.shape for row in t] == [(3,), (3,)]
    assert np.shape(t) == (2, 3)
    assert t.T.shape == t.mT.shape == (3, 2)
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert Tensor(2.5).item() == 2.5
    assert bool(Tensor(1.0) > 0)
    assert [10, 20, 30][Tensor(1)] == 20
    assert hash(t) == hash(t)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(t > 0)
    with pytest.raises(TypeError):
        len(Tensor(1.0))
    with pytest.raises(TypeError, match="iterated"):
        iter(Tensor(1.0))


def test_a_tensor_tells_how_it_was_made():
    x = leaf(2.0, name="x")
    y = np.sum(x * np.array([1.0, 2.0]), axis=0)
    assert y.tape.primitive.name == "sum"
    assert y.tape.parameters == {"axis": 0}
    product = y.tape.operands[0]
    assert product.tape.operands[0] is x
    np.testing.assert_array_equal(product.tape.operands[1], [1.0, 2.0])
    assert product.tape.values[0] == 2.0
    made = x.tape
    assert (made.operands, made.values, made.parameters, made.primitive) == ((), (), {}, None)


OWN = {"tape", "at", "called", "name", "zero_grad"}  # `at` is JAX's, `zero_grad` an optimizer's


def test_a_tensors_attributes_mean_what_numpy_and_pytorch_mean(torch):
    t = leaf([[1.0, 2.0]], name="t")
    public = {name for name in dir(t) if not name.startswith("_")}
    assert public - {*dir(np.ndarray)} - OWN <= {*dir(torch.Tensor)} - OWN
    # A method there is a method here, a property a property; `size` is NumPy's number and both.
    assert t.size == 2
    assert t.size() == t.shape
    for name in public - OWN - {"size"}:
        theirs = getattr(np.ndarray, name, None) or getattr(torch.Tensor, name)
        assert callable(getattr(t, name)) == callable(theirs), name


def test_the_tapes_names_are_met_nowhere_else():
    record = {name for name in dir(leaf(1.0).tape) if not name.startswith("_")}
    assert record >= {"values", "operands", "parents", "parameters", "primitive", "line", "call"}
    for t in (leaf([1.0, 2.0]), np.max(leaf([[1.0, 2.0]]), axis=1, keepdims=True)):
        for name in record:
            assert not hasattr(t, name)
            with pytest.raises(AttributeError, match=f"no attribute '{name}': .*t\\.numpy|t.tape."):
                getattr(t, name)
        assert record.isdisjoint(dir(t))
    with pytest.raises(AttributeError, match=r"np.max\(t, axis\).* return the values"):
        _ = leaf([[1.0, 2.0]]).max(1, keepdims=True).values


def test_numpy_finds_none_of_its_own_private_names_in_a_tensor():
    """NumPy's `ma` looks for `_data` and `_mask`, others for names like these."""
    looked_for = set()
    for file in Path(np.__file__).parent.rglob("*.py"):
        if "tests" not in file.parts:
            looked_for |= set(
                re.findall(
                    r"""(?:get|has)attr\([^()]*?,\s*["'](_\w*[^_\W])["']""", file.read_text()
                )
            )
            looked_for |= set(re.findall(r"(?<!self)(?<!cls)\.(_[a-z]\w*)", file.read_text()))
    assert {"_data", "_mask"} <= looked_for
    ours = {name for name in dir(leaf(1.0)) if name.startswith("_") and not name.endswith("__")}
    assert ours & looked_for == set()


def test_repr_and_format():
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(leaf(2.0, name="x")) == "Tensor(2., requires_grad=True, name='x')"
    assert "made_by=sin" in repr(np.sin(leaf(2.0)))
    assert "float32" in repr(Tensor(np.float32(1)))
    assert f"{np.sin(leaf(0.0)):.3f}" == "0.000"


# -- nothing detaches in silence -----------------------------------------------------------


@pytest.mark.parametrize(
    "drop",
    [
        lambda t: np.array([t, t]),
        lambda t: np.asarray(t),
        lambda t: float(t),
        lambda t: int(t),
        lambda t: complex(t),
        lambda t: math.sin(t),
        lambda t: operator.setitem(np.zeros(3), 0, t),
        lambda t: operator.setitem(np.zeros(3), slice(None), t),
        lambda t: np.ndarray.dot(np.ones(1), t),
        lambda t: Tensor(t),
        lambda t: operator.setitem(Tensor(np.zeros(2)), 0, t),
        lambda t: np.zeros(2).__setitem__(slice(0, 1), t),
        lambda t: np.full(2, t),
        lambda t: copy.deepcopy(t * 2),
        lambda t: pickle.dumps(t * 2),
        lambda t: round(np.random.default_rng(0).normal(t)),
    ],
)
@pytest.mark.parametrize("value", [2.0, [2.0]])
def test_leaving_the_tape_must_be_spelled_out(drop, value):
    with pytest.raises((DetachError, ValueError)) as caught:
        drop(leaf(value))
    # Assigning to an element of an array, NumPy puts a ValueError in front of ours.
    assert isinstance(caught.value, DetachError) or isinstance(caught.value.__cause__, DetachError)


def test_the_words_say_what_to_write():
    with pytest.raises(DetachError, match=r"np\.sin\(t\)"):
        math.sin(leaf(1.0))
    with pytest.raises(DetachError, match=r"np\.stack"):
        np.array([leaf(1.0), leaf(2.0)])


def test_constants_may_leave_freely():
    t = Tensor(2.0)
    assert float(t) == 2.0
    assert math.sqrt(Tensor(4.0)) == 2.0
    np.testing.assert_array_equal(np.array([t, t]), [2.0, 2.0])
    np.testing.assert_array_equal(leaf([1.0]).numpy(), [1.0])
    into = np.zeros(2)
    np.copyto(into, t)
    np.testing.assert_array_equal(into, [2.0, 2.0])
    np.testing.assert_array_equal(np.full_like(into, t), [2.0, 2.0])
    with no_grad():
        np.put(into, [1], leaf([3.0]))
    np.testing.assert_array_equal(into, [2.0, 3.0])


def test_writing_into_a_recorded_tensor_is_an_error():
    x = leaf(np.zeros(3))
    for t in (x, x * 2):
        with pytest.raises(InPlaceError, match=r"np\.where"):
            t[0] = 1.0
    np.testing.assert_array_equal(x.data, np.zeros(3))


def test_a_constant_can_be_written_into_but_not_behind_a_tapes_back():
    k = Tensor(np.zeros(3))
    x = leaf(np.ones(3))
    y = np.sum(k * x)
    k[Tensor([0, 1])] = 5.0
    np.testing.assert_array_equal(k.data, [5.0, 5.0, 0.0])
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


def test_copies_of_inputs():
    x = leaf([1.0, 2.0], name="x")
    np.sum(x * x).backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert twin.requires_grad
        assert twin.name == "x"
        np.testing.assert_array_equal(twin.data, x.data)
        np.testing.assert_array_equal(twin.grad, x.grad)
        assert not np.shares_memory(twin.data, x.data)


# -- errors of operations ---------------------------------------------------------------------


@pytest.mark.parametrize("op", [operator.add, operator.matmul, operator.lt])
def test_shapes_that_do_not_go_together(op):
    a, b = leaf(np.ones((2, 3)), name="weights"), leaf(np.ones((4, 5)), name="inputs")
    with pytest.raises(BroadcastError) as caught:
        op(a, b)
    for words in ("(2, 3)", "(4, 5)", "weights", "inputs"):
        assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)


def numpys_words(x, y):
    return x.reshape(3) + np.zeros(4) + y


ERRORS = [
    ValueError("mine"),
    ValueError("The truth value of an array with more than one element is ambiguous."),
    ValueError("operands could not be broadcast together, in words like NumPy's"),
    np.linalg.LinAlgError("Singular matrix"),
    np.exceptions.AxisError(1, 0),
    UnicodeError("text"),
    TypeError("mine"),
    KeyError("mine"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_error_of_a_function_goes_through_unchanged(error):
    """Also one that somebody's rule raises, in each way of asking for the gradient."""

    def fail(*given, **named):
        raise error

    def f(x, y):
        return fail()

    class Failing(Operation, elementwise=True, operands="x y"):
        def forward(self, x, y):
            return fail()

    x = leaf([1.0, 2.0, 3.0])
    failing = [
        derivative(f, operands="x y"),
        derivative(f, elementwise=True, operands="x y"),
        Failing(),
    ]
    failing += [
        replace_forward(entry, fail)
        for entry in TABLE.values()
        if isinstance(entry, Primitive) and entry is not output
    ]
    for op in failing:
        operands = (x, x) if getattr(op, "variadic", True) else (x,) * len(op.operands)
        with pytest.raises(type(error)) as caught:
            getattr(op, "apply", op)(*operands)
        assert caught.value is error
        assert error.__cause__ is None
    ruled = derivative(lambda x: 2.0 * x, x=lambda g: fail())
    for ask in (
        lambda: np.sum(ruled(x)).backward(),
        lambda: grad(lambda x: np.sum(ruled(x)))(x.data),
        lambda: vjp(ruled, x.data)[1](x.data),
        lambda: jvp(ruled, (x.data,), (x.data,)),
    ):
        with pytest.raises(type(error)) as caught:
            ask()
        assert caught.value is error


def replace_forward(entry, forward):
    twin = entry.with_rules()
    twin.forward = forward
    return twin


def test_numpys_own_errors_stay_numpys():
    a, b = leaf(np.ones((2, 2))), leaf(np.ones(2))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        np.linalg.solve(a, b)
    with pytest.raises(ValueError, match="ambiguous"):
        derivative(lambda x, y: x if x > 0 else y, elementwise=True, operands="x y")(b, b)
    # Shapes inside of a function are no affair of its operands.
    for elementwise in (True, False):
        inner = derivative(numpys_words, elementwise=elementwise, operands="x y")
        with pytest.raises(
            ValueError, match=r"^operands could not be broadcast.*\(3,\) \(4,\)"
        ) as caught:
            inner(leaf(np.ones(3)), leaf(1.0))
        assert not isinstance(caught.value, BroadcastError)
    added = derivative(lambda x, y: x + y, name="added", elementwise=True, operands="x y")
    with pytest.raises(BroadcastError, match=r"\(2, 2\) and \(3,\).* in added"):
        added(a, np.ones(3))


def test_a_function_without_a_rule_names_the_nearest():
    with pytest.raises(NoDerivativeError, match=r"np\.polydiv has no derivative"):
        np.polydiv(leaf([1.0, 2.0]), [1.0, 2.0])
    with pytest.raises(
        NoDerivativeError, match=r"\(the number of .*the nearest that have one: np\.poly, np\.poly"
    ):
        np.polydiv(leaf([1.0, 2.0]), [1.0, 2.0])


def test_a_functions_whole_name_and_the_reason_are_said():
    m = leaf(np.eye(2), name="m")
    with pytest.raises(NoDerivativeError, match=r"^np\.copyto has .*writes into an array"):
        np.copyto(np.eye(2), m)
    special = pytest.importorskip("scipy.special")
    with pytest.raises(NoDerivativeError, match=r"^scipy\.special\.kolmogorov has"):
        special.kolmogorov(m)


def test_a_message_reads_as_english():
    t = leaf([1.0])
    with pytest.raises(DetachError, match="drop the tape of the Tensor:"):
        np.asarray(t)
    with pytest.raises(DetachError, match="drop the tape of the result of 'multiply':"):
        float(t * t)
    with pytest.raises(GradientShapeError, match="given to the Tensor of shape"):
        t.grad = [1.0, 2.0]


def test_arguments_that_no_rule_covers():
    x = leaf([1.0, 2.0])
    with pytest.raises(UnsupportedArgumentError, match="use the result instead"):
        np.exp(x, out=np.zeros(2))
    with pytest.raises(UnsupportedArgumentError, match="use the result instead"):
        np.sum(x, out=np.zeros(()))
    with pytest.raises(UnsupportedArgumentError, match=r"np\.where\(mask"):
        np.exp(x, where=np.array([True, False]))
    with pytest.raises(UnsupportedArgumentError, match=r"np\.where\(mask, np\.clip"):
        np.clip(x, 0.0, 1.0, where=np.array([True, False]))
    with pytest.raises(InPlaceError, match=r"t\.at\[index\]"):
        np.add.at(np.zeros(2), [0], x)
    assert np.exp(x, dtype=np.float32).dtype == np.float32


def test_methods_and_operators_of_an_array():
    x = np.array([2.0, -1.5, 0.0, 3.25])
    t = leaf(x)
    for method, args in {
        "argsort": (), "cumprod": (), "nonzero": (), "conjugate": (), "searchsorted": (1.0,),
        "compress": ([True, False, True, False],), "round": (1,),
    }.items():  # fmt: skip
        expected = getattr(x, method)(*args)
        actual = getattr(t, method)(*args)
        for a, e in zip(np.atleast_1d(actual), np.atleast_1d(expected), strict=True):
            np.testing.assert_array_equal(getattr(a, "data", a), e)
    chosen = Tensor([1, 0, 1, 0]).choose([x, t])
    np.sum(chosen).backward()
    np.testing.assert_array_equal(t.grad, [1.0, 0.0, 1.0, 0.0])
    assert [float(part.detach()) for part in divmod(leaf(7.5), 2.0)] == [3.0, 1.5]
    assert [float(part.detach()) for part in divmod(7.5, leaf(2.0))] == [3.0, 1.5]
    assert round(leaf(2.6)).data == 3.0


def test_where_of_a_mask_alone_gives_its_places():
    x = leaf([1.0, -2.0, 3.0])
    [places] = np.where(x > 0)
    np.testing.assert_array_equal(places.data, [0, 2])
    np.sum(x[places] ** 2).backward()
    np.testing.assert_array_equal(x.grad, [2.0, 0.0, 6.0])


def test_a_number_to_fill_with_stays_on_the_tape():
    x, s = leaf([1.0, 2.0]), leaf(3.0)
    np.sum(np.full_like(x, s) * x).backward()
    assert s.grad == 3.0
    assert not isinstance(np.full_like(x, 3.0), Tensor)


def test_ufunc_methods_that_mean_a_reduction():
    x = leaf(np.arange(1.0, 7.0).reshape(2, 3))
    np.testing.assert_array_equal(np.add.reduce(x).data, np.add.reduce(x.data))
    np.testing.assert_array_equal(np.multiply.reduce(x, axis=1).data, [6.0, 120.0])
    np.testing.assert_array_equal(np.maximum.reduce(x, axis=None).data, 6.0)
    np.testing.assert_array_equal(np.add.accumulate(x, 1).data, np.cumsum(x.data, 1))
    np.testing.assert_array_equal(np.multiply.accumulate(x).data, np.cumprod(x.data, 0))
    outer = np.multiply.outer(x[0], np.array([1.0, 2.0]))
    np.testing.assert_array_equal(outer.data, np.multiply.outer(x.data[0], [1.0, 2.0]))
    np.sum(outer).backward()
    np.testing.assert_array_equal(x.grad, [[3.0] * 3, [0.0] * 3])


# -- a user's own primitive ------------------------------------------------------------------


@pytest.fixture
def register():
    made = []

    def declare(*args, **kwargs):
        made.append(derivative(*args, **kwargs))
        return made[-1]

    yield declare
    for primitive in made:
        TABLE.pop(primitive.function)


def test_a_rule_that_is_missing_is_an_error_only_when_it_is_asked_for(register):
    power = register(
        lambda x, n: x**n, name="mypower", operands="x n", x=lambda g, x, n: g * n * x ** (n - 1)
    )
    x = leaf(2.0)
    power(x, 3.0).backward()
    assert x.grad == 12.0
    with pytest.raises(NoDerivativeError, match="no rule for its operand 'n'"):
        power(x, leaf(3.0)).backward()
    assert x.grad == 12.0


def test_operands_may_have_any_other_name(register):
    names = "n t c p data needs new values heap forward primitive"
    rules = {name: lambda g: g for name in names.split()}
    total = register(lambda *args: sum(args), name="total", operands=names, **rules)
    leaves = [leaf(float(i)) for i in range(len(rules))]
    total(*leaves).backward()
    assert [x.grad for x in leaves] == [1.0] * len(leaves)
    second = register(
        lambda n, data: n * data, name="second",
        n=lambda g, data: g * data, data=lambda g, n: g * n,
    )  # fmt: skip
    from autograd_lite import grad

    assert grad(grad(lambda n: second(n=n, data=n)))(3.0) == 2.0


def test_a_gradient_of_the_wrong_shape_is_an_error(register):
    wrong = register(lambda x: x.sum(), name="wrong", x=lambda g: g)
    x = leaf(np.ones(3))
    with pytest.raises(RuleError, match=r"'wrong' returned a gradient of shape \(\)"):
        wrong(x).backward()
    assert x.grad is None


def test_declarations_are_checked():
    with pytest.raises(RuleError, match="no operand 'z'"):
        derivative(lambda x: x, operands="x", z=lambda g: g)
    with pytest.raises(RuleError, match="no operands"):
        derivative(lambda x: x)
    with pytest.raises(RuleError, match="a meaning of its own"):
        derivative(lambda out: out, out=lambda g: g)
    with pytest.raises(RuleError, match="joint"):
        derivative(lambda x: x, x=lambda g: g, joint=lambda g: (g,))


def test_parameters_reach_forward_and_rules(register):
    scaled = register(lambda x, by=2.0: x * by, name="scaled", x=lambda g, by=2.0: g * by)
    x = leaf(1.0)
    (scaled(x) + scaled(x, by=5.0)).backward()
    assert x.grad == 7.0


@given(st.lists(st.integers(1, 3), max_size=3), st.lists(st.booleans(), min_size=3, max_size=3))
def test_a_broadcast_operand_gets_the_sum(shape, keep):
    small = [n if k else 1 for n, k in zip(shape, keep, strict=False)]
    x, y = leaf(np.ones(shape)), leaf(np.full(small, 2.0))
    np.sum(x * y).backward()
    assert y.grad.shape == tuple(small)
    np.testing.assert_array_equal(y.grad, np.full(small, np.prod(shape) / np.prod(small)))


AS_PYTHON_ASKS = {
    "index": operator.index,
    "range": lambda t: list(range(t)),
    "index of a list": lambda t: [5, 6, 7][t],
    "slice": lambda t: [5, 6, 7][t:],
    "bin": bin,
    "zeros": np.zeros,
    "in": lambda t: 2 in t,
    "not in": lambda t: 7.5 in t,
    "divmod": lambda t: [np.asarray(part).tolist() for part in divmod(t, 2)],
    "chr": chr,
    "factorial": math.factorial,
    "bool": bool,
    "int": int,
    "float": float,
}
OF_NUMPY = [np.array(2.5), np.array(2), np.array(True), np.array([2]), np.array([2.0]), np.eye(2)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", AS_PYTHON_ASKS)
@pytest.mark.parametrize("array", OF_NUMPY, ids=repr)
def test_what_python_asks_of_a_number_is_answered_as_numpys_arrays_do(name, array):
    ask, answers = AS_PYTHON_ASKS[name], []
    for x in (array, Tensor(array)):
        try:
            answers.append(np.asarray(ask(x)).tolist())
        except Exception as error:
            answers.append(next(k for k in type(error).__mro__ if k.__module__ == "builtins"))
    assert answers[0] == answers[1]


def test_the_code_of_a_method_is_no_line_of_the_users():
    """Also generated code, or its locals would be names in a picture, its line the user's."""
    seen = 0
    for name in dir(Tensor):
        made = getattr(Tensor, name, None)
        for f in (made.fget, made.fset) if isinstance(made, property) else (made,):
            f = inspect.unwrap(getattr(f, "__func__", f)) if callable(f) else None
            if isinstance(f, types.FunctionType):
                assert is_library(f.__code__.co_filename), name
                seen += 1
    assert seen > 300
