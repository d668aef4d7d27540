"""Recurrent layers: what a sequence was so far is kept in a state, step by step.

A *cell* makes the next state of an input and the last state; a *layer* runs a
cell over a sequence, on request several of them one above another and in both
directions. Formulas and names of parameters are those of ``torch.nn``.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from autograd_lite import modes
from autograd_lite.calculus import neural, recurrence
from autograd_lite.calculus.shapes import join, part
from autograd_lite.modes import runs_again
from autograd_lite.randomness import Random, generator
from autograd_lite.residuals import Residuals
from autograd_lite.tensor import measured

from . import functional, init, settings
from .module import Module, Parameter
from .operands import operand
from .settings import count, flag, probability

State = Any  # a Tensor (N, hidden_size), or for an LSTM a pair of them


# -- one step ---------------------------------------------------------------------------------

# Each takes what the input says to the gates, the state's weight and bias, and the state.


sigmoid = neural.sigmoid.apply


def _in_steps() -> bool:
    """Whether each function of a cell is an operation, for those who read what they do."""
    return runs_again() or modes.state.mode.lines


def _gates(x: Any, count: int) -> Any:
    """Return np.split(x, count, axis=-1), without a look at whether it can be divided."""
    return part.apply(x, sizes=[x.shape[-1] // count] * count, axis=-1)


def _of_each_step(x: Any, weights: list[Any]) -> Any:
    """Return what the input of each step says to the gates; one product for all of them."""
    if _in_steps():
        return functional.linear(x, weights[0], weights[2])
    rows = functional.linear(np.reshape(x, (-1, x.shape[-1])), weights[0], weights[2])
    return part.apply(rows, sizes=[x.shape[1]] * len(x), axis=0)


def _stacked(outputs: list[Any]) -> Any:
    """Return np.stack of the outputs of all steps."""
    if _in_steps():
        return np.stack(outputs)
    return np.reshape(join.apply(*outputs, axis=0), (len(outputs), *outputs[0].shape))


def _rnn_step(activation: Any, given: Any, weight: Any, bias: Any, state: State) -> State:
    """H' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with a ReLU in place of tanh."""
    return activation(given + functional.linear(state, weight, bias))


def _lstm_step(activation: Any, given: Any, weight: Any, bias: Any, state: State) -> State:
    """C' = f c + i g, h' = o tanh(c'): gates for input, forgetting and output, and the new g.

    (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers et al., 2000.)
    """
    h, c = state
    said = functional.linear(h, weight, bias)
    if not _in_steps():
        return recurrence.lstm.apply(given, said, c, residuals=Residuals())
    i, f, g, o = _gates(given + said, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def _gru_step(activation: Any, given: Any, weight: Any, bias: Any, state: State) -> State:
    """H' = (1 − z) n + z h: z says how much stays, r what of the state the new n sees.

    (Cho et al., 2014, with r after the product, as in PyTorch and cuDNN.)
    """
    said = functional.linear(state, weight, bias)
    if not _in_steps():
        return recurrence.gru.apply(given, said, state, residuals=Residuals())
    from_x, from_h = _gates(given, 3), _gates(said, 3)
    r, z = (sigmoid(a + b) for a, b in zip(from_x[:2], from_h[:2], strict=True))
    n = np.tanh(from_x[2] + r * from_h[2])
    return (1.0 - z) * n + z * state


_ACTIVATIONS = {"tanh": functional.tanh, "relu": functional.relu}


def _activation(nonlinearity: Any) -> str:
    if not isinstance(nonlinearity, str) or nonlinearity not in _ACTIVATIONS:
        raise ValueError(f"nonlinearity is 'tanh' or 'relu', and got {nonlinearity!r}.")
    return nonlinearity


def _parts(state: State) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)


def _joined(parts: Any) -> State:
    parts = tuple(parts)
    return parts if len(parts) > 1 else parts[0]


