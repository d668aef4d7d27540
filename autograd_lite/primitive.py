"""How a primitive and its derivative rules are declared, and what becomes of them.

A derivative is one line of NumPy::

    derivative(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x)
    derivative(np.exp,      x=lambda g, out: g * out)

Each rule turns `g`, the upstream gradient ∂L/∂out, into ∂L/∂(its operand). It
names what it needs: `g`, `out` (the result), an operand, or a parameter such
as `axis`, whose default stands in the rule or in the function. Since a rule is
plain NumPy and a Tensor answers plain NumPy, the same line gives numbers when it
is fed arrays and a graph that can be differentiated again when it is fed Tensors.

A declaration is compiled, when it is first used, into two short functions, as
one would write them by hand for that primitive alone. `multiply` becomes

* ``apply(x, y)``: unwrap, compute, wrap, and record if anything leads to a
  gradient;
* ``pull(t, g, …)``: call the two rules for those operands that need it, see
  that each contribution fits its operand, and add it to what waits there.

``print(TABLE[np.multiply].source("apply"))`` shows the first. There are four
kinds of the second, see `PULLS`.
"""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import keyword
import math
import operator
import re
import types
from collections.abc import Callable, Iterable, Sequence
from heapq import heappush
from typing import Any, overload

import numpy as np

from .composite import as_array, ask, is_default, signature, unsupported
from .errors import (
    BroadcastError,
    DetachError,
    NoDerivativeError,
    RuleError,
)
from .foreign import answers_itself, as_index, as_operand, not_an_operand
from .inplace import rebound, write
from .keeping import Guard, kept, kept_operand
from .later import later
from .node import LARGE, let_go
from .numpy_warnings import NO_REGISTRY, again, is_watched, watched
from .protocol import TABLE
from .tape import GRADIENT, annotate, next_number, special, state
from .tensor import CONSTANT, Tensor, bare, constant

Rule = Callable[..., Any]

APPLIES = {
    "apply": "as a function",
    "operator": "the same, which leaves the answer to what is no array of NumPy's, as x * y does",
    "inplace": "the same, which writes into a constant, as x *= y does",
}
PULLS = {
    "pull": "to the leaves, on arrays",
    "pull_scalar": "the same where the result is one float64: nothing can be broadcast or cast",
    "pull_since": "not beyond what is older than `start`: for a transform",
    "pull_recorded": "the same on Tensors, so that the pull is itself on the tape",
}


@overload
def derivative(function: Callable[..., Any], /, **declaration: Any) -> Primitive: ...
@overload
def derivative(**declaration: Any) -> Callable[[Callable[..., Any]], Primitive]: ...
def derivative(
    function: Callable[..., Any] | None = None,
    /,
    *,
    joint: Rule | None = None,
    operands: str | None = None,
    constants: str = "",
    elementwise: bool | None = None,
    scalar: Callable[..., Any] | None = None,
    outputs: bool = False,
    stands_for: Callable[..., Any] | None = None,
    allows: str = "",
    name: str | None = None,
    **rules: Rule,
) -> Primitive | Callable[[Callable[..., Any]], Primitive]:
    """Declare `function` as a primitive with its derivative rules.

    Without `function` it is a decorator, for one of your own. For an operation
    that keeps a state there is :class:`~autograd_lite.operation.Operation`.

    Parameters
    ----------
    function
        The forward pass on arrays: a NumPy function, or one of your own.
    **rules
        One rule for each operand, under the operand's name. An operand may
        have none: it is an error when its gradient is asked for.
    joint
        One rule that returns the gradients of all operands, instead.
    operands
        The operands' names in order, where the rules do not give them;
        ``"*arrays"`` for one operand that is a sequence of any length.
    constants
        Those operands of which no derivative is ever asked (a condition).
    elementwise
        Whether operands broadcast, so that the engine sums a gradient back to
        the operand's shape. By default, whether `function` is a ufunc that
        works on single elements.
    scalar
        A faster forward for NumPy scalars that also works on arrays
        (``operator.mul`` for ``np.multiply``).
    outputs
        Whether `function` returns a tuple. The rules' `g` is then a list.
    stands_for
        The composition that a fused primitive replaces: same arguments, plain
        NumPy. A test holds the two together.
    allows
        Further parameters that change no rule.
    name
        How it is called in pictures and messages.

    Returns
    -------
    Primitive
        Callable on Tensors, arrays and numbers.

    Raises
    ------
    RuleError
        If the declaration contradicts itself or the function's signature.

    Examples
    --------
    >>> from autograd_lite import derivative, grad
    >>> @derivative(x=lambda g, x: g * 3.0 * x * x)
    ... def cube(x):
    ...     return x * x * x
    >>> float(grad(cube)(2.0)), float(grad(grad(cube))(2.0))
    (12.0, 12.0)
    """

    def declare(function: Callable[..., Any]) -> Primitive:
        TABLE[function] = primitive = Primitive(
            function,
            rules,
            joint=joint,
            operands=operands,
            constants=constants,
            elementwise=elementwise,
            scalar=scalar,
            outputs=outputs,
            stands_for=stands_for,
            allows=allows,
            name=name,
        )
        return primitive

    return declare if function is None else declare(function)


