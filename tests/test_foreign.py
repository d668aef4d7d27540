"""Arrays of other kinds beside a Tensor: converted, refused or asked, and never half understood."""

import operator

import numpy as np
import pytest

from autograd_lite import Tensor, derivative, grad, no_grad
from autograd_lite.errors import ForeignArrayError, InPlaceError, ObjectArrayError
from autograd_lite.foreign import as_index
from tests.peers import peer

NUMBERS = np.array([2.0, 1.0, 3.0])


class Info(np.ndarray):
    """A subclass of NumPy's that adds nothing to its arithmetic."""

    def __array_finalize__(self, other):
        self.info = getattr(other, "info", None)


class Like:
    """No array, but something that NumPy reads as one."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def on_disk(folder, array):
    found = np.memmap(folder / "numbers", dtype=array.dtype, mode="w+", shape=array.shape)
    found[...] = array
    return found


def torchs(array):
    return peer("torch").tensor(array)


def jaxs(array):
    with peer("jax").enable_x64(True):
        return peer("jax.numpy").asarray(array)


CONVERTED = {
    "memmap": on_disk,
    "subclass": lambda _, array: array.view(Info),
    "__array__": lambda _, array: Like(array),
    "list": lambda _, array: array.tolist(),
    "tuple": lambda _, array: tuple(array.tolist()),
    "read-only": lambda _, array: np.broadcast_to(array, array.shape),
    "torch": lambda _, array: torchs(array),
    "jax": lambda _, array: jaxs(array),
}
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul]
PLACES = {
    "an operator": lambda t, x: t * x,
    "a reflected operator": lambda t, x: x * t,
    "a comparison": lambda t, x: t < x,
    "a product": lambda t, x: t @ x,
    "an operator in place": lambda t, x: in_place(t, x),
    "a ufunc": lambda t, x: np.multiply(t, x),
    "a ufunc, reflected": lambda t, x: np.maximum(x, t),
    "a function": lambda t, x: np.where(np.array([True, False, True]), t, x),
    "a list of arrays": lambda t, x: np.concatenate([t, x]),
    "a composite": lambda t, x: np.interp(t, NUMBERS.cumsum(), x),
    "a declared function": lambda t, x: product_of_two(t, x),
    "a product of functions": lambda t, x: np.dot(t, x),
}
VALUES = {
    "the constructor": lambda x: Tensor(x),
    "a dtype": lambda x: Tensor(x, dtype=np.float64),
    ".data": lambda x: set_attribute("data", x),
    ".grad": lambda x: set_attribute("grad", x),
    "backward": lambda x: (2.0 * Tensor(NUMBERS, requires_grad=True)).backward(x),
    "an item": lambda x: set_item(slice(None), x),
    "at.set": lambda x: Tensor(NUMBERS).at[:].set(x),
    "at.add": lambda x: Tensor(NUMBERS).at[:].add(x),
}
INDICES = {
    "reading": lambda x: Tensor(NUMBERS, requires_grad=True)[x],
    "reading with others": lambda x: Tensor(np.eye(3), requires_grad=True)[x, 0],
    "writing": lambda x: set_item(x, 5.0),
    "at": lambda x: Tensor(NUMBERS).at[x].set(5.0),
    "take": lambda x: np.take(Tensor(NUMBERS, requires_grad=True), x),
    "take_along_axis": lambda x: np.take_along_axis(Tensor(NUMBERS, requires_grad=True), x, 0),
}


@derivative(elementwise=True, x=lambda g, y: g * y, y=lambda g, x: g * x)
def product_of_two(x, y):
    return x * y


def in_place(t, x):
    with no_grad():
        t *= x
    return t


def set_attribute(name, x):
    t = Tensor(NUMBERS, requires_grad=True)
    setattr(t, name, x)
    return Tensor(getattr(t, name))


def set_item(index, x):
    t = Tensor(NUMBERS)
    t[index] = x
    return t


def tensors():
    return [Tensor(NUMBERS, requires_grad=requires) for requires in (True, False)]


@pytest.mark.torch
@pytest.mark.parametrize("kind", CONVERTED)
def test_what_loses_nothing_is_converted(kind, tmp_path):
    """The result, and the gradient, are those beside a plain array, in one of NumPy's own."""
    x = CONVERTED[kind](tmp_path, NUMBERS)
    for place, apply in PLACES.items():
        if kind in ("list", "tuple") and place == "a reflected operator":
            continue  # which repeats a list
        for t, expected in zip(tensors(), tensors(), strict=True):
            found, wanted = apply(t, x), apply(expected, NUMBERS)
            assert type(found) is Tensor, place
            assert type(found.numpy()) is np.ndarray
            np.testing.assert_array_equal(found.data, wanted.data)
            assert found.dtype == wanted.dtype
            if found.requires_grad and not found.is_leaf:
                np.sum(found).backward()
                np.sum(wanted).backward()
                np.testing.assert_array_equal(t.grad, expected.grad)
    for apply in VALUES.values():
        found, wanted = apply(x), apply(NUMBERS)
        if wanted is not None:
            assert type(found.numpy()) is np.ndarray
            np.testing.assert_array_equal(found.data, wanted.data)
    indices = np.array([2, 0])
    for index in (indices, np.array([True, False, True])) if kind != "tuple" else ():
        x = CONVERTED[kind](tmp_path, index)
        for place, apply in INDICES.items():
            if place.startswith("take") and (index is not indices or kind == "list"):
                continue
            np.testing.assert_array_equal(apply(x).data, apply(index).data)


