"""NumPy's whole namespace: a rule, a reason, or a gap that is named here."""

import re
from pathlib import Path

from autograd_lite.calculus.coverage import LEFT_OUT, functions, page, state

PAGE = Path(__file__).parents[2] / "docs" / "functions.md"


def test_every_function_of_this_numpy_has_a_state():
    gaps = [name for name, function in functions() if state(name, function) is None]
    assert not gaps, (
        f"NumPy has functions that are in no list: {', '.join(gaps)}. Give each a rule, or say in "
        "autograd_lite/calculus/coverage.py why it has none."
    )


def test_at_most_one_in_twenty_is_left_out():
    states = [state(name, function) or "" for name, function in functions()]
    differentiable = [s for s in states if s.startswith(("derivative", "left out"))]
    left_out = [s for s in states if s.startswith("left out")]
    assert len(left_out) <= 0.05 * len(differentiable), (len(left_out), len(differentiable))


def test_nothing_is_left_out_that_has_a_rule():
    ruled = {name for name, f in functions() if (state(name, f) or "").startswith("derivative")}
    assert not ruled & set(LEFT_OUT)


def test_the_page_is_current():
    """For the functions of this NumPy; the page is made with the newest."""
    written = dict(re.findall(r"\| `np\.(.+?)` \| (.+?) \|", PAGE.read_text(encoding="utf-8")))
    now = dict(re.findall(r"\| `np\.(.+?)` \| (.+?) \|", page()))
    different = [name for name, words in now.items() if written.get(name, words) != words]
    assert not different, "python -m autograd_lite.calculus.coverage > docs/functions.md"
