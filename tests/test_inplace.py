"""In-place operators and writes: NumPy's results where a Tensor may change, an error where not."""

import operator

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, everything, grad, no_grad
from autograd_lite.errors import AutogradError, InPlaceError, StaleValueError

SYMBOLS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "and": "&",
    "or": "|",
    "xor": "^",
}
OPERATORS = {name: getattr(operator, f"i{name}") for name in SYMBOLS}
DTYPES = [np.float64, np.float32, np.float16, np.int64, np.int8, np.uint8, bool, complex]
OTHERS = [
    *(2, -1, 0.5, True, 1j, 300, np.float64(0.5), np.int64(2), np.array(3)),
    *(np.full((2, 2), 2, d) for d in DTYPES),
    *(np.array([1, 2]), np.ones((3, 2, 2)), np.ones(3), np.ones((1, 2)), "text", None),
]
STARTS = [np.array([[1, 2], [3, 4]]), np.array([1, 0]), np.array(3)]


def numpys(op, start, other):
    """Do the same to an array: what it holds after it, or the error."""
    array = np.array(start)
    with np.errstate(all="ignore"):
        try:
            op(array, other)
        except Exception as error:
            return error
    return array


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_values_shapes_dtypes_and_errors_are_numpys(name, as_tensor):
    """For a leaf under no_grad and for a constant; what fails changes nothing."""
    op = OPERATORS[name]
    for dtype in DTYPES:
        for start in (x.astype(dtype) for x in STARTS):
            for other in OTHERS:
                if as_tensor and not isinstance(other, np.ndarray):
                    continue
                expected = numpys(op, start, other)
                given = Tensor(other) if as_tensor else other
                leaf = Tensor(start, requires_grad=np.dtype(dtype).kind in "fc")
                for t, mode in ((leaf, no_grad), (Tensor(start), no_grad), (Tensor(start), None)):
                    number = t._number
                    try:
                        if mode is None:
                            result = op(t, given)
                        else:
                            with mode():
                                result = op(t, given)
                    except Exception as error:
                        assert isinstance(expected, Exception), (dtype, start, other)
                        kinds = (type(expected), AutogradError, TypeError, ValueError)
                        assert isinstance(error, kinds)  # noqa: PT017
                        np.testing.assert_array_equal(t.data, start)
                        assert t._number == number
                    else:
                        assert not isinstance(expected, Exception), (dtype, start, other)
                        assert result is t
                        assert t._number < number
                        assert (t.dtype, t.shape) == (expected.dtype, expected.shape)
                        # One complex power is Python's, and rounds otherwise.
                        np.testing.assert_allclose(
                            t.data, expected, rtol=1e-15 if name == "pow" else 0
                        )


def test_the_step_that_pytorchs_tutorials_write(torch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    ours = [Tensor(np.zeros(3), requires_grad=True), Tensor(0.0, requires_grad=True)]
    theirs = [torch.zeros(3, dtype=torch.float64, requires_grad=True)]
    theirs.append(torch.tensor(0.0, dtype=torch.float64, requires_grad=True))
    tx, ty = torch.tensor(x), torch.tensor(y)
    for _ in range(5):
        np.mean((x @ ours[0] + ours[1] - y) ** 2).backward()
        ((tx @ theirs[0] + theirs[1] - ty) ** 2).mean().backward()
        with no_grad(), torch.no_grad():
            for p, q in zip(ours, theirs, strict=True):
                p -= 0.1 * p.grad
                q -= 0.1 * q.grad
                p.zero_grad()
                q.grad = None
    for p, q in zip(ours, theirs, strict=True):
        assert np.any(p.data)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", OPERATORS)
def test_on_an_input_that_requires_a_gradient_it_is_an_error(name):
    w = Tensor(np.eye(2), requires_grad=True, name="w")
    symbol = {"truediv": "/", "floordiv": "//", "matmul": "@", "pow": r"\*\*", "add": r"\+"}.get(
        name
    )
    with pytest.raises(InPlaceError, match=rf"'w'.*no_grad\(\).*w = w {symbol or '.'} other"):
        OPERATORS[name](w, 2)
    np.testing.assert_array_equal(w.data, np.eye(2))
    frozen = nn.Linear(2, 2).freeze() if hasattr(nn.Module, "freeze") else None
    assert frozen is None or not frozen.weight.requires_grad


BESIDE = [
    2,
    0.5,
    True,
    1j,
    np.float64(1.5),
    np.float32(1.5),
    np.ones(2),
    np.ones((3, 2)),
    np.array([1, 2]),
    np.array([1, 2], np.uint8),
    np.ones((), np.float16),
    np.ones((2, 1), np.complex64),
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
def test_on_an_interior_value_shape_and_dtype_stay_as_in_numpy(name, dtype):
    for other in BESIDE:
        x = np.array([1.5, 2.0], dtype)
        expected, wrong = None, None
        try:
            expected = OPERATORS[name](x.copy(), other)
        except (TypeError, ValueError) as error:
            wrong = type(error)
        as_tensor = Tensor(other, requires_grad=np.result_type(other).kind in "fc")
        for given in (other, as_tensor):
            leaf = Tensor(x, requires_grad=True)
            if isinstance(given, Tensor) and not isinstance(other, (np.ndarray, np.generic)):
                continue  # a Python number is weak, and a Tensor of it is not
            if wrong:
                with pytest.raises(wrong):
                    OPERATORS[name](leaf * 1, given)
                continue
            result = OPERATORS[name](leaf * 1, given)
            assert result.dtype == expected.dtype
            assert result.shape == expected.shape
            np.testing.assert_allclose(result.data, expected, rtol=1e-2)
            np.sum(np.real(result)).backward()
            assert leaf.grad.dtype == dtype
            if isinstance(given, Tensor) and given.requires_grad:
                assert given.grad.dtype == given.dtype
                assert given.grad.shape == given.shape


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "matmul"])
def test_on_an_interior_value_the_name_is_bound_anew(name):
    """The result leads to a gradient, the old value stays, and so it is inside a transform."""
    w, m = Tensor(np.eye(2) + 1.0, requires_grad=True), np.array([[2.0, 1.0], [0.5, 3.0]])

    def f(w):
        y = kept = w * 1.0
        y = OPERATORS[name](y, m)
        assert y is not kept
        x = w
        if x.tape.primitive is not None:  # a transform's own name for its input
            x = OPERATORS[name](x, m)
            assert x is not w
        return np.sum(y) + np.sum(kept)

    plain = getattr(operator, name)
    expected = grad(lambda w: np.sum(plain(w, m)) + np.sum(w))(w.data)
    np.testing.assert_allclose(grad(f)(w.data), expected)
    f(w).backward()
    np.testing.assert_allclose(w.grad, expected)


