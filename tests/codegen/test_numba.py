"""The Numba back end: what eager gives, to a few units in the last place.

What it writes is Python, so most of it runs here as it stands, without the seconds that Numba
takes to compile a function; a few programs are compiled.
"""

from __future__ import annotations

import builtins
import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from autograd_lite import Tensor, compile, value_and_grad
from autograd_lite.codegen import backends, cache, elementary, elementary32, jit, numba_table
from autograd_lite.codegen import numba_expressions as expressions
from autograd_lite.codegen.expand import expand
from autograd_lite.codegen.program import Step, Value
from autograd_lite.codegen.record import record
from autograd_lite.codegen.schedule import schedule
from autograd_lite.codegen.simplify import simplify
from autograd_lite.codegen.write import is_writable
from autograd_lite.errors import MissingExtraError
from autograd_lite.protocol import TABLE
from autograd_lite.trees import flatten
from tests.calculus.test_programs import pairs, programs, run
from tests.codegen.interpreted import Interpreted, without_a_compiler
from tests.codegen.test_compile import PROGRAMS

pytest.importorskip("numba")


NAMESPACE = {name: getattr(elementary, name) for name in jit.FUNCTIONS}
NAMESPACE |= {f"{name}32": getattr(elementary32, name) for name in jit.FUNCTIONS}


@pytest.fixture
def as_python():
    """Let generated code run without a compiler."""
    with without_a_compiler():
        yield


def assert_close(found, expected, units=64):
    """The same structure, shapes and dtypes; numbers to some units of the largest of an array."""
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        a, b = np.asarray(a), np.asarray(getattr(b, "data", b))
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if b.dtype.kind == "f" and b.size:
            size = np.abs(b[np.isfinite(b)]).max(initial=1e-2)
            eps = np.finfo(b.dtype).eps
            np.testing.assert_allclose(a, b, rtol=units * eps, atol=units * eps * size)
        else:
            np.testing.assert_array_equal(a, b)


LONG = {"in blocks", "in blocks of rows", "from the end"}


@pytest.mark.usefixtures("as_python")
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in LONG])
def test_programs_of_many_kinds(name):
    f, inputs = PROGRAMS[name]
    step = compile(f, back_end="numba")
    leaves, rebuild = flatten(inputs)
    first = step(*inputs)
    kept = [np.array(x) for x in flatten(first)[0]]
    others = rebuild([np.asarray(x * 1.25 - 0.1, np.asarray(x).dtype)[()] for x in leaves])
    for given_ in (inputs, others):
        assert_close(step(*given_), f(*given_))
    assert_close(flatten(first)[0], kept, 0)


@pytest.mark.usefixtures("as_python")
@pytest.mark.parametrize("k", [1, 2, 15, 16, 17, 21, 31, 32, 33, 50, 73])
def test_products_with_sums_of_every_length(k):
    """Long sums are added up in parts, the last of which may be shorter."""
    rng = np.random.default_rng(k)
    for kind, front in itertools.product((np.float64, np.float32, np.int64), ((), (2,))):
        a, b = rng.normal(size=(*front, 3, k)) * 9, rng.normal(size=(*front, k, 2)) * 9
        a, b = a.astype(kind), b.astype(kind)
        assert_close(compile(np.matmul, back_end="numba")(a, b), a @ b)
    v = rng.normal(size=k)
    assert_close(compile(np.matmul, back_end="numba")(v, b[0] * 1.0), v @ (b[0] * 1.0))


@pytest.mark.usefixtures("as_python")
@pytest.mark.parametrize(
    ("f", "loops"),
    [
        (lambda x, b: np.tanh(x + b), 2),
        (lambda x, b: (x + b, np.exp(x + b) * x), 2),
        (lambda x, b: np.sum(np.sin(x * x - b) + x), 2),
        (lambda x, b: np.exp(np.tanh(x) - b), 1),  # what is spread comes too late
        (lambda x, b: np.tanh(x) + np.exp(x) * (b + x), 2),
    ],
)
def test_what_is_spread_is_read_before_elementary_functions_run(f, loops):
    x, b = np.linspace(-2.0, 2.0, 21).reshape(7, 3), np.array([0.5, -1.0, 2.0])
    step = compile(f, back_end="numba")
    assert_close(step(x, b), f(x, b))
    assert step.explain().count("Loop over (7, 3)") == 1
    assert step.source.count("for i1 in range(3):") == 1, "one loop in a loop is left"
    assert ("range(21):" in step.source or "range(32):" in step.source) == (loops == 2)


