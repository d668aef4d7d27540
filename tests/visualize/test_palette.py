"""The one visual language: it is told apart by everyone, and nobody else names a colour."""

import itertools
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from autograd_lite.visualize import palette
from autograd_lite.visualize.palette import ROLES, SOFT, contrast

ROOT = Path(__file__).parents[2]
PAIRS = [
    ("positive", "negative"),
    ("class-1", "class-0"),
    ("forward", "backward"),
    ("waiting", "complete"),
    ("complete", "bad"),  # right and wrong
]

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency" (2009), at full severity: what of linear RGB remains.
VISIONS = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(a, b, vision):
    return float(np.linalg.norm(lab(vision @ linear(a)) - lab(vision @ linear(b))))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pairs_are_told_apart(vision, theme):
    """A difference of 2.3 is just seen; ten times that is seen across a room."""
    matrix = np.asarray(VISIONS[vision])
    for a, b in PAIRS:
        assert difference(ROLES[a].of(theme), ROLES[b].of(theme), matrix) > 20, (a, b)
        assert "" != ROLES[a].cue != ROLES[b].cue != ""
    ends = palette.diverging(1, theme), palette.diverging(-1, theme)
    assert difference(*ends, matrix) > 20


def test_the_simulation_is_one_of_colour_blindness():
    """Red and green of one lightness, which a deuteranope takes for one another."""
    matrix = np.asarray(VISIONS["deuteranopia"])
    assert difference("#b26f4c", "#7f8440", np.eye(3)) > 2 * difference(
        "#b26f4c", "#7f8440", matrix
    )
    for m in VISIONS.values():
        np.testing.assert_allclose(np.sum(m, axis=1), 1, atol=1e-5)  # white stays white


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme):
    paper = ROLES["paper"].of(theme)
    for name, role in ROLES.items():
        if name not in ("paper", "line", "shade"):
            grounds = [paper, ROLES["shade"].of(theme)]
            grounds += [palette.soft(role, theme)] if name in SOFT else []
            assert min(contrast(role.of(theme), ground) for ground in grounds) >= 4.5, name
    for share in np.linspace(-1, 1, 9):
        assert contrast(ROLES["ink"].of(theme), palette.diverging(share, theme)) >= 4.5
    for ground in palette.GRADIENTS:
        assert contrast(palette.text_on(ground), ground) >= 4.5


def test_gradients_go_from_light_to_dark():
    lightness = [lab(linear(colour))[0] for colour in palette.GRADIENTS]
    assert all(a - b > 8 for a, b in itertools.pairwise(lightness))


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)  # WebAIM's example


def test_css_has_every_role_in_each_theme():
    for dark in (False, True):
        text = palette.css(dark)
        for name, role in ROLES.items():
            found = set(re.findall(rf"--{name}: (#\w+);", text))
            assert found == ({role.light, role.dark} if dark else {role.light})


NAMED = "white|black|red|blue|green|orange|purple|yellow|gray|grey|brown|cyan|magenta|crimson"
MAPS = "cividis|viridis|plasma|inferno|magma|Greys|Blues|Reds|RdBu|coolwarm|seismic|bwr|gray|jet"
LITERAL = re.compile(
    rf"""(?<!&)\#(?:[0-9a-fA-F]{{8}}|[0-9a-fA-F]{{6}}|[0-9a-fA-F]{{3,4}})(?![\w-])
    |\b(?:rgba?|hsla?|oklch|oklab)\(
    |(?:color|colour|fill|stroke|background|cmap)s?(?:["']?\s*[=:]\s*|\()["']?(?:{NAMED}|{MAPS})(?:_r)?\b
    |axes\.prop_cycle.*cycler\(["']color|_color:\s*[0-9a-f]{{6}}""",
    re.VERBOSE,
)


def test_a_literal_is_found():
    for line in ('color="#0072B2"', "x: #fff;", "rgb(0 1 2)", 'color="black"', 'cmap="RdBu_r"',
                 "fill: white", "edgecolor='white'", "`rgb(${r} 0 0)`"):  # fmt: skip
        assert LITERAL.search(line), line
    for line in ("&#160;", "var(--ink)", 'color="C1"', "issue #13", "#step=", "# a comment",
                 "color-mix(in srgb, var(--a), var(--b))"):  # fmt: skip
        assert not LITERAL.search(line), line


def test_no_other_file_names_a_colour():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("the files are listed by git")
    kinds = (".py", ".css", ".js", ".html", ".mplstyle", ".j2", ".svg.in")
    for name in listed.stdout.split():
        ours = not name.startswith("tests/") and not name.endswith("palette.py")
        if name.endswith(kinds) and ours and (ROOT / name).exists():
            for i, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
                assert not LITERAL.search(line), f"{name}:{i}: {line.strip()}: see palette.py"
