"""A Tensor's methods: each line of the table beside PyTorch, in value and in gradient."""

import inspect
import operator
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from autograd_lite import Tensor, everything, methods, no_grad, typed_methods
from autograd_lite import method_names as names
from autograd_lite.errors import (
    GradientDtypeError,
    InPlaceError,
    StaleValueError,
    UnsupportedArgumentError,
)
from tests.peers import peer

torch = peer("torch")
pytestmark = pytest.mark.torch

words = str.split


# -- every name beside PyTorch -------------------------------------------------------------

# What is called, where `t` is (2, 3), `u` like it, `p` positive and below 1, `c` (2, 3, 4), `s`
# square, `v` a vector of 3, `i` whole numbers, `m` a mask. Under `_` the arguments of ELEMENTWISE.
CALLS = {
    "_": "()",
    **dict.fromkeys(("acosh", "arccosh"), "1 + p"),
    **dict.fromkeys(
        words("acos arccos asin arcsin atanh arctanh log log10 log1p log2 sqrt reciprocal"), "p"
    ),
    "sum": "t.sum(); t.sum(1); t.sum(dim=0); t.sum(1, keepdim=True); t.sum(1, True); c.sum((0, 2));"
    "c.sum(dim=[0, 2], keepdim=True); t.sum(axis=0); c.sum([0, 1])",
    "prod": "t.prod(); t.prod(1); t.prod(dim=1, keepdim=True)",
    "mean": "t.mean(); t.mean(0); c.mean((0, 1)); c.mean(dim=(0, 2), keepdim=True);"
    "t.mean(1, True); c.mean([1, 2])",
    "var": "t.var(unbiased=False); t.var(dim=0, keepdim=True, unbiased=True);"
    "c.var((0, 1), correction=1); t.var(0, unbiased=False)",
    "std": "t.std(unbiased=True); t.std(dim=1, keepdim=True, correction=0)",
    "max": "t.max()",
    "min": "t.min()",
    "any": "m.any(); m.any(dim=1); m.any(1, True); m.any(1, keepdim=True)",
    "all": "m.all(); m.all(dim=0, keepdim=True)",
    "argmax": "t.argmax(); t.argmax(1); t.argmax(dim=1, keepdim=True)",
    "argmin": "t.argmin(); t.argmin(dim=0)",
    "cumsum": "t.cumsum(1); t.cumsum(dim=0)",
    "cumprod": "t.cumprod(dim=1)",
    "argsort": "t.argsort(); t.argsort(dim=0); t.argsort(descending=True);"
    "t.argsort(0, descending=True)",
    "argpartition": None,
    "searchsorted": None,
    "ravel": "c.ravel()",
    "squeeze": "t.unsqueeze(1).squeeze(1); t.unsqueeze(1).squeeze(); t.unsqueeze(2).squeeze(dim=2)",
    "swapaxes": "c.swapaxes(0, 2)",
    "take": "t.take(i)",
    "choose": None,
    "repeat": None,
    "diagonal": "s.diagonal(); c.diagonal(dim1=1, dim2=2); c.diagonal(1, dim1=0, dim2=2)",
    "trace": "s.trace()",
    "clip": "t.clip(-0.5, 0.5); t.clip(max=0.2)",
    "round": "t.round(); t.round(decimals=1)",
    "copy": None,
    "reshape": "t.reshape(3, 2); t.reshape(-1); t.reshape((6,))",
    "transpose": "c.transpose(1, 2); c.transpose(-2, -1); t.transpose(1, 0); c.transpose(0, -1)",
    "flatten": "c.flatten(); c.flatten(1); c.flatten(0, 1); c.flatten(start_dim=1, end_dim=2)",
    "compress": None,
    "nonzero": "m.nonzero(as_tuple=False); m.nonzero(as_tuple=True)[1]",
    "dot": "v.dot(v)",
    "astype": None,
    "__round__": None,
    "__divmod__": None,
    "__rdivmod__": None,
    "view": "t.view(-1); t.view(3, 2); t.view((3, 2)); c.view(2, -1)",
    "view_as": "t.view_as(t.t())",
    "reshape_as": "t.reshape_as(t.t())",
    "unflatten": "t.flatten().unflatten(0, (2, 3)); c.unflatten(-1, (2, 2))",
    "permute": "c.permute(2, 0, 1); c.permute((1, 0, 2)); c.permute(-1, 0, 1)",
    "t": "t.t(); v.t()",
    "adjoint": "c.adjoint()",
    "unsqueeze": "t.unsqueeze(0); t.unsqueeze(-1)",
    "movedim": "c.movedim(0, 2); c.movedim((0, 1), (1, 0))",
    "moveaxis": "c.moveaxis(0, 2)",
    "swapdims": "c.swapdims(0, 2)",
    "expand": "v.expand(2, 3); t.unsqueeze(1).expand(-1, 4, -1); v.expand((4, -1))",
    "expand_as": "v.expand_as(t)",
    "broadcast_to": "v.broadcast_to((2, 3))",
    "tile": "t.tile(2, 1); t.tile((2, 2)); v.tile(2)",
    "repeat_interleave": "t.repeat_interleave(2); t.repeat_interleave(3, dim=1);"
    "t.repeat_interleave(2, 0)",
    "flip": "t.flip(0); t.flip(0, 1); t.flip((1,)); t.flip([0, 1])",
    "fliplr": "t.fliplr()",
    "flipud": "t.flipud()",
    "rot90": "t.rot90(); c.rot90(1, (1, 2)); c.rot90(-1, [0, 2])",
    "roll": "t.roll(1); t.roll(1, 0); t.roll(shifts=(1, 2), dims=(0, 1))",
    "tril": "s.tril(); s.tril(-1); s.tril(diagonal=1)",
    "triu": "s.triu(); s.triu(diagonal=1)",
    "diag": "v.diag(); s.diag(); s.diag(1)",
    "diagflat": "v.diagflat()",
    "split": "t.split(2, dim=1)[0]; t.split(2, dim=1)[1]; t.split([1, 2], 1)[1]; c.split(3, -1)[1]",
    "chunk": "t.chunk(2, dim=1)[0]; t.chunk(2, dim=1)[1]; v.chunk(2)[0]; c.chunk(3, 2)[1]",
    "tensor_split": "t.tensor_split(2, 1)[0]; c.tensor_split((1, 3), dim=2)[1]",
    "split_with_sizes": "t.split_with_sizes([1, 2], 1)[1]",
    "hsplit": "c.hsplit(3)[1]; c.hsplit([1, 2])[2]",
    "vsplit": "t.vsplit(2)[1]",
    "dsplit": "c.dsplit(2)[0]",
    "unbind": "t.unbind()[1]; t.unbind(1)[2]; c.unbind(dim=-1)[3]",
    "select": "t.select(1, 2); c.select(-1, 0)",
    "narrow": "c.narrow(2, 1, 2); t.narrow(-1, 0, 1)",
    "index_select": "t.index_select(1, i); t.index_select(0, i[1:])",
    "take_along_dim": "t.take_along_dim(j, 1)",
    "gather": "t.gather(1, j); t.gather(1, j[:, :1]); t.gather(1, j[:1]); t.gather(0, k);"
    "t.gather(-1, j)",
    "argwhere": "m.argwhere(); (j - 1).argwhere()",
    "masked_select": "t.masked_select(m)",
    "masked_fill": "t.masked_fill(m, 0.5); s.masked_fill(s > 0, float('-inf')).exp()",
    "where": "t.where(m, u); t.where(m, 0.0)",
    "scatter": "t.scatter(1, j, u); t.scatter(1, j[:, :1], 2.0); t.scatter(0, k, value=1.5);"
    "t.detach().scatter(1, j[:, :2], u.detach())",
    "scatter_add": "t.scatter_add(1, k, u); t.detach().scatter_add(1, k[:, :2], u.detach())",
    "index_add": "t.index_add(1, i, u[:, :2]); t.index_add(1, i, u[:, 1:], alpha=2)",
    "index_fill": "t.index_fill(1, i, 0.5)",
    "add": "t.add(u); t.add(u, alpha=2); t.add(1)",
    "sub": "t.sub(u); t.sub(u, alpha=0.5)",
    "subtract": "t.subtract(u)",
    "mul": "t.mul(u); t.mul(2)",
    "multiply": "t.multiply(u)",
    "div": "t.div(p); t.div(2); t.div(p, rounding_mode='floor'); t.div(p, rounding_mode='trunc')",
    "divide": "t.divide(p)",
    "true_divide": "t.true_divide(p)",
    "floor_divide": "t.detach().floor_divide(p.detach())",
    "remainder": "t.remainder(0.7); t.remainder(p)",
    "fmod": "t.fmod(0.7)",
    "frac": "t.frac()",
    "fix": "t.fix()",
    "pow": "t.pow(2); p.pow(u); p.pow(-0.5)",
    "float_power": "p.float_power(1.5)",
    "rsqrt": "p.rsqrt()",
    "positive": "t.positive()",
    "angle": "t.angle()",
    "sinc": "t.sinc()",
    "lerp": "t.lerp(u, 0.3); t.lerp(u, p)",
    "addcmul": "t.addcmul(u, p); t.addcmul(u, p, value=0.5)",
    "addcdiv": "t.addcdiv(u, p, value=0.5)",
    **{name: f"t.{name}(u)" for name in words("maximum minimum fmax fmin logaddexp logaddexp2")},
    "clamp": "t.clamp(min=0); t.clamp(-0.5, 0.5); t.clamp(max=0.1)",
    "clamp_min": "t.clamp_min(0.1)",
    "clamp_max": "t.clamp_max(0.1)",
    "nan_to_num": "t.nan_to_num(); (t / 0).nan_to_num(nan=1.0, posinf=2.0, neginf=-2.0)",
    "hypot": "t.hypot(p)",
    "atan2": "t.atan2(p)",
    "arctan2": "t.arctan2(p)",
    "copysign": "t.copysign(u)",
    "heaviside": "t.detach().heaviside(u.detach())",
    "erf": "t.erf()",
    **{
        name: f"t.{name}(u); t.{name}(0.1)"
        for name in words("eq ne lt le gt ge not_equal less less_equal greater greater_equal")
    },
    **{f"logical_{name}": f"m.logical_{name}(n)" for name in ("and", "or", "xor")},
    **{f"bitwise_{name}": f"j.bitwise_{name}(k)" for name in ("and", "or", "xor")},
    "bitwise_not": "m.bitwise_not(); j.bitwise_not()",
    "isclose": "t.isclose(t + 1e-9); t.isclose(u, rtol=0.1, atol=0.5)",
    "allclose": "t.allclose(t + 1e-9); t.allclose(u)",
    "equal": "t.equal(t); t.equal(u); t.equal(v)",
    "matmul": "t.matmul(u.t()); c.matmul(w); t.matmul(v)",
    "mm": "t.mm(u.t())",
    "bmm": "c.bmm(w)",
    "mv": "t.mv(v)",
    "inner": "v.inner(v); t.inner(u)",
    "outer": "v.outer(v)",
    "ger": "v.ger(v)",
    "vdot": "v.vdot(v)",
    "cross": "t.cross(u, dim=1); v.cross(v * v, dim=0)",
    "kron": "t.kron(u)",
    "addmm": "s.addmm(t.t(), u); s.addmm(t.t(), u, beta=0.5, alpha=2)",
    "addmv": "v.addmv(s, v.clone(), alpha=2)",  # PyTorch promises nothing where it writes into v
    "baddbmm": "(c @ w).baddbmm(c, w, beta=0.5)",
    "addbmm": "s.addbmm(c, w); s.addbmm(c, w, beta=0.5, alpha=2)",
    "addr": "s.addr(v, v, alpha=2)",
    "det": "s.det()",
    "logdet": "(s @ s.t()).logdet()",
    "inverse": "s.inverse()",
    "pinverse": "t.pinverse()",
    "matrix_power": "s.matrix_power(3)",
    "dist": "t.dist(u); t.dist(u, 1)",
    "norm": "t.norm(); t.norm(1); t.norm(2, 1); t.norm(dim=0); t.norm(p=3, dim=1, keepdim=True);"
    "t.norm(float('inf')); t.norm('fro'); c.norm(dim=(1, 2)); c.norm(2, [0, 1]); s.norm('nuc')",
    "softmax": "t.softmax(1); t.softmax(dim=0); c.softmax(-1)",
    "log_softmax": "t.log_softmax(1); t.log_softmax(dim=0)",
    "logsumexp": "t.logsumexp(1); t.logsumexp(dim=0, keepdim=True); c.logsumexp((0, 2));"
    "c.logsumexp(dim=[1, 2], keepdim=True)",
    "amax": "t.amax(); t.amax(1); c.amax((0, 1), keepdim=True)",
    "amin": "t.amin(dim=1); t.amin(1, True)",
    "nansum": "t.nansum(); t.nansum(1); t.nansum(dim=1, keepdim=True)",
    "nanmean": "t.nanmean(); t.nanmean(1)",
    "count_nonzero": "m.count_nonzero(); m.count_nonzero(dim=1)",
    "quantile": "t.quantile(0.3); t.quantile(0.5, dim=1); t.quantile(0.3, 0, True);"
    "t.quantile(0.3, dim=0, interpolation='lower')",
    "aminmax": "t.aminmax()[0]; t.aminmax(dim=1, keepdim=True)[1]",
    "nanquantile": "t.nanquantile(0.3, dim=1)",
    "diff": "t.diff(); t.diff(2); t.diff(dim=0)",
    "cov": "t.cov(); t.cov(correction=0)",
    "corrcoef": "t.corrcoef()",
    "bincount": "i.bincount(); i.bincount(minlength=5); i.bincount(p.detach().flatten()[:2])",
    "topk": "t.topk(2)[0]; t.topk(2)[1]; t.topk(1, dim=0).values;"
    "t.topk(2, 1, largest=False).values; t.topk(2, largest=False).indices",
    "multinomial": None,
    "bernoulli": None,
    "clone": "t.clone()",
    "contiguous": "t.t().contiguous()",
    "to": "t.to('cpu'); t.to(u); t.to(device='cpu'); t.to('cpu', copy=True)",
    "cpu": "t.cpu()",
    "type": None,
    "type_as": "t.type_as(u)",
    **{name: f"t.{name}()" for name in words("double long int short cdouble")},
    **{name: f"t.{name}().double()" for name in ("float", "half")},
    "cfloat": None,
    "char": "t.char()",
    "byte": "p.byte()",
    "bool": "t.bool(); (j % 2).bool()",
    "new_zeros": "t.new_zeros(2, 2); t.new_zeros((3,))",
    "new_ones": "t.new_ones(2)",
    "new_empty": "t.new_empty(2, 3) * 0",
    "new_full": "t.new_full((2,), 1.5)",
    "new_tensor": "t.new_tensor([1.0, 2.0])",
    **{
        name: f"t.{name}()"
        for name in words("numel nelement dim ndimension is_floating_point is_complex")
    },
    "element_size": "t.element_size()",
    "is_signed": "t.is_signed(); m.is_signed()",
    "is_same_size": "t.is_same_size(u); t.is_same_size(v)",
    "is_nonzero": "t[0, 0].is_nonzero()",
    "is_contiguous": "t.is_contiguous()",
    "get_device": "t.get_device()",
}
WRITES = {
    **{f"{name}_": None for name in names.WRITING.split()},
    "zero_": "zero_()",
    "fill_": "fill_(2.5)",
    "copy_": "copy_(u); copy_(v); copy_(1.5)",
    "fill_diagonal_": "fill_diagonal_(2.0)",
}
RANDOM = {"normal_", "uniform_", "bernoulli_", "exponential_"}
SLIGHT = {"nuc", "pinverse"}  # as they are made otherwise