# Names that the compiled functions use for what they mean elsewhere, beside those with an
# underscore, which are the engine's.
_WORDS = "g out ValueError TypeError all any enumerate isinstance len tuple type zip"
WOVEN = frozenset(_WORDS.split())
_UFUNC_KEYWORDS = ("where", "axis", "axes", "keepdims", "casting", "order", "dtype", "subok")
_ORDINARY = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class Primitive:
    """A function and its rules, compiled on first use. Made by `derivative`, which see."""

    apply: Callable[..., Any]
    operator: Callable[..., Any]
    inplace: Callable[..., Any]
    pull: Callable[..., None]
    pull_scalar: Callable[..., None]
    pull_since: Callable[..., None]
    pull_recorded: Callable[..., None]

    draws: bool = False
    """Whether each application draws random numbers: two of them are never one."""

    is_closed: bool = False
    """Whether it is one step of a program, whatever its forward pass does."""

    def __init__(
        self,
        function: Callable[..., Any],
        rules: dict[str, Rule],
        *,
        joint: Rule | None = None,
        operands: str | None = None,
        constants: str = "",
        elementwise: bool | None = None,
        scalar: Callable[..., Any] | None = None,
        outputs: bool = False,
        stands_for: Callable[..., Any] | None = None,
        allows: str = "",
        name: str | None = None,
    ) -> None:
        for given in (function, *rules.values(), joint, scalar, stands_for):
            if given is not None and not callable(given):
                raise RuleError(f"A derivative is declared of functions, and {given!r} is none.")
        for option, text in {
            "operands": operands, "constants": constants, "allows": allows, "name": name,
        }.items():  # fmt: skip
            if not isinstance(text, (str, type(None))):
                raise RuleError(f"{option}= takes a text such as 'x y', and was given {text!r}.")
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.arguments = _names_of(function)
        named = operands.split() if operands else self._in_order(rules, joint, constants.split())
        self.variadic = named[:1] != [] and named[0].startswith("*")
        self.operands = tuple(
            name.removeprefix("*" if i == 0 else "") for i, name in enumerate(named)
        )
        self.constants = frozenset(constants.split())
        self.rules = rules
        self.joint = joint
        self.without_rule: frozenset[str] = frozenset()  # see `_joined_by`
        self._twins: dict[tuple[str, ...], Primitive] = {}
        single = isinstance(function, np.ufunc) and function.signature is None
        self.elementwise = single if elementwise is None else elementwise
        self.forward = scalar or function
        self.outputs = outputs
        self.stands_for = stands_for
        mentioned = (p for rule in self._all_rules() for p in self._arguments_of(rule))
        self.parameters = frozenset({*mentioned, *allows.split()} - {"g", "out", *self.operands})
        self._check_names(
            operands or "", {"joint": joint, "scalar": scalar, "stands_for": stands_for}
        )
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
        self, rules: dict[str, Rule], joint: Rule | None, constants: list[str]
    ) -> list[str]:
        """Return the operands as the function takes them, in whatever order the rules stand."""
        if joint is not None and not rules and self.signature is not None:
            given = self.signature.parameters.values()
            return [p.name for p in given if p.default is p.empty and p.kind in _ORDINARY]
        if {*rules, *constants} <= {*self.arguments}:
            return sorted({*rules, *constants}, key=self.arguments.index)
        return list(rules or constants)

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
        """See that what is named can be, and is there."""
        if not self.operands:
            raise RuleError(f"'{self.name}' has no operands: give rules, or operands='x y'.")
        for name in (*self.operands, *self.constants, *self.rules, *self.parameters):
            if not name.isidentifier() or keyword.iskeyword(name):
                raise RuleError(
                    f"'{name}' in the declaration of '{self.name}' is no name in Python."
                )
            if not name.isascii() and (read := _as_python_reads(name)) != name:
                raise RuleError(
                    f"Python reads the name '{name}' in the declaration of '{self.name}' as "
                    f"'{read}': write that."
                )
            taken = name in self.operands and (name in WOVEN or name.startswith("_"))
            if taken or name == "self":
                raise RuleError(
                    f"An operand of '{self.name}' is named '{name}', which has a meaning of its "
                    "own in a rule: choose another name."
                )
        for name in self.operands:
            if self.operands.count(name) > 1:
                raise RuleError(f"'{self.name}' has two operands of the name '{name}'.")
        for name in (*self.rules, *self.constants):
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
        """See that the function takes what the declaration names."""
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

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # type: ignore[no-any-return]  # as a function is pickled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to Tensors, arrays and numbers; without a Tensor among them, the result is bare."""
        only_operands = self.variadic or len(args) == len(self.operands)
        if self.signature is None or (only_operands and not any(map(_is_tensor, kwargs.values()))):
            return self._settled(self.apply(*args, **kwargs))
        operands, parameters = self._sorted(self.signature, args, kwargs)
        return self._settled(self._joined_by(parameters).apply(*operands, **parameters))

    def _settled(self, result: Any) -> Any:
        """See that a forward pass, which may be anybody's, returned arrays."""
        for t in result if isinstance(result, tuple) else (result,):
            if isinstance(t, Tensor) and not isinstance(t._value, (np.ndarray, np.generic)):
                if isinstance(t._value, Tensor):
                    raise DetachError(
                        f"The forward pass of '{self.name}' uses a Tensor that is none of its "
                        "arguments: make it an argument, or give its .numpy()."
                    )
                t._value = np.asarray(t._value)[()]
        return result

    def _sorted(
        self, signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """Sort the arguments of a call into operands and parameters."""
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}.") from None
        parameters = dict(bound.arguments)
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                parameters.update(parameters.pop(parameter.name, {}))
            elif parameter.name in self.operands and parameter.default is not parameter.empty:
                parameters.setdefault(parameter.name, parameter.default)
        if self.variadic:
            return parameters.pop(self.operands[0]), parameters
        return [parameters.pop(name) for name in self.operands], parameters

    def _joined_by(self, parameters: dict[str, Any]) -> Primitive:
        """Return the primitive of which a parameter that is a Tensor is one more operand.

        It has no rule, which is an error only when its gradient is asked for.
        """
        names = tuple(name for name, value in parameters.items() if _is_tensor(value))
        if not names or self.variadic:
            return self
        if names not in self._twins:
            twin = self.with_rules()
            twin.operands += names
            twin.without_rule = frozenset(names)
            twin.parameters -= twin.without_rule
            twin._lay_out()
            self._twins[names] = twin
        return self._twins[names]

    def __getattr__(self, attribute: str) -> Any:
        """Compile one of the `APPLIES` or `PULLS` when it is first asked for."""
        if attribute not in APPLIES and attribute not in PULLS:
            raise AttributeError(attribute)
        namespace = self._namespace()
        code = compile(self.source(attribute), f"<autograd_lite {self.name}>", "exec")
        exec(code, namespace)
        setattr(self, attribute, namespace[attribute])
        return namespace[attribute]

    def with_rules(self, **rules: Rule) -> Primitive:
        """Return a copy in which some rules are replaced (to test what checks catch)."""
        own = ("_twins", "spared", "out_readers", *APPLIES, *PULLS)
        changed = {k: v for k, v in self.__dict__.items() if k not in own}
        if "joint" in rules:
            changed["joint"] = rules.pop("joint")
        changed["rules"] = {**self.rules, **rules}
        twin = object.__new__(Primitive)
        twin.__dict__.update(changed, _twins={})
        return twin

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply to the arguments of a NumPy call."""
        if self.signature is None:
            return self.apply(*args, **kwargs)
        operands, parameters = self._sorted(self.signature, args, kwargs)
        operands = [as_array(x) if isinstance(x, (list, tuple)) else x for x in operands]
        for name, value in list(parameters.items()):
            own = self.signature.parameters.get(name)
            if own is not None and is_default(value, own):
                del parameters[name]
            elif name not in self.parameters:
                if name != "out":
                    ask(self.function, args, kwargs)  # it may be NumPy's error
                raise unsupported(self.function, name, self.parameters)
            elif type(value) is not np.ndarray and hasattr(type(value), "__array__"):
                parameters[name] = value if _is_tensor(value) else as_index(value)
        result = self._joined_by(parameters).apply(*operands, **parameters)
        # What has no rule may count, in Python's integers.
        return result if self.rules or self.joint else self._settled(result)

    # -- compilation ---------------------------------------------------------

    def source(self, function: str = "apply") -> str:
        """Return the source that one of the `APPLIES` or `PULLS` is compiled from."""
        if function in APPLIES:
            return self._source_of_apply(function)
        return self._source_of_pull(function)

    def _namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = {}
        for key, rule in {**self.rules, "joint": self.joint}.items():
            if rule is not None:
                namespace[f"_rule_{key}"] = rule
                for parameter in inspect.signature(rule).parameters.values():
                    namespace[_default(key, parameter.name)] = self._default_of(parameter)
        namespace.update(
            _primitive=self, _forward=watched(self.forward), _again=again,
            __warningregistry__=NO_REGISTRY, _Tensor=Tensor, _ndarray=np.ndarray,
            _new=object.__new__, _special=special, _CONSTANT=CONSTANT, _next_number=next_number,
            _USERS=("may be refilled",), _REFILLABLE=_REFILLABLE,
            _WEAK=_WEAK, _plain=_plain, _beside=_beside, _leave=_leave, _write=write,
            _rebound=rebound, _finish=_finish, _explain=_explain, _conform=_conform,
            _missing_rule=_missing_rule, _of_each=_of_each, _heappush=heappush,
            _unbundle=_unbundle, _dense=_dense, _let_go=let_go, _LARGE=LARGE,
        )  # fmt: skip
        return namespace

    # In the sources, names with an underscore are ours; those without are the declaration's.

    def _source_of_apply(self, name: str) -> str:
        beside = "_plain" if name == "apply" else "_beside"
        if self.variadic:
            needs = "False" if self.constants else "any([x._requires for x in _operands])"
            unwrap = f"""
    _operands = tuple([x if isinstance(x, _Tensor) else _CONSTANT for x in _given])
    _values = tuple([x._value if isinstance(x, _Tensor) else _plain(x) for x in _given])
    _slow = _special or any([x is _CONSTANT for x in _operands])
    _needs = {needs}"""
            signature, arguments, operands, values = "*_given", "*_values", "_operands", "_values"
            plain = "all([x is _CONSTANT for x in _operands])"
        else:
            signature = ", ".join(self.operands)
            unwrap, needs = "\n    _slow = _special", "_needs = {}._requires"
            if name == "inplace":
                first, second = self.operands
                unwrap = f"""
    if {first}._primitive is None:
        return _write({first}, {second}, _primitive){unwrap}"""
            for operand in self.operands:
                value = _value(operand)
                counts = operand not in self.constants
                also = "; _needs = False" if needs[9] == "{" and counts else ""
                leave = ""
                if name != "apply":
                    leave = f"""
        if {value} is NotImplemented:
            return _leave({signature}, _primitive)"""
                unwrap += f"""
    if isinstance({operand}, _Tensor):
        {value} = {operand}._value{"; " + needs.format(operand) if counts else ""}
    elif type({operand}) in _WEAK:
        {value} = {operand}
        {operand} = _CONSTANT{also}
    else:
        {value} = {beside}({operand}){leave}
        _slow = _slow or _USERS
        {operand} = _CONSTANT{also}"""
                if counts:
                    needs = "_needs = _needs or {}._requires"
            if needs[9] == "{":
                unwrap += "\n    _needs = False"
            operands = f"({signature},)"
            values = f"({', '.join(map(_value, self.operands))},)"
            arguments = ", ".join(
                f"{operand}={_value(operand)}"
                if self.by_name or operand in self.without_rule
                else _value(operand)
                for operand in self.operands
            )
            plain = " is ".join((*self.operands, "_CONSTANT")) if name == "apply" else ""
        if self.slots == 0:
            keep = f"_t._a = {operands}; _t._value_a = {values}"
        else:
            keep = "; ".join(
                f"_t._{slot} = {operand}; _t._value_{slot} = {_value(operand)}"
                for slot, operand in zip("ab", self.operands, strict=False)
            )
        parameters = "None"
        if self.takes_parameters:
            parameters = "_parameters"
            unwrap += """
    for _parameter in _parameters.values():
        if type(_parameter) in _REFILLABLE:
            _slow = _slow or _USERS"""
            keep += "; _t._parameters = _parameters"
            signature += ", **_parameters"
            arguments += ", **_parameters"
        # Of an elementwise function, the result is as large as the largest operand.
        never_read = [_value(self.operands[i]) for i, readers in self.spared if not readers]
        for large in ["_value"] if self.elementwise and self.spared else never_read[:1]:
            keep += f"""
        if type({large}) is _ndarray and {large}.nbytes >= _LARGE:
            _let_go(_t)"""
        compute = f"_value = _forward({arguments})"
        caught = ""
        if is_watched(self.forward):
            caught += f"""
    except TypeError:
        _value = _again(_primitive, {arguments})"""
        if self.variadic or len(self.operands) > 1:
            caught += f"""
    except ValueError as _error:
        _explain(_error, _primitive, {operands}, {values})
        raise"""
        if caught:
            compute = f"""try:
        {compute}{caught}"""
        if name == "inplace":
            compute += f"""
    if type({_value(first)}) is _ndarray and (
        _value.dtype is not {_value(first)}.dtype or _value.shape != {_value(first)}.shape
    ):
        return _rebound({first}, {second}, {_value(second)}, _primitive)"""
        # An operator is a Tensor's, so that one of its operands is no constant.
        bare = (
            f"""
    if {plain}:
        return _value"""
            if plain
            else ""
        )
        # The number is taken first: a write that comes in between, in another thread, is newer.
        return f"""def {name}({signature}):
    _n = _next_number(){unwrap}
    {compute}{bare}
    _t = _new(_Tensor)
    _t._value = _value
    _t._grad = _t._note = None
    _t._number = _n
    if _needs and not _slow:
        _t._requires = True
        _t._primitive = _primitive
        {keep}
    else:
        _finish(_t, _needs, _primitive, {operands}, {values}, {parameters})
    return {"_unbundle(_t)" if self.outputs else "_t"}"""

    def _source_of_pull(self, name: str) -> str:
        bounded = name in ("pull_since", "pull_recorded")
        lines = [f"def {name}(_t, g, _pending, _heap, _leaves{', _start' if bounded else ''}):"]
        if self.outputs:
            lines.append("    g = _dense(g, _t)")
        if self.joint is not None:
            count = "len(_t._a)" if self.variadic else len(self.operands) - len(self.without_rule)
            lines.append(f"    _parts = {self._call(self.joint, 'joint')}")
            lines.append(f"    if type(_parts) is not tuple or len(_parts) != {count}:")
            lines.append(f"        _parts = _of_each(_parts, {count}, _primitive)")
        if self.variadic and self.operands[0] not in self.constants:
            part = f"_missing_rule(_primitive, {self.operands[0]!r})"
            if self.joint is not None:
                part = "_parts[_i]"
            lines.append("    for _i, (x, _value_x) in enumerate(zip(_t._a, _values)):")
            lines.append(self._deliver("x", part, name).replace("\n", "\n    ")[1:])
        for i, operand in enumerate(self.operands):
            if self.variadic or operand in self.constants:
                continue
            if operand in self.rules:
                contribution = self._call(self.rules[operand], operand)
            elif self.joint is not None and operand not in self.without_rule:
                contribution = f"_parts[{i}]"
            else:
                contribution = f"_missing_rule(_primitive, {operand!r})"
            lines.append(self._deliver(operand, contribution, name)[1:])
        lines[1:1] = self._loads("\n".join(lines), recorded=name == "pull_recorded")
        return "\n".join(lines if len(lines) > 1 else [*lines, "    pass"])

    def _loads(self, body: str, *, recorded: bool) -> list[str]:
        """Return the lines that fetch from `_t` the names that occur in `body`."""
        places = {"out": "_t" if recorded else "_t._value", "_p": "_t._parameters"}
        if self.variadic:
            places["_values"] = "_t.tape.operands" if recorded else "_t._value_a"
        for i, operand in enumerate(() if self.variadic else self.operands):
            slot = ("_a", "_b")[i] if self.slots else f"_a[{i}]"
            value = f"_t._value{slot}"
            if recorded:
                # Tensors in place of their values, so that the rules are recorded.
                value = f"{operand} if {operand} is not _CONSTANT else {value}"
            places[operand] = f"_t.{slot}"
            places[_value(operand)] = value
        words = set(re.findall(r"\w+", body))
        if recorded:
            words |= {word.removeprefix("_value_") for word in words}
        return [f"    {name} = {place}" for name, place in places.items() if name in words]

    def _deliver(self, x: str, contribution: str, name: str) -> str:
        """Return the lines that compute one contribution and add it to what waits."""
        bounded = name in ("pull_since", "pull_recorded")
        named = self.operands[0] if self.variadic else x
        conform = ""
        # Our own rules turn one number into one number; anybody else's may return what it likes.
        ours = isinstance(self.function, np.ufunc) or _home(self.function).startswith(_PACKAGE)
        if not (name == "pull_scalar" and self.elementwise and ours):
            array = "_Tensor" if name == "pull_recorded" else "_ndarray"
            conform = f"""
        _kind = type(_c)
        if _kind is not type({_value(x)}) or _kind is {array} and (
            _c.shape != {_value(x)}.shape or _c.dtype is not {_value(x)}.dtype
        ):
            _c = _conform(_c, {_value(x)}, _primitive, {named!r})"""
        # An array that nobody else holds is taken out: NumPy adds to it where it is.
        waiting = "_pending[_n]" if name == "pull_scalar" else "_pending.pop(_n)"
        return f"""
    if {x}._requires{f" and {x}._number <= _start" if bounded else ""}:
        _c = {contribution}{conform}
        _n = {x}._number
        if _n in _pending:
            _pending[_n] = {waiting} + _c
        elif {x}._primitive is None:
            _pending[_n] = _c
            _leaves.append({x})
        else:
            _pending[_n] = _c
            _heappush(_heap, (_n, {x}))"""

    def _default_of(self, parameter: inspect.Parameter) -> Any:
        """Return the default of a rule's parameter: where the rule states none, the function's."""
        if parameter.default is parameter.empty and parameter.name in self.arguments:
            assert self.signature is not None
            return self.signature.parameters[parameter.name].default
        return parameter.default

    def _call(self, rule: Rule, key: str) -> str:
        """Return the source of a rule's call: `_rule_x(g, _value_y, _p['axis'])`."""
        arguments = []
        for parameter in inspect.signature(rule).parameters.values():
            name = parameter.name
            if name in ("g", "out"):
                arguments.append(name)
            elif name in self.operands:
                arguments.append("_values" if self.variadic else _value(name))
            elif self._default_of(parameter) is parameter.empty:
                arguments.append(f"_p[{name!r}]")
            else:
                arguments.append(f"_p.get({name!r}, {_default(key, name)})")
        if arguments == ["g"] and _is_identity(rule):
            return "g"  # not worth a call
        return f"_rule_{key}({', '.join(arguments)})"


