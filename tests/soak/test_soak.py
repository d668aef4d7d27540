"""The soak finds what is wrong and says it small; and its vocabulary reaches the whole table."""

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.protocol import TABLE
from tests.calculus.cases import DIFFERENTIABLE
from tests.soak.__main__ import failure, kind, main
from tests.soak.programs import NAMES, Program, draw, tried
from tests.soak.shrink import shrink
from tests.soak.vocabulary import LINES, Holes, NoFit

RNG = np.random.default_rng(3)
KNOWN = {
    "x0": np.asarray(RNG.uniform(-1.5, 1.5)),
    "x1": RNG.uniform(-1.5, 1.5, 3),
    "x2": RNG.uniform(-1.5, 1.5, (2, 3)),
    "x3": RNG.uniform(-1.5, 1.5, (2, 3)),
    "x4": RNG.uniform(-1.5, 1.5, (3, 3)),
    "x5": RNG.uniform(-1.5, 1.5, 3) + 0.5j,
    "x6": RNG.uniform(-1.5, 1.5, (1, 2, 3)),
}
OTHERS = {
    "alias": "of transforms alone",
    "attention": "of a packed sequence; in tests/nn",
    **dict.fromkeys(("lstm", "gru"), "of a cell's gates; in tests/nn"),
    "bce": "by its logits, and in tests/nn",
    "frexp": "jumps at each power of two; in tests/calculus",
    "holding": "of a written program alone",
    "output": "of what returns several",
    "roots": "moves without bound where two meet; in tests/calculus",
    **dict.fromkeys(
        (
            "bessel",
            "cosine",
            "conv2d_image",
            "conv2d_weight",
            "erf",
            "max_unpool",
            "polar",
            "pool_spread",
        ),
        "in the rules of others, so in second derivatives",
    ),
}


def a_line(template):
    """Return a line that NumPy takes, and its value."""
    for seed in range(60):
        try:
            line = template.format_map(Holes(np.random.default_rng(seed), KNOWN, "v0"))
        except NoFit:
            continue
        line = f"v0 {line}" if line.startswith("= ") else f"v0 = {line}"
        if tried(line, KNOWN, "v0") is not None:
            return line
    raise AssertionError(f"NumPy takes no line of {template}")


def primitives_of(result):
    found, waiting, seen = set(), [result], set()
    while waiting:
        t = waiting.pop()
        if isinstance(t, Tensor) and t.tape.primitive is not None and id(t) not in seen:
            seen.add(id(t))
            found.add(t.tape.primitive.name)
            waiting += t.tape.parents
    return found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_line_can_be_drawn_and_together_they_reach_every_primitive():
    reached = set()
    for template in LINES:
        line = a_line(template)
        space = NAMES | {n: Tensor(x, requires_grad=True) for n, x in KNOWN.items()}
        exec(line.replace("\n    ", "\n"), space)
        reached |= primitives_of(space["v0"])
    rules = {e.name for e in DIFFERENTIABLE.values()}  # as the tests found the table
    assert rules - reached - set(OTHERS) == set()


def test_a_program_is_the_same_each_time_and_its_text_is_the_program():
    for n in range(5):
        first, second = (draw(np.random.default_rng([7, n])) for _ in range(2))
        assert first.whole_text() == second.whole_text()
        space = {}
        exec(first.whole_text().partition("hold(program")[0], space)
        own = space["program"](*[space[name] for name in first.inputs])
        for x, y in zip(own, first.function()(*first.arguments()), strict=True):
            np.testing.assert_array_equal(x, y)


def test_programs_hold(capsys):
    assert main(["--seed", "0", "--program", "3"]) == 0
    assert "0 disagree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "line"),
    [(np.cumsum, "np.cumsum("), (np.sinh, "np.sinh(")],
    ids=["a rule of the wrong sign", "a factor that is a little off"],
)
def test_a_wrong_rule_is_found_and_the_program_made_small(function, line, monkeypatch):
    entry = TABLE[function]
    (name, rule), *_ = entry.rules.items()
    factor = 1.001 if function is np.sinh else -1.0
    wrong = entry.with_rules(
        **{name: (lambda g, x: g * np.cosh(x) * factor)}
        if function is np.sinh
        else {name: lambda g, a, axis=None: -rule(g, a, axis=axis)}
    )
    monkeypatch.setitem(TABLE, function, wrong)
    programs = (draw(np.random.default_rng([1, n])) for n in range(200))
    for program in programs:
        if any(line in text for text in program.lines.values()):
            error = failure(program)
            if error is not None:
                break
    small = shrink(program, lambda p: kind(failure(p)) == kind(error), seconds=3.0)
    assert len(small.lines) <= 2
    assert any(line in text for text in small.lines.values())
    with pytest.raises(type(error)):
        exec(small.whole_text(), {})


def test_what_is_returned_needs_all_lines_that_are_left():
    program = Program(
        {"x0": np.ones(2)}, {"v0": "v0 = np.sin(x0)", "v1": "v1 = v0 * 2.0"}, ["v0"]
    ).only(["v0"])
    assert list(program.lines) == ["v0"]
