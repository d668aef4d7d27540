"""The checks catch mistakes: every rule of every primitive, changed in every small way.

A rule is found as a lambda in the source of its module, by its position there.
A mutant is the same lambda with one change, in the rule itself or in a helper of
the module that it calls. Its gradients are then held against those of the rule as it
stands, at the calls that the other tests make: test_gradients.py and its neighbours
hold these against numerical derivatives, test_special_points.py against limits.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, wraps
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_lite import grad
from autograd_lite.primitive import Primitive
from autograd_lite.tensor import unwrap
from tests.calculus.cases import DIFFERENTIABLE, EXPLORING, Call, examples, label, results_of, size
from tests.calculus.conventions import CONVENTIONS
from tests.calculus.test_gradients import program


class Mutant(NamedTuple):
    key: str  # the operand whose rule it is, or "joint"
    what: str  # the change, as text
    rule: Callable[..., Any]


# -- finding the source of a rule ---------------------------------------------------------


@cache
def module_tree(file: str) -> ast.Module:
    with open(file, encoding="utf-8") as text:
        return ast.parse(text.read())


def start_of(code: CodeType) -> tuple[int, int]:
    """The place of the first thing that a rule computes."""
    places = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None and (line, column) != (code.co_firstlineno, 0)
    ]
    return min(places)


def source_of(rule: Callable[..., Any]) -> ast.Lambda | ast.FunctionDef:
    """Find a function's source: several lambdas may stand on one line."""
    code = rule.__code__  # type: ignore[attr-defined]
    tree = module_tree(code.co_filename)
    if rule.__name__ != "<lambda>":
        return next(
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == rule.__name__
        )
    line, column = start_of(code)
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and (node.body.lineno, node.body.col_offset)
        <= (line, column)
        <= (node.body.end_lineno, node.body.end_col_offset)
    ]
    return max(around, key=lambda node: (node.lineno, node.col_offset))  # the innermost


def helpers_of(node: ast.AST, namespace: dict[str, Any]) -> dict[str, ast.FunctionDef]:
    """The functions of the calculus modules that a rule calls, and those that these call."""
    found: dict[str, ast.FunctionDef] = {}
    waiting = [node]
    while waiting:
        for name in ast.walk(waiting.pop()):
            function = namespace.get(name.id) if isinstance(name, ast.Name) else None
            if (
                inspect.isfunction(function)
                and function.__module__.startswith("autograd_lite.calculus")
                and function.__name__ not in found
            ):
                found[function.__name__] = source_of(function)
                waiting.append(found[function.__name__])
    return found


# -- changing it ---------------------------------------------------------------------------


ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