@pytest.mark.usefixtures("as_python")
@settings(max_examples=40)
@given(programs(), pairs)
def test_random_programs(steps, inputs):
    f = value_and_grad(lambda x, y: np.sum(run(steps, x, y) ** 2), (0, 1))
    x, y = inputs[0], inputs[0] + inputs[1]
    made = compile(f, back_end="numba")
    assert_close(made(np.cos(x), np.sin(y)), f(np.cos(x), np.sin(y)), 1000)


@pytest.mark.usefixtures("as_python")
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.cumsum(x, axis=1), np.arange(6.0).reshape(2, 3)),
        (lambda x: np.abs(x), np.array([True, False])),
        (lambda x: x * (1.0 + 2.0j), np.array([1.0 + 1.0j])),
        (lambda x: x + x, np.ones(2, np.float16)),
        (lambda x: x // 2 + x % 3, np.array([7, -7])),
        (lambda x: np.exp(np.cumsum(np.exp(x))) @ x, np.array([0.5, 1.0])),
        (lambda x: (x.T, x[0], x[0, 1], np.cumsum(x), 1.0), np.arange(6.0).reshape(2, 3)),
        (lambda x: np.sum(x[:0]) + x, np.array([1.0, 2.0])),
    ],
)
def test_what_loops_cannot_say_is_left_to_numpy(f, x):
    step = compile(f, back_end="numba")
    for given_ in (x, x[::-1].copy()):
        assert_close(step(given_), f(given_), 4)


# -- elementwise steps, each by itself ---------------------------------------------------------

UFUNCS = [
    *(expressions._OPERATORS | expressions._CHOICES | expressions._COMPARISONS),
    *(expressions._LOGICAL | expressions._LIBRARY | expressions._QUESTIONS | expressions.OWN),
    *(expressions._BITWISE | {np.power: 0, np.sign: 0, np.reciprocal: 0, np.invert: 0}),
]
UFUNCS = [f for f in UFUNCS if isinstance(f, np.ufunc)]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e-30, -700.0, 88.0, 1e10, np.inf, -np.inf, np.nan]
SAMPLES = {
    "float64": np.array(SPECIAL),
    "float32": np.array(SPECIAL, np.float32),
    "int64": np.array([0, 1, -3, 7]),
    "int32": np.array([0, 1, -3, 7], np.int32),
    "bool": np.array([False, True]),
}


@np.errstate(all="ignore")
@pytest.mark.parametrize("function", UFUNCS, ids=lambda f: f.__name__)
def test_elementwise_steps_are_numpys(function):
    """For every pair of dtypes, with a weak number too, at every pair of values."""
    tried = 0
    seconds = [*SAMPLES, 2.0, 3, -2.0] if function.nin == 2 else [None]
    for first, second in itertools.product(SAMPLES, seconds):
        weak = not isinstance(second, str)
        text, expected = None, None
        for x, y in itertools.product(SAMPLES[first], [second] if weak else SAMPLES[second]):
            given_ = (x, y)[: function.nin]
            if text is None:
                try:
                    expected = function(*given_)
                except TypeError:
                    break
                operands = [Value(x, is_input=True), Value(y, is_input=not weak)][: function.nin]
                step = Step(TABLE[function], operands, {}, [Value(expected)])
                text = expressions.expression(step, ["x", "y"][: function.nin])
                if text is None:
                    break
                code = builtins.compile(text, "", "eval")
            expected = function(*given_)
            found = np.asarray(eval(code, {"np": np, **NAMESPACE}, {"x": x, "y": y}))
            tried += 1
            rtol = 4 * np.finfo(expected.dtype).eps if expected.dtype.kind == "f" else 0
            np.testing.assert_allclose(
                found.astype(expected.dtype), expected, rtol, err_msg=f"{text} of {given_}"
            )
    assert tried


# -- many steps, many members, and what is updated ---------------------------------------------


def descent(w, v, x):
    """A step of gradient descent with momentum, on one row of numbers."""
    loss, g = value_and_grad(lambda w: np.sum((np.tanh(x @ w) - x[0]) ** 2))(w)
    v = 0.9 * v + g
    return loss, w - 0.1 * v, v


def kernel_of(f, inputs, updates):
    program = simplify(expand(record(f, inputs).program, is_writable, lambda primitive: True))
    return backends.build("numba", schedule(program, updates), "f")


@pytest.mark.usefixtures("as_python")
def test_steps_carry_what_they_update_and_scan_what_is_scanned():
    rng = np.random.default_rng(0)
    w, v = rng.normal(size=(2, 2)), np.zeros((2, 2))
    rows = rng.normal(size=(3, 4, 2))
    kernel = kernel_of(descent, (w, v, rows[0]), {1: 0, 2: 1})
    here, losses = (w, v), []
    for k in range(7):
        loss, *here = descent(*here, rows[k % 3])
        losses.append(loss)
    mine, speed = w.copy(), v.copy()
    found = kernel.run([mine, speed, rows], 7, frozenset({2}))
    assert_close([found[0], mine, speed], [np.array(losses), *here])
    assert found[1] is mine
    once = w.copy()
    kernel.call([once, v.copy(), rows[0]])
    assert_close([once], [descent(w, v, rows[0])[1]])


