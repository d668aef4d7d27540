"""The one visual language: what each colour means, and what says the same without colour.

Everything that is drawn takes its colours from here: `draw`, the pages of steps and of
training, the demonstrations' figures, the study's report. No other file names a colour.

===========  ===========================  =======================  ==========================
what         one                          the other                the same without colour
===========  ===========================  =======================  ==========================
sign         positive: blue               negative: orange         + and −; solid and dashed
class        1: blue                      0: orange                triangle and circle
direction    forward: green               backward: purple         → and ←; the word, or ∂
state        waiting: grey                complete: gold           dashed and solid; ? and ✓
===========  ===========================  =======================  ==========================

A class is the sign of the network's output before its sigmoid, so class 1 is positive's blue.
Red, with a cross, is for what is wrong: a NaN, an infinity, a check that failed.

Each pair can be told apart with any of the three kinds of colour blindness, and each colour
can be read on paper, in light and in dark: `tests/visualize/test_palette.py` simulates them
(Machado, Oliveira and Fernandes 2009) and measures the contrast (WCAG 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Role:
    """A meaning: its colour in light and in dark, and the cue that stands beside it."""

    light: str
    dark: str
    cue: str = ""

    def of(self, theme: Theme = "light") -> str:
        """Return the colour in a theme."""
        return self.light if theme == "light" else self.dark


POSITIVE = Role("#006aa6", "#6cb8f0", "+, or a solid line")
NEGATIVE = Role("#b04600", "#ff9a4d", "−, or a dashed line")
FORWARD = Role("#00573d", "#6fe0a8", "→")
BACKWARD = Role("#a03fa8", "#da92ec", "←, or ∂")
WAITING = Role("#6b6b6b", "#9a9a9a", "a dashed border, or ?")
COMPLETE = Role("#4a3800", "#ffd75e", "a solid border, or ✓")
BAD = Role("#c4004b", "#ff7f8f", "✗")

INK, PAPER = Role("#1a1a1a", "#ececec"), Role("#ffffff", "#16181c")
GREY, LINE, SHADE = (
    Role("#595959", "#b4b4b4"),
    Role("#c4c4c4", "#4a4d55"),
    Role("#f4f4f2", "#23262c"),
)

ROLES = {
    "ink": INK, "paper": PAPER, "grey": GREY, "line": LINE, "shade": SHADE,
    "positive": POSITIVE, "negative": NEGATIVE, "class-1": POSITIVE, "class-0": NEGATIVE,
    "forward": FORWARD, "backward": BACKWARD, "waiting": WAITING, "complete": COMPLETE,
    "bad": BAD,
}  # fmt: skip
SOFT = ("positive", "negative", "forward", "backward", "waiting", "complete", "bad")

CLASSES = (NEGATIVE, POSITIVE)  # of label 0 and of label 1
MARKERS = ("o", "^")
DASHES = "7 4"  # of a negative line in SVG: drawn 7 pixels, left out 4

# How much of a sign's colour stands in the cell of the largest number; the rest is paper, so
# that the number in it can be read.
STRONGEST: dict[Theme, float] = {"light": 0.6, "dark": 0.42}
FAINT = 0.1  # how much of a colour is in its soft form, behind text

# |gradient|, from vanishing to exploding: lighter to darker in both themes, so that it is read
# without hue.
GRADIENTS = ("#f7eaf8", "#e6c6ea", "#d09fd6", "#b573bd", "#924b9b", "#6a2a73", "#42104a")
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of curves that mean nothing but themselves (Okabe and Ito's); their dashes differ too."""
HEAT, SHADES, MISSING = "cividis", "Greys", "#bbbbbb"  # Matplotlib's maps of what has no sign


def mixed(share: float, colour: str, ground: str) -> str:
    """Return a share of a colour on a ground of another.

    >>> mixed(0.5, "#ff0000", "#ffffff"), mixed(0, "#ff0000", "#ffffff")
    ('#ff8080', '#ffffff')
    """
    pairs = ((int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(b + (a - b) * share):02x}" for a, b in pairs)


def soft(role: Role, theme: Theme = "light") -> str:
    """Return a role's colour as a ground for text."""
    return mixed(FAINT, role.of(theme), PAPER.of(theme))


def diverging(share: float, theme: Theme = "light") -> str:
    """Return the ground of a number in a matrix: paper for 0, blue above, orange below.

    Parameters
    ----------
    share
        The number as a share of the largest magnitude, from −1 to 1.

    Examples
    --------
    >>> diverging(0.0), diverging(1.0), diverging(-1.0)
    ('#ffffff', '#66a6ca', '#d09066')
    """
    role = POSITIVE if share >= 0 else NEGATIVE
    return mixed(STRONGEST[theme] * min(1.0, abs(share)), role.of(theme), PAPER.of(theme))


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2, from 0 for black to 1 for white."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Return the contrast ratio of WCAG 2.2, from 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def text_on(ground: str) -> str:
    """Return the colour of a text that can be read on a ground: light's ink, or its paper.

    >>> text_on("#ffffff") == INK.light, text_on(GRADIENTS[-1]) == PAPER.light
    (True, True)
    """
    return max(INK.light, PAPER.light, key=lambda ink: contrast(ink, ground))


def _variables(theme: Theme) -> str:
    lines = {name: role.of(theme) for name, role in ROLES.items()}
    lines |= {f"{name}-soft": soft(ROLES[name], theme) for name in SOFT}
    lines |= {f"gradient-{i}": colour for i, colour in enumerate(GRADIENTS)}
    lines |= {f"series-{i}": colour for i, colour in enumerate(SERIES)}
    lines["strongest"] = f"{STRONGEST[theme]:.0%}"
    return " ".join(f"--{name}: {value};" for name, value in lines.items())


def css(dark: bool = True) -> str:
    """Return all colours as CSS variables: ``--positive``, ``--positive-soft``, ``--ink``.

    Parameters
    ----------
    dark
        Whether a reader who prefers dark gets it. ``data-theme="dark"`` (or ``"light"``) on
        the root element decides, where it is set. Print is light.

    Notes
    -----
    A cell of a matrix is
    ``color-mix(in srgb, var(--positive) calc(var(--strongest) * share), var(--paper))``.
    """
    light = _variables("light")
    if not dark:
        return f":root {{ color-scheme: light; {light} }}\n"
    night = f"color-scheme: dark; {_variables('dark')}"
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        "@media screen and (prefers-color-scheme: dark) "
        f'{{ :root:not([data-theme="light"]) {{ {night} }} }}\n'
        f'@media screen {{ :root[data-theme="dark"] {{ {night} }} }}\n'
    )
