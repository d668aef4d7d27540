"""What a person declares of a primitive: its function, its operands and their rules.

Each rule turns `g`, the upstream gradient ∂L/∂out, into ∂L/∂(its operand). It names what it
needs: `g`, `out` (the result), an operand, or a parameter such as `axis`, whose default stands
in the rule or in the function. Here a declaration is read and checked against its function, and
what follows from it is noted: in which order the operands stand, how the tape keeps them, how
the forward pass is called, and which values a rule reads. It is made by
:func:`autograd_lite.primitive.derivative`, and :mod:`autograd_lite.weave` makes code of it.
"""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import keyword
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .composite import signature
from .errors import RuleError

Rule = Callable[..., Any]

# Names that have a meaning in the compiled functions, beside those with an underscore, which
# are the engine's.
_WORDS = "g out ValueError TypeError all any enumerate isinstance len tuple type zip"
WOVEN = frozenset(_WORDS.split())
_NAMES: set[str] = set()  # which have been looked at, and are names in Python
_UFUNC_KEYWORDS = ("where", "axis", "axes", "keepdims", "casting", "order", "dtype", "subok")
_ORDINARY = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class Declaration:
    """A function and its rules, checked."""

    draws: bool = False
    """Whether each application draws random numbers: two of them are never one."""

    is_closed: bool = False
    """Whether it is one step of a program, whatever its forward pass does."""

    closes: Any = None
    """Of a closed step that a recording made, what it is made of: `codegen.closing.Closed`."""

    is_check: bool = False
    """Whether it returns its operand as it is, having seen that its numbers are in range."""

    def __init__(
        self,
        function: Callable[..., Any],
        rules: dict[str, Rule],
        *,
        joint: Rule | None = None,
        operands: str | None = None,
        nondifferentiable: str = "",
        elementwise: bool | None = None,
        scalar: Callable[..., Any] | None = None,
        outputs: bool = False,
        decomposition: Callable[..., Any] | None = None,
        parameters: str = "",
        indices: str | None = None,
        name: str | None = None,
    ) -> None:
        for given in (function, *rules.values(), joint, scalar, decomposition):
            if given is not None and not callable(given):
                raise RuleError(f"A derivative is declared of functions, and {given!r} is none.")
        for option, text in {
            "operands": operands, "nondifferentiable": nondifferentiable,
            "parameters": parameters, "name": name, "indices": indices,
        }.items():  # fmt: skip
            if not isinstance(text, (str, type(None))):
                raise RuleError(f"{option}= takes a text such as 'x y', and was given {text!r}.")
        functools.update_wrapper(self, function, updated=())  # type: ignore[arg-type]
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.arguments = _names_of(function)
        without = nondifferentiable.split()
        named = operands.split() if operands else self._in_order(rules, joint, without)
        self.variadic = named[:1] != [] and named[0].startswith("*")
        self.operands = tuple(
            name.removeprefix("*" if i == 0 else "") for i, name in enumerate(named)
        )
        self.nondifferentiable = frozenset(without)
        self.rules = rules
        self.joint = joint
        self.without_rule: frozenset[str] = frozenset()  # see `Primitive.with_tensor_parameters`
        single = isinstance(function, np.ufunc) and function.signature is None
        self.elementwise = single if elementwise is None else elementwise
        self.forward = scalar or function
        self.outputs = outputs
        self.decomposition = decomposition
        self.indices = indices
        mentioned = (p for rule in self._all_rules() for p in self._arguments_of(rule))
        self.parameters = frozenset(
            {*mentioned, *parameters.split()} - {"g", "out", *self.operands}
        )
        functions = {"joint": joint, "scalar": scalar, "decomposition": decomposition}
        self._check_names(operands or "", {**functions, "stands_for": decomposition})
        self._lay_out()

    @functools.cached_property
    def signature(self) -> inspect.Signature | None:
        """The function's signature, read when it is first needed."""
        return signature(self.function)

    def _lay_out(self) -> None:
        """Note how the operands are kept, and how the forward pass is called."""
        count = len(self.operands)
        self.slots = 0 if self.variadic or count > 2 else count
        # An operand that stands behind a parameter in the function's signature goes by name.
        leading = self.arguments[:count] == self.operands
        self.by_name = not leading and {*self.operands} <= {*self.arguments}
        more = not self.variadic and len(self.arguments) > count
        self.takes_parameters = bool(self.parameters) or more

    @functools.cached_property
    def spared(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Which operands' values may be let go: those that their own rule does not read.

        Each with the places of those operands whose rules do read it.
        """
        if self.variadic:
            return ()
        readers = [
            tuple(j for j, y in enumerate(self.operands) if self._reads(y, x))
            for x in self.operands
        ]
        return tuple((i, of) for i, of in enumerate(readers) if i not in of)

    @functools.cached_property
    def out_readers(self) -> tuple[int, ...]:
        """The places of those operands whose rules read the result."""
        return tuple(j for j, y in enumerate(self.operands) if self._reads(y, "out"))

    def _reads(self, operand: str, name: str) -> bool:
        """Whether the rule of an operand reads the numbers of what it calls `name`."""
        rule = self.rules.get(operand, self.joint)
        return rule is not None and reads_numbers(rule, name)

    def compute(self, values: Sequence[Any], parameters: dict[str, Any]) -> Any:
        """Return the result of the forward pass on arrays."""
        if self.variadic:
            return self.forward(*values, **parameters)
        named = {
            x: value
            for x, value in zip(self.operands, values, strict=True)
            if self.by_name or x in self.without_rule
        }
        leading = values[: len(values) - len(named)]
        return self.forward(*leading, **named, **parameters)

    def _in_order(
        self, rules: dict[str, Rule], joint: Rule | None, without: list[str]
    ) -> list[str]:
        """Return the operands as the function takes them, in whatever order the rules stand."""
        if joint is not None and not rules and self.signature is not None:
            given = self.signature.parameters.values()
            return [p.name for p in given if p.default is p.empty and p.kind in _ORDINARY]
        if {*rules, *without} <= {*self.arguments}:
            return sorted({*rules, *without}, key=self.arguments.index)
        return list(rules or without)

    def _all_rules(self) -> list[Rule]:
        return [*self.rules.values(), *([self.joint] if self.joint else [])]

    def _arguments_of(self, rule: Rule) -> tuple[str, ...]:
        """Return the names that a rule asks for; it must be a function that has names."""
        if names := _plain_names(rule):
            return names
        found = signature(rule)
        given = {} if found is None else found.parameters
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if not given or any(p.kind not in kinds for p in given.values()):
            raise RuleError(
                f"A rule of '{self.name}' must name each of its arguments, and {rule!r} does not: "
                "write it as lambda g, x: …."
            )
        return tuple(given)

    def _check_names(self, operands: str, functions: dict[str, Callable[..., Any] | None]) -> None:
        """Raise RuleError unless each name is one in Python, and of an operand there is."""
        if not self.operands:
            raise RuleError(f"'{self.name}' has no operands: give rules, or operands='x y'.")
        names = {*self.operands, *self.nondifferentiable, *self.rules, *self.parameters}
        for name in names - _NAMES:
            if not name.isidentifier() or keyword.iskeyword(name):
                raise RuleError(
                    f"'{name}' in the declaration of '{self.name}' is no name in Python."
                )
            if not name.isascii() and (read := _as_python_reads(name)) != name:
                raise RuleError(
                    f"Python reads the name '{name}' in the declaration of '{self.name}' as "
                    f"'{read}': write that."
                )
            _NAMES.add(name)
        for name in (*self.operands, *(names & {"self"})):
            if name in WOVEN or name.startswith("_") or name == "self":
                raise RuleError(
                    f"An operand of '{self.name}' is named '{name}', which has a meaning of its "
                    "own in a rule: choose another name."
                )
            if self.operands.count(name) > 1:
                raise RuleError(f"'{self.name}' has two operands of the name '{name}'.")
        for name in (*self.rules, *self.nondifferentiable):
            if name not in self.operands:
                raise RuleError(
                    f"'{self.name}' has no operand '{name}'; its operands are "
                    f"{', '.join(self.operands)}."
                )
        for option, function in functions.items():
            if function is not None and option in self.arguments:
                raise RuleError(
                    f"'{option}' is an argument of '{self.name}' and an option of derivative(...): "
                    "choose another name for the argument."
                )
        if self.joint and self.rules:
            raise RuleError(f"'{self.name}' has a joint rule and others: give one kind.")
        if self.variadic and (self.rules or len(self.operands) > 1):
            raise RuleError(
                f"The operands of '{self.name}' are a sequence, {operands}: it takes a joint rule, "
                "which returns their gradients, and no further operand."
            )
        self._check_against_function()

    def _check_against_function(self) -> None:
        """Raise RuleError unless the function takes what the declaration names."""
        if isinstance(self.function, np.ufunc):
            if len(self.operands) != self.function.nin:
                raise RuleError(
                    f"'{self.name}' takes {self.function.nin} operands, and the declaration names "
                    f"{', '.join(self.operands)}: name all, as in operands='x y'."
                )
            known: tuple[str, ...] = _UFUNC_KEYWORDS
        elif inspect.ismethod(self.function) or inspect.isfunction(self.function):
            if _plain_names(self.function) is None:
                assert self.signature is not None
                if any(p.kind not in _ORDINARY for p in self.signature.parameters.values()):
                    return  # *args and the like may have any name
            known = self.arguments
        else:
            return
        names = {*self.operands, *self.parameters} if self.arguments else self.parameters
        for name in sorted(names):
            if name not in known:
                raise RuleError(
                    f"A rule of '{self.name}' is for, or names, '{name}', which is no argument "
                    f"of it; those are {', '.join(known) or 'none'}."
                )

    def default_of(self, parameter: inspect.Parameter) -> Any:
        """Return the default of a rule's parameter: where the rule states none, the function's."""
        if parameter.default is parameter.empty and parameter.name in self.arguments:
            assert self.signature is not None
            return self.signature.parameters[parameter.name].default
        return parameter.default


OPTIONS = tuple(
    p.name for p in inspect.signature(Declaration).parameters.values() if p.kind is p.KEYWORD_ONLY
)
"""What may be said of a function beside its rules."""

RENAMED = {"constants": "nondifferentiable", "allows": "parameters", "stands_for": "decomposition"}
"""Options under the names that they had, which are accepted."""


def _names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters; none of a ufunc."""
    names = _plain_names(function)
    if names is None:
        found = signature(function)
        names = () if found is None else tuple(found.parameters)
    return names


def _plain_names(function: Any) -> tuple[str, ...] | None:
    """Return a simple function's parameter names, twenty times as fast as `inspect.signature`.

    The import declares some two hundred functions and their rules.
    """
    if type(function) is _NUMPYS:
        function = function.__wrapped__
    if type(function) is not types.FunctionType or {*function.__dict__} & _HAS_ANOTHER:
        return None
    code: types.CodeType = function.__code__
    if code.co_posonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return None
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


_NUMPYS: Any = type(np.sum)
_HAS_ANOTHER = {"__wrapped__", "__signature__"}  # by which `inspect` goes, in place of the code


def _as_python_reads(name: str) -> str:
    import unicodedata  # seldom needed

    return unicodedata.normalize("NFKC", name)


_OF_ITS_FORM = ("shape", "dtype", "ndim")


def reads_numbers(rule: Rule, name: str) -> bool:
    """Whether a rule reads more of an argument than its shape and its dtype.

    >>> reads_numbers(lambda g, x: g * x, "x"), reads_numbers(lambda g, x: g.sum(x.shape), "x")
    (True, False)
    """
    if name not in inspect.signature(rule).parameters:
        return False
    code = getattr(rule, "__code__", None)
    if code is None:
        return True
    instructions = list(dis.get_instructions(code))
    for load, use in itertools.pairwise(instructions):
        given = load.argval if isinstance(load.argval, tuple) else (load.argval,)
        if name not in given:
            continue
        # Python 3.13 loads two variables at once: the attribute is of the second.
        alone = load.opname.startswith("LOAD_FAST") and given.count(name) == 1
        if not (alone and given[-1] == name and use.argval in _OF_ITS_FORM):
            return True
    return False