def worlds():
    """Return the same values as Tensors and as PyTorch's."""
    rng = np.random.default_rng(3)
    floats = {
        "t": rng.normal(size=(2, 3)),
        "u": rng.normal(size=(2, 3)),
        "p": rng.uniform(0.1, 0.9, size=(2, 3)),
        "c": rng.normal(size=(2, 3, 4)),
        "w": rng.normal(size=(2, 4, 3)),
        "s": rng.normal(size=(3, 3)) + 3 * np.eye(3),
        "v": rng.normal(size=3),
    }
    whole = {
        "i": np.array([2, 0]),
        "j": np.array([[2, 0, 1], [1, 2, 0]]),
        "k": np.array([[1, 0, 1], [0, 0, 1]]),
        "m": np.array([[True, False, True], [False, True, False]]),
        "n": np.array([[True, True, False], [False, True, True]]),
    }
    ours = {name: Tensor(x, requires_grad=True) for name, x in floats.items()}
    ours |= {name: Tensor(x) for name, x in whole.items()}
    theirs = {
        name: torch.tensor(x, requires_grad=name in floats)
        for name, x in {**floats, **whole}.items()
    }
    return ours, theirs


def same(a, b):
    if isinstance(b, torch.Tensor):
        b = b.detach()
        assert isinstance(a, Tensor)
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-10)
        assert a.shape == tuple(b.shape)
    else:
        assert a == b


