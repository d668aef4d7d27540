"""How a formula is written: in signs where an operation has one, else as a call of its name.

`write` walks over a formula once for all notations and knows when to put parentheses. Operations
that have no sign of their own are written as calls, `tanh(x)`, so that a new primitive needs
nothing here.

>>> from autograd_lite.lesson.formula import apply, symbol
>>> x, y = symbol("x", 2.0), symbol("y", 3.0)
>>> total = apply("add", x, y, value=5.0)
>>> write(apply("multiply", total, y, value=15.0), TEXT)
'(x + y) · y'
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..visualize.text import number as short
from ..visualize.text import parameter
from .formula import Formula, apply, is_number, number, same
from .notation import TEXT, Notation
from .parameters import across, axes_of, geometry, given, index_of, only_axes, windows
from .rewriting import COMPARISONS

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an expression holds together

RELATIONS = {
    "greater": ">",
    "greater_equal": "≥",
    "less": "<",
    "less_equal": "≤",
    "equal": "=",
    "not_equal": "≠",
}
MANY = 8  # arguments of what cannot be read, before the rest is left out


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


Numbers = bool | Callable[[Formula], str]


def write(formula: Formula, notation: Notation, *, numbers: Numbers = False) -> str:
    """Write a formula; with `numbers`, the value of each symbol in place of its name.

    `numbers` may be a function that says what stands for it, such as ``⟦3⟧``: then what needs
    parentheses where it begins with a minus stands in ``⟪…⟫``.
    """
    return _FormulaWriter(notation, numbers).write(formula)[0]


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
    "conv2d_image", "conv2d_weight", "polar", "nuclear_norm", "normalize", "attention", "svdvals",
    "cosine", "alias", "lstm", "gru",
}  # fmt: skip
"""Primitives of ours that no one knows by name."""

CONSTANTS = _constants()

KNOWN_AS = {"nuclear_norm": "norm", "svdvals": "svd"}
"""What they are called where they have to be."""

SLOT = re.compile(r"(<mrow>)*⟦")


class _FormulaWriter:
    def __init__(self, notation: Notation, numbers: Numbers) -> None:
        self.n = notation
        self.numbers = numbers

    def write(self, f: Formula) -> tuple[str, int]:
        """Return the formula and its precedence."""
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
        """Write a part, in parentheses where its precedence is too low."""
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
        arguments += [self.n.words(x) for x in given(f)]
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


SIGNS = {name for name in vars(_FormulaWriter) if not name.startswith("_")}
SIGNS -= {"write", "hold", "after", "constant", "generic", "at"}
