"""docs/scipy.md: its programs print what they say, its lines hold, and its names are there."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.peers import peer
from tests.scipy.special_cases import OF
from tests.test_docs import each

special = peer("autograd_lite.scipy.special")
stats = peer("autograd_lite.scipy.stats")
linalg = peer("autograd_lite.scipy.linalg")
PAGE = (Path(__file__).parents[2] / "docs" / "scipy.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (.+?) \| .+? \| `(.+)` \|$", PAGE, re.M)


def test_the_programs_print_what_they_say():
    known, printed, said = {}, [], []
    known["print"] = lambda *args: printed.append(" ".join(map(str, args)))
    for code in re.findall(r"```python\n(.+?)```", PAGE, re.S):
        exec(code, known)
        said += re.findall(r"print\(.+\)  # (.+)", code)
    assert printed == said


@pytest.mark.parametrize(("where", "line"), LINES, ids=[where for where, _ in LINES])
def test_line(where, line):
    assert eval(line, {"np": np, "each": each, "special": special, "stats": stats})


def test_its_names_are_those_that_there_are():
    named = set(re.findall(r"\b[a-z]\w+\b", PAGE))
    assert {*stats.__all__} - named == {"t", "f"}  # which are single letters
    assert {*linalg.__all__} <= named
    assert {*special.__all__} - named <= {"spherical_yn", "spherical_in", "spherical_kn"}
    listed = re.search(r"\| \| with derivatives \|\n(.+?)\n\n", PAGE, re.S)[1]
    words = "and|of|newer|the|others|their|its|kin|what|most|inverses|is|to|them|complementary"
    for name in set(re.findall(r"\b[a-z]\w*\b", re.sub(r"^\| [^|]+\|", "", listed, flags=re.M))):
        entry = name in OF or name in special.__all__ or f"_{name}" in OF
        assert entry or re.fullmatch(words, name) or name in ("jn", "digamma", "softplus"), name