def masked(array):
    return np.ma.array(array, mask=[False, True, *[False] * (len(array) - 2)])


def sparse(array):
    return pytest.importorskip("scipy.sparse").csr_array(array[None])


def tracked(array):
    return peer("torch").tensor(array, requires_grad=True)


REFUSED = {
    "masked": (masked, "A masked array .*its mask"),
    "matrix": (np.matrix, r"A matrix .*np\.asarray\(m\)"),
    "sparse": (sparse, r"A sparse array .*s\.toarray\(\)"),
    "torch": (tracked, r"torch.Tensor that requires a gradient .*detach\(\)\.numpy\(\)"),
    "structured": (
        lambda array: np.rec.array([(x, 1) for x in array.tolist()], names=["a", "b"]),
        "A structured array .*fields",
    ),
}
# What is asked instead, or has a meaning that is not lost.
ANSWERED = {
    ("masked", "a reflected operator"): "numpy.ma reads the numbers of a Tensor",
    ("matrix", "a function"): "converted: it is not about its *",
    ("matrix", "a list of arrays"): "as NumPy: its shape does not fit",
    ("matrix", "a product of functions"): "as NumPy: its shape does not fit",
    ("matrix", "a composite"): "as NumPy: its shape does not fit",
    ("structured", "a composite"): "as NumPy",
    ("structured", "a product of functions"): "as NumPy",
    **{
        ("sparse", place): "SciPy reads the numbers of a Tensor"
        for place in ("an operator", "a reflected operator", "a product", "a comparison")
    },
    **{("sparse", place): "as NumPy, which takes it for one object" for place in ()},
}


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_lose_its_meaning_is_refused(kind):
    make, words = REFUSED[kind]
    x = make(NUMBERS)
    for place, apply in PLACES.items():
        for t in tensors():
            number = t._number
            if (kind, place) in ANSWERED:
                if t.requires_grad and (kind, place) != ("matrix", "a function"):
                    with pytest.raises((TypeError, ValueError)):
                        apply(t, x)
                continue
            with pytest.raises(
                (ForeignArrayError, RuntimeError, TypeError), match=f"{words}|numpy"
            ):
                apply(t, x)
            assert t._number == number
    if kind == "matrix":
        return  # as a value it is an array of two axes
    for apply in VALUES.values():
        with pytest.raises((TypeError, ObjectArrayError), match=f"{words}|dtype|void"):
            apply(x)


@pytest.mark.parametrize("place", INDICES)
def test_a_masked_index_is_refused(place):
    for index in (np.array([2, 0]), np.array([2, 0, 1]), np.array([True, False, True])):
        with pytest.raises(ForeignArrayError, match="masked"):
            INDICES[place](np.ma.array(index, mask=[True, *[False] * (len(index) - 1)]))
    assert as_index((slice(1), None, ..., 2, [0, 1])) == (slice(1), None, ..., 2, [0, 1])


class Defers:
    """A type that we do not know: it says that it answers, in one of the ways there are."""

    def __getattr__(self, name):
        raise AttributeError(name)


def answering(**attributes):
    operators = {
        f"__{r}{name}__": lambda self, other: "its own answer"
        for name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "and")
        for r in ("", "r")
    }
    return type("Unknown", (Defers,), {**operators, **attributes})()


def ufunc(self, function, method, *inputs, **kwargs):
    return "its own answer"


