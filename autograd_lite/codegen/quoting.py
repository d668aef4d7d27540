"""The forward pass of a primitive as text, where it cannot be opened into lines of NumPy.

A convolution fills a buffer, `erf` looks into a table: such a one is a function, and stands above
the source as one. Its text is the library's own, with what it calls, and nothing but NumPy is left
in it: annotations go, and so does what only keeps NumPy's warnings quiet.

>>> from autograd_lite.calculus.linalg import solve
>>> Quotes(str).call(solve.function, ["a", "b"], "solve")
'np.linalg.solve(a, b)'
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from ..calculus.loops import loops
from ..primitive import Primitive
from ..quiet import quiet, quietly
from ..tensor import form, to_numpy, unwrap
from .expand import NotWritable
from .spelling import literal, numpys_name

_OF_THE_FIRST = (quiet, quietly)  # what calls its first argument with the others
_AN_ARRAY = (to_numpy, form)
_CONSTANTS = (bool, int, float, complex, str, tuple, type(None), np.dtype, np.generic)

Function = ast.FunctionDef | ast.Lambda


def is_quotable(primitive: Primitive) -> bool:
    """Whether a primitive's forward pass can be written as a function of NumPy's alone."""
    try:
        Quotes(str).name(primitive.function, primitive.name)
    except NotWritable:
        return False
    return True


class Quotes:
    """Functions that stand above a source: each once, behind those that it calls.

    Parameters
    ----------
    free
        Returns a name that nothing has, from a wish.

    Attributes
    ----------
    texts
        The functions.
    imports
        Lines that they need beside NumPy's.
    """

    def __init__(self, free: Callable[[str], str]) -> None:
        self.free = free
        self.texts: list[str] = []
        self.imports: dict[str, None] = {}
        self._names: dict[Any, str] = {}

    def call(self, function: Callable[..., Any], arguments: Sequence[str], wish: str) -> str:
        """Return the call of a function, which is among `texts` then, unless it is NumPy's."""
        return f"{_numpys(function) or self.name(function, wish)}({', '.join(arguments)})"

    def name(self, function: Callable[..., Any], wish: str) -> str:
        """Return what a function is called in the text."""
        if function not in self._names:
            plain = inspect.unwrap(function)
            node = _definition(plain)
            self._names[function] = self.free(wish)
            kept = ["cache"] if hasattr(function, "cache_info") else []
            if kept:
                self.imports["from functools import cache"] = None
            body = _Rewritten(self, plain).visit(node)
            if isinstance(body, ast.Lambda):
                body = ast.FunctionDef("", body.args, [ast.Return(body.body)], [])
            body.name, body.decorator_list = self._names[function], [_expression(x) for x in kept]
            self.texts.append(ast.unparse(ast.fix_missing_locations(body)))
        return self._names[function]

    def text_of(self, x: Any, wish: str) -> str:
        """Return how a value of the library's is written; `wish` is what it is called there."""
        if isinstance(x, Primitive):
            x, wish = x.function, x.name
        if (name := numpys_name(x) if callable(x) else None) is not None:
            return name
        if isinstance(x, types.ModuleType):
            if x.__name__.partition(".")[0] == "numpy":
                return f"np{x.__name__[len('numpy') :]}"
            if x.__name__ == "math":
                self.imports["import math"] = None
                return "math"
        elif isinstance(inspect.unwrap(x), types.FunctionType):
            module = x.__module__ or ""
            if module.partition(".")[0] == "numpy":
                return f"np{module[len('numpy') :]}.{x.__name__}"
            return self.name(x, wish)
        elif isinstance(x, _CONSTANTS):
            return literal(x)
        elif isinstance(x, dict):
            return self._table(x, wish)
        raise NotWritable(f"'{wish}' cannot be written as source.")

    def _table(self, table: dict[Any, Any], wish: str) -> str:
        """Return the name of a table of constants, which stands above too."""
        if id(table) not in self._names:
            rows = "".join(f"    {literal(k)}: {literal(x)},\n" for k, x in table.items())
            self._names[id(table)] = name = self.free(wish)
            self.texts.append(f"{name} = {{\n{rows}}}")
        return self._names[id(table)]