@pytest.mark.usefixtures("as_python")
def test_members_of_a_batch_run_each_with_its_own_numbers():
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=(4, 2, 2)), rng.normal(size=(3, 4, 2))
    v = np.zeros_like(w)
    kernel = kernel_of(descent, (w[0], v[0], x[0]), {1: 0, 2: 1})
    expected = w.copy()
    for member, losses in enumerate(
        kernel.many([w, v, x], 5, frozenset({2}), frozenset({0, 1}))[0]
    ):
        alone, speed = expected[member].copy(), np.zeros((2, 2))
        assert_close([losses], [kernel.run([alone, speed, x], 5, frozenset({2}))[0]])
        assert_close([w[member]], [alone])


@pytest.mark.usefixtures("as_python")
def test_updates_may_be_each_others_and_what_is_returned_is_from_before():
    def swap(a, b):
        return b * 1.0, a, b, a + b, a.T

    a, b = np.arange(4.0).reshape(2, 2), np.ones((2, 2))
    kernel = kernel_of(swap, (a, b), {1: 1, 2: 0})
    before = a.copy(), b.copy()
    found = kernel.call([a, b])
    assert_close([a, b], before[::-1])
    assert_close([found[0], *found[3:]], [before[1], before[0] + before[1], before[0].T])


@pytest.mark.usefixtures("as_python")
def test_what_is_read_of_an_operand_stays_what_it_was_before_the_update():
    def f(a, x):
        first, row = a[0, 0], a[1]
        return a - x, np.sum(np.exp(a - x)) * first + row * x[0, 1]

    a, x = np.arange(4.0).reshape(2, 2), np.ones((2, 2))
    x.flags.writeable = False  # what is no update is not written to, not even with what it holds
    expected = f(a, x)
    kernel = kernel_of(f, (a, x), {0: 0})
    assert_close(kernel.call([a, x]), expected)


# -- thousands of single numbers ----------------------------------------------------------------


def numbers(a, b, c):
    """Every operation of the table, and a value that is an input, a constant or a truth."""
    t = [np.exp(a), np.tanh(b), np.sin(c) * np.cos(a), np.log1p(a * a), np.expm1(b), abs(c), -a]
    t += [np.sqrt(a * a + 1.0), np.log(2.0 + b**2), a / (b * b + 1.0), a - 1.0]
    t += [np.maximum(a, b), np.minimum(b, c), np.where(a > b, a, c * 2.0), np.reciprocal(3.0 + a)]
    t += [np.where((a < b) | np.logical_not(b <= c), a, b), np.square(c), +a]
    for x in list(t):
        t.append(x * t[-1] + a)
    return sum(t) / 7.0, a


@pytest.mark.usefixtures("as_python")
def test_many_single_numbers_are_a_table(monkeypatch):
    monkeypatch.setattr(numba_table, "LEAST", 20)
    f = value_and_grad(lambda a, b, c: numbers(a, b, c)[0], (0, 1, 2))
    step, other = compile(f, back_end="numba"), compile(numbers, back_end="numba")
    for given_ in ((0.3, -0.7, 1.1), (-1.2, 0.4, 0.0), (0.5, 0.5, 0.5), (np.nan, 1.0, 2.0)):
        assert_close(step(*given_), f(*given_))
        assert_close(other(*given_), numbers(*given_))
    assert "runs" in step.source
    assert "runs" in other.source


@pytest.mark.usefixtures("as_python")
@pytest.mark.parametrize("far", [1.0, 3e6])
def test_sine_and_cosine_of_one_number_stand_together(far):
    def wave(x):
        y = np.exp(-x * x) * np.sin(3.0 * x) + np.tanh(x) * np.exp(np.tanh(x))
        return np.sum(np.log1p(y * y) * np.sin(y) + np.exp(np.cos(x)))

    f = value_and_grad(wave)
    x = np.linspace(-1.0, 1.0, 1500)
    x[700] = far
    step = compile(f, back_end="numba")
    assert_close(step(x), f(x), 256)
    lines = step.source.splitlines()
    sines = [i for i, line in enumerate(lines) if "near_sin(" in line]
    assert len(sines) == 3
    assert all("near_cos(" in "".join(lines[i - 4 : i + 5]) for i in sines)