def test_a_constant_to_which_a_gradient_leads_becomes_a_new_value():
    w, total = Tensor([1.0, 2.0], requires_grad=True), Tensor(np.zeros(2))
    kept = total
    for _ in range(3):
        total += w * w
    assert not kept.data.any()
    np.sum(total).backward()
    np.testing.assert_array_equal(w.grad, [6.0, 12.0])
    with no_grad():
        kept += w  # nothing leads anywhere here
    np.testing.assert_array_equal(kept.data, w.data)
    with everything():  # a program is read as source: nothing may be frozen into it
        k = c = Tensor(2.0)
        c *= 3.0
    assert (k.data, c.data, c.tape.primitive.name) == (2.0, 6.0, "multiply")


def test_all_names_of_a_constant_see_the_write_and_so_does_the_guard():
    w, c = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    held = {"c": c}
    loss = np.sum(w * c)
    c += 1.0
    np.testing.assert_array_equal(held["c"].data, [4.0, 5.0])
    with pytest.raises(StaleValueError):
        loss.backward()
    for change in (lambda: operator.imul(w, 2.0), lambda: operator.setitem(w, 0, 5.0)):
        loss = np.sum(w * w)
        with no_grad():
            change()
        with pytest.raises(StaleValueError):
            loss.backward()
    assert w.grad is None
    np.testing.assert_array_equal(w.data, [5.0, 4.0])


def test_items():
    """As PyTorch: under no_grad an input can be written into, whole rows and single places."""
    w = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    expected = np.arange(6.0).reshape(2, 3)
    with pytest.raises(InPlaceError, match="no_grad"):
        w[0] = 1.0
    with no_grad():
        for x in (w, expected):
            x[0] = 7.0
            x[1] += 1.0
            x[:, 1:] *= 2.0
            x[0, 2] -= 3.0
            x[x > 10.0] = 0.0
            x[[1, 0], [0, 0]] += [5.0, 6.0]
            x[...] /= 2.0
    np.testing.assert_array_equal(w.data, expected)
    counts = Tensor([1, 2, 3])
    counts[0] += 5
    counts[1:] *= 2
    np.testing.assert_array_equal(counts.data, [6, 4, 6])


VIEWS = {
    "a row": lambda x: x[0],
    "a slice": lambda x: x[:, 1:],
    "its transpose": lambda x: x.T,
    "flat": lambda x: x.reshape(-1),
    "ravel": np.ravel,
    "a diagonal": np.diagonal,
    "a part": lambda x: np.split(x, 2)[0],
    "broadcast": lambda x: np.broadcast_to(x, (2, 2, 2)),
    "of a part": lambda x: x[1:][0],
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_part_of_another_value_is_not_written_into_alone(view):
    """In NumPy and PyTorch the whole would change; here it would not, and so it is an error."""
    for whole in (Tensor(np.eye(2), requires_grad=True), Tensor(np.eye(2))):
        with no_grad():
            part = VIEWS[view](whole)
            before = part.data.copy()
            if not np.shares_memory(part.data, whole.data):  # it was made by way of a copy
                assert view in ("flat", "a diagonal")
                continue
            with pytest.raises(InPlaceError, match="part of another value"):
                part += 1.0
            with pytest.raises(InPlaceError, match="part of another value"):
                part[0] = 1.0
            with pytest.raises(InPlaceError, match="part of another value"):
                VIEWS[view](whole)[0] = 1.0
            for row in whole:
                with pytest.raises(InPlaceError, match=r"x\[index\] \+= y"):
                    operator.iadd(row, 1.0)
        np.testing.assert_array_equal(whole.data, np.eye(2))
        np.testing.assert_array_equal(part.data, before)
    with no_grad():
        part = VIEWS[view](Tensor(np.eye(2)))  # of which nothing else is left
        part += 1.0
    np.testing.assert_array_equal(part.data, before + 1.0)


def test_a_buffer_of_a_module_stays_one():
    class Counts(nn.Module):
        def __init__(self):
            self.seen = nn.Buffer(np.zeros(2))

        def forward(self, x):
            self.seen += 1.0
            return x * self.seen

    module = Counts()
    module(Tensor(2.0))
    assert isinstance(module.seen, nn.Buffer)
    np.testing.assert_array_equal(module.state_dict()["seen"], [1.0, 1.0])


def test_an_array_takes_constants_in_place():
    total = np.zeros(2)
    w = Tensor([1.0, 2.0], requires_grad=True)
    total += Tensor([1.0, 2.0])
    with no_grad():
        total += w
    np.testing.assert_array_equal(total, [2.0, 4.0])
    with pytest.raises(TypeError, match=r"write x = x \+ t"):
        total += w
    np.testing.assert_array_equal(total, [2.0, 4.0])
