"""How a formula is written: as text, as LaTeX, as MathML.

`write` walks over a formula once for all three and knows when to put parentheses. A
`Notation` knows how its language writes a fraction, a power, a name. Operations that
have no sign of their own are written as calls, `tanh(x)`, so that a new primitive needs
nothing here.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from html import escape
from typing import Any

import numpy as np

from ..visualize.text import number as short
from ..visualize.text import parameter, rows, summary
from .formula import Formula, apply, is_number, number, same
from .simplifying import COMPARISONS

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an expression holds together

RELATIONS = {
    "greater": ">",
    "greater_equal": "≥",
    "less": "<",
    "less_equal": "≤",
    "equal": "=",
    "not_equal": "≠",
}
GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
MANY = 8  # arguments of what cannot be read, before the rest is left out
ELEMENT = re.compile(r"([^\[\]]+)\[([\w ,+·()/-]+)\]")  # such as W[0, 1] or X[n, 2·r + i]
SUBSCRIPTS = dict(zip("aehijklmnoprstuvx", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))


def exact(x: Any) -> str:
    """Write a number of a formula as it is: as it stands in the program, or as a fraction.

    >>> exact(0.5), exact(2.0), exact(2 / 21), exact(0.123456789), exact(1e-12), exact(np.pi)
    ('0.5', '2', '2/21', '0.123456789', '1e-12', 'π')
    """
    x = np.asarray(x)[()]
    if x.dtype.kind != "f" or not np.isfinite(x):
        return short(x)
    if x == x.dtype.type(np.pi):
        return "π"
    written = format(x, ".6g")
    if x.dtype.type(written) == x:
        return written
    ratio = Fraction(float(x)).limit_denominator(10000)
    if x.dtype.type(ratio.numerator / ratio.denominator) == x:
        return str(ratio)
    return str(x)


def _constants() -> Mapping[float, Formula]:
    """Return numbers that rules have in them, as a person knows them."""
    pi, two, ten = number(np.pi), number(2.0), number(10.0)

    def of(head: str, *arguments: Formula) -> Formula:
        return apply(head, *arguments, value=getattr(np, head)(*(a.value for a in arguments)))

    root = of("sqrt", pi)
    known = [
        of("log", two), of("log", ten), of("divide", pi, number(180.0)),
        of("divide", number(180.0), pi), of("divide", two, root), of("sqrt", two),
        of("divide", number(1.0), of("sqrt", two)),
        of("divide", number(1.0), of("sqrt", of("multiply", two, pi))), of("multiply", two, pi),
        of("divide", number(1.0), of("log", two)), of("divide", number(1.0), of("log", ten)),
    ]  # fmt: skip
    return {float(f"{f.value:.14e}"): f for f in known}


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
        """Hold a formula together."""
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
        """Hold a formula together."""
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
        """Hold a formula together."""
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


Numbers = bool | Callable[[Formula], str]


def write(formula: Formula, notation: Notation, *, numbers: Numbers = False) -> str:
    """Write a formula; with `numbers`, the value of each symbol in place of its name.

    `numbers` may be a function that says what stands for it, such as ``⟦3⟧``: then what needs
    parentheses where it begins with a minus stands in ``⟪…⟫``.
    """
    return _Writer(notation, numbers).write(formula)[0]


LONG = 160  # letters: a formula of more is no formula to a reader


def legible(formula: Formula) -> bool:
    """Whether a formula says what it is to a person: in names, signs and functions they know."""
    return _known(formula) and len(write(formula, TEXT)) <= LONG


def _known(f: Formula) -> bool:
    if f.head == "constant":
        array = np.asarray(f.value)
        uniform = array.size == 0 or bool(np.all(array == array.flat[0]))
        return array.dtype.kind in "fiubc" and (array.ndim == 0 or uniform)
    if f.head in OURS:
        return False
    return all(map(_known, f.arguments))


OURS = {
    "conv2d_image", "conv2d_weight", "polar", "nuclear_norm", "normalize", "svdvals", "cosine",
    "alias",
}  # fmt: skip
"""Primitives of ours that no one knows by name."""

CONSTANTS = _constants()

KNOWN_AS = {"nuclear_norm": "norm", "svdvals": "svd"}
"""What they are called where they have to be."""

SLOT = re.compile(r"(<mrow>)*⟦")


class _Writer:
    def __init__(self, notation: Notation, numbers: Numbers) -> None:
        self.n = notation
        self.numbers = numbers

    def write(self, f: Formula) -> tuple[str, int]:
        """Return the formula and how tightly it holds together."""
        n = self.n
        if f.head in ("symbol", "gradient"):
            if callable(self.numbers):
                return self.numbers(f), ATOM
            if self.numbers:
                text = short(f.value)
                return n.number(text), SIGN if text.startswith("-") else ATOM
            if f.head == "gradient":
                # In text, ∂L/∂x reads as one thing.
                return n.partial(f.parameters["of"], f.name), POWER
            return n.symbol(f.name, f.shape), ATOM
        if f.head == "constant":
            return self.constant(f)
        if f.primitive is not None and f.primitive.outputs:
            return self.generic(f)
        if f.head in COMPARISONS:
            a, b = (self.hold(x, SUM) for x in f.arguments)
            return n.infix(a, RELATIONS[f.head], b), SUM - 1
        written: tuple[str, int] = getattr(self, f.head if f.head in SIGNS else "generic")(f)
        return written

    def hold(self, f: Formula, at_least: int) -> str:
        """Write a part, in parentheses where it does not hold together well enough."""
        text, level = self.write(f)
        if level == ATOM and at_least > SIGN and SLOT.match(text):
            return f"⟪{text}⟫"
        return text if level >= at_least else self.n.parentheses(text)

    def after(self, f: Formula, at_least: int) -> str:
        """Write what stands after a sign: what begins with a minus is put in parentheses."""
        text, level = self.write(f)
        if level >= at_least and SLOT.match(text):
            return f"⟪{text}⟫"
        begins_with_minus = re.match(r"(<mrow>)*(-|<mo>−)", text)
        return self.n.parentheses(text) if level < at_least or begins_with_minus else text

    def constant(self, f: Formula) -> tuple[str, int]:
        if callable(self.numbers) and "at" in f.parameters:
            return self.numbers(f), ATOM
        array = np.asarray(f.value)
        if is_number(f):
            known = (
                CONSTANTS.get(float(f"{array.flat[0]:.14e}")) if array.dtype.kind == "f" else None
            )
            if known is not None:
                return self.write(known)
            text = exact(array.flat[0])
            level = PRODUCT if "/" in text else SIGN if text.startswith("-") else ATOM
            if array.dtype.kind == "c" and array.flat[0].imag:
                return self.n.parentheses(self.n.number(text)), ATOM
            return self.n.number(text), level
        if array.ndim == 0:
            return self.n.words(str(f.value)), ATOM
        return self.n.words(f"[array {parameter(array.shape)}]"), ATOM

    def generic(self, f: Formula) -> tuple[str, int]:
        arguments = [self.write(a)[0] for a in f.arguments]
        arguments += [self.n.words(given) for given in _given(f)]
        return self.n.call(KNOWN_AS.get(f.head, f.head), arguments), ATOM

    def rule(self, f: Formula) -> tuple[str, int]:
        """Write what cannot be read, such as a rule or a fold, as a call of its name."""
        arguments = [self.write(a)[0] for a in f.arguments[:MANY]]
        if len(f.arguments) > MANY:
            arguments.append(self.n.words("…"))
        return self.n.call(f.name, arguments), ATOM

    def fold(self, f: Formula) -> tuple[str, int]:
        return self.rule(f)

    # What follows has a sign of its own; each method is called as its primitive is.

    def add(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        if b.head == "negative":
            right = self.hold(b.arguments[0], PRODUCT)
            return self.n.infix(self.hold(a, SUM), self.n.minus, right), SUM
        return self.n.infix(self.hold(a, SUM), "+", self.after(b, SUM)), SUM

    def subtract(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        return self.n.infix(self.hold(a, SUM), self.n.minus, self.after(b, PRODUCT)), SUM

    def negative(self, f: Formula) -> tuple[str, int]:
        return self.n.negative(self.after(f.arguments[0], PRODUCT)), SUM

    def multiply(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        several = bool(a.shape and b.shape) and not (a.head == "constant" or b.head == "constant")
        sign = self.n.hadamard if several else self.n.times
        # A product of products needs no parentheses; the two factors of the chain rule have them.
        level = PRODUCT if b.head in ("multiply", "divide") and a.head != "gradient" else POWER
        return self.n.infix(self.hold(a, PRODUCT), sign, self.after(b, level)), PRODUCT

    def divide(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        fraction = self.n.fraction(self.write(a)[0], self.write(b)[0])
        if fraction is not None:
            return fraction, POWER
        return self.n.infix(self.hold(a, PRODUCT), "/", self.hold(b, POWER)), PRODUCT

    def matmul(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        return self.n.infix(self.hold(a, PRODUCT), self.n.dot, self.hold(b, SIGN)), PRODUCT

    def power(self, f: Formula) -> tuple[str, int]:
        a, b = f.arguments
        exponent = self.hold(b, ATOM) if self.n is TEXT else self.write(b)[0]
        return self.n.power(self.hold(a, ATOM), exponent), POWER

    def square(self, f: Formula) -> tuple[str, int]:
        return self.n.power(self.hold(f.arguments[0], ATOM), self.n.number("2")), POWER

    def reciprocal(self, f: Formula) -> tuple[str, int]:
        one = Formula("constant", 1.0)
        return self.divide(Formula("divide", f.value, "", (one, *f.arguments)))

    def transpose(self, f: Formula) -> tuple[str, int]:
        axes, ndim = f.parameters.get("axes"), len(f.shape)
        order = [*range(ndim)][::-1] if axes is None else [i % ndim for i in axes]
        if order == [*range(ndim)]:
            return self.write(f.arguments[0])
        last = [*range(ndim - 2), ndim - 1, ndim - 2]  # of matrices in a row, each by itself
        if f.parameters.get("rows") or (ndim >= 2 and order == last):
            return self.n.transpose(self.hold(f.arguments[0], ATOM)), POWER
        words = self.n.words(f"axes {', '.join(map(str, order))}")
        return self.n.call("transpose", [self.write(f.arguments[0])[0], words]), ATOM

    def contraction(self, f: Formula) -> tuple[str, int]:
        """Write a sum of products, with the indices of an element."""
        indices = f.parameters["contraction"].written()
        factors = [self.at(a, own) for a, own in zip(f.arguments, indices.factors, strict=True)]
        product = self.n.chain(factors, self.n.times) if len(factors) > 1 else factors[0]
        if not indices.summed:
            return product, PRODUCT if len(factors) > 1 else POWER
        return self.n.sigma(indices.summed, product), PRODUCT

    def at(self, f: Formula, indices: Sequence[str]) -> str:
        """Write one element of a factor."""
        places = ", ".join(indices)
        if f.head in ("symbol", "gradient"):
            name = f"{f.name}[{places}]" if places else f.name
            return self.write(dataclasses.replace(f, name=name))[0]
        return self.n.index(self.hold(f, ATOM), f"[{places}]" if places else "")

    def sum(self, f: Formula) -> tuple[str, int]:
        over = axes_of(f)
        return self.n.total(self.hold(f.arguments[0], PRODUCT), over), PRODUCT

    def terms(self, f: Formula) -> tuple[str, int]:
        """Write a sum of many terms, of which `total` are not all shown."""
        written = [self.after(f.arguments[0], SUM), *(self.after(a, SUM) for a in f.arguments[1:])]
        if f.parameters["total"] > len(written):
            written.insert(-1, self.n.words("…"))
        return self.n.chain(written, "+"), SUM if len(written) > 1 else PRODUCT

    def sqrt(self, f: Formula) -> tuple[str, int]:
        return self.n.root(self.write(f.arguments[0])[0]), ATOM

    def absolute(self, f: Formula) -> tuple[str, int]:
        return self.n.size(self.write(f.arguments[0])[0]), ATOM

    def where(self, f: Formula) -> tuple[str, int]:
        condition, a, b = (self.write(x)[0] for x in f.arguments)
        return self.n.cases(condition, a, b), ATOM

    def getitem(self, f: Formula) -> tuple[str, int]:
        if len(f.arguments) != 1:
            return self.generic(f)
        if only_axes(f):
            return self.reshape(f)
        return self.n.index(self.hold(f.arguments[0], ATOM), index_of(f)), ATOM

    def output(self, f: Formula) -> tuple[str, int]:
        return self.n.index(self.hold(f.arguments[0], ATOM), index_of(f)), ATOM

    def scatter(self, f: Formula) -> tuple[str, int]:
        if len(f.arguments) != 1:
            return self.generic(f)
        at = self.n.words(f"at {index_of(f)}, else 0")
        return self.n.call("place", [self.write(f.arguments[0])[0], at]), ATOM

    def reshape(self, f: Formula) -> tuple[str, int]:
        shape = self.n.words(across(f.shape) or "one number")
        return self.n.call("reshape", [self.write(f.arguments[0])[0], shape]), ATOM

    def broadcast_to(self, f: Formula) -> tuple[str, int]:
        shape = self.n.words(f"to {across(f.shape) or 'one number'}")
        return self.n.call("copy", [self.write(f.arguments[0])[0], shape]), ATOM

    def astype(self, f: Formula) -> tuple[str, int]:
        name = np.dtype(f.parameters["dtype"]).name
        return self.n.call(name, [self.write(f.arguments[0])[0]]), ATOM

    def einsum(self, f: Formula) -> tuple[str, int]:
        subscripts = self.n.words(repr(f.parameters["subscripts"]))
        return self.n.call("einsum", [subscripts, *(self.write(a)[0] for a in f.arguments)]), ATOM

    def split(self, f: Formula) -> tuple[str, int]:
        return self.n.call("split", [self.write(f.arguments[0])[0]]), ATOM

    def powers(self, f: Formula) -> tuple[str, int]:
        """Write |x| to some power, with the sign of x if it is a signed one."""
        (x,) = f.arguments
        size = self.n.size(self.write(x)[0])
        order = f.parameters["order"]
        power = size if order == 1 else self.n.power(size, self.n.number(exact(order)))
        if not f.parameters.get("signed"):
            return power, POWER
        sign = self.n.call("sign", [self.write(x)[0]])
        return self.n.infix(sign, self.n.hadamard if x.shape else self.n.times, power), PRODUCT

    def bessel(self, f: Formula) -> tuple[str, int]:
        return self.n.call(f"i{f.parameters['order']}", [self.write(f.arguments[0])[0]]), ATOM

    def conv2d(self, f: Formula) -> tuple[str, int]:
        x, weight, *bias = f.arguments
        text = self.n.infix(self.hold(x, PRODUCT), "∗", self.hold(weight, SIGN))
        how = geometry(f.parameters)
        if how:
            text = self.n.index(text, f" ({how})")
        if not bias:
            return text, PRODUCT
        return self.n.infix(text, "+", self.write(bias[0])[0]), SUM

    def max_pool(self, f: Formula) -> tuple[str, int]:
        """Write the largest numbers of windows; or what stands where another's are."""
        x, by = f.arguments
        where = windows(f.parameters)
        if by is not x and not same(x, by):
            where = f"where {write(by, TEXT)} is largest in {where}"
        return self.n.call("max" if where[0].isdigit() else "pick",
                           [self.write(x)[0], self.n.words(where)]), ATOM  # fmt: skip

    def max_unpool(self, f: Formula) -> tuple[str, int]:
        x, by = f.arguments
        at = f"where {write(by, TEXT)} is largest in {windows(f.parameters)}, else 0"
        return self.n.call("place", [self.write(x)[0], self.n.words(at)]), ATOM

    def pool_sum(self, f: Formula) -> tuple[str, int]:
        over = windows(f.parameters)
        return self.n.total(self.hold(f.arguments[0], PRODUCT), over), PRODUCT

    def pool_spread(self, f: Formula) -> tuple[str, int]:
        over = self.n.words(f"to {windows(f.parameters)}")
        return self.n.call("copy", [self.write(f.arguments[0])[0], over]), ATOM

    def bitwise_or(self, f: Formula) -> tuple[str, int]:
        a, b = (self.write(x)[0] for x in f.arguments)
        return self.n.infix(a, "or", b), SUM - 2

    def bitwise_and(self, f: Formula) -> tuple[str, int]:
        a, b = (self.hold(x, SUM - 1) for x in f.arguments)
        return self.n.infix(a, "and", b), SUM - 1

    logical_or, logical_and = bitwise_or, bitwise_and

    def logical_not(self, f: Formula) -> tuple[str, int]:
        return self.n.call("not", [self.write(f.arguments[0])[0]]), ATOM

    invert = logical_not


