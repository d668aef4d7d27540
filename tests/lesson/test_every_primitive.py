"""What the lesson says of every primitive, as a person reads it: nothing of ours is left in it."""

import re

import numpy as np
import pytest

from autograd_lite.lesson.formula import Formula
from autograd_lite.lesson.notation import LATEX, MATHML, TEXT
from autograd_lite.lesson.writing import write
from tests.lesson.every_primitive import INTERNAL, derivation, entries, programs

PROGRAMS = {label: (function, given) for label, function, given in programs()}

LEFT = re.compile(
    r"None|\.\.\.|broadcast_to|getitem|max_unpool|conv2d|bitwise|polar|cosine\(|alias"
    r"|(int|float|bool|complex)(?!32\b)\d+|\w=|\(\d+, \d+\)\)|array \(|axis -|its operand|′\(1\)"
)
WORDS = {
    *("axis", "axes", "where", "else", "place", "at", "to", "is", "largest", "in", "windows"),
    *("stride", "padding", "rows", "labels", "places", "back", "through", "pick", "norm", "svd"),
    *("inv", "det", "solve", "slogdet", "cholesky", "qr", "eigh", "eig", "pinv", "fft", "ifft"),
    *("sigmoid", "softmax", "erf", "normalize", "i1", "i2", "and", "or", "weight", "bias"),
    *("attention", "True", "False", "sliding_window_view", "copy", "one", "number", "not"),
    *("lstm", "gru"),
}  # fmt: skip


def said(d):
    """Return every formula of a derivation in text, and every remark."""
    for step in d.steps:
        yield write(step.formula, TEXT)
    for e in d.edges:
        for f in (e.local, e.product, e.here, *e.notes):
            if f is not None:
                yield write(f, TEXT)
        if e.index is not None:
            yield write(e.index, TEXT)
        yield from e.remarks
        yield e.receiver


def symbols(f):
    """Return the names of the values in a formula."""
    if f.head in ("symbol", "gradient"):
        return {f.name}
    return set().union(*map(symbols, f.arguments))


def evaluated(f, inside=False):
    """Compute a formula from its symbols alone, as NumPy would, sums inside of it spread again."""
    if not f.arguments or f.head in ("rule", "contraction"):
        return f.value
    if any(a.parameters.get("rows") for a in f.arguments):
        return f.value  # a vector stands as a column or as a row
    if f.head == "output":
        (bundle,) = f.arguments
        given = [evaluated(a, True) for a in bundle.arguments]
        return bundle.primitive.forward(*given, **bundle.parameters)[f.parameters["index"]]
    given = [np.asarray(evaluated(a, True))[()] for a in f.arguments]
    if f.head == "sum":
        return np.sum(given[0], axis=f.parameters.get("axis"), keepdims=inside)
    if f.primitive is not None:
        return f.primitive.forward(*given, **f.parameters)
    if f.head == "getitem":
        return given[0][f.parameters["index"]]
    return getattr(np, f.head)(*given, **f.parameters)


@pytest.mark.parametrize("label", PROGRAMS)
def test_what_a_person_reads(label):
    d = derivation(*PROGRAMS[label])
    names = {v.name for v in d.graph.values}
    for text in said(d):
        assert not LEFT.search(text), text
    for step in d.steps:
        assert symbols(step.formula) <= names
    for e in d.edges:
        for f in (e.local, e.product):
            if f is None:
                continue
            assert symbols(f) <= names | set(e.places.values())
            text = re.sub(r"\[[^]]*\]|'[^']*'|ᵀ", "", write(f, TEXT))
            for word in re.findall(r"\b[A-Za-z_]\w*", text):
                assert word in names | WORDS | set(e.places.values()) or hasattr(np, word), word
            if any("copied" in remark for remark in e.remarks):
                continue
            shown = np.broadcast_to(evaluated(f), np.shape(f.value)) if f.shape else evaluated(f)
            np.testing.assert_allclose(shown, f.value, rtol=1e-12, atol=1e-300)
            assert write(f, LATEX).count("{") == write(f, LATEX).count("}")
            assert write(f, MATHML)


def test_every_rule_is_read_by_a_person():
    reached = {s.operation.name for p in PROGRAMS.values() for s in derivation(*p).steps}
    assert set(entries()) - reached <= INTERNAL


def test_a_formula_of_ours_is_evaluated_by_its_head():
    assert evaluated(Formula("add", 3.0, arguments=(Formula("constant", 1.0),) * 2)) == 2.0
