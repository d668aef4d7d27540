"""What a declaration becomes: two short functions, as one would write them by hand for it alone.

`multiply` becomes

* ``apply(x, y)``: unwrap, compute, wrap, and record if anything leads to a
  gradient;
* ``vjp(t, g, …)``: call the two rules for those operands that need it, see
  that each contribution fits its operand, and add it to what waits there.

``print(TABLE[np.multiply].source("apply"))`` shows the first. There are three kinds of it, see
`APPLIES`, and four of the second, see `VJPS`. Each is compiled when it is first used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from heapq import heappush
from typing import Any

import numpy as np

from .declaration import Declaration, Rule
from .helpers import (
    REFILLABLE,
    WEAK,
    beside,
    checked,
    conform,
    explain,
    finish,
    leave,
    missing_rule,
    of_each,
    zero_fill,
)
from .inplace import rebound, write
from .modes import special
from .node import LARGE, let_go
from .numpy_warnings import NO_REGISTRY, again, is_watched, watched
from .tape import next_number
from .tensor import CONSTANT, Tensor

APPLIES = {
    "apply": "as a function",
    "operator": "the same, which leaves the answer to what is no array of NumPy's, as x * y does",
    "inplace": "the same, which writes into a constant, as x *= y does",
}
VJPS = {
    "vjp": "to the leaves, on arrays",
    "vjp_scalar": "the same where the result is one float64: no broadcasts, and leaves do casts",
    "vjp_since": "not beyond what is older than `start`: for a transform",
    "vjp_recorded": "the same on Tensors, so that it is itself on the tape",
}


def woven(d: Declaration, function: str, unbundle: Callable[..., Any]) -> Callable[..., Any]:
    """Compile one of the `APPLIES` or `VJPS` of a declaration.

    What takes a bundle of several outputs apart is itself woven, and comes from the caller.
    """
    namespace = {**_namespace(d), "_unbundle": unbundle}
    exec(compile(source(d, function), f"<autograd_lite {d.name}>", "exec"), namespace)
    return namespace[function]  # type: ignore[no-any-return]


def source(d: Declaration, function: str) -> str:
    """Return what it is compiled from."""
    return _source_of_apply(d, function) if function in APPLIES else _source_of_vjp(d, function)


def _namespace(d: Declaration) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    for key, rule in {**d.rules, "joint": d.joint}.items():
        if rule is not None:
            namespace[f"_rule_{key}"] = rule
            for parameter in inspect.signature(rule).parameters.values():
                namespace[_default(key, parameter.name)] = d.default_of(parameter)
    namespace.update(
        _primitive=d, _forward=watched(d.forward), _again=again,
        __warningregistry__=NO_REGISTRY, _Tensor=Tensor, _ndarray=np.ndarray,
        _new=object.__new__, _special=special, _CONSTANT=CONSTANT, _next_number=next_number,
        _USERS=("may be refilled",), _REFILLABLE=REFILLABLE,
        _WEAK=WEAK, _plain=checked, _beside=beside, _leave=leave, _write=write,
        _rebound=rebound, _finish=finish, _explain=explain, _conform=conform,
        _missing_rule=missing_rule, _of_each=of_each, _heappush=heappush,
        _zero_fill=zero_fill, _let_go=let_go, _LARGE=LARGE, _max=max,
    )  # fmt: skip
    return namespace


# In the sources, names with an underscore are ours; those without are the declaration's.

Lines = list[str]


def _indented(lines: Iterable[str]) -> Lines:
    return [f"    {line}" for line in lines]


# -- the forward pass ------------------------------------------------------------------------


def _source_of_apply(d: Declaration, name: str) -> str:
    names = ["*_given"] if d.variadic else list(d.operands)
    arguments = _arguments(d)
    if d.takes_parameters:
        names.append("**_parameters")
        arguments.append("**_parameters")
    operands, values = ("_operands", "_values") if d.variadic else (
        _tuple(d.operands), _tuple(map(_value, d.operands))
    )  # fmt: skip
    parameters = "_parameters" if d.takes_parameters else "None"
    body = [
        # The number is taken first: a write that comes in between, in another thread, is newer.
        "_n = _next_number()",
        *(_unwrap_all(d) if d.variadic else _unwrap(d, name)),
        *(_look_at_parameters() if d.takes_parameters else []),
        *_compute(d, ", ".join(arguments), operands, values),
    ]
    if name == "inplace":
        body += _rebind(*d.operands)
    result = "_unbundle({})" if d.outputs else "{}"
    body += [
        "if _needs and not _slow:",
        "    _t = _new(_Tensor)",
        "    _t._value = _value",
        "    _t._grad = _t._metadata = None",
        "    _t._number = _n",
        *_indented(_keep(d, operands, values)),
        f"    return {result.format('_t')}",
    ]
    # An operator is a Tensor's, so that one of its operands is no constant.
    if d.variadic:
        body += ["if all([x is _CONSTANT for x in _operands]):", "    return _value"]
    elif name == "apply":
        body += [f"if {' is '.join((*d.operands, '_CONSTANT'))}:", "    return _value"]
    finished = f"_finish(_value, _n, _needs, _primitive, {operands}, {values}, {parameters})"
    body.append(f"return {result.format(finished)}")
    return "\n".join([f"def {name}({', '.join(names)}):", *_indented(body)])


def _arguments(d: Declaration) -> Lines:
    """Return the values as the forward pass takes them."""
    if d.variadic:
        return ["*_values"]
    return [
        f"{x}={_value(x)}" if d.by_name or x in d.without_rule else _value(x) for x in d.operands
    ]


def _unwrap_all(d: Declaration) -> Lines:
    """Return the lines that take the values out of a sequence of operands."""
    return [
        "_operands = tuple([x if isinstance(x, _Tensor) else _CONSTANT for x in _given])",
        "_values = tuple([x._value if isinstance(x, _Tensor) else _plain(x) for x in _given])",
        "_slow = _special or any([x is _CONSTANT for x in _operands])",
        "_needs = 0"
        if d.nondifferentiable
        else "_needs = _max([x._requires for x in _operands], default=0)",
    ]


def _unwrap(d: Declaration, name: str) -> Lines:
    """Return the lines that take the value out of each operand, and see whether any needs one."""
    lines: Lines = []
    if name == "inplace":
        first, second = d.operands
        lines += [
            f"if {first}._primitive is None:",
            f"    return _write({first}, {second}, _primitive)",
        ]
    lines.append("_slow = _special")
    beside = "_plain" if name == "apply" else "_beside"
    asked = False  # whether an operand before has set `_needs`
    for x in d.operands:
        of_tensor, of_other = [], ""
        if x not in d.nondifferentiable and asked:
            of_tensor = [
                f"    if {x}._requires is not _needs and {x}._requires > _needs:",
                f"        _needs = {x}._requires",
            ]
        elif x not in d.nondifferentiable:
            of_tensor, of_other = [f"    _needs = {x}._requires"], "; _needs = 0"
            asked = True
        lines += [
            f"if isinstance({x}, _Tensor):",
            f"    {_value(x)} = {x}._value",
            *of_tensor,
            f"elif type({x}) in _WEAK:",
            f"    {_value(x)} = {x}",
            f"    {x} = _CONSTANT{of_other}",
            "else:",
            f"    {_value(x)} = {beside}({x})",
        ]
        if name != "apply":
            lines += [
                f"    if {_value(x)} is NotImplemented:",
                f"        return _leave({', '.join(d.operands)}, _primitive)",
            ]
        lines += ["    _slow = _slow or _USERS", f"    {x} = _CONSTANT{of_other}"]
    return lines if asked else [*lines, "_needs = 0"]


def _look_at_parameters() -> Lines:
    """Return the lines that look for parameters that the user may change later."""
    return [
        "for _parameter in _parameters.values():",
        "    if type(_parameter) in _REFILLABLE:",
        "        _slow = _slow or _USERS",
    ]


def _compute(d: Declaration, arguments: str, operands: str, values: str) -> Lines:
    """Return the lines of the forward pass; what it raises is said again in the user's terms."""
    lines = [f"_value = _forward({arguments})"]
    caught: Lines = []
    if is_watched(d.forward):
        caught += ["except TypeError:", f"    _value = _again(_primitive, {arguments})"]
    if d.variadic or len(d.operands) > 1:
        caught += [
            "except ValueError as _error:",
            f"    _explain(_error, _primitive, {operands}, {values})",
            "    raise",
        ]
    return ["try:", *_indented(lines), *caught] if caught else lines