def _names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters; none of a ufunc."""
    names = _plain_names(function)
    if names is None:
        found = signature(function)
        names = () if found is None else tuple(found.parameters)
    return names


def _plain_names(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Return the names at a twentieth of `inspect.signature`'s cost, where there is no *args.

    The import declares some two hundred functions and their rules.
    """
    if type(function) is not types.FunctionType or {*function.__dict__} & _HAS_ANOTHER:
        return None
    code = function.__code__
    if code.co_posonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return None
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


_HAS_ANOTHER = {"__wrapped__", "__signature__"}  # by which `inspect` goes, in place of the code


def _as_python_reads(name: str) -> str:
    import unicodedata  # seldom needed

    return unicodedata.normalize("NFKC", name)


def _home(function: Callable[..., Any]) -> str:
    return getattr(function, "__module__", None) or ""


_PACKAGE = __name__.partition(".")[0] + "."
_IDENTITY = (lambda g: g).__code__.co_code


def _is_identity(rule: Rule) -> bool:
    return getattr(rule, "__code__", None) is not None and rule.__code__.co_code == _IDENTITY


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


def _value(operand: str) -> str:
    return f"_value_{operand}"


def _default(key: str, parameter: str) -> str:
    return f"_default_{key}_{parameter}"


# -- what the compiled functions call, off their straight path -----------------