SIGNS = {name for name in vars(_Writer) if not name.startswith("_")}
SIGNS -= {"write", "hold", "after", "constant", "generic", "at"}


def axes_of(f: Formula) -> str:
    """Write the axes that an operation is along, counted from the left; nothing if it is all."""
    axis, ndim = f.parameters.get("axis"), len(f.arguments[0].shape)
    axes = {i % ndim for i in (axis if isinstance(axis, tuple) else (axis,))} if ndim and (
        axis is not None
    ) else set()  # fmt: skip
    return over_axes(tuple(sorted(axes))) if 0 < len(axes) < ndim else ""


def across(shape: Sequence[int]) -> str:
    """Write a shape: 2 × 3."""
    return " × ".join(map(str, shape))


def index_of(f: Formula) -> str:
    """Write the index of a part; arrays of places that are too large to be read have a name.

    >>> rows, labels = np.arange(20), np.tile([0, 2], 10)
    >>> index_of(Formula("getitem", 0.0, parameters={"index": (rows, labels)}))
    '[rows, labels]'
    """
    index = f.parameters.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    if f.arguments and Ellipsis in [p for p in parts if not isinstance(p, np.ndarray)]:
        at = next(i for i, p in enumerate(parts) if p is Ellipsis)
        missing = len(f.arguments[0].shape) - sum(p is not None for p in parts) + 1
        parts = (*parts[:at], *(slice(None),) * missing, *parts[at + 1 :])
    several = sum(isinstance(p, (np.ndarray, list)) for p in parts) > 1
    written = []
    for part in parts:
        array = np.asarray(part) if isinstance(part, (np.ndarray, list)) else None
        if array is None or (array.ndim < 2 and array.size <= MANY):
            written.append(parameter(part))
        elif array.dtype.kind == "b":
            written.append("mask")
        elif several and not written and np.array_equal(array.ravel(), np.arange(array.size)):
            written.append("rows")
        else:
            written.append("labels" if several and "rows" in written else "places")
    return f"[{', '.join(written)}]"


