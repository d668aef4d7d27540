"""What random programs are made of: lines of NumPy with holes, and what fills the holes.

A line is a template such as ``np.sum({x}, axis={axis}, keepdims={flag})``. The functions of
single elements come from the table of primitives itself, so that a new one is soaked without
a line here; `test_soak.py` counts which primitives are reached.

The names of holes; a digit after one makes it another hole of the same kind:

    x v m    a value; of at least one axis, or two          r rv rm    the same, of real numbers
    y        a value that broadcasts with the first          s          one of the first one's shape
    positive inside above nonzero    expressions in a real value, for the domain of a function
    matrix   a square matrix that has an inverse, and eigenvalues that are apart
    axis axes index shape order mask several whole weights …    what suits the first value
    t        the name of the line's own value, in a statement of several parts
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

import nn.functional as F
from autograd_lite import (
    Tensor,
    checkpoint,
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from autograd_lite.calculus.neural import logsumexp
from autograd_lite.primitive import Primitive
from tests.tables import numpys

__all__ = [
    "F",
    "checkpoint",
    "cubed",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "logsumexp",
    "mixed",
    "np",
    "placed",
    "polar_of",
    "softsign",
    "value_and_grad",
    "vjp",
]

# -- primitives of a user, and a function that writes -------------------------------------------


@derivative(elementwise=True, x=lambda g, x: g / (1.0 + np.abs(x)) ** 2)
def softsign(x):
    return x / (1.0 + np.abs(x))


@derivative(
    elementwise=True,
    a=lambda g, a, b: g * np.cos(a * b) * b,
    b=lambda g, a, b: g * np.cos(a * b) * a,
)
def mixed(a, b):
    return np.sin(a * b)


@derivative(x=lambda g, x: 3.0 * g * np.square(x))
def cubed(x):
    return x * x * x


@derivative(
    outputs=True,
    joint=lambda g, r, a: (
        g[0] * np.cos(a) + g[1] * np.sin(a),
        r * (g[1] * np.cos(a) - g[0] * np.sin(a)),
    ),
)
def polar_of(r, a):
    return r * np.cos(a), r * np.sin(a)


def placed(x, index, y, how="set"):
    """Return `x` with `y` written, or added, to some of its numbers."""
    if isinstance(x, Tensor):
        return getattr(x.at[index], how)(y)
    if isinstance(y, Tensor):
        return getattr(Tensor(x).at[index], how)(y)
    copy = np.array(x, np.result_type(x, y))
    if how == "set":
        copy[index] = y
    else:
        np.add.at(copy, index, y)
    return copy


# -- lines ---------------------------------------------------------------------------------------

DOMAIN = {
    "sqrt": "positive", "reciprocal": "nonzero", "log": "positive", "log2": "positive",
    "log10": "positive", "log1p": "positive", "arcsin": "inside", "arccos": "inside",
    "arctanh": "inside", "arccosh": "above", "tan": "inside", "cbrt": "nonzero",
}  # fmt: skip
"""Which numbers a ufunc of one operand is given; any, where nothing is said."""
DOMAINS = {
    "power": "np.power({positive}, {y})", "float_power": "np.float_power({positive}, {y})",
    "divide": "np.divide({x}, 1.5 + np.square({y}))", "ldexp": "np.ldexp({r}, {whole})",
    "floor_divide": "np.floor_divide({r}, 1.5 + np.square({y}))",
    "remainder": "np.remainder({r}, 1.5 + np.square({y}))",
    "rad2deg": "np.rad2deg(0.1 * {r})", "degrees": "np.degrees(0.1 * {r})",
    "fmod": "np.fmod({r}, 1.5 + np.square({y}))",
}  # fmt: skip


def from_the_table() -> Iterator[str]:
    """Yield a line for each function of single elements."""
    for function, entry in numpys().items():
        if not isinstance(function, np.ufunc) or function.signature or function.nout > 1:
            continue
        name = function.__name__
        if not (isinstance(entry, Primitive) and (entry.rules or entry.joint)):
            continue
        one = f"np.{name}({{{DOMAIN.get(name, 'x')}}})"
        yield DOMAINS.get(name, one if function.nin == 1 else f"np.{name}({{x}}, {{y}})")


WRITTEN = """
{x} + {y}
{x} - {y}
{x} * {y}
{x} / (1.5 + np.cos({y}))
{number} * {x}
{number} - {x}
{number} / {nonzero}
{x} ** 2
{x} ** 3
{positive} ** {number}
2.0 ** {x}
-{x}
abs({x})
{x} + {whole}
np.multiply({whole}, {x})
np.float32(0.5) * {x}
{x} * True
np.minimum({r}, {whole})
np.where({mask}, {x}, {y})
np.where({r} > 0.1, {x}, {y})
np.where({x} != 0.2, {y}, 0.5)
np.clip({r}, -0.7, 0.9)
np.clip({r}, None, {y})
np.select([{r} > 0.5, {r} < -0.3], [{r}, np.sin({r})], 0.1)
np.nan_to_num({x})
np.round({r}, 1) + {r}
np.real({x})
np.imag({x})
np.conj({x}) * {x}
np.angle({x})
{x} * (0.6 + 0.8j)
np.abs({x})
np.sinc({r})
np.i0({r})
np.unwrap({rv})
np.exp(-np.square({r}))
np.sum({x})
np.sum({x}, axis={axes}, keepdims={flag})
np.sum({x}, axis={axis}, where={mask})
{x}.sum(axis={axis})
np.mean({x}, axis={axes}, keepdims={flag})
{x}.mean()
np.prod({x}, axis={axis})
np.prod({x} - {x}[{first}])
np.max({r}, axis={axes}, keepdims={flag})
np.min({r}, axis={axis})
{r}.max()
np.ptp({r}, axis={axis})
np.var({x}, axis={axes})
np.std({x}, axis={axis})
np.std({rv}, axis={axis}, ddof=1)
np.median({r}, axis={axis})
np.quantile({r}, 0.3, axis={axis})
np.percentile({r}, [20, 70])
np.nansum({x}, axis={axis})
np.nanmean({r}, axis={axis})
np.average({v}, axis={axis}, weights={weights})
np.cumsum({x}, axis={axis})
np.cumprod({x}, axis={axis})
np.diff({v}, axis={axis})
np.ediff1d({v})
np.trapezoid({v}, axis={axis})
np.gradient({rv}, axis={axis})
np.cov({rm})
np.corrcoef({rm}, np.sin({rm}))[0, -1]
np.logaddexp({r}, {y})
np.logaddexp.reduce({rv}, axis={axis})
np.linalg.norm({x})
np.linalg.norm({v}, axis={axis})
np.linalg.norm({rv}, 3, axis={axis})
np.linalg.norm({m}, 'nuc')
np.linalg.norm({v}, 1, axis={axis})
{v}[{index}]
{v}[{index}]
{v}[{index}]
{x}[None]
{x}[...]
{v}[::-1]
{v}[{whole1d}]
{v}[{r} > 0.0]
{v}[{mask}]
np.take({v}, {several}, axis={axis})
np.take({v}, {several})
np.compress({maskalong}, {v}, axis={axis})
np.take_along_axis({v}, np.argsort(np.real({v}), axis={axis}), axis={axis})
np.sort({rv}, axis={axis})
np.partition({rv}, 0)
np.delete({v}, 0, axis={axis})
np.insert({v}, {several}, 0.5)
np.repeat({x}, {repeat}, axis={axis})
np.repeat({v}, {repeat})
np.tile({x}, {repeat})
np.resize({x}, {anyshape})
np.extract({mask}, {x})
np.choose({choice}, [{x}, {s}, 0.5])
placed({v}, np.s_[{index}], 0.5)
placed({v}, {several}, {v}[0], 'add')
placed({v}, {several}, np.sin({v}[{several}]), 'add')
np.reshape({x}, {shape})
np.reshape({x}, {shape}, order='F')
{x}.reshape(-1)
np.ravel({x})
{x}.T
np.transpose({x}, {order})
np.swapaxes({m}, 0, -1)
np.moveaxis({m}, 0, -1)
np.expand_dims({x}, 0)
np.squeeze({x}[None])
np.broadcast_to({x}, {wider})
np.flip({v}, axis={axis})
np.roll({x}, {count}, axis={axis})
np.rot90({m})
np.tril({m})
np.triu({m}, 1)
np.diag({v1d})
np.trace({m})
np.diagonal({m})
np.concatenate([{v}, {s}], axis={axis})
np.concatenate([np.ravel({x}), np.ravel({y})])
np.stack([{x}, {s}], axis={axis})
np.vstack([{v}, {s}])
np.hstack([{v}, {s}])
np.append({x}, {y})
np.block([[{m}, {s}], [{s}, {m}]])
np.split({v}, [1], axis={axis})[-1]
np.array_split({v}, 2, axis={axis})[0]
np.broadcast_arrays({x}, {y})[0]
np.meshgrid({v1d}, {v1d})[1]
np.pad({v}, 1)
np.pad({v}, 1, mode='edge')
np.pad({v}, 1, mode='reflect')
np.kron({v}, {v1d})
np.lib.stride_tricks.sliding_window_view({v}, 1, axis={axis})
np.copy({x})
np.dot({v1d}, {v1d})
np.inner({v}, {s})
np.outer({x}, {y})
np.vdot({v}, {s})
np.tensordot({v}, {s}, axes=1)
np.matmul({m}, np.swapaxes({s}, -1, -2))
{m}.T @ {m}
{v} @ np.resize({y}, ({v}.shape[-1], 2))
np.einsum('...i,...i->...', {v}, {s})
np.einsum('i,j->ji', {v1d}, {v1d})
np.einsum('...ij,...kj->...ik', {m}, {s})
np.cross(np.resize({x}, (2, 3)), np.resize({y}, 3))
np.convolve(np.ravel({x}), np.array([0.5, -1.0]), 'same')
np.correlate(np.ravel({x}), np.ravel({y}), 'full')
np.interp({r}, [-1.0, 0.0, 2.0], [0.5, -0.5, 1.0])
np.polyval(np.array([0.5, -0.2, 0.1]), {x})
np.polyval({v1d}, 0.5)
np.vander({v1d}, 3)
np.bincount(np.arange({r}.size) % 3, np.ravel({r}))
np.apply_along_axis(lambda a: np.sin(a) * 2.0, {axis}, {v})
np.linalg.inv({matrix})
0.1 * np.linalg.det({matrix})
np.linalg.slogdet({matrix})[1]
np.linalg.solve({matrix}, np.resize({y}, (3, 2)))
np.linalg.pinv({matrix}[:, :2])
np.linalg.cholesky({spd})
np.linalg.eigh({matrix})[0]
np.linalg.eigh({matrix})[1]
np.linalg.eigvalsh({matrix}, UPLO='U')
np.linalg.eig({matrix})[1]
np.linalg.eigvals({matrix})
np.linalg.qr({matrix})[0]
np.linalg.qr({matrix})[1]
np.linalg.svd({matrix}, full_matrices=False)[0]
np.linalg.svd({matrix}[:2], full_matrices=False)[2]
np.linalg.svd({matrix}, compute_uv=False)
np.linalg.matrix_power({matrix}, -1)
np.linalg.multi_dot([{matrix}, np.resize({y}, (3, 2))])
np.linalg.lstsq({matrix}[:, :2], np.resize({y}, 3), rcond=None)[0]
np.fft.fft({v}, axis={axis})
np.fft.ifft({v}, 3)
np.fft.rfft({rv})
np.fft.irfft({v}, 4)
np.fft.fftn({x})
np.fft.fftshift({v})
F.relu({r})
F.leaky_relu({r})
F.sigmoid({r})
F.softplus({r})
F.gelu({r})
F.silu({r})
F.elu({r})
F.softmax({rv})
F.log_softmax({rv})
logsumexp({rv})
F.layer_norm({rv}, ({rv}.shape[-1],), eps=0.1)
F.linear({rv}, np.resize({y}, (2, {rv}.shape[-1])))
F.mse_loss({r}, {s})
F.cross_entropy(np.resize({r}, (2, 3)), np.array([2, 0]))
F.binary_cross_entropy_with_logits({r}, F.sigmoid({s}))
F.conv2d(np.resize({r}, (1, 2, 4, 3)), np.resize({y}, (2, 2, 2, 2)), padding=1)
F.max_pool2d(np.resize({r}, (1, 1, 4, 4)) + np.resize(np.arange(7) * 0.3, (1, 1, 4, 4)), 2)
F.avg_pool2d(np.resize({r}, (1, 1, 4, 4)), 2)
softsign({r})
mixed({x}, {y})
cubed({x})
polar_of({r}, {s})[0] * polar_of({r}, {s})[1]
checkpoint(np.tanh)({x})
checkpoint(lambda a, b: np.sin(a) * b + a)({x}, {y})
checkpoint(lambda a: a * {y})({x})
checkpoint(checkpoint(lambda a: np.square(a)))({x})
grad(lambda a: np.sum(np.sin(a) * {r}))({r})
grad(lambda a: np.sum(np.square(a) * a))({r})
grad(lambda a: np.sum(grad(lambda b: np.sum(np.sin(b) * a))(a)))({r})
value_and_grad(lambda a: np.mean(np.exp(-np.square(a))))({r})[1]
vjp(lambda a: np.tanh(a) * 0.5, {r})[1](np.cos({r}))[0]
jvp(lambda a: np.tanh(a) * a, ({r},), (np.cos({r}),))[1]
linearize(lambda a: np.sin(a), {r})[1]({r})
hvp(lambda a: np.sum(np.sin(a) * a))({r}, np.cos({r}))
jacobian(lambda a: np.cumsum(a) * {rv1d}[0])({rv1d})
hessian(lambda a: np.prod(np.cos(a)))({rv1d})
= np.copy({x}); {t} += {y}
= np.copy({x}); {t} -= 0.5; {t} *= {y}
= np.copy({x}); {t} /= 1.5 + np.square({s})
= {x} * 1.0; {t} **= 2
= np.copy({x}); {t} *= {t}
= 0.0\\n    for row in {v}: {t} = {t} + np.tanh(row) * {number}
= [{x}, np.sin({x})]; {t} = {t}[1] + {t}[0] * 0.5
"""


def whole_lines(text: str) -> list[str]:
    """Return templates, one a line; a loop goes on in a line that is further in."""
    lines: list[str] = []
    for line in text.strip("\n").split("\n"):
        if line.startswith("    "):
            lines[-1] += "\n" + line
        else:
            lines.append(line)
    return lines


LINES = [*from_the_table(), *whole_lines(WRITTEN.replace("\\n", "\n"))]

# -- holes ---------------------------------------------------------------------------------------


class NoFit(Exception):
    """No value fits into a hole."""


class Holes(dict):
    """Fills the holes of one template, each when it is met; a repeated one stays the same."""

    def __init__(self, rng: np.random.Generator, known: dict[str, np.ndarray], target: str) -> None:
        super().__init__(t=target)
        self.rng, self.known = rng, known
        self.first: np.ndarray | None = None

    def __missing__(self, hole: str) -> str:
        kind = hole.rstrip("0123456789") if hole not in ("v1d", "rv1d", "whole1d") else hole
        text = getattr(self, f"fill_{kind}")()
        self[hole] = text
        return text

    def one_of(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def value(self, fits) -> str:
        """Return the name of a value that fits; new ones rather than old."""
        names = [name for name, x in self.known.items() if fits(x)]
        if not names:
            raise NoFit
        weights = np.array([1.0 + (i / len(names)) * 2.0 for i in range(len(names))])
        name = names[int(self.rng.choice(len(names), p=weights / weights.sum()))]
        if self.first is None:
            self.first = self.known[name]
        return name

    def fill_x(self):
        return self.value(lambda x: True)

    def fill_v(self):
        return self.value(lambda x: x.ndim >= 1)

    def fill_m(self):
        return self.value(lambda x: x.ndim >= 2)

    def fill_v1d(self):
        return self.value(lambda x: x.ndim == 1)

    def fill_r(self):
        return self.value(lambda x: x.dtype.kind == "f")

    def fill_rv(self):
        return self.value(lambda x: x.dtype.kind == "f" and x.ndim >= 1)

    def fill_rm(self):
        return self.value(lambda x: x.dtype.kind == "f" and x.ndim == 2)

    def fill_rv1d(self):
        return self.value(lambda x: x.dtype.kind == "f" and x.ndim == 1)

    def fill_y(self):
        return self.value(lambda y: broadcasts(self.array, y))

    def fill_s(self):
        return self.value(lambda y: y.shape == self.array.shape)

    def fill_positive(self):
        return f"(0.5 + np.square({self.fill_r()}))"

    def fill_inside(self):
        return f"(0.8 * np.sin({self.fill_x()}))"

    def fill_above(self):
        return f"(1.2 + np.square({self.fill_r()}))"

    def fill_nonzero(self):
        return f"(1.5 + np.cos({self.fill_r()}))"

    def fill_matrix(self):
        return f"(np.resize(0.5 * np.tanh({self.fill_r()}), (3, 3)) + np.diag([2.0, 4.0, 7.0]))"

    def fill_spd(self):
        return f"(np.resize(0.5 * np.tanh({self.fill_r()}), (3, 3)) + 4.0 * np.eye(3))"

    @property
    def array(self) -> np.ndarray:
        if self.first is None:
            _ = self["x"]
        return self.first

    def fill_axis(self):
        if not self.array.ndim:
            raise NoFit
        return str(self.rng.integers(-self.array.ndim, self.array.ndim))

    def fill_axes(self):
        ndim = self.array.ndim
        some = tuple(int(i) for i in range(ndim) if self.rng.random() < 0.6)
        return repr(self.one_of(None, some, *([] if not ndim else [int(self.rng.integers(ndim))])))

    def fill_flag(self):
        return self.one_of("True", "False")

    def fill_number(self):
        return self.one_of("0.5", "-1.5", "2", "1.7", "np.float64(0.3)")

    def fill_count(self):
        return self.one_of("1", "-1", "2")

    def fill_repeat(self):
        return self.one_of("2", "1", "3")

    def fill_first(self):
        return "..." if not self.array.ndim else ", ".join(["0"] * self.array.ndim)

    def fill_shape(self):
        size = self.array.size
        left = self.one_of(*[n for n in range(1, size + 1) if size % n == 0] or [1])
        return repr(self.one_of((left, -1), (1, left, -1), (-1,), (size // left, left)))

    def fill_anyshape(self):
        return self.one_of("(2, 3)", "4", "(1, 2, 2)", "(3, 1)", "5")

    def fill_wider(self):
        return repr((int(self.rng.integers(1, 4)), *self.array.shape))

    def fill_order(self):
        order = self.rng.permutation(self.array.ndim).tolist()
        return repr(tuple(i - len(order) if self.rng.random() < 0.3 else i for i in order))

    def fill_whole(self):
        shape = self.one_of(self.array.shape, self.array.shape[-1:], ())
        kind = self.one_of("", "", ", np.int8", ", np.uint8")
        low = 0 if "uint" in kind else -2
        return f"np.array({self.rng.integers(low, 4, shape).tolist()}{kind})"

    def places(self, n: int, shape) -> str:
        if not n:
            raise NoFit
        return repr(self.rng.integers(-n, n, shape).tolist())

    def fill_several(self):
        """Indices along any axis, some of them twice."""
        return self.places(min(self.array.shape, default=0), int(self.rng.integers(1, 5)))

    def fill_whole1d(self):
        n = self.array.shape[0]
        return f"np.array({self.places(n, self.one_of((2, 2), (3,), (1, 4)))})"

    def fill_mask(self):
        shape = self.array.shape
        return f"np.array({(self.rng.random(shape) < 0.6).tolist()})"

    def fill_maskalong(self):
        n = min(self.array.shape, default=0)
        return repr((self.rng.random(n) < 0.7).tolist())

    def fill_weights(self):
        axis = int(self["axis"])
        return f"np.array({self.rng.uniform(0.5, 2.0, self.array.shape[axis]).round(2).tolist()})"

    def fill_choice(self):
        return f"np.array({self.rng.integers(0, 3, self.array.shape).tolist()})"

    def fill_index(self):
        parts = [self.along(n) for n in self.array.shape]
        parts = parts[: int(self.rng.integers(1, len(parts) + 1))]
        if self.rng.random() < 0.25:
            parts.insert(int(self.rng.integers(len(parts) + 1)), "None")
        if self.rng.random() < 0.2:
            parts.append("...")
        return ", ".join(parts)

    def along(self, n: int) -> str:
        """Return an index along one axis."""
        kinds = ["slice", "slice", "slice", "number", "list", "mask"]
        match self.one_of(*kinds):
            case "number" if n:
                return str(self.rng.integers(-n, n))
            case "list" if n:
                return self.places(n, int(self.rng.integers(1, 4)))
            case "mask" if n and self.rng.random() < 0.4:
                return f"np.array({(self.rng.random(n) < 0.7).tolist()})"
        return self.one_of(":", "1:", ":-1", "::-1", "::2", "-2:", "::-2")


def broadcasts(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two shapes go together, and to no large one."""
    try:
        return math.prod(np.broadcast_shapes(x.shape, y.shape)) <= 64
    except ValueError:
        return False