def calls():
    """Return the calls of each name."""
    found = {}
    for name, code in CALLS.items():
        if name != "_" and code is not None:
            bare = code in ("p", "1 + p")  # the values that an elementwise function is called on
            found[name] = [f"({code}).{name}()"] if bare else code.split(";")
    for name in names.ELEMENTWISE.split():
        if name not in CALLS and name != "conjugate":
            found[name] = [f"m.{name}()" if name == "logical_not" else f"t.{name}()"]
    return found


def test_every_name_has_a_call():
    known = {*methods._LINES, *names.ELEMENTWISE.split()}
    written = {name for name in known if re.search("[a-z]_$", name) and name not in ("__round__",)}
    written = {name for name in written if not name.startswith("__")}
    assert known - written - {*names.ELEMENTWISE.split()} <= {*CALLS}
    assert {*CALLS} - {"_"} <= known
    assert written | {f"{name}_" for name in names.WRITING.split()} == {*WRITES} | RANDOM


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "of_name"), calls().items(), ids=list(calls()))
def test_a_method_is_pytorchs(name, of_name):
    for call in of_name:
        try:
            hold(call.strip())
        except Exception as error:
            error.add_note(call)
            raise


def hold(call):
    ours, theirs = worlds()
    with np.errstate(all="ignore"):
        a, b = eval(call, {}, ours), eval(call, {}, theirs)
    same(a, b)
    if not isinstance(b, torch.Tensor) or not b.requires_grad or not b.is_floating_point():
        return
    weights = np.random.default_rng(4).normal(size=a.shape)
    (a * weights).sum().backward()
    (b * torch.tensor(weights)).sum().backward()
    tolerance = 1e-8 if any(word in call for word in SLIGHT) else 1e-10
    for name, x in theirs.items():
        if x.grad is not None and (x.grad != 0).any():
            np.testing.assert_allclose(
                ours[name].grad, x.grad.numpy(), rtol=tolerance, atol=tolerance, err_msg=name
            )
        elif x.requires_grad and ours[name].grad is not None:
            np.testing.assert_allclose(ours[name].grad, 0.0, atol=1e-15)