def only_axes(f: Formula) -> bool:
    """Whether a part is all of it, with other axes of length 1."""
    index = f.parameters.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    plain = all(p is None or isinstance(p, (int, slice, type(Ellipsis))) for p in parts)
    changed = any(p is None or isinstance(p, int) for p in parts)
    return plain and changed and np.size(f.value) == np.size(f.arguments[0].value)


def windows(parameters: Mapping[str, Any]) -> str:
    """Write which windows slide.

    >>> windows({"kernel": (2, 2), "stride": (2, 2)}), windows({"kernel": (3, 3)})
    ('2 × 2 windows', '3 × 3 windows (stride 1)')
    """
    kernel = parameters["kernel"]
    stride = parameters.get("stride", (1, 1))
    how = geometry({**parameters, "stride": (1, 1)})
    if tuple(stride) != tuple(kernel):
        how = ", ".join(filter(None, [f"stride {_pair(stride)}", how]))
    return f"{across(kernel)} windows" + (f" ({how})" if how else "")


def geometry(parameters: Mapping[str, Any]) -> str:
    """Write how windows slide, where it is not one place after the other."""
    said = []
    if tuple(parameters.get("stride", (1, 1))) != (1, 1):
        said.append(f"stride {_pair(parameters['stride'])}")
    padding = parameters.get("padding", ((0, 0), (0, 0)))
    if any(n for pair in padding for n in pair):
        ends = [n for pair in padding for n in pair]
        said.append(f"padding {ends[0] if len({*ends}) == 1 else padding}")
    if tuple(parameters.get("dilation", (1, 1))) != (1, 1):
        said.append(f"dilation {_pair(parameters['dilation'])}")
    return ", ".join(said)


def _pair(pair: Any) -> str:
    return str(pair[0]) if pair[0] == pair[1] else across(pair)


UNSAID = {"dtype", "keepdims", "order", "casting", "subok", "writeable", "kind"}
"""Parameters that change no number that a formula is about."""


def _given(f: Formula) -> list[str]:
    """Write the parameters that a person gave, without the names that they have."""
    found: list[str] = []
    for name, value in _telling(f).items():
        if value is None or value is False or name in UNSAID:
            continue
        if name == "axis":
            found += filter(None, [axes_of(f)])
        else:
            found.append(index_of(f) if name == "index" else parameter(value))
    return found


def _telling(f: Formula) -> dict[str, Any]:
    """Return the parameters that are not what they are by default."""
    if f.primitive is None or isinstance(f.primitive.function, np.ufunc):
        return dict(f.parameters)
    defaults = inspect.signature(f.primitive.function).parameters
    return {
        name: value
        for name, value in f.parameters.items()
        if name not in defaults or repr(defaults[name].default) != repr(value)
    }


def over_axes(axis: Any) -> str:
    """Name axes.

    >>> over_axes(0), over_axes((0, 2))
    ('axis 0', 'axes 0, 2')
    """
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(str(a) for a in axes)}"