def changes(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """Yield what a wrong hand might have written in place of an expression."""
    match node:
        case ast.BinOp(left, op, right):
            yield left  # a dropped term
            if not isinstance(op, ast.Pow):
                yield right
            other = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
            if type(op) in other:
                yield ast.BinOp(left, other[type(op)](), right)
            if isinstance(op, ast.MatMult):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(ast.USub(), operand):
            yield operand  # a dropped sign
        case ast.Compare(left, [op], [right]) if isinstance(op, ORDERS):
            for other in ORDERS:
                if not isinstance(op, other):
                    yield ast.Compare(left, [other()], [right])
        case ast.BoolOp(_, values):
            yield from values
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
            yield ast.Constant(-value if value else -1)
        case ast.Name(name, ast.Load()) if name in names:
            for other in names:  # another operand
                if other != name:
                    yield ast.Name(other, ast.Load())
            if name == "axis":  # another axis
                yield ast.Constant(0)
                yield ast.Constant(None)
            if name == "keepdims":
                yield ast.Constant(True)
                yield ast.Constant(False)
        case ast.Call(_, [first, *_]):
            yield first  # a function that was not applied
            if len(node.args) == 3:  # np.where with its branches exchanged
                yield ast.Call(node.func, [first, node.args[2], node.args[1]], node.keywords)
        case ast.Attribute(value, "T"):
            yield value


def mutated(tree: Any, names: list[str]) -> Iterator[tuple[str, CodeType]]:
    """Yield each change of a function's source in words, and the function with it, compiled."""
    nodes = list(below(tree))
    complex_only = {
        id(inner)
        for *_, node in nodes
        if isinstance(node, (ast.If, ast.IfExp)) and "iscomplexobj" in ast.unparse(node.test)
        for part in [node.test, *(node.body if isinstance(node.body, list) else [node.body])]
        for inner in ast.walk(part)
    }
    for parent, field, place, node in nodes:
        if id(node) in complex_only:
            continue  # the cases are real; test_complex.py holds the complex ones
        for what, change in replacements(node, names):
            ast.fix_missing_locations(ast.copy_location(change, node))
            before = getattr(parent, field)
            listed = before if place is None else [*before[:place], change, *before[place + 1 :]]
            setattr(parent, field, change if place is None else listed)
            code = code_of(tree)
            setattr(parent, field, before)
            if code is not None:
                yield what, code


def below(tree: Any) -> Iterator[tuple[Any, str, int | None, ast.AST]]:
    """Yield the nodes of a function's body, each with its parent, the field and the place there."""
    waiting = [(tree, "body")]
    for parent, field in waiting:  # which grows
        children = getattr(parent, field)
        listed = children if isinstance(children, list) else [children]
        for place, node in enumerate(listed):
            if isinstance(node, ast.AST):
                yield parent, field, place if listed is children else None, node
                waiting += [(node, inner) for inner in node._fields if hasattr(node, inner)]


def replacements(node: ast.AST, names: list[str]) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may stand in place of a node, and that in words."""
    if isinstance(node, ast.expr):
        for change in changes(node, names):
            yield f"{ast.unparse(node)} → {ast.unparse(change)}", change
    elif isinstance(node, ast.If):
        # A case that is forgotten, or taken always.
        for constant in (True, False):
            change = ast.If(ast.Constant(constant), node.body, node.orelse)
            yield f"if {ast.unparse(node.test)} → {constant}", change
    elif isinstance(node, ast.Return) and node.value is not None:
        for change in wrapped(node.value):
            yield f"return {ast.unparse(change)}", ast.Return(change)


def wrapped(value: Any) -> Iterator[Any]:
    """A sign, a factor of 2, one that is barely wrong, and nothing at all."""
    for factor in (-1.0, 2.0, 1.001, 0.0):
        yield ast.BinOp(ast.Constant(factor), ast.Mult(), value)


def code_of(tree: ast.Lambda | ast.FunctionDef) -> CodeType | None:
    """Return what makes a function; None for a change that is no program at all."""
    try:
        if isinstance(tree, ast.Lambda):
            return compile(ast.Expression(tree), "<mutant>", "eval")
        return compile(ast.Module([tree], []), "<mutant>", "exec")
    except SyntaxError:
        return None


def made(name: str, code: CodeType, namespace: dict[str, Any]) -> Callable[..., Any]:
    """Return the function of some code, which is put into the namespace where it has a name."""
    function = eval(code, namespace)
    return namespace[name] if function is None else function


def parameters(tree: ast.Lambda | ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in tree.args.args]


def each_times(factor: float, rule: Callable[..., Any]) -> Callable[..., Any]:
    """Multiply each gradient that a joint rule returns."""

    @wraps(rule)
    def scaled(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return tuple(None if g is None else factor * g for g in rule(*args, **kwargs))

    return scaled


def mutants_of(entry: Primitive) -> Iterator[Mutant]:
    """Yield every mutant of every rule of a primitive."""
    rules = dict(entry.rules) or {"joint": entry.joint}
    for key, rule in rules.items():
        tree, namespace = source_of(rule), rule.__globals__
        for what, code in mutated(tree, parameters(tree)):
            yield Mutant(key, what, made(rule.__name__, code, dict(namespace)))
        if key == "joint":
            for factor in (-1.0, 2.0, 1.001, 0.0):
                yield Mutant(key, f"each part times {factor}", each_times(factor, rule))
        if isinstance(tree, ast.Lambda):
            for change in wrapped(tree.body) if key != "joint" else ():
                twin = ast.fix_missing_locations(ast.Lambda(tree.args, change))
                yield Mutant(key, ast.unparse(twin), made("", code_of(twin), dict(namespace)))
            # The rule of another operand: it may not take the same names, and then it fails.
            for other in rules:
                if other != key:
                    yield Mutant(key, f"the rule of {other}", rules[other])
        helpers = helpers_of(tree, namespace)
        codes = {name: code_of(helper) for name, helper in helpers.items()}
        own = code_of(tree)
        for name, helper in helpers.items():
            for what, code in mutated(helper, parameters(helper)):
                inner = dict(namespace)
                for other, right in codes.items():
                    made(other, right, inner)  # all anew, so that they call the mutant too
                made(name, code, inner)
                yield Mutant(key, f"{name}: {what}", made(rule.__name__, own, inner))


# -- holding it against what is right --------------------------------------------------------


SPECIAL = np.array([0.0, -0.0, 0.5, -2.0, 1.0, 5e-324, 1e200, -1e200, np.inf, -np.inf, np.nan])


class Known(NamedTuple):
    """A call, and its gradients of an order, which the entry as it stands is right about."""

    call: Call
    order: int
    gradients: tuple[Any, ...]


def weighted(entry: Primitive, call: Call) -> Callable[..., Any]:
    """A call as a function that returns one real number, with a weight for each of its results."""

    def loss(*operands: Any) -> Any:
        total = 0.0
        for k, r in enumerate(results_of(program(entry, call)(*operands))):
            if getattr(r, "requires_grad", False):
                r = np.real(r) + 0.7 * np.imag(r) if r.dtype.kind == "c" else r
                total = total + np.sum(r * weights(r, k))
        return total

    return loss


def weights(r: Any, k: int) -> Any:
    return (np.linspace(-1.3, 1.7, r.size) + 0.11 * k).reshape(r.shape).astype(r.dtype)


def gradients(entry: Primitive, call: Call, order: int) -> tuple[Any, ...]:
    """The gradients of a call; or those of the sum of these, and these as they were recorded."""
    n = tuple(range(len(call.operands)))
    first = grad(weighted(entry, call), n)
    if order == 1:
        return first(*call.operands)
    recorded: list[Any] = []

    def loss(*x: Any) -> Any:
        recorded[:] = first(*x)
        return sum(np.sum(np.real(g * weights(g, 3))) for g in recorded)

    return (*grad(loss, n)(*call.operands), *map(unwrap, recorded))


def known(function: Callable[..., Any], entry: Primitive) -> list[Known]:
    """What the other tests hold an entry against: its calls, in all precisions, and its kinks."""
    calls = examples(function)
    tasks = [(call, 1) for call in calls]
    tasks += [(call, 2) for call in calls if size(call) <= 4][:8]
    for kind in (np.float32, np.float16, np.complex128):
        tasks += [(in_kind(call, kind), 1) for call in calls[:6]]
    usual = [c for c in calls if len(c.operands) == len(entry.operands) and not has_arrays(c)]
    if entry.elementwise and usual:
        numbers = SPECIAL if len(entry.operands) < 3 else SPECIAL[::2]
        grid = np.meshgrid(*[numbers] * len(entry.operands))
        special = replace(usual[0], operands=tuple(x.ravel() for x in grid))
        tasks += [(special, 1), (special, 2)]
    for line in CONVENTIONS:
        if line.function is function:
            operands = tuple(np.asarray(x, float) for x in line.operands)
            call = Call(operands, line.before, line.after, line.keywords)
            tasks.append((call, 1))
    found = []
    for call, order in tasks:
        try:
            right = gradients(entry, call, order)
            if order == 2:  # recorded or not, a rule gives the same numbers
                right = (*right[: len(call.operands)], *gradients(entry, call, 1))
            found.append(Known(call, order, right))
        except (TypeError, ValueError, ArithmeticError):
            continue  # of another precision, or of what has no second derivative
    return found


def in_kind(call: Call, kind: Any) -> Call:
    """Return a call with its floats in another precision, or as complex numbers."""
    turn = 1.0 + 0.3j if kind is np.complex128 else 1.0

    def changed(x: Any) -> Any:
        return (np.asarray(x) * turn).astype(kind) if np.asarray(x).dtype.kind == "f" else x

    return replace(call, operands=tuple(map(changed, call.operands)))


def has_arrays(call: Call) -> bool:
    given = (*call.before, *call.after, *call.keywords.values())
    return any(isinstance(x, (np.ndarray, list, tuple)) for x in given)


CLOSE = {"e": 2e-2, "f": 1e-4, "F": 1e-4}


def agree(ours: Any, right: Any) -> bool:
    """Whether two gradients are one: kind, shape and numbers, to the rounding of the kind."""
    if ours.shape != right.shape or ours.dtype != right.dtype:
        return False
    if ours.tobytes() == right.tobytes():
        return True
    close = CLOSE.get(right.dtype.char, 1e-7)
    return np.allclose(ours, right, rtol=close, atol=0.01 * close, equal_nan=True)


def fate(entry: Primitive, right: list[Known]) -> str:
    """What becomes of a mutant: "number" if it is caught by one, "error", or "survives"."""
    for call, order, expected in right:
        try:
            ours = gradients(entry, call, order)
        except Exception:
            return "error"
        if not all(map(agree, ours, expected)):
            return "number"
    return "survives"


SAME = "a reshape to the shape that it has"
REAL = "the cases are real; test_complex.py has the others"
UNASKED = "an index is of whole numbers, of which no gradient is asked"
EITHER = "the general case below is right for these too"
EQUIVALENT: list[tuple[str, str, str]] = [
    # (entries, as a pattern for files; the change, as a regular expression; why nothing can tell)
    ("_mse", r"share|g\.dtype|g\.astype|0\.001|: g → (input|target)$", "half precision: tests/nn"),
    (
        "_normalize?",
        r"mean_of: (loops.* → np\.mean|type|x → axis|axis → (0|None)|True → False)",
        "which of two ways to sum; and recorded, of columns",
    ),
    (
        "_normalize2",
        r"_scaled_rule: (\(1,\)|1 → |x → (weight|bias)$|weight → [gx]$|.*root\.shape|.*bias\) == )",
        EITHER,
    ),
    ("_normalize2", "_rule: x → g|bias → weight|weight → bias", "its shape, which both have"),
    ("_normalize?", "_as_known: |residuals|known|_normalized: x → ", "kept: test_residuals.py"),
    ("_lstm _gru", "_rule: .*(residuals|_parts|from_x → )", "kept: test_residuals.py"),
    ("_lstm _gru", "1 → -1|2 → -2|_parts: from_x → from_h", "the same part; its shape"),
    ("_relu", r"_relu_rule: (if|type|not|x →|np\.isnan)", "NaN alone: test_conventions.py"),
    ("cumsum", r"axis if a\.ndim|: a → g$", "a number has one axis"),
    ("*power", "_by_exponent: x == 0 → x <= 0", "of a negative base, NaN already"),
    ("_solve", "_solved: ", "a matrix that is refused when it is transposed"),
    ("roll", "_negated: ", "the same shift, in another type"),
    ("sign floor ceil trunc rint round floor_divide", "", "0, in any multiple"),
    ("heaviside", "^x1: ", "0, in any multiple"),
    ("copysign", "^x2: ", "0, in any multiple"),
    ("_imag", "", "0 for a real number; " + REAL),
    ("add", "the rule of", "both rules are g"),
    ("_mse", ": input → target", "operands of one shape have one size"),
    ("_astype", "→ g$", "the engine converts what is not of the operand's dtype"),
    ("_getitem2 _scatter2", r"len\(arrays\)|joint: 1 →|joint: arrays → g", UNASKED),
    ("transpose prod", r"tuple\(.*\) → (np.argsort|range|back)", "axes may be a list"),
    ("_einsum", "_einsum_rule: True → False", "only how the product is ordered"),
    (
        "_einsum",
        r"_einsum_rule: (wider|if wide|np\.result_type)",
        "of many numbers in half precision: test_accumulators.py",
    ),
    ("_conv2d* _pool_sum", ": 2 → -2", "the same axes, from the other end"),
    ("_convolve", "0 → -1", "the only axis, from the other end"),
    ("_bessel", "abs\\(order - 1\\) → order - 1", "Iₙ = I₋ₙ"),
    ("_i0", "1 → -1", "Iₙ = I₋ₙ"),
    ("_elu", "→ x$|0.0 → 1.0", "on the side where it counts, the same"),
    (
        "*",
        r"shown: unwrap\(x\) → x|(shown|_up_to|square_to_rest): np.where.* if ",
        "only how it is found",
    ),
    ("_attention", r"np\.swapaxes|0 → -1|q → k|_transposed: -?2 → ", "the same axis, or width"),
    ("_attention", r"residuals|_rule: x → |_(together|parts): -?[23] → ", "test_residuals.py"),
    ("_attention", r"_(row_sums|shares): (if|1|-1|np\.sum|isinst|True) ?.*→ ", "test_residuals.py"),
    ("_attention", "largest_along: ", "which of two ways to look: test_special_points.py"),
    ("_attention", r"_together: (0|if|True) ?.*→ ", "which of two ways, and of what shape"),
    ("_gelu", "loops.* → _slope|isinstance|^x: x → out", "which of two ways to have it"),
    ("_silu _gelu", "_up_to: (unwrap|np.abs.* >= )", "asked where any answer will do"),
    (
        "arctan _erf",
        "square_to_rest: (unwrap|2 → 3)",
        "asked of what is far out, 0 long before",
    ),
    ("*", "dtype_of: ", "a dtype, asked in two ways"),
    ("*", r"again", "how a recorded program asks: tests/codegen runs those on other numbers"),
    ("prod _cumprod", "by_division: ", "the other way is right too; recorded, see tests/codegen"),
    ("_clip", "shown: ", "NaN alone: test_conventions.py"),
    ("_clip", ": (low|high) → out$", "the result is the bound, where that counts"),
    ("cbrt arcsinh", "1.0 → -1.0", "squared"),
    ("*power", "_by_base: (np.isinf.* → power == 0|0.0 → )", "any finite number times 0"),
    (
        "*power",
        "_by_base: power == 0 → power <= 0",
        "where y is infinite, not of x < 0",
    ),
    (
        "_powers",
        r"_powers_rule: (np.isinf|unwrap|0|g|1 → -1|seen\[1\])",
        "0 · inf: test_special_points.py, test_norm",
    ),
    # -- powers
    ("*power", r"_by_base: 1\.0 → ", "0 times any power that is finite"),
    ("*power", r"_by_base: (np.abs\(x\) → x$|np.abs.* <= )", "asked of 0, and where x < 0, of NaN"),
    ("*power", r"_by_base: ([xy] → [xy]$|converted)", "asked for a dtype: see test_variations.py"),
    ("*power", r"_by_exponent: (converted|out → )", "asked for a dtype: see test_variations.py"),
    ("fmod", r"np.rint\((.*)\) → \1$", "a whole number, but for rounding"),
    # -- helpers
    ("*", "or_one: 1.0 →", "where the denominator is 0 the numerator is too"),
    ("arctan2", "or_one: return -1.0", "it divides twice"),
    (
        "arctan2 hypot _cosine",
        "or_one: x == 0 → x <= 0",
        "what is asked is a sum of squares, or its root",
    ),
    ("absolute", "or_one: ", "asked for complex numbers only"),
    ("*", "_unless_less: x == y → x <= y", "asked only where x is not less"),
    ("fmax", "x == out → x >= out", "nothing is larger than the maximum"),
    ("fmin", "x == out → x <= out", "nothing is smaller than the minimum"),
    ("m??", r"(cast_like: |_extreme: cast_like\()", "only the dtype: see test_variations.py"),
    ("m??", r"_extreme: np.maximum\(|_extreme: 1 → -1", "divided by, but not taken, where it is 0"),
    ("cumsum", "sum_from_the_end: axis → (g|0|None)$", "how many are added, for the dtype alone"),
    ("prod", "before: return -1.0", "a product of two that are negated"),
    ("max", r"\) → a >= expand_reduced", "nothing is larger than the maximum"),
    ("min", r"\) → a <= expand_reduced", "nothing is smaller than the minimum"),
    ("m??", "_extreme: g →", "g, a and out have one dtype"),
    # Of infinite numbers, which no numerical derivative sees; conventions.py and test_torch.py do.
    ("logaddexp*", r"_share: (equal|0\.0|np\.where\(equal|x == y|np\.isinf|-?np\.inf)", "x = ±inf"),
    ("logaddexp*", r"_share: .*( → np\.isinf\(x\)|x → y|y → x|<= -np\.inf)$", "x = ±inf"),
    ("_linear*", "_rows: (1|2|a if)", "a matrix, reshaped to rows, is itself"),
    ("_linear*", "x: (_product|_rows): ", "NumPy's own product of more axes, in longer time"),
    ("_linear*", "_dot: ", "the method or the function, which give the same"),
    ("_linear*", "weight: _rows: return -1.0", "a product of two that are negated"),
    ("*", "where is True|mask_where: True → False|: where → ", "np.where(True, g, …) is g"),
    ("m??", "mask_where: return [12]", "a share: what counts is divided by the count"),
    ("prod", "ndim == 0 → a.ndim <= 0", "a number of axes is not negative"),
    ("prod", "_product: True → False", EITHER),
    ("prod _cumprod", "if normal|normal: ", EITHER),
    ("prod _cumprod", "(_product|_rule): out → a$", "but by an underflow: see test_variations.py"),
    (
        "prod",
        "_product: a → out|_product: 1.0 →|→ where$|_others: 1 → -1",
        "the same, or the same shape",
    ),
    ("_cumprod", r"rule: a → |_after: g → a", "the same shape"),
    ("_cumprod", r"_after: (g\.shape\[-1\] - 1 → |1 → -1)", "one turn more adds nothing"),
    ("_cumprod", r"_sum_from_the_end: axis → (g|0|None)$", "whether a dtype is wide enough"),
    # Where dimensions were kept, or there is no axis, the reshape in `expand_reduced` changes
    # nothing.
    ("*", "keepdims → False", SAME),
    ("*", "expand_reduced: keepdims →|and shape → |expand_reduced: shape → axis", SAME),
    ("*", "expand_reduced: axis → ", "a number, reshaped to ones along all axes"),
    (
        "m?? prod",
        r"expand_reduced: np.broadcast_to\(g, shape\) → g",
        "it is multiplied with the shape",
    ),
    # `keepdims_shape` is asked by the rules with an axis, and without one by np.mean.
    (
        "*",
        r"\(1,\) \* len\(shape\)|keepdims_shape: (if axis|axis → (shape|0)|len|shape → axis)",
        "not reached",
    ),
    ("*", "keepdims_shape: 1 →", "a length of −1 is found from the others"),
    # -- products
    ("matmul", "ndim == 2 → False|: 2 → -2", EITHER),
    (
        "matmul",
        "_(left|right): [xy] → [gxy]$",
        "asked about their number of axes, where it tells the same",
    ),
    ("matmul", "ndim == 1 → [xy].ndim <= 1", "a product of matrices takes no number"),
    ("matmul", ": 0 → -1", "the only place of an axis of length 1"),
    ("matmul", r"unbroadcast\(x\[:, None\]", "y has all the leading axes"),
    # -- linear algebra
    ("*", r"swapaxes\(([axy]), -1, -2\) → np.swapaxes\(\1, -2, -1\)", "the same exchange"),
    ("*", "iscomplexobj", REAL),
    ("*", r"(C|np.conjugate|np.real)\((.*)\) → \2$", REAL),
    ("_solve inv _pinv", "M: return |[CH]: return -1.0", "in a product with its inverse, or twice"),
    ("_solve _pinv", "_rule: a → ", "asked for its shape, or whether it is complex"),
    ("_cholesky _eigh", r"[HM]\((whole|inner)\) →", "only the symmetric part counts"),
    ("_cholesky", "_lower_half: return -1.0", "a half of a half"),
    ("_qr", "_qr_rule: (if np.any|0 →|la.LinAlgError)", "an error: see test_conventions.py"),
    ("_slogdet", "or_one|_cofactors_over_det: -?1 →", "asked of the square matrix, and as of det"),
    ("_slogdet", "_cofactors_over_det: 0 → -1", EITHER),
    ("_slogdet", r"(if np.all\(|[(:] ?)sign|_over_det: 0 → 1", EITHER),
    ("_slogdet", r"np.inf / cofactors$", "infinite, too"),
    ("_polar", "or_one|_inverse|_in_range: (s >|True)|0.0 → ", "times 0"),
    ("_polar", "_polar_rule: (a → g|[uv] [*] found → )", "the same shape and dtype; 1, or times 0"),
    ("_polar", r"found\[.*\] & found.* → ", "divided by, and then by 0"),
    ("_slogdet", "_(bordered_)?cofactors: |_minors: |_sum_of_squares: |squared: ", "as of det"),
    ("_eigh _svd", "_held: |_turn: ", "asked of complex matrices: see test_complex.py"),
    ("_eig", "_held: (np.abs|measured|np.finfo|0.5|-?[01].0 →)", "the largest is not small"),
    ("_holding", "", "how a written program asks: tests/codegen/test_every_source.py"),
    ("frexp", "1 → -1", "the last of two"),
    (
        "_eig",
        "_rule: (1 → -1|.*measured|size == |0.0 →)",
        "the last; the largest that count",
    ),
    (
        "_eig _eigh _svd",
        "_gaps: |or_one",
        "the diagonal meets what is antisymmetric, and values are apart",
    ),
    ("_eigh _qr", "1 → -1$|-1 → 1$", "of a matrix, the same axes from the other end"),
    ("_slogdet", r"la.slogdet\(a\) → a", "asked whether it is complex"),
    ("det", "_cofactors: (if np.all|determinant|if not .* → False|.*condition)", EITHER),
    ("det", "_cofactors: .*(sum_of_squares|finfo)|_cofactors: -?0.5|squared: x", EITHER),
    ("det", "_sum_of_squares: |_bordered_cofactors: -?0.25", EITHER),
    (
        "det",
        "_bordered_cofactors: (to_numpy|.*(small|isfinite)|0(.0)? → )",
        EITHER + ", and NaN stays",
    ),
    ("det", "or_one: ", "any scale will do"),
    ("det", "_minors: (if )?(n >|8 →|-?1 →|max|0 →|return .*zeros|np.zeros)", "of large zeros, 0"),
    ("det", "_(co|bordered_co)factors: -?1 →", "of a square matrix, the same length"),
    ("det", "/ signs", "a sign is its own inverse"),
    ("*", r"_in_range: (s >|.*finfo|.*max\(|s →|0.0 →|2 → 3)", "0, but for any rounding"),
    (
        "_svd",
        r"full_matrices|_svd_rule: (np\.any|to_numpy\(g|la\.LinAlgError|if np\.any|-?1 → -?[12]$)",
        "full matrices: see test_complex.py",
    ),
    ("_svd", "_in_range: return|_inverse: |_svd_rule: (_in_range|0.0)", "no singular value is 0"),
]
"""Mutants that compute the same, which the test sees at each."""
NO_NUMBER = {
    "heaviside": {"x1"},  # 0, of which every multiple is 0 too
    "copysign": {"x2"},
    "_output": {"bundle"},  # a part of a bundle, which is no number to multiply
}
"""Rules of which no mutant gives a wrong number."""


FEWER = 1 if EXPLORING else 5


def equivalent(function, mutant: Mutant) -> bool:
    change = f"{mutant.key}: {mutant.what}"
    return any(re.search(pattern, change) for pattern in excuses(label(function)))


@cache
def excuses(name):
    """Return the patterns of what is excused of an entry."""
    return [
        pattern
        for entries, pattern, _ in EQUIVALENT
        if any(fnmatchcase(name, entry) for entry in entries.split())
    ]


@pytest.mark.parametrize("function", sorted(DIFFERENTIABLE, key=label), ids=label)
def test_every_mutant_is_caught(function):
    """By a wrong number. Errors prove little, and count apart; no mutant is passed over unseen.

    What is excused is run all the same, at every fifth call: it is excused only where it gives
    what the rule gives as it stands. (At every call with HYPOTHESIS_PROFILE=explore: survivors
    are what takes the time.)
    """
    entry = DIFFERENTIABLE[function]
    fates: dict[str, list[Mutant]] = {"number": [], "error": [], "survives": []}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        right = known(function, entry.with_rules())
        for mutant in mutants_of(entry):
            held = right[::FEWER] if equivalent(function, mutant) else right
            fates[fate(entry.with_rules(**{mutant.key: mutant.rule}), held)].append(mutant)
    unexplained = [f"{m.key}: {m.what}" for m in fates["survives"] if not equivalent(function, m)]
    assert unexplained == []
    caught = {mutant.key for mutant in fates["number"]}
    assert caught >= ({*entry.rules} or {"joint"}) - NO_NUMBER.get(label(function), set())