def test_writing_methods_are_pytorchs():
    for name in names.WRITING.split():
        if name not in ("baddbmm", "logical_not"):  # whose samples are called on no name
            hold_written(name)


def hold_written(name):
    code = next((c for c in (CALLS.get(name) or "").split(";") if c), "t")
    code = f"p.{name}()" if code in ("p", "1 + p", "t") else code.strip()
    code = code.replace(".detach()", "").replace(f".{name}(", f".{name}_(", 1)
    ours, theirs = worlds()
    target, dtype = code[0], ours[code[0]].dtype
    with no_grad(), torch.no_grad(), np.errstate(all="ignore"):
        a, b = eval(code, {}, ours), eval(code, {}, theirs)
    assert a is ours[target]
    np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, err_msg=code)
    assert a.dtype == dtype


@pytest.mark.parametrize("code", [c for s in WRITES.values() if s for c in s.split("; ")])
def test_values_are_written(code):
    ours, theirs = worlds()
    with no_grad(), torch.no_grad():
        name = "s" if "diagonal" in code else "t"
        a, b = eval(f"{name}.{code}", {}, ours), eval(f"{name}.{code}", {}, theirs)
    assert a is ours[name]
    np.testing.assert_array_equal(a.numpy(), b.detach().numpy())


def test_what_is_drawn_is_drawn_from_the_generator():
    for name, low, high in (
        ("normal_", -5, 5),
        ("uniform_", 0, 1),
        ("bernoulli_", 0, 1),
        ("exponential_", 0, 20),
    ):
        twice = [
            getattr(Tensor(np.zeros(500)), name)(generator=np.random.default_rng(7)) for _ in "ab"
        ]
        np.testing.assert_array_equal(twice[0].numpy(), twice[1].numpy())
        assert (twice[0].min() >= low) & (twice[0].max() <= high)
        assert twice[0].std() > 0.1
    weights = Tensor([[0.0, 1.0, 3.0], [1.0, 0.0, 0.0]])
    drawn = weights.multinomial(4000, replacement=True, generator=np.random.default_rng(1))
    assert drawn.shape == (2, 4000)
    np.testing.assert_allclose(np.bincount(drawn[0].numpy()) / 4000, [0, 0.25, 0.75], atol=0.03)
    assert (drawn[1] == 0).all()
    assert sorted(Tensor([1.0, 1.0, 1.0]).multinomial(3).tolist()) == [0, 1, 2]
    assert Tensor([0.0, 1.0]).bernoulli().tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="replacement=True"):
        weights.multinomial(2)
    with pytest.raises(ValueError, match="weights from 0 on"):
        Tensor([-1.0, 2.0]).multinomial(1)


