"""Programs in JavaScript, in a browser, against NumPy."""

import json

import numpy as np
import pytest
from hypothesis import Phase, given, settings

import nn
from autograd_lite import grad, value_and_grad
from autograd_lite.codegen import to_javascript
from autograd_lite.codegen.expand import NotWritable
from autograd_lite.codegen.record import record
from autograd_lite.codegen.to_javascript import javascript
from autograd_lite.trees import flatten
from tests.calculus.cases import CASES, DIFFERENTIABLE, evaluate, label

# What JavaScript has no words for here: complex numbers, a number's exponent, and decompositions
# whose signs are free.
REFUSED = {
    "argpartition", "eig", "eigh", "fft", "frexp", "holding", "ifft", "imag", "nuclear_norm",
    "pinv", "polar", "powers", "qr", "real", "roots", "svd", "svdvals",
}  # fmt: skip


def read(texts):
    """Read numbers out of JSON, which has no NaN."""
    return np.array([float(x) for x in texts])


def run(browser, programs):
    """Run each program on its points, all in one call; return the outputs of each point.

    ``programs`` has pairs of a `JavaScript` and a list of points, which are lists of arrays.
    """
    sent = [
        [made.text, [[[repr(float(x)) for x in np.ravel(a)] for a in point] for point in points]]
        for made, points in programs
    ]
    browser.get("about:blank")
    found = browser.execute_script(
        """
        const read = (x) => (x === "inf" ? Infinity : x === "-inf" ? -Infinity : Number(x));
        const write = (x) => String(x).replace("Infinity", "inf");
        return JSON.stringify(JSON.parse(arguments[0]).map(([text, points]) => {
          const run = eval(text);
          const of = (point) => run(point.map((a) => a.map(read)));
          return points.map((point) => of(point).map((a) => [...a].map(write)));
        }));
        """,
        json.dumps(sent),
    )
    return [[[read(a) for a in point] for point in points] for points in json.loads(found)]


def assert_close(found, wanted, rtol=1e-12, of=(), said=""):
    """Compare an output to its array, relative to the largest number of all that are given."""
    wanted = np.asarray(wanted, float).ravel()
    every = np.abs(np.concatenate([np.ravel(a) for a in (*of, wanted)]))
    scale = np.max(every[np.isfinite(every)], initial=1e-300)
    np.testing.assert_allclose(found, wanted, rtol, rtol * scale, equal_nan=True, err_msg=said)


def drawn(function):
    """Return two calls of an entry in double precision, the larger the better."""
    calls = []

    @settings(max_examples=6, phases=[Phase.generate], derandomize=True, database=None)
    @given(CASES[function])
    def draw(call):
        dtypes = {np.asarray(x).dtype.name for x in call.operands}
        if dtypes <= {"float64", "int64", "bool"}:
            calls.append(call)

    draw()
    return sorted(calls, key=lambda c: -sum(np.size(x) for x in c.operands))[:2]


def programs_of_the_table():
    """Yield for each primitive the program of its results and gradients, and two points."""
    rng = np.random.default_rng(0)
    for function, entry in DIFFERENTIABLE.items():
        if entry.name in REFUSED or entry.name == "alias":
            continue
        for call in drawn(function):
            own = [i for i, x in enumerate(call.operands) if np.asarray(x).dtype.kind == "f"]

            def results(*xs, call=call, own=own, entry=entry):
                operands = list(call.operands)
                for i, x in zip(own, xs, strict=True):
                    operands[i] = x
                made = flatten(evaluate(entry, call, operands))[0]
                return [y for y in made if np.asarray(getattr(y, "data", y)).dtype.kind in "fiub"]

            def total(*xs, results=results):
                return sum(
                    np.sum(y * np.cos(np.arange(1.0, y.size + 1)).reshape(y.shape))
                    for y in results(*xs)
                )

            def both(*xs, results=results, total=total):
                return results(*xs), grad(total, tuple(range(len(xs))))(*xs)

            given = [np.asarray(call.operands[i]) for i in own]
            with np.errstate(all="ignore"):
                program = record(both, given).program
                if any(np.asarray(v.data).dtype in (np.float16, np.float32, np.complex128)
                       for v in program.values()):  # fmt: skip
                    continue
                others = [x * (1 + 1e-3 * rng.random(x.shape)) for x in given]
                wanted = [program.evaluate([x[()] for x in point]) for point in (given, others)]
            yield label(function), program, [given, others], wanted


def test_every_primitive_of_the_table_and_its_gradient(chromium):
    every = list(programs_of_the_table())
    assert {name.lstrip("_").rstrip("12") for name, *_ in every} >= {"matmul", "conv2d", "sin"}
    made = run(chromium, [(javascript(program), points) for _, program, points, _ in every])
    for (name, _, points, wanted), found in zip(every, made, strict=True):
        for point, arrays, outputs in zip(points, wanted, found, strict=True):
            for a, b in zip(outputs, arrays, strict=True):
                assert_close(a, b, of=point, said=name)


X, Y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])


def step(w1, w2, x, y):
    """One step of gradient descent of a small network."""

    def loss(w1, w2):
        hidden = np.tanh(x @ w1)
        return np.mean((1 / (1 + np.exp(-(hidden @ w2))) - y) ** 2)

    value, (d1, d2) = value_and_grad(loss, (0, 1))(w1, w2)
    return w1 - 0.5 * d1, w2 - 0.5 * d2, value


def test_updates_are_written_into_the_inputs_and_outputs_can_be_inputs(chromium):
    rng = np.random.default_rng(0)
    w1, w2 = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
    program = record(step, (w1, w2, X, Y)).program
    texts = [javascript(program, {0: 0, 1: 1}).text, javascript(program).text]
    updated, returned = chromium.execute_script(
        """
        const given = () => arguments[1].map((a) => Float64Array.from(a));
        const [updating, returning] = arguments[0].map((text) => eval(text));
        const a = given();
        let b = given();
        for (let i = 0; i < 50; i++) {
          updating(a);
          b = [...returning(b).slice(0, 2), b[2], b[3]];
        }
        return [a, b].map((point) => point.slice(0, 2).map((w) => [...w]));
        """,
        texts,
        [np.ravel(x).tolist() for x in (w1, w2, X, Y)],
    )
    for _ in range(50):
        w1, w2, _ = step(w1, w2, X, Y)
    for found in (updated, returned):
        assert_close(read(found[0]), w1.data, 1e-9)
        assert_close(read(found[1]), w2.data, 1e-9)


def test_what_cannot_be_written_is_refused_with_the_line(monkeypatch):
    def spectrum(x):
        return np.abs(np.fft.fft(x))

    with pytest.raises(NotWritable, match="complex128 cannot be written in JavaScript"):
        javascript(record(spectrum, (np.ones(4),)).program)

    def values(a):
        return np.linalg.eigvalsh(a)

    with pytest.raises(NotWritable, match=r"'eigh'.* cannot be written in JavaScript"):
        javascript(record(values, (np.eye(2),)).program)
    dropout = nn.Dropout(0.5, rng=0)
    with pytest.raises(NotWritable, match="it draws random numbers"):
        javascript(record(dropout, (np.ones(4),)).program)
    monkeypatch.setattr(to_javascript, "MOST", 3)
    with pytest.raises(NotWritable, match="5 operations is too long"):
        javascript(record(lambda x: np.sin(np.sin(np.sin(np.sin(np.sin(x))))), (1.0,)).program)