class _Recurrent(Module):
    """What cells and layers share: the number of gates, states, and how parameters start."""

    _gates: ClassVar[int]
    _states: ClassVar[int] = 1
    _step: ClassVar[Any]
    nonlinearity: str = "tanh"
    input_size: int
    hidden_size: int
    bias: bool

    def _add(self, suffix: str, inputs: int, dtype: Any, rng: Any) -> None:
        """Add the weights of one cell; all start uniform within ± 1 / √hidden_size."""
        rows, bound = self._gates * self.hidden_size, 1.0 / math.sqrt(self.hidden_size)
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, self.hidden_size)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}  # type: ignore[dict-item]
        for name, shape in shapes.items():
            parameter = Parameter(np.zeros(shape, dtype))
            init.uniform_(parameter, -bound, bound, rng=rng)
            setattr(self, name + suffix, parameter)

    def _weights(self, suffix: str) -> list[Any]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + suffix, None) for name in names]

    def _next(self, given: Any, weights: list[Any], state: State) -> State:
        activation = _ACTIVATIONS[self.nonlinearity]
        return type(self)._step(activation, given, weights[1], weights[3], state)

    def _started(self, x: Any, state: State, shape: tuple[int, ...]) -> State:
        """Return the state to begin with, zeros where none is given, having seen that it fits."""
        if state is None:
            return _joined(np.zeros(shape, x.dtype) for _ in range(self._states))
        given = tuple(state) if isinstance(state, (tuple, list)) else (state,)
        parts = tuple(operand(part) for part in given)
        shapes = [part.shape for part in parts]
        if shapes != [shape] * self._states:
            kind = "a pair (h, c), each" if self._states == 2 else "a state"
            raise ValueError(
                f"This {type(self).__name__} takes {kind} of shape {shape}, and got "
                f"{', '.join(map(str, shapes))}."
            )
        return _joined(parts)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.input_size}, {self.hidden_size}"


# -- cells --------------------------------------------------------------------------------------


class _Cell(_Recurrent):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.input_size = count("input_size", input_size)
        self.hidden_size = count("hidden_size", hidden_size)
        self.bias = flag("bias", bias)
        self._add("", self.input_size, settings.dtype(dtype), generator(rng))

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next state for an input (N, input_size) or (input_size,)."""
        x = operand(input)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"This {type(self).__name__} takes an input (N, {self.input_size}) or "
                f"({self.input_size},), and got shape {x.shape}."
            )
        weights = self._weights("")
        state = self._started(x, hx, (*x.shape[:-1], self.hidden_size))
        return self._next(functional.linear(x, weights[0], weights[2]), weights, state)


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Parameters
    ----------
    input_size, hidden_size
        How many numbers an input and a state have.
    bias
        Whether there are b_ih and b_hh.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    rng, dtype
        As for `Linear`; all parameters start uniform within ± 1 / √hidden_size.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter, (hidden_size, input_size) and (hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter, (hidden_size,)

    Examples
    --------
    >>> cell = RNNCell(3, 4, rng=0)
    >>> cell(np.zeros((2, 3))).shape
    (2, 4)
    """

    _gates = 1
    _step = staticmethod(_rnn_step)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.nonlinearity = _activation(nonlinearity)
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)