# -- what the words promise ------------------------------------------------------------------


def leaf(value, **kwargs):
    return Tensor(value, requires_grad=True, **kwargs)


def test_a_write_needs_no_grad_and_a_leaf():
    for name in [n for n in dir(Tensor) if n.endswith("_") and not n.startswith("_")]:
        if name == "requires_grad_" or name not in methods._MADE_BY:
            continue
        needs = {"lerp_": (1.0, 0.5), "clamp_": (0.0, 1.0), "clip_": (0.0, 1.0)}
        like = name if name in methods._LINES else name.removesuffix("_")
        parameters = inspect.signature(getattr(Tensor, like)).parameters
        count = sum(p.default is p.empty for p in parameters.values()) - 1
        given = needs.get(name, (1.0,) * count)
        w = leaf([1.0, 2.0], name="w")
        with pytest.raises(InPlaceError, match=r"no_grad\(\)"):
            getattr(w, name)(*given)
        y = w * 2.0
        y.name = "w"
        with pytest.raises(InPlaceError, match=rf"computed by 'multiply'.*w = w\.{name[:-1]}\("):
            getattr(y, name)(*given)
        assert w.tolist() == [1.0, 2.0]


def test_a_write_keeps_shape_and_dtype_and_is_seen():
    w = leaf(np.ones(2, np.float32))
    loss = (w * w).sum()
    with no_grad():
        assert w.mul_(3.0) is w
        w.sub_(np.array([0.5, 1.0]))
    np.testing.assert_array_equal(w.data, np.array([2.5, 2.0], np.float32))
    assert w.dtype == np.float32
    with pytest.raises(StaleValueError):
        loss.backward()
    with no_grad():
        for bad in (np.ones(3), np.ones((2, 2))):
            with pytest.raises(ValueError, match="broadcast"):
                w.add_(bad)
        with pytest.raises(GradientDtypeError, match="complex128"):
            w.copy_(np.ones(2) * 1j)
    np.testing.assert_array_equal(w.data, np.array([2.5, 2.0], np.float32))
    k, x = Tensor([1.0, 2.0]), leaf([1.0, 1.0])
    k.add_(1)
    assert k.tolist() == [2.0, 3.0]
    with pytest.raises(InPlaceError, match="is on the tape"):
        k.mul_(x)
    with everything(), pytest.raises(InPlaceError, match="on the tape"):
        k.mul_(2.0)
    scalar = Tensor(3.0)
    assert type(scalar.zero_().data) is np.float64
    matrix = Tensor(np.zeros((2, 2)))
    row = matrix[0]
    with no_grad(), pytest.raises(InPlaceError, match="part of another value"):
        row.fill_(1.0)