UNKNOWN = {
    "__array_ufunc__": answering(__array_ufunc__=ufunc),
    "__array_ufunc__ = None": answering(__array_ufunc__=None),
    "__array_priority__": answering(__array_priority__=1.0),
    "no array at all": answering(),
    "a subclass": np.ones(3).view(type("Own", (np.ndarray,), {"__array_ufunc__": ufunc})),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_type_that_we_do_not_know_is_asked_as_numpys_arrays_do(kind):
    x = UNKNOWN[kind]
    for t in tensors():
        for op in (*BINARY, operator.mod, operator.and_):
            assert op(t, x) == "its own answer"
            assert op(x, t) == "its own answer"
            # The name would be bound to something else, and the Tensor stay as it was.
            if kind != "no array at all":
                with no_grad(), pytest.raises(ForeignArrayError, match=r"np\.asarray"):
                    getattr(operator, {"and_": "iand"}.get(op.__name__, f"i{op.__name__}"))(t, x)
        if kind in ("__array_ufunc__", "a subclass"):
            assert np.multiply(t, x) == np.add(x, t) == "its own answer"
        else:
            with pytest.raises(TypeError):
                np.multiply(t, x)
        with pytest.raises(TypeError):
            product_of_two(t, x)


def test_a_library_that_answers_functions_too():
    class Own(np.ndarray):
        def __array_function__(self, function, types, args, kwargs):
            return "its own answer"

    t, x = Tensor(NUMBERS, requires_grad=True), NUMBERS.view(Own)
    assert np.concatenate([t, x]) == "its own answer"
    other = type("Other", (), {"__array_function__": lambda *given: NotImplemented})()
    with pytest.raises(TypeError, match="no implementation found"):
        np.concatenate([t, other])


def test_labels_are_kept_or_the_tape_is_but_nothing_is_dropped():
    pd = pytest.importorskip("pandas")
    column = pd.Series(NUMBERS, index=list("abc"))
    constant = Tensor(NUMBERS)
    for op in (operator.add, operator.mul, operator.pow):
        for found in (op(constant, column), op(column, constant)):
            assert list(found.index) == list("abc")
            np.testing.assert_array_equal(found, op(NUMBERS, NUMBERS))
        for t, x in ((leaf := Tensor(NUMBERS, requires_grad=True), column), (column, leaf)):
            with pytest.raises(TypeError, match="tape"):
                op(t, x)
    assert list((constant < column).index) == list("abc")
    np.testing.assert_array_equal(Tensor(column).data, NUMBERS)
    np.testing.assert_array_equal(leaf[column > 1.5].data, [2.0, 3.0])
    np.testing.assert_array_equal(np.sum(leaf, where=column > 1.5).data, 5.0)
    with pytest.raises(ForeignArrayError, match=r"pandas\.Series"):
        product_of_two(leaf, column)


def test_what_is_no_number_compares_as_numpy_says():
    for value in (NUMBERS, np.float64(2.0), np.array([1, 2]), np.array([[True]])):
        for other in (
            None,
            "text",
            b"text",
            object(),
            np.array(None),
            ["a", "b", "c"][: np.size(value)],
        ):
            for op in (operator.eq, operator.ne):
                for t in (Tensor(value), Tensor(value * 1.0, requires_grad=True)):
                    expected = op(np.asarray(value), other)
                    for found in (op(t, other), op(other, t)) if other is None else (op(t, other),):
                        assert type(found) is Tensor
                        assert (found.dtype, found.shape) == (bool, np.shape(expected))
                        np.testing.assert_array_equal(found.data, expected)
    with pytest.raises(TypeError):
        assert Tensor(NUMBERS) < None
    for other in (None, "text"):
        with pytest.raises(TypeError, match="unsupported operand"):
            Tensor(NUMBERS) + other


def test_objects_and_text_are_no_operands():
    t = Tensor(NUMBERS, requires_grad=True)
    for x in (np.array([None] * 3), np.array([1.0, "a", 2], dtype=object)):
        for apply in (operator.add, np.multiply, lambda t, x: x * t, product_of_two):
            with pytest.raises(ObjectArrayError, match="of objects"):
                apply(t, x)
    for x in (np.array(["a", "b", "c"]), np.array(["2020-01-01"] * 3, "M8[D]")):
        for apply in (operator.add, np.multiply, lambda t, x: x * t):
            with pytest.raises(TypeError):
                apply(t, x)
        for dtype in (None, float):
            with pytest.raises((ObjectArrayError, ValueError)):
                Tensor(x, dtype=dtype)


def test_a_gradient_may_be_asked_at_an_array_of_another_kind(tmp_path):
    for kind in ("memmap", "subclass"):
        x = CONVERTED[kind](tmp_path, NUMBERS)
        found = grad(lambda x: np.sum(x * x))(x)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, 2.0 * NUMBERS)
    with pytest.raises(ForeignArrayError):
        grad(lambda x: np.sum(x * x))(masked(NUMBERS))


def test_a_read_only_part_is_no_operand_in_place():
    t = Tensor(NUMBERS)
    part = np.broadcast_to(t, (2, 3))
    with pytest.raises(InPlaceError):
        operator.iadd(part, 1.0)