class LSTMCell(_Cell):
    """c' = f c + i g and h' = o tanh(c'), with gates i, f, o and a new g of input and state.

    Parameters are as for `RNNCell`, four times as many; the state is a pair (h, c).

    >>> cell = LSTMCell(3, 4, rng=0)
    >>> h, c = cell(np.zeros((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    _gates, _states = 4, 2
    _step = staticmethod(_lstm_step)


class GRUCell(_Cell):
    """h' = (1 − z) n + z h, with gates r and z and a new n of input and state.

    Parameters are as for `RNNCell`, three times as many.

    >>> GRUCell(3, 4, rng=0)(np.zeros((2, 3))).shape
    (2, 4)
    """

    _gates = 3
    _step = staticmethod(_gru_step)


# -- over a sequence -------------------------------------------------------------------------------


class _Layers(_Recurrent):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.input_size = count("input_size", input_size)
        self.hidden_size = count("hidden_size", hidden_size)
        self.num_layers = count("num_layers", num_layers)
        self.bias = flag("bias", bias)
        self.batch_first = flag("batch_first", batch_first)
        self.dropout = probability("dropout", dropout)
        self.bidirectional = flag("bidirectional", bidirectional)
        self.rng = None if rng is None else generator(rng)
        draws, dtype = generator(self.rng), settings.dtype(dtype)
        directions = ["", "_reverse"] if self.bidirectional else [""]
        self._suffixes = [
            [f"_l{layer}{direction}" for direction in directions] for layer in range(num_layers)
        ]
        for layer, suffixes in enumerate(self._suffixes):
            inputs = self.input_size if layer == 0 else self.hidden_size * len(directions)
            for suffix in suffixes:
                self._add(suffix, inputs, dtype, draws)

    def forward(self, input: Any, hx: Any = None, *, mask: Any = None) -> tuple[Any, Any]:
        """Return the last layer's state at each step, and the last state of every layer.

        Parameters
        ----------
        input
            (L, N, input_size), or (N, L, input_size) if `batch_first`, or (L, input_size).
        hx
            The states to begin with, (layers · directions, N, hidden_size); zeros by default.
        mask
            Which steps there are, for sequences of several lengths: (L, N), or (N, L)
            if `batch_first`. Where it is False the state stays and the output is 0,
            as with PyTorch's packed sequences.
        """
        x = operand(input)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            places = "(N, L, …)" if self.batch_first else "(L, N, …)"
            raise ValueError(
                f"This {type(self).__name__} takes an input {places} or (L, …) with "
                f"{self.input_size} numbers at each step, and got shape {x.shape}."
            )
        single, swap = x.ndim == 2, self.batch_first and x.ndim == 3
        x = np.expand_dims(x, 1) if single else np.swapaxes(x, 0, 1) if swap else x
        steps = None if mask is None else self._steps(mask, x.shape[:2], swap, single)
        cells = sum(map(len, self._suffixes))
        shape = (cells, x.shape[1], self.hidden_size)
        if single and hx is not None:
            hx = _joined(np.expand_dims(operand(part), 1) for part in _parts(hx))
        state = _parts(self._started(x, hx, shape))
        ends: list[State] = []
        for layer, suffixes in enumerate(self._suffixes):
            if layer and self.dropout:
                x = functional.dropout(x, self.dropout, self.training, rng=self.rng)
            outputs = []
            for suffix in suffixes:
                begin = _joined(part[len(ends)] for part in state)
                output, end = self._along(x, suffix, begin, steps)
                outputs.append(output)
                ends.append(end)
            x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=-1)
        last = [np.stack(parts) for parts in zip(*map(_parts, ends), strict=True)]
        if single:
            return x[:, 0], _joined(part[:, 0] for part in last)
        return np.swapaxes(x, 0, 1) if swap else x, _joined(last)

    def _steps(self, mask: Any, shape: tuple[int, ...], swap: bool, single: bool) -> Any:
        """Return the mask as (L, N, 1)."""
        given = measured(operand(mask)).astype(bool)
        found = given[:, None] if single and given.ndim == 1 else given.T if swap else given
        if found.shape != shape:
            expected = shape[::-1] if swap else shape
            raise ValueError(f"mask is of shape {expected}, a truth a step, and got {given.shape}.")
        return found[..., None]

    def _along(self, x: Any, suffix: str, state: State, steps: Any) -> tuple[Any, State]:
        """Run one cell over a sequence, backwards if it is a reverse one."""
        weights = self._weights(suffix)
        given = _of_each_step(x, weights)
        order = range(len(x))
        backwards = suffix.endswith("_reverse")
        outputs = []
        for t in reversed(order) if backwards else order:
            new = self._next(given[t], weights, state)
            if steps is not None and (runs_again() or not steps[t].all()):
                kept = zip(_parts(new), _parts(state), strict=True)
                new = _joined(np.where(steps[t], a, b) for a, b in kept)
                outputs.append(np.where(steps[t], _parts(new)[0], 0.0))
            else:
                outputs.append(_parts(new)[0])
            state = new
        if not outputs:
            raise ValueError(f"This {type(self).__name__} got a sequence of no steps.")
        return _stacked(outputs[::-1] if backwards else outputs), state

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        named = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")
        defaults = (1, True, False, 0.0, False)
        own = [
            f", {name}={getattr(self, name)}"
            for name, default in zip(named, defaults, strict=True)
            if getattr(self, name) != default
        ]
        return super().extra_repr() + "".join(own)


class RNN(_Layers):
    """`RNNCell` over sequences: input (L, N, input_size), output (L, N, hidden_size).

    Parameters
    ----------
    input_size, hidden_size
        How many numbers an input and a state have.
    num_layers
        How many cells stand one above another.
    nonlinearity, bias
        As for `RNNCell`.
    batch_first
        Whether input and output are (N, L, …) instead.
    dropout
        What share of each layer's output, but the last one's, is dropped in training.
    bidirectional
        Whether each layer also runs from the end, and gives both outputs side by side.
    rng, dtype
        As for `Linear`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, … : Parameter
        As for `RNNCell`, of each layer and direction.

    Examples
    --------
    >>> output, last = RNN(3, 4, rng=0)(np.zeros((7, 2, 3)))
    >>> output.shape, last.shape
    ((7, 2, 4), (1, 2, 4))
    """

    _gates = 1
    _step = staticmethod(_rnn_step)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.nonlinearity = _activation(nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            rng=rng, dtype=dtype,
        )  # fmt: skip


class LSTM(_Layers):
    """`LSTMCell` over sequences; the state is a pair (h, c). Parameters are as for `RNN`.

    >>> output, (h, c) = LSTM(3, 4, num_layers=2, bidirectional=True, rng=0)(np.zeros((7, 2, 3)))
    >>> output.shape, h.shape, c.shape
    ((7, 2, 8), (4, 2, 4), (4, 2, 4))
    """

    _gates, _states = 4, 2
    _step = staticmethod(_lstm_step)


class GRU(_Layers):
    """`GRUCell` over sequences. Parameters are as for `RNN`.

    >>> output, last = GRU(3, 4, batch_first=True, rng=0)(np.zeros((2, 7, 3)))
    >>> output.shape, last.shape
    ((2, 7, 4), (1, 2, 4))
    """

    _gates = 3
    _step = staticmethod(_gru_step)