def test_backward_and_zero_grad_as_in_pytorch():
    w = leaf([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(w.grad, [4.0, 8.0])
    w.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(w.grad, [0.0, 0.0])
    w.zero_grad()
    assert w.grad is None
    w.zero_grad(set_to_none=False)
    assert w.grad is None
    with pytest.raises(UnsupportedArgumentError, match=r"hvp\(f\).*docs/coming_from.md"):
        loss.backward(create_graph=True)
    (w * w).backward(gradient=np.array([1.0, 0.0]))
    np.testing.assert_array_equal(w.grad, [2.0, 0.0])


def test_a_gradient_is_an_array_that_answers_pytorchs_names():
    w, s = leaf([[3.0, -4.0]], name="w"), leaf(2.0)
    p = torch.tensor([[3.0, -4.0]], dtype=torch.float64, requires_grad=True)
    for total in ((w * w).sum() / 2, (p * p).sum() / 2, s * s):
        total.backward()
    for call in (
        *("norm()", "norm(1)", "data.norm(p=2)", "abs().max()", "clone()", "detach()", "numel()"),
        *("dim()", "pow(2)", "clamp(-1, 1)", "data.mul(2)"),
        *("unsqueeze(0).shape", "t()", "data.abs().mean()", "exp()", "cpu()", "topk(1)[0]"),
    ):
        a, b = eval(f"g.{call}", {"g": w.grad}), eval(f"g.{call}", {"g": p.grad})
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-12, err_msg=call)
        assert not isinstance(a, Tensor)
    # It is the gradient itself that is written into.
    kept = w.grad
    assert w.grad.mul_(2.0).tolist() == [[6.0, -8.0]] == kept.tolist()
    w.grad.data.clamp_(max=5.0)
    assert w.grad.tolist() == [[5.0, -8.0]]
    w.grad *= 2
    w.grad[0, 0] = 1.0
    assert w.grad.tolist() == [[1.0, -16.0]]
    assert w.grad.zero_() is not None
    assert w.grad.tolist() == [[0.0, 0.0]]
    s.grad.zero_()
    assert s.grad == 0.0
    # Else it is an array, and what is computed from it is a plain one.
    assert isinstance(w.grad, np.ndarray)
    assert type(w.grad + 1) is type(-w.grad) is np.ndarray
    assert type(2 * s.grad) is np.float64
    assert repr(w.grad) == "array([[0., 0.]])"
    assert type(pickle.loads(pickle.dumps(w.grad))) is np.ndarray
    assert type(w.grad.numpy()) is np.ndarray
    with no_grad():
        w -= w.grad
    assert (Tensor([1.0, 1.0]) * w.grad).tolist() == [[0.0, 0.0]]
    with pytest.raises(AttributeError, match=r"no attribute 'median': np\.median"):
        w.grad.median()
    with pytest.raises(AttributeError, match="foo"):
        w.grad.foo()
    assert not hasattr(w.grad, "__cuda_array_interface__")


def test_size_is_numpys_number_and_answers_pytorchs_call():
    t = leaf(np.zeros((2, 3)))
    assert t.size == 6 == np.size(t) == t.numel()
    assert (t.size(), t.size(0), t.size(-1)) == ((2, 3), 2, 3)
    assert isinstance(t.size, int)
    assert repr(t.size) == "6"
    assert type(t.size + 1) is int
    assert len(range(t.size)) == 6
    rows, columns = t.size()
    assert (rows, columns) == t.shape
    with pytest.raises(IndexError):
        t.size(2)


def test_there_is_one_device():
    t = leaf([1.0])
    assert t.device == "cpu" == t.device.type
    assert t.to(t.device) is t.cpu() is t.to("cpu") is t
    assert (
        t.to(np.float32).dtype
        == t.to("cpu", np.float32).dtype
        == t.to(dtype="float32").dtype
        == np.float32
    )
    assert not t.is_cuda
    for other in ("cuda", "cuda:0", "mps"):
        with pytest.raises(ValueError, match=f"no device '{other}'.*docs/coming_from.md"):
            t.to(other)


def test_numpys_meaning_wins_where_the_two_contradict():
    x = np.random.default_rng(0).normal(size=(3, 4))
    t = Tensor(x)
    for ours, numpys in (
        (t.std(0), x.std(0)),
        (t.var(), x.var()),
        (t.repeat(2, 1), x.repeat(2, 1)),
        (t.max(1), x.max(1)),
        (t.transpose(0, 1), x.transpose(0, 1)),
        (t.transpose(-2, -1), x.transpose(-2, -1)),
        (t.nonzero()[1], x.nonzero()[1]),
        (t.argsort(1), x.argsort(1)),
        (t.diagonal(1), x.diagonal(1)),
        (t.flatten("F"), x.flatten("F")),
    ):
        np.testing.assert_array_equal(ours.numpy(), numpys)
    with pytest.raises(ValueError, match="squeeze"):
        t.squeeze(0)


def test_bad_arguments_are_named():
    t = leaf(np.ones((2, 3)))
    for call, error, words in (
        (lambda: t.sum(axis=0, dim=1), TypeError, r"sum\(\) takes axis or .*both"),
        (lambda: t.sum(0, keepdims=True, keepdim=False), TypeError, "both"),
        (lambda: t.split([1, 1], 1), ValueError, "add up to 3"),
        (lambda: t.div(2.0, rounding_mode="up"), ValueError, "'floor' or 'trunc'"),
        (lambda: t.view(np.float32), TypeError, r"astype\(dtype\)"),
        (lambda: t.reshape(2, 3, 1).t(), ValueError, r"t\.mT"),
        (lambda: t.unsqueeze(5), np.exceptions.AxisError, "out of bounds"),
        (lambda: t.sum(dimension=1), TypeError, "dimension"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_what_is_missing_says_what_to_write():
    t = leaf([1.0])
    for listed in names.ELSEWHERE:
        for name in listed.split():
            assert not hasattr(t, name)
            assert name not in dir(t)
            with pytest.raises(AttributeError, match=f"no attribute '{name}': .*coming_from.md"):
                getattr(t, name)
            assert hasattr(torch.Tensor, name) or name in ("values", "indices")
    # A name is in one table.
    listed = [n for names_ in names.ELSEWHERE for n in names_.split()]
    assert len(listed) == len({*listed})
    assert {*listed}.isdisjoint(methods._MADE_BY)


def test_every_name_of_pytorchs_tensor_has_an_answer():
    for name in dir(torch.Tensor):
        if not name.startswith("_") and not hasattr(Tensor, name):
            with pytest.raises(AttributeError, match=r": .*(coming_from\.md|t\.tape)"):
                getattr(leaf(1.0), name)


def test_the_stub_is_current_and_says_what_the_methods_take():
    file = Path(typed_methods.__file__).with_suffix(".pyi")
    assert file.read_text() == "\n".join(typed_methods.stub()) + "\n", (
        "python -m autograd_lite.typed_methods > autograd_lite/typed_methods.pyi"
    )
    for name in ("sum", "gather", "reshape"):
        signature = inspect.signature(getattr(Tensor, name))
        written = re.search(rf"def {name}\(self, (.*)\) ->", file.read_text())[1]
        assert [p.partition(":")[0].lstrip("*") for p in written.split(", ") if p != "*"] == [
            *signature.parameters
        ][1:]


def test_methods_are_found_and_documented():
    t = leaf([[1.0, 2.0]])
    for name in methods._MADE_BY:
        assert name in dir(t)
        found = getattr(Tensor, name)
        assert found.__doc__ or isinstance(found, property), name
        assert isinstance(found, property) or pickle.loads(pickle.dumps(found)) is found
    assert "np.expand_dims" in Tensor.unsqueeze.__doc__
    assert operator.methodcaller("exp")(t).tolist() == np.exp(t).tolist()
