"""What is not finite is red in pictures and on the page, and they say where it was born."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from autograd_lite import Tensor, draw, explain, first_bad, trace
from autograd_lite.lesson.living import NotWritable
from autograd_lite.visualize.boxes import RED

PROGRAMS: dict[str, Any] = {
    "forward": (lambda x: np.sum(np.log(x)), [0.0, 4.0], "log"),
    "backward": (lambda x: np.sum(np.sqrt(x)), [0.0, 4.0], "sqrt"),
    "trap": (lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), [-1.0, 4.0], "sqrt"),
    "scalar": (lambda x: 0.0 * np.log(x), 0.0, "log"),
    "large": (lambda x: np.sum(np.log(x)), np.arange(30.0), "log"),
}


def ran(program: Any, x: Any) -> Tensor:
    t = Tensor(x, requires_grad=True, name="x")
    with trace(), np.errstate(all="ignore"):
        y = program(t)
    y.backward()
    return y


def red(text: str) -> list[str]:
    return re.findall(f'<font color="{RED}"><b>(.*?)</b></font>', text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_pictures_show_it_in_red_and_say_so(name: str) -> None:
    program, x, operation = PROGRAMS[name]
    y = ran(program, x)
    source = draw(y).source
    boxes = {line.split()[0]: line for line in source.splitlines() if "label=<" in line}
    wrong = [
        line for line in boxes.values() if re.search(r"\b(nan|inf)\b", line.split("tooltip")[0])
    ]
    assert wrong
    for line in wrong:  # in red, with a red border, and with a cross: not by colour alone
        assert "✗" in "".join(red(line))
        assert f'color="{RED}"' in line.split("</table>>")[-1] or "first here" in line
        assert not re.search(r">-?(nan|inf)<", re.sub(r"<b>(<i>)?-?(nan|inf)(</i>)?</b>", "", line))
    (born,) = [line for line in source.splitlines() if "first here" in line]
    assert f"<b>{operation}</b>" in born
    assert first_bad(y).numbers in born.replace("&lt;", "<")
    assert RED not in draw(y, gradients=False).source or name != "backward"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_says_it_and_compares_nothing(name: str, monkeypatch) -> None:
    """What Python says for a page that cannot compute; test_living.py has those that can."""

    def refuse(*_: object) -> None:
        raise NotWritable("not this one")

    monkeypatch.setattr("autograd_lite.lesson.page.alive", refuse)
    program, x, operation = PROGRAMS[name]
    explained = explain(ran(program, x))
    text, page = str(explained), explained.to_html()
    assert text.startswith(f"✗ Not all numbers are finite. {operation} at test_not_finite.py:")
    assert '<p id="not-finite">✗ Not all numbers are finite.' in page
    data = json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page, re.S)[1])
    assert data["bumps"]
    for bump in data["bumps"]:
        assert "nan" not in bump["badge"]
        if not np.isfinite(explained.derivation.gradients[explained.derivation.inputs[0]]).all():
            assert "not finite" in bump["badge"]
            assert not bump["ok"]
    explained.to_latex()


def test_what_is_finite_has_no_red() -> None:
    y = ran(lambda x: np.sum(x * x), [1.0, 2.0])
    assert RED not in draw(y).source
    assert "✗" not in str(explain(y))
    assert 'id="not-finite"' not in explain(y).to_html()