# -- what is compiled ---------------------------------------------------------------------------


def test_compiled_in_blocks():
    """Sines of arguments that are very large, and a long sum; the rest is for the long run."""
    x = np.append(np.linspace(-3.0, 3.0, 2001), [1e7, -1e300])
    f = value_and_grad(lambda x: np.sum(np.sin(x) ** 2))
    assert_close(compile(f, back_end="numba")(x), f(x))


def test_names_cannot_bring_in_code(as_python, monkeypatch):
    sources = []
    monkeypatch.setattr(cache, "load", lambda s: sources.append(s) or Interpreted(s))
    evil = "x\n__import__('os').abort()#"
    x = Tensor(np.ones(3), name=evil)
    record_ = record(lambda x: np.exp(x) * np.arange(3.0), (x,))
    for v in record_.program.values():
        v.name = evil
    program = schedule(record_.program)
    backends.build("numba", program, '"""\nabort()')
    (source,) = sources
    assert "import__('os')" not in source.replace("_", "x")
    assert "abort()" not in source


# -- the cache on disk ---------------------------------------------------------------------------

GENERATED = """from autograd_lite.codegen.jit import compiled


@compiled("float64[::1]")
def double(x):
    x[0] = 2.0 * x[0]
"""


def doubled(x):
    a = np.array([x])
    cache.load(GENERATED).double(a)
    return a[0]


def test_cache_serves_two_processes_and_is_rebuilt_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    program = f"from autograd_lite.codegen import cache; cache.load({GENERATED!r})"
    other = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert doubled(2.0) == 4.0
    assert other.communicate(timeout=120)[1] == ""
    assert other.returncode == 0
    (source,) = tmp_path.glob("*.py")
    (seal,) = tmp_path.glob("*.sum")
    index, code = sorted((tmp_path / "__pycache__").glob("*.nb*"), reverse=True)
    refreshed = []
    from numba.core.cpu import CPUContext

    monkeypatch.setattr(CPUContext, "refresh", lambda self: refreshed.append(self))
    del sys.modules[source.stem]
    assert doubled(2.5) == 5.0
    assert not refreshed  # it was loaded, without all that Numba needs to compile
    monkeypatch.undo()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))

    bent = bytearray(code.read_bytes())
    bent[len(bent) // 2] ^= 1  # in the machine code, which Numba would run
    for file, contents in [
        (code, bytes(bent)), (index, index.read_bytes()[:-9]), (seal, b"\xff"), (code, b""),
        (source, b"raise SystemExit('not what its name says')"),
    ]:  # fmt: skip
        file.write_bytes(contents)
        del sys.modules[source.stem]
        assert doubled(3.0) == 6.0
        assert file.read_bytes() != contents
    assert source.read_text() == GENERATED
    assert not list(tmp_path.glob("*.tmp"))


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    monkeypatch.setattr(cache, "_instead", [])
    with pytest.warns(UserWarning, match="Compiled code cannot be kept in"):
        first = cache.folder()
    assert cache.folder() == first  # warnings are errors here: a second one would be seen
    assert first.is_dir()
    # Nor is it lost when the folder goes, or when there is no home to begin with.
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "gone"))
    shutil.rmtree(cache.folder())
    assert doubled(4.0) == 8.0
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr(cache, "_users", lambda: Path("~no_such_user_of_this_machine").expanduser())
    assert cache.folder() == first


def test_without_numba_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    jit.numba.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match=r"\[fast\]"):
            jit.numba()
    finally:
        monkeypatch.undo()
        jit.numba.cache_clear()


def everything_compiled():
    """All programs and all elementwise steps through Numba: minutes."""
    with np.errstate(all="ignore"):
        for name, (f, inputs) in PROGRAMS.items():
            print(name, flush=True)
            units = 1e6 if name in LONG else 64  # long sums, in which most cancels
            assert_close(compile(f, back_end="numba")(*inputs), f(*inputs), units)
        for function, (kind, a) in itertools.product(UFUNCS, SAMPLES.items()):
            x, y = (c.ravel() for c in np.meshgrid(a, a))
            given_ = (x, y)[: function.nin]
            try:
                expected = function(*given_)
            except (TypeError, ValueError):
                continue
            print(function.__name__, kind, flush=True)
            found = compile(lambda *args: function(*args), back_end="numba")(*given_)  # noqa: B023
            assert_close(found, expected)
            finite = np.isfinite(expected)
            np.testing.assert_array_equal(np.isfinite(found), finite)
            np.testing.assert_allclose(
                found[finite], expected[finite], 4e-7 if kind == "float32" else 4e-15
            )


if __name__ == "__main__":
    everything_compiled()
