"""Every argument of every entry of the table, given a Tensor that needs a gradient.

Either the gradient arrives, and is that of numerical differences, or there is an error: no
argument drops the tape in silence.
"""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from autograd_lite import Tensor
from tests.calculus.cases import ENTRIES, NOT_UNIQUE, examples, label

# Where a gradient of 0 is what the function has: it compares, or only chooses by the argument.
CHOOSES = {
    "_detach.x",  # which is there to drop it
    "_turns.period",  # of which np.unwrap adds whole ones, with their gradient
    "_max_pool.by", "_max_unpool.by", "compress.condition", "extract.0", "extract.condition",
    "matrix_rank.hermitian", "empty_like.0", "empty_like.prototype",
}  # fmt: skip


def in_double(call):
    """Whether all that is given is real and in double precision, so that differences are exact."""
    args, keywords = call.arguments()
    flat = [
        x for a in (*args, *keywords.values()) for x in (a if isinstance(a, (list, tuple)) else [a])
    ]
    dtypes = [x.dtype for x in flat if isinstance(x, (np.ndarray, np.generic))]
    dtypes += [x for x in flat if isinstance(x, np.dtype)]  # to which the result is cast
    return all(d == np.float64 or d.kind in "biu" for d in dtypes)


def places(function, entry, args, keywords):
    """Yield (name, value, call) for each argument that can hold a number: call(x) takes x there."""
    signature = entry.signature if getattr(entry, "signature", None) else None
    names = list(signature.parameters) if signature else []
    for i, value in enumerate(args):
        name = names[i] if i < len(names) else str(i)
        yield name, value, lambda x, i=i: ([*args[:i], x, *args[i + 1 :]], keywords)
    for name in names[len(args) :]:
        parameter = signature.parameters[name]
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            value = keywords.get(name, parameter.default)
            yield name, value, lambda x, name=name: (args, {**keywords, name: x})


def substitutes(value):
    """Yield a number to try in place of a value, and how a Tensor of it stands there."""
    if isinstance(value, (list, tuple)) and value and np.ndim(value[0]) is not None:
        parts = list(value)
        if all(isinstance(p, (int, float, np.ndarray, np.generic)) for p in parts):
            first = np.asarray(parts[0])
            if first.dtype.kind in "biuf":
                kind = tuple if type(value) is tuple else list
                yield first.astype(float), lambda x: kind([x, *parts[1:]])
        return
    if isinstance(value, (int, float, np.ndarray, np.generic)) or np.isscalar(value):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            yield array.astype(float), lambda x: x
    elif value is None or value is inspect.Parameter.empty or not callable(value):
        yield np.array(1.0), lambda x: x


def flat(result):
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [
        x for part in parts for x in (flat(part) if isinstance(part, (list, tuple)) else [part])
    ]


def numbers(results):
    return [
        r
        for r in results
        if getattr(
            np.asarray(r) if not isinstance(r, Tensor) else r, "dtype", np.dtype(object)
        ).kind
        in "fc"
    ]


@pytest.mark.parametrize("function", ENTRIES, ids=label)
def test_an_argument_carries_its_gradient_or_raises(function):
    entry, rng = ENTRIES[function], np.random.default_rng(0)
    chosen = [call for call in examples(function) if in_double(call)][:1]
    for example in chosen:
        args, keywords = example.arguments()
        for name, given, call in places(function, entry, list(args), keywords):
            if f"{label(function)}.{name}" in CHOOSES:
                continue
            for value, insert in substitutes(given):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    see(entry, call, value, insert, rng, f"{label(function)}({name}={value!r})")


def see(entry, call, value, insert, rng, where):
    def outputs(x):
        look = NOT_UNIQUE.get(entry.function, lambda result: result)
        return numbers(flat(look(entry.from_numpy(*call(insert(x))))))

    t = Tensor(value, requires_grad=True)
    try:
        found = outputs(t)
        weights = [rng.normal(size=np.shape(o)) for o in found]
        losses = [
            np.real((o * w).sum())
            for o, w in zip(found, weights, strict=True)
            if isinstance(o, Tensor)
        ]
        for loss in losses:
            if loss.requires_grad:
                loss.backward()
    except Exception:  # whatever it is, it is not silence
        return
    direction = rng.normal(size=value.shape)
    ends = []
    for h in (1e-6, -1e-6):
        moved = value + h * direction
        try:
            plain = outputs(moved if moved.ndim else float(moved))
        except Exception as error:
            raise AssertionError(
                f"{where}: NumPy refuses a number there, and a Tensor goes through"
            ) from error
        ends.append(
            sum(
                float(np.real((np.asarray(o) * w).sum()))
                for o, w in zip(plain, weights, strict=True)
            )
        )
    expected = (ends[0] - ends[1]) / 2e-6
    got = 0.0 if t.grad is None else float((t.grad * direction).sum())
    if np.isfinite(expected):
        assert got == pytest.approx(expected, rel=3e-3, abs=1e-4 * max(1.0, abs(ends[0]))), where


CALLS = {
    "norm(x, t)": lambda x, t: np.linalg.norm(x[0], t),
    "norm(x, ord=t)": lambda x, t: np.linalg.norm(x[0], ord=t),
    "median(x, keepdims=t)": lambda x, t: np.median(x, keepdims=t),
    "mean(x, dtype=t)": lambda x, t: np.mean(x, dtype=t),
    "cov(x, fweights=[t, t])": lambda x, t: np.cov(x, fweights=np.stack([t, t])),
    "quantile(x, 0.5, weights=t)": lambda x, t: np.quantile(
        x, 0.5, weights=t * np.ones((2, 2)), method="inverted_cdf"
    ),
    "svd(x, compute_uv=t)": lambda x, t: np.linalg.svd(x, compute_uv=t),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_only_chooses_refuses_a_tensor_that_needs_a_gradient(name):
    x = Tensor([[1.0, 2.0], [0.5, 3.0]], requires_grad=True)
    with pytest.raises((TypeError, ValueError)):
        CALLS[name](x, Tensor(1.0, requires_grad=True))