class _Rewritten(ast.NodeTransformer):
    """Puts what a function's names mean in their place, and leaves out what only types say."""

    def __init__(self, quotes: Quotes, function: types.FunctionType) -> None:
        self.quotes, self.function = quotes, function
        self.locals = _locals(function.__code__)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self.outside = {**function.__globals__, **{n: c.cell_contents for n, c in cells}}

    def _meant(self, node: ast.AST) -> Any:
        """Return what a name stands for outside of the function; None for one of its own."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            return self.outside.get(node.id, getattr(builtins, node.id, None))
        return None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.locals or (node.id not in self.outside and hasattr(builtins, node.id)):
            return node
        if node.id not in self.outside:
            raise NotWritable(f"'{node.id}' cannot be written as source.")
        text = self.quotes.text_of(self.outside[node.id], node.id)
        if text in self.locals:  # it would mean that
            raise NotWritable(f"'{node.id}' cannot be written as source.")
        return _expression(text)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = self._meant(node.func)
        if called is not None and called in _OF_THE_FIRST:
            node = ast.Call(node.args[0], node.args[1:], node.keywords)
        elif called is not None and called in _AN_ARRAY:
            node = ast.Call(_expression("np.asarray"), node.args, [])
        elif called is unwrap:
            return cast(ast.AST, self.visit(node.args[0]))
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if self._meant(node.value) is loops and isinstance(node.slice, ast.Constant):
            own = self.function.__globals__[f"_{node.slice.value!s}"]  # whatever stands there now
            return _expression(self.quotes.name(own, own.__name__))
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.decorator_list = None, []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return cast(ast.AST, self.visit(ast.Assign([node.target], node.value)))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _locals(code: types.CodeType) -> set[str]:
    """Return the names that a function, and those inside of it, give to values of their own."""
    names = {*code.co_varnames, *code.co_cellvars}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names |= _locals(inner)
    return names


def _numpys(function: Callable[..., Any]) -> str | None:
    """Return what a function of NumPy's is called that another does nothing but call."""
    if (name := numpys_name(function)) is not None:
        return name
    node = _definition(function)
    value = node.body if isinstance(node, ast.Lambda) else getattr(node.body[-1], "value", None)
    alone = isinstance(node, ast.Lambda) or len(node.body) == 1
    if not (alone and isinstance(value, ast.Call)):
        return None
    by_name = [k.value if getattr(k.value, "id", "") == k.arg else None for k in value.keywords]
    given = [x.id if isinstance(x, ast.Name) else None for x in (*value.args, *by_name)]
    if given != [x.arg for x in node.args.args]:
        return None
    written = ast.unparse(_Rewritten(Quotes(str), inspect.unwrap(function)).visit(value.func))
    return written if written.startswith("np.") else None


@functools.cache
def _module(file: str) -> ast.Module:
    with open(file, encoding="utf-8") as text:
        return ast.parse(text.read())


def _definition(function: Any) -> Function:
    """Return a copy of the node that defines a function, found by where its code stands."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    try:
        module = _module(code.co_filename)  # type: ignore[union-attr]
    except (AttributeError, OSError, SyntaxError):
        name = getattr(function, "__name__", "this")
        raise NotWritable(f"'{name}' cannot be written as source.") from None
    places = [p for p in code.co_positions() if None not in p and p[3]]  # type: ignore[union-attr]
    first, last = min((p[0], p[2]) for p in places[1:]), max((p[1], p[3]) for p in places[1:])
    found, takes = [], code.co_varnames[: code.co_argcount]  # type: ignore[union-attr]
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            if tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args)) != takes:
                continue
            begin, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
            if begin <= first and last <= end:
                found.append(node)
    if not found:
        raise NotWritable(f"'{function.__name__}' cannot be written as source.")
    node = max(found, key=lambda node: (node.lineno, node.col_offset))
    return cast(
        Function,
        ast.parse(ast.unparse(node)).body[0]
        if isinstance(node, ast.FunctionDef)
        else _expression(ast.unparse(node)),
    )