def _rebind(first: str, second: str) -> Lines:
    """Return the lines by which ``x += y`` keeps the shape and the dtype of x."""
    value = _value(first)
    return [
        f"if type({value}) is _ndarray and (",
        f"    _value.dtype is not {value}.dtype or _value.shape != {value}.shape",
        "):",
        f"    return _rebound({first}, {second}, {_value(second)}, _primitive)",
    ]


def _keep(d: Declaration, operands: str, values: str) -> Lines:
    """Return the lines that record a result: its operands and their values, and what is spared."""
    lines = ["_t._requires = _needs", "_t._primitive = _primitive"]
    if d.slots == 0:
        kept = f"_t._a = {operands}; _t._value_a = {values}"
    else:
        kept = "; ".join(
            f"_t._{slot} = {x}; _t._value_{slot} = {_value(x)}"
            for slot, x in zip("ab", d.operands, strict=False)
        )
    lines.append(kept + ("; _t._parameters = _parameters" if d.takes_parameters else ""))
    # Of an elementwise function, the result is as large as the largest operand.
    never_read = [_value(d.operands[i]) for i, readers in d.spared if not readers]
    for large in ["_value"] if d.elementwise and d.spared else never_read[:1]:
        lines += [
            f"if type({large}) is _ndarray and {large}.nbytes >= _LARGE:",
            "    _let_go(_t)",
        ]
    return lines


