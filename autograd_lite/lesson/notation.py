"""The languages that formulas are written in: text, LaTeX, MathML.

A `Notation` knows how its language writes a fraction, a power, a name, an array. What stands in
a formula, and where it needs parentheses, is the same in all: :mod:`autograd_lite.lesson.writing`.

>>> [notation.power("x", "2") for notation in (TEXT, LATEX)]
['x^2', '{x}^{2}']
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from ..visualize.text import number as short
from ..visualize.text import rows, summary

GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
ELEMENT = re.compile(r"([^\[\]]+)\[([\w ,+·()/-]+)\]")  # such as W[0, 1] or X[n, 2·r + i]
SUBSCRIPTS = dict(zip("aehijklmnoprstuvx", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))


class Rounded(str):
    """A text of numbers that have been rounded: what is equal to them is only about so."""

    __slots__ = ()


def is_rounded(value: Any) -> bool:
    """Whether the digits that are shown of numbers are not all that they have.

    >>> is_rounded(0.1 + 0.2), is_rounded(2 / 3), is_rounded([0.5, 0.25]), is_rounded(12345.0)
    (False, True, False, True)
    """
    a = np.asarray(value)
    if a.dtype.kind not in "fciu" or rows(a) is None:
        return False  # of a large array only the shape or the range is told
    noise = 8 * np.finfo(a.dtype).eps if a.dtype.kind in "fc" else 0.0
    kind = complex if a.dtype.kind == "c" else float
    return any(
        abs(kind(short(x)) - kind(x)) > noise * abs(kind(x)) for x in a.ravel() if np.isfinite(x)
    )


class Notation:
    """Plain text; the two other languages differ from it where they must."""

    times, hadamard, dot, minus = "·", "⊙", "·", "-"

    def symbol(self, name: str, shape: Sequence[int] = ()) -> str:
        """Write a name."""
        return name

    def partial(self, of: str, by: str) -> str:
        """Write a partial derivative."""
        return f"∂{of}/∂{by}"

    def local(self, of: str, by: str) -> str:
        """Write a local derivative: of one operation, by one operand, the others held still."""
        return f"{of}′({by})"

    def number(self, text: str) -> str:
        """Write a number that has been rounded already."""
        return text

    def words(self, text: str) -> str:
        """Write words in the middle of a formula."""
        return text

    def infix(self, left: str, sign: str, right: str) -> str:
        """Write a sign between two formulas."""
        return f"{left} {sign} {right}"

    def chain(self, parts: Sequence[str], sign: str) -> str:
        """Write a sign between many formulas."""
        return f" {sign} ".join(parts)

    def negative(self, x: str) -> str:
        """Write a minus before a formula."""
        return f"{self.minus}{x}"

    def parentheses(self, x: str) -> str:
        """Put a formula in parentheses."""
        return f"({x})"

    def fraction(self, above: str, below: str) -> str | None:
        """Write one above the other; None where a language has no such thing."""
        return None

    def power(self, x: str, y: str) -> str:
        """Write a power."""
        return f"{x}^{y}"

    def transpose(self, x: str) -> str:
        """Write the transpose of a matrix."""
        return f"{x}ᵀ"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """Write a function and what it is applied to."""
        return f"{name}({', '.join(arguments)})"

    def root(self, x: str) -> str:
        """Write a square root."""
        return f"sqrt({x})"

    def size(self, x: str) -> str:
        """Write an absolute value."""
        return f"|{x}|"

    def total(self, x: str, over: str) -> str:
        """Write a sum over axes."""
        return f"sum({x}{', ' + over if over else ''})"

    def sigma(self, letters: Sequence[str], x: str) -> str:
        """Write a sum over indices.

        >>> TEXT.sigma("ni", "x"), TEXT.sigma("by", "x")
        ('Σₙᵢ x', 'Σ_{b,y} x')
        """
        if all(c in SUBSCRIPTS for c in letters):
            return f"Σ{''.join(SUBSCRIPTS[c] for c in letters)} {x}"
        return f"Σ_{{{','.join(letters)}}} {x}"

    def cases(self, condition: str, a: str, b: str) -> str:
        """Write a choice, element by element."""
        return f"({a} where {condition}, else {b})"

    def index(self, x: str, index: str) -> str:
        """Write a part of an array."""
        return f"{x}{index}"

    def equation(self, parts: Sequence[str]) -> str:
        """Write that several formulas are equal, or about so.

        >>> TEXT.equation(["x / 3", Rounded("0.3333")])
        'x / 3 ≈ 0.3333'
        """
        return self.joined(parts, " = ", " ≈ ")

    @staticmethod
    def joined(parts: Sequence[str], same: str, about: str) -> str:
        """Join what is equal; beside what has been rounded it is only about so."""
        text = parts[0]
        for before, part in itertools.pairwise(parts):
            text += (about if Rounded in map(type, (before, part)) else same) + part
        return text

    def since(self, reasons: Sequence[str]) -> str:
        """Write why something is so."""
        return f"since {' and '.join(reasons)}"

    def where(self, condition: str) -> str:
        """Write what names stand for."""
        return f"where {condition}"

    def array(self, value: Any) -> str:
        """Write a number, a small array, or what a large array is like.

        >>> TEXT.array(2.0), TEXT.array(np.eye(2)), TEXT.array(np.zeros((21, 4)))
        ('2', '[[1, 0], [0, 1]]', '(21, 4) array: min 0, mean 0, max 0')
        """
        a = np.asarray(value)
        if is_rounded(a):
            return Rounded(self.number(short(a)) if a.ndim == 0 else _nested(a))
        if a.ndim == 0:
            return self.number(short(a))
        if rows(a) is not None:
            return _nested(a)
        facts = ", ".join(f"{fact} {found}" for fact, found in summary(a).items())
        return f"{a.shape} array: {facts}"


def _nested(a: Any) -> str:
    return short(a) if a.ndim == 0 else f"[{', '.join(map(_nested, a))}]"


class _Typeset(Notation):
    """What LaTeX and MathML have in common: matrices."""

    def array(self, value: Any) -> str:
        """Write a number, a small matrix, or the shape of a large array."""
        a = np.asarray(value)
        table = rows(a) if a.ndim <= 2 else None
        if a.ndim == 0:
            text = self.number(short(a))
        elif table is None:
            return self.size_of(a.shape)
        else:
            text = self.matrix([[self.number(x) for x in row] for row in table])
        return Rounded(text) if is_rounded(a) else text

    def matrix(self, table: Sequence[Sequence[str]]) -> str:
        """Write a matrix."""
        raise NotImplementedError

    def size_of(self, shape: Sequence[int]) -> str:
        """Write the shape of an array in place of it."""
        raise NotImplementedError


class LaTeX(_Typeset):
    r"""For amsmath.

    >>> LATEX.array(0.5), LATEX.array(np.eye(2)), LATEX.array(np.zeros((21, 4)))
    ('0.5', '\\begin{bmatrix} 1 & 0 \\\\ 0 & 1 \\end{bmatrix}', '\\left[21 \\times 4\\right]')
    """

    times, hadamard, dot = r"\cdot", r"\odot", ""

    def symbol(self, name: str, shape: Sequence[int] = ()) -> str:
        r"""Write a name: one letter in italics, with digits below; more letters upright.

        >>> LATEX.symbol("w1"), LATEX.symbol("loss"), LATEX.symbol("theta_0")
        ('w_{1}', '\\mathrm{loss}', '\\theta_{0}')
        """
        element = ELEMENT.fullmatch(name)
        if element:
            places = element[2].replace("·", r" \cdot ")
            return f"{{{self.symbol(element[1])}}}_{{{places}}}"
        greek = unicodedata.name(name[0], "") if name else ""
        if greek.startswith("GREEK SMALL LETTER ") and greek.split()[-1].lower() in GREEK:
            name = greek.split()[-1].lower() + name[1:]
        match = re.fullmatch(r"([A-Za-z]+)_?(\d+|(?<=_)[A-Za-z])?", name)
        if match and (len(match[1]) == 1 or match[1].lower() in GREEK):
            letter = match[1] if len(match[1]) == 1 else "\\" + match[1]
            return letter + (f"_{{{match[2]}}}" if match[2] else "")
        return rf"\mathrm{{{_latex(name)}}}"

    def partial(self, of: str, by: str) -> str:
        """Write a partial derivative."""
        return rf"\frac{{\partial {self.symbol(of)}}}{{\partial {self.symbol(by)}}}"

    def local(self, of: str, by: str) -> str:
        """Write a local derivative: of one operation, by one operand, the others held still."""
        return rf"{{{self.symbol(of)}}}'{self.parentheses(self.symbol(by))}"

    def number(self, text: str) -> str:
        """Write a number: powers of ten as such."""
        text = text.replace("π", r"\pi")
        if re.fullmatch(r"-?\d+/\d+", text):
            above, below = text.split("/")
            return rf"{'-' * (above[0] == '-')}\tfrac{{{above.lstrip('-')}}}{{{below}}}"
        if text.strip("+-") in ("inf", "nan"):
            return {"inf": r"\infty", "-inf": r"-\infty"}.get(text, r"\mathrm{nan}")
        return re.sub(r"e([+-])0?(\d+)", lambda m: rf"\cdot 10^{{{int(m[1] + m[2])}}}", text)

    def words(self, text: str) -> str:
        """Write words in the middle of a formula."""
        return rf"\text{{{_latex(text)}}}"

    def infix(self, left: str, sign: str, right: str) -> str:
        """Write a sign between two formulas."""
        signs = {
            "≥": r"\ge", "≤": r"\le", "≠": r"\ne", "→": r"\to", "∗": r"\ast", "or": r"\lor",
            "and": r"\land",
        }  # fmt: skip
        sign = signs.get(sign, sign)
        return f"{left} {sign} {right}" if sign else rf"{left} \, {right}"

    def parentheses(self, x: str) -> str:
        """Put a formula in parentheses."""
        return rf"\left({x}\right)"

    def fraction(self, above: str, below: str) -> str | None:
        """Write one above the other."""
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, x: str, y: str) -> str:
        """Write a power."""
        return f"{{{x}}}^{{{y}}}"

    def transpose(self, x: str) -> str:
        """Write the transpose of a matrix."""
        return rf"{{{x}}}^{{\top}}"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """Write a function and what it is applied to."""
        known = {
            "sin", "cos", "tan", "log", "exp", "sinh", "cosh", "tanh", "max", "min", "arctan",
            "arcsin", "arccos",
        }  # fmt: skip
        written = f"\\{name}" if name in known else rf"\operatorname{{{_latex(name)}}}"
        return rf"{written}\left({', '.join(arguments)}\right)"

    def root(self, x: str) -> str:
        """Write a square root."""
        return rf"\sqrt{{{x}}}"

    def size(self, x: str) -> str:
        """Write an absolute value."""
        return rf"\left|{x}\right|"

    def equation(self, parts: Sequence[str]) -> str:
        """Write that several formulas are equal, or about so."""
        return self.joined(parts, " = ", r" \approx ")

    def total(self, x: str, over: str) -> str:
        """Write a sum over axes."""
        below = rf"_{{\text{{{_latex(over)}}}}}" if over else ""
        return rf"\sum{below} {x}"

    def sigma(self, letters: Sequence[str], x: str) -> str:
        """Write a sum over indices."""
        return rf"\sum_{{{', '.join(letters)}}} {x}"

    def cases(self, condition: str, a: str, b: str) -> str:
        """Write a choice, element by element."""
        return (
            rf"\begin{{cases}} {a} & \text{{where }} {condition} \\ {b} & \text{{else}} "
            r"\end{cases}"
        )

    def index(self, x: str, index: str) -> str:
        """Write a part of an array."""
        return rf"{x}{self.words(index)}"

    def where(self, condition: str) -> str:
        """Write what names stand for."""
        return rf"\text{{where }} {condition}"

    def since(self, reasons: Sequence[str]) -> str:
        """Write why something is so."""
        return r"\text{since } " + r" \text{ and } ".join(reasons)

    def matrix(self, table: Sequence[Sequence[str]]) -> str:
        """Write a matrix."""
        body = r" \\ ".join(" & ".join(row) for row in table)
        return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"

    def size_of(self, shape: Sequence[int]) -> str:
        """Write the shape of an array in place of it."""
        across = r" \times ".join(map(str, shape))
        return rf"\left[{across}\right]"


OPEN, CLOSE = (f'<mo lspace="0" rspace="0">{sign}</mo>' for sign in "()")


class MathML(_Typeset):
    """For a web page. Every formula is one element, `<mrow>` where it has parts."""

    def symbol(self, name: str, shape: Sequence[int] = ()) -> str:
        """Write a name: one letter in italics, with digits below; more letters upright."""
        element = ELEMENT.fullmatch(name)
        if element:
            return f"<msub>{self.symbol(element[1])}<mtext>{element[2]}</mtext></msub>"
        match = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
        if match:
            return f"<msub><mi>{match[1]}</mi><mn>{match[2]}</mn></msub>"
        return f"<mi>{escape(name)}</mi>"

    def partial(self, of: str, by: str) -> str:
        """Write a partial derivative."""
        return self._over(f"<mo>∂</mo>{self.symbol(of)}", f"<mo>∂</mo>{self.symbol(by)}")

    def local(self, of: str, by: str) -> str:
        """Write a local derivative: of one operation, by one operand, the others held still."""
        prime = f'<msup><mrow>{self.symbol(of)}</mrow><mo lspace="0" rspace="0">′</mo></msup>'
        return f"<mrow>{prime}{self.parentheses(self.symbol(by))}</mrow>"

    def number(self, text: str) -> str:
        """Write a number."""
        if "/" in text:
            above, below = text.split("/")
            return self._over(self.number(above), self.number(below))
        if text.startswith("-"):
            return f"<mrow><mo>−</mo>{self.number(text[1:])}</mrow>"
        return f"<mn>{escape(text)}</mn>"

    def words(self, text: str) -> str:
        """Write words in the middle of a formula."""
        return f"<mtext>{escape(text)}</mtext>"

    def infix(self, left: str, sign: str, right: str) -> str:
        """Write a sign between two formulas."""
        return f"<mrow>{left}<mo>{escape(sign.replace('-', '−'))}</mo>{right}</mrow>"

    def chain(self, parts: Sequence[str], sign: str) -> str:
        """Write a sign between many formulas."""
        return f"<mrow>{f'<mo>{escape(sign)}</mo>'.join(parts)}</mrow>"

    def negative(self, x: str) -> str:
        """Write a minus before a formula."""
        return f"<mrow><mo>−</mo>{x}</mrow>"

    def parentheses(self, x: str) -> str:
        """Put a formula in parentheses."""
        return f"<mrow>{OPEN}{x}{CLOSE}</mrow>"

    def fraction(self, above: str, below: str) -> str | None:
        """Write one above the other."""
        return self._over(above, below)

    def power(self, x: str, y: str) -> str:
        """Write a power."""
        return f"<msup><mrow>{x}</mrow><mrow>{y}</mrow></msup>"

    def transpose(self, x: str) -> str:
        """Write the transpose of a matrix."""
        return f"<msup><mrow>{x}</mrow><mo>⊤</mo></msup>"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """Write a function and what it is applied to."""
        inside = "<mo>,</mo>".join(arguments)
        return f"<mrow><mi>{escape(name)}</mi>{self.parentheses(inside)}</mrow>"

    def root(self, x: str) -> str:
        """Write a square root."""
        return f"<msqrt>{x}</msqrt>"

    def size(self, x: str) -> str:
        """Write an absolute value."""
        return f"<mrow><mo>|</mo>{x}<mo>|</mo></mrow>"

    def total(self, x: str, over: str) -> str:
        """Write a sum over axes."""
        sign = f"<munder><mo>∑</mo>{self.words(over)}</munder>" if over else "<mo>∑</mo>"
        return f"<mrow>{sign}{x}</mrow>"

    def sigma(self, letters: Sequence[str], x: str) -> str:
        """Write a sum over indices."""
        below = "<mo>,</mo>".join(f"<mi>{c}</mi>" for c in letters)
        return f"<mrow><munder><mo>∑</mo><mrow>{below}</mrow></munder>{x}</mrow>"

    def cases(self, condition: str, a: str, b: str) -> str:
        """Write a choice, element by element."""
        first = f"<mtr><mtd>{a}</mtd><mtd><mtext>where </mtext>{condition}</mtd></mtr>"
        second = f"<mtr><mtd>{b}</mtd><mtd><mtext>else</mtext></mtd></mtr>"
        return f"<mrow><mo>{{</mo><mtable>{first}{second}</mtable></mrow>"

    def index(self, x: str, index: str) -> str:
        """Write a part of an array."""
        return f"<mrow>{x}{self.words(index)}</mrow>"

    def equation(self, parts: Sequence[str]) -> str:
        """Write that several formulas are equal."""
        return f"<mrow>{self.joined(parts, '<mo>=</mo>', '<mo>≈</mo>')}</mrow>"

    def where(self, condition: str) -> str:
        """Write what names stand for."""
        return f"<mrow><mtext>where </mtext>{condition}</mrow>"

    def since(self, reasons: Sequence[str]) -> str:
        """Write why something is so."""
        return f"<mrow><mtext>since </mtext>{'<mtext> and </mtext>'.join(reasons)}</mrow>"

    def matrix(self, table: Sequence[Sequence[str]]) -> str:
        """Write a matrix."""
        cells = ("".join(f"<mtd>{x}</mtd>" for x in row) for row in table)
        body = "".join(f"<mtr>{row}</mtr>" for row in cells)
        return f"<mrow><mo>[</mo><mtable>{body}</mtable><mo>]</mo></mrow>"

    def size_of(self, shape: Sequence[int]) -> str:
        """Write the shape of an array in place of it."""
        return self.words(f"[{' × '.join(map(str, shape))}]")

    def _over(self, above: str, below: str) -> str:
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"


TEXT, LATEX, MATHML = Notation(), LaTeX(), MathML()


def _latex(text: str) -> str:
    """Quote a text for LaTeX."""
    special = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
    return re.sub(
        r"[\\^~#$%&_{}]|[^\x20-\x7e]",
        lambda m: special.get(m[0], "\\" + m[0] if m[0].isascii() else f"({ord(m[0]):x})"),
        text,
    )