_WEAK = frozenset({float, int, bool, complex, np.float64, np.float32, np.int64, np.bool_})
_REFILLABLE = frozenset({np.ndarray, list, tuple, dict})  # parameters that may change later


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


def converted(x: Any, dtype: Any) -> Any:
    """Return an operand of a rule in another dtype: of two, one may not hold what both give."""
    if getattr(x, "dtype", None) == dtype:
        return x
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


def _plain(value: Any) -> Any:
    """Check an operand that is not a Tensor."""
    array = _beside(value)
    if array is not NotImplemented:
        return array
    if isinstance(value, (np.ndarray, np.generic, str, bytes)):
        array = np.asarray(value)
        if array.dtype.kind in "SUMm":  # text and dates: NumPy says what is wrong with them
            return array
    raise not_an_operand(value)


def _beside(value: Any) -> Any:
    """Return what stands beside a Tensor as an array; NotImplemented where that answers itself."""
    if type(value) is not np.ndarray or value.dtype.kind not in "fciub":
        return as_operand(value)
    if value.ndim or (special and state.mode.recorder is not None):  # which sees who owns it
        return value
    return value[()]  # a scalar, as in a Tensor


def _leave(x: Any, y: Any, primitive: Primitive) -> Any:
    """Leave an operator to an operand that is no array; a comparison is NumPy's own affair."""
    compare = _COMPARISONS.get(primitive.function)
    if compare is None or answers_itself(type(y if isinstance(x, Tensor) else x)):
        return NotImplemented
    return constant(np.asarray(compare(bare(x), bare(y))))


_COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
}


def _finish(
    t: Tensor, needs: bool, primitive: Primitive, operands: Any, values: Any, parameters: Any
) -> None:
    """Complete a result that is a constant, or of which more than usual is recorded."""
    mode = state.mode if special else GRADIENT
    t._requires = needs and mode.records
    if mode.watch:
        t._primitive = None
        later("watch_result")(t, primitive, operands, values, parameters)
    if not t._requires and not mode.everything:
        t._primitive = None
        return
    if mode.recorder is not None and primitive in mode.recorder.closed:
        primitive, parameters = mode.recorder.primitive(primitive, parameters)
    t._primitive = primitive
    if mode.keeps:
        guards: list[Guard] = []
        values = [
            kept_operand(v, guards) if x is CONSTANT and type(v) not in _WEAK else v
            for x, v in zip(operands, values, strict=True)
        ]
        if parameters:
            parameters = {k: kept(v) for k, v in parameters.items()}
        if guards:
            t._note = {**(t._note or {}), "guards": guards}
    if primitive.slots == 0:
        t._a, t._value_a = operands, tuple(values)
    else:
        t._a, t._value_a = operands[0], values[0]
        t._b, t._value_b = operands[-1], values[-1]
    if primitive.takes_parameters:
        t._parameters = parameters
    if mode is not GRADIENT:
        annotate(t)
        return
    large = t._value if primitive.elementwise else values[0]
    if type(large) is np.ndarray and large.nbytes >= LARGE:
        let_go(t)