# -- the reverse pass ------------------------------------------------------------------------


def _source_of_vjp(d: Declaration, name: str) -> str:
    used: set[str] = set()  # of what is to be fetched from the tape
    body: Lines = []
    if d.outputs:
        body.append("g = _zero_fill(g, _t)")
    if d.joint is not None:
        count = "len(_t._a)" if d.variadic else len(d.operands) - len(d.without_rule)
        body += [
            f"_parts = {_call(d, d.joint, 'joint', used)}",
            f"if type(_parts) is not tuple or len(_parts) != {count}:",
            f"    _parts = _of_each(_parts, {count}, _primitive)",
        ]
    if d.variadic:
        [operand] = d.operands
        if operand not in d.nondifferentiable:
            used.add("_values")
            part = f"_missing_rule(_primitive, {operand!r})" if d.joint is None else "_parts[_i]"
            body += [
                "for _i, (x, _value_x) in enumerate(zip(_t._a, _values)):",
                *_indented(_deliver(d, "x", part, name, set())),
            ]
    else:
        for i, x in enumerate(d.operands):
            if x in d.nondifferentiable:
                continue
            if x in d.rules:
                contribution = _call(d, d.rules[x], x, used)
            elif d.joint is not None and x not in d.without_rule:
                contribution = f"_parts[{i}]"
            else:
                contribution = f"_missing_rule(_primitive, {x!r})"
            body += _deliver(d, x, contribution, name, used)
    names = ["_t", "g", "_pending", "_heap", "_leaves", *(["_start"] if _is_bounded(name) else [])]
    body = [*_loads(d, used, recorded=name == "vjp_recorded"), *body]
    return "\n".join([f"def {name}({', '.join(names)}):", *_indented(body or ["pass"])])


def _is_bounded(name: str) -> bool:
    return name in ("vjp_since", "vjp_recorded")


def _loads(d: Declaration, used: set[str], *, recorded: bool) -> Lines:
    """Return the lines that fetch from `_t` what is used."""
    places = {"out": "_t" if recorded else "_t._value", "_p": "_t._parameters"}
    if d.variadic:
        places["_values"] = "_t.tape.operands" if recorded else "_t._value_a"
    for i, x in enumerate(() if d.variadic else d.operands):
        slot = ("_a", "_b")[i] if d.slots else f"_a[{i}]"
        value = f"_t._value{slot}"
        if recorded:
            # Tensors in place of their values, so that the rules are recorded.
            value = f"{x} if {x} is not _CONSTANT else {value}"
            used = used | {x} if _value(x) in used else used
        places[x] = f"_t.{slot}"
        places[_value(x)] = value
    return [f"{name} = {place}" for name, place in places.items() if name in used]


