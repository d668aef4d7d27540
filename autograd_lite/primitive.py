"""How a primitive and its derivative rules are declared, and what becomes of them.

A derivative is one line of NumPy::

    derivative(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x)
    derivative(np.exp,      x=lambda g, out: g * out)

Each rule turns `g`, the upstream gradient ∂L/∂out, into ∂L/∂(its operand). It
names what it needs: `g`, `out` (the result), an operand, or a parameter such
as `axis`, whose default stands in the rule or in the function. Since a rule is
plain NumPy and a Tensor answers plain NumPy, the same line gives numbers when it
is fed arrays and a graph that can be differentiated again when it is fed Tensors.

What is declared is read in :mod:`autograd_lite.declaration`, and becomes code in
:mod:`autograd_lite.weave`. Here is how it is called: by a program, or by NumPy.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .composite import as_array, ask, is_default, unsupported
from .declaration import OPTIONS, RENAMED, Declaration, Rule
from .errors import DetachError
from .foreign import as_index
from .helpers import OutputGradients
from .keeping import arrays_in, held_by
from .modes import report_read, special
from .protocol import TABLE
from .tensor import Tensor
from .weave import APPLIES, VJPS, source, woven


@overload
def derivative(function: Callable[..., Any], /, **declaration: Any) -> Primitive: ...
@overload
def derivative(**declaration: Any) -> Callable[[Callable[..., Any]], Primitive]: ...
def derivative(
    function: Callable[..., Any] | None = None, /, **declaration: Any
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
    nondifferentiable
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
    decomposition
        The composition that a fused primitive replaces: same arguments, plain
        NumPy. A test holds the two together.
    parameters
        Further parameters, which no rule names.
    indices
        Of a sum of products, the indices of its operands and of its result, as for `einsum`:
        ``"...i,oi->...o"``. Beside letters there are ``...`` for leading axes, ``i?`` for one
        that a vector has not, ``[ri]`` for an axis along which windows at r slide over taps i
        (``stride``, ``padding`` and ``dilation`` say how), ``+o`` for an operand that is added,
        and ``{subscripts}`` for a parameter. A lesson shows the index form of each gradient,
        which follows from it.
    name
        How it is called in pictures and messages.
    constants, allows, stands_for
        Older names of `nondifferentiable`, `parameters` and `decomposition`.

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
    options = {k: declaration.pop(k) for k in [*declaration] if RENAMED.get(k, k) in OPTIONS}

    def declare(function: Callable[..., Any]) -> Primitive:
        TABLE[function] = primitive = Primitive(function, declaration, **options)
        return primitive

    return declare if function is None else declare(function)


def _on_demand(name: str) -> functools.cached_property[Callable[..., Any]]:
    """Return one of the `APPLIES`, to be woven when it is first asked for."""
    return functools.cached_property(lambda primitive: woven(primitive, name, _unbundle))


def _unwoven(name: str) -> Callable[..., None]:
    """Return what stands for one of the `VJPS` until it is first called, and weaves it then."""

    def vjp(t: Any, *rest: Any) -> None:
        primitive = t._primitive
        function = woven(primitive, name, _unbundle)
        setattr(primitive, name, function)
        function(t, *rest)

    return vjp


_UNWOVEN = {name: _unwoven(name) for name in VJPS}


_KNOWN = ("numpy", operator.getitem.__module__, f"{__package__}.calculus.")
_OF_ANY_LENGTH = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Primitive(Declaration):
    """A function and its rules, woven on first use. Made by `derivative`, which see.

    >>> from autograd_lite import derivative, grad
    >>> cube = derivative(lambda x: x**3, name="cube", x=lambda g, x: 3.0 * g * x**2)
    >>> type(cube).__name__, float(cube(2.0)), float(grad(cube)(2.0))
    ('Primitive', 8.0, 12.0)
    """

    # No `__getattr__` weaves them: it would slow every attribute down.

    apply = _on_demand("apply")
    operator = _on_demand("operator")
    inplace = _on_demand("inplace")
    vjp: Callable[..., None]
    vjp_scalar: Callable[..., None]
    vjp_since: Callable[..., None]
    vjp_recorded: Callable[..., None]

    def __init__(
        self, function: Callable[..., Any], rules: dict[str, Rule], **options: Any
    ) -> None:
        super().__init__(function, rules, **{RENAMED.get(k, k): v for k, v in options.items()})
        self._twins: dict[tuple[str, ...], Primitive] = {}
        self._forms: dict[Any, tuple[list[tuple[str, int]], list[Any]]] = {}
        self.__dict__.update(_UNWOVEN)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> str:
        return vars(self)["__qualname__"]  # type: ignore[no-any-return]  # as a function is pickled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to Tensors, arrays and numbers; without a Tensor, the result is an array."""
        only_operands = self.variadic or len(args) == len(self.operands)
        if self.signature is None or (only_operands and not any(map(_is_tensor, kwargs.values()))):
            return self._validated(self.apply(*args, **kwargs), args)
        operands, parameters = self._bind(self.signature, args, kwargs)
        result = self.with_tensor_parameters(parameters).apply(*operands, **parameters)
        return self._validated(result, (operands, parameters))

    @functools.cached_property
    def _is_known(self) -> bool:
        """Whether its arrays are new, or views of ours: NumPy's and the calculus' own.

        What has no rule may count, in Python's integers.
        """
        module = getattr(self.function, "__module__", None) or ""
        return bool(self.rules or self.joint) and module.startswith(_KNOWN)

    def _validated(self, result: Any, given: Any = ()) -> Any:
        """Raise if a forward pass returned a Tensor inside of one; make arrays of its own."""
        if self._is_known:
            return result
        arrays = arrays_in(given) + held_by(self.function)
        for t in result if isinstance(result, tuple) else (result,):
            if not isinstance(t, Tensor):
                continue
            if isinstance(t._value, np.ndarray):
                if any(np.may_share_memory(t._value, array) for array in arrays):
                    t._value = t._value.copy()  # the user may refill theirs
                    if self.outputs:
                        bundle, i = t._a, t._parameters["index"]
                        bundle._value = (*bundle._value[:i], t._value, *bundle._value[i + 1 :])
            elif not isinstance(t._value, np.generic):
                if isinstance(t._value, Tensor):
                    raise DetachError(
                        f"The forward pass of '{self.name}' uses a Tensor that is none of its "
                        "arguments: make it an argument, or give its .numpy()."
                    )
                t._value = np.asarray(t._value)[()]
        return result

    def _bind(
        self, signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """Sort the arguments of a call into operands and parameters."""
        form = len(args), *kwargs
        if form in self._forms:  # in a tenth of the time that Python's own way takes
            places, defaults = self._forms[form]
            values = *args, *kwargs.values(), *defaults
            parameters = {name: values[i] for name, i in places}
        else:
            parameters = self._bound(signature, args, kwargs)
        if self.variadic:
            return parameters.pop(self.operands[0]), parameters
        return [parameters.pop(name) for name in self.operands], parameters

    def _bound(
        self, signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Return arguments by name, and note for calls of this form where each stands."""
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
        if not any(p.kind in _OF_ANY_LENGTH for p in signature.parameters.values()):
            names = [*itertools.islice(signature.parameters, len(args)), *kwargs]
            more = [name for name in parameters if name not in names]
            places = [(name, [*names, *more].index(name)) for name in parameters]
            self._forms[(len(args), *kwargs)] = places, [parameters[name] for name in more]
        return parameters

    def with_tensor_parameters(self, parameters: dict[str, Any]) -> Primitive:
        """Return the primitive of which a parameter that is a Tensor is one more operand.

        It has no rule, which is an error only when its gradient is asked for.
        """
        names = tuple(name for name, value in parameters.items() if _is_tensor(value))
        if not names or self.variadic:
            return self
        for value in parameters.values() if special else ():
            if _is_tensor(value) and value.dtype.kind in "iu":
                report_read(value, "an index or a count")
        if names not in self._twins:
            twin = self.with_rules()
            twin.operands += names
            twin.without_rule = frozenset(names)
            twin.parameters -= twin.without_rule
            twin._lay_out()
            self._twins[names] = twin
        return self._twins[names]

    def source(self, function: str = "apply") -> str:
        """Return the source that one of the `APPLIES` or `VJPS` is compiled from."""
        return source(self, function)

    def with_rules(self, **rules: Rule) -> Primitive:
        """Return a copy in which some rules are replaced (to test what checks catch)."""
        own = ("_twins", "_forms", "spared", "out_readers", *APPLIES, *VJPS)
        changed = {k: v for k, v in self.__dict__.items() if k not in own}
        if "joint" in rules:
            changed["joint"] = rules.pop("joint")
        changed["rules"] = {**self.rules, **rules}
        twin = object.__new__(Primitive)
        twin.__dict__.update(changed, _twins={}, _forms={}, **_UNWOVEN)
        return twin

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply to the arguments of a NumPy call."""
        if self.signature is None:
            return self.apply(*args, **kwargs)
        operands, parameters = self._bind(self.signature, args, kwargs)
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
        result = self.with_tensor_parameters(parameters).apply(*operands, **parameters)
        # What has no rule may count, in Python's integers.
        return result if self.rules or self.joint else self._validated(result)


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


output = derivative(
    lambda bundle, index: bundle[index],
    name="output",
    bundle=lambda g, index: OutputGradients({index: g}),
)
"""One of several outputs; its transpose puts a gradient at that index of the bundle."""


def _unbundle(t: Tensor) -> tuple[Tensor, ...]:
    return tuple(output.apply(t, index=i) for i in range(len(t._value)))