_MISFIT = re.compile("could not be broadcast|mismatch in its core dimension|not aligned")


def _explain(error: ValueError, primitive: Primitive, operands: Any, values: Any) -> None:
    """Say which operation failed, on which shapes and names, if it is the shapes that do not fit.

    Any other error is left as it is, and so is one that was raised inside of somebody's function,
    unless the function is elementwise and its operands do not broadcast.
    """
    if type(error) is not ValueError or not _MISFIT.search(str(error)):
        return
    assert error.__traceback__ is not None
    inside = error.__traceback__.tb_next is not None
    if _broadcast(map(np.shape, values)) if primitive.elementwise else inside:
        return
    described = [
        f"{np.shape(value)}" + (f" ('{operand.name}')" if operand.name else "")
        for value, operand in zip(values, operands, strict=True)
    ]
    raise BroadcastError(
        f"The shapes {' and '.join(described)} do not go together in {primitive.name}: {error}"
    ) from error


def _broadcast(shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether shapes broadcast."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def _missing_rule(primitive: Primitive, operand: str) -> Any:
    raise NoDerivativeError(
        f"'{primitive.name}' has no rule for its operand '{operand}': declare one, "
        f"derivative(…, {operand}=lambda g, …: …), or detach() the operand."
    )


def _of_each(parts: Any, count: int, primitive: Primitive) -> Any:
    """See that a joint rule returned a gradient, or None, for each operand."""
    if not isinstance(parts, (tuple, list)) or len(parts) != count:
        given = f"{len(parts)}" if isinstance(parts, (tuple, list)) else f"a {type(parts).__name__}"
        raise RuleError(
            f"The joint rule of '{primitive.name}' returned {given}: it must return a tuple of "
            f"{count}, a gradient or None for each operand."
        )
    return parts


def _conform(c: Any, value: Any, primitive: Primitive, operand: str) -> Any:
    """Fit a contribution to its operand: sum what was broadcast, keep the dtype."""
    if isinstance(c, Parts):
        return c
    if c is None:
        _missing_rule(primitive, operand)
    if not isinstance(c, (np.ndarray, np.generic, Tensor)):
        c = np.asarray(c)
    shape = value.shape
    if c.shape != shape:
        if not primitive.elementwise:
            raise RuleError(
                f"A rule of '{primitive.name}' returned a gradient of shape {c.shape} "
                f"for an operand of shape {shape}."
            )
        c = unbroadcast(c, shape)
    return as_dtype(c, value.dtype)


def as_dtype(g: Any, dtype: Any) -> Any:
    """Convert a gradient; of a complex one, a real operand gets the real part."""
    if g.dtype == dtype:
        return g
    if g.dtype.kind == "c" and dtype.kind != "c":
        g = np.real(g)
    return g.astype(dtype)


_WIDER = {"f": np.float64, "F": np.complex128}
MANY = 10_000  # numbers of single precision: from there on, their sum is made in double


def wider(a: Any, axis: Any) -> Any:
    """Return the dtype to sum in, so that no digits are lost; None for that of the array.

    In half precision, a sum of ones stops at 2048.
    """
    if a.dtype.char == "e":
        return np.float32
    if a.size <= MANY:
        return None
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return _WIDER.get(a.dtype.char) if math.prod(a.shape[i] for i in axes) > MANY else None


def total(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum what a rule has to sum, in a wider type where that is needed, as PyTorch does."""
    dtype = wider(a, axis)
    if dtype is None:
        return a.sum(axis=axis, keepdims=keepdims)
    return np.sum(a, axis=axis, dtype=dtype, keepdims=keepdims).astype(a.dtype)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its operand was broadcast.

    Broadcasting copies a value, and a value that is used many times gets the
    sum of its gradients.

    >>> import numpy as np
    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    if g.shape == shape:
        return g
    if g.ndim < len(shape):
        return np.broadcast_to(g, shape)
    extra = g.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1
    )
    summed = total(g, axes)
    return summed if summed.shape == shape else summed.reshape(shape)


# -- primitives with several outputs -------------------------------------------


class Parts:
    """The gradient of a bundle of outputs: what has arrived so far, by position."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: Parts) -> Parts:
        both = dict(self.parts)
        for index, g in other.parts.items():
            both[index] = both[index] + g if index in both else g
        return Parts(both)


def _dense(g: Parts, t: Tensor) -> list[Any]:
    """Return a gradient for each output; zeros where none arrived."""
    return [g.parts[i] if i in g.parts else np.zeros_like(part) for i, part in enumerate(t._value)]


def _unbundle(t: Tensor) -> tuple[Tensor, ...]:
    return tuple(output.apply(t, index=i) for i in range(len(t._value)))


output = derivative(
    lambda bundle, index: bundle[index],
    name="output",
    bundle=lambda g, index: Parts({index: g}),
)
"""One of several outputs; its transpose puts a gradient at that place of the bundle."""