def _deliver(d: Declaration, x: str, contribution: str, name: str, used: set[str]) -> Lines:
    """Return the lines that compute one contribution and add it to what waits."""
    used.add(x)
    bounded = f" and {x}._number <= _start" if _is_bounded(name) else ""
    # An array that nobody else holds is taken out: NumPy adds to it where it is.
    waiting = "_pending[_n]" if name == "vjp_scalar" else "_pending.pop(_n)"
    return [
        f"if {x}._requires{bounded}:",
        f"    _c = {contribution}",
        *_indented(_fit(d, x, name, used)),
        f"    _n = {x}._number",
        "    if _n in _pending:",
        f"        _pending[_n] = {waiting} + _c",
        f"    elif {x}._primitive is None:",
        "        _pending[_n] = _c",
        f"        _leaves.append({x})",
        "    else:",
        "        _pending[_n] = _c",
        f"        _heappush(_heap, (_n, {x}))",
    ]


def _fit(d: Declaration, x: str, name: str, used: set[str]) -> Lines:
    """Return the lines that see whether a contribution fits its operand."""
    # Our own rules turn one number into one number; anybody else's may return what it likes.
    ours = isinstance(d.function, np.ufunc) or _home(d.function).startswith(_PACKAGE)
    if name == "vjp_scalar" and d.elementwise and ours:
        return []
    used.add(_value(x))
    array = "_Tensor" if name == "vjp_recorded" else "_ndarray"
    operand = d.operands[0] if d.variadic else x
    misfit = f"_c.dtype is not {_value(x)}.dtype"
    broadcasts = d.elementwise and (len(d.operands) > 1 or d.takes_parameters)
    # Where nothing broadcasts, the rules of the table, which tests hold, return the right shape.
    if broadcasts or x not in d.rules or not _home(d.rules[x]).startswith(_CALCULUS):
        misfit = f"_c.shape != {_value(x)}.shape or {misfit}"
    return [
        "_kind = type(_c)",
        f"if _kind is not type({_value(x)}) or _kind is {array} and ({misfit}):",
        f"    _c = _conform(_c, {_value(x)}, _primitive, {operand!r})",
    ]


def _call(d: Declaration, rule: Rule, key: str, used: set[str]) -> str:
    """Return the source of a rule's call: `_rule_x(g, _value_y, _p['axis'])`."""
    arguments = []
    for parameter in inspect.signature(rule).parameters.values():
        name = parameter.name
        if name == "g":
            arguments.append(name)
        elif name == "out" or name in d.operands:
            loaded = name if name == "out" else "_values" if d.variadic else _value(name)
            arguments.append(loaded)
            used.add(loaded)
        else:
            used.add("_p")
            if d.default_of(parameter) is parameter.empty:
                arguments.append(f"_p[{name!r}]")
            else:
                arguments.append(f"_p.get({name!r}, {_default(key, name)})")
    code = getattr(rule, "__code__", None)
    if code is not None and code.co_code in _NOT_WORTH_A_CALL:
        return _NOT_WORTH_A_CALL[code.co_code].format(*arguments)
    return f"_rule_{key}({', '.join(arguments)})"


_NOT_WORTH_A_CALL = {
    rule.__code__.co_code: text
    for text, rule in {
        "{}": lambda g: g,
        "-{}": lambda g: -g,
        "{} * {}": lambda g, x: g * x,
        "{} / {}": lambda g, x: g / x,
    }.items()
}
"""The rules of arithmetic, which have no constants, by their compiled code."""


def _tuple(names: Iterable[str]) -> str:
    return f"({', '.join(names)},)"


def _home(function: Callable[..., Any]) -> str:
    return getattr(function, "__module__", None) or ""


_PACKAGE = __name__.partition(".")[0] + "."
_CALCULUS = f"{_PACKAGE}calculus."


def _value(operand: str) -> str:
    return f"_value_{operand}"


def _default(key: str, parameter: str) -> str:
    return f"_default_{key}_{parameter}"
