"""The names of `autograd_lite.torch` beside PyTorch: values, shapes, dtypes, gradients."""

import pickle

import numpy as np
import pytest

import autograd_lite.torch as names
import nn
from autograd_lite import Tensor
from tests.peers import peer

torch = peer("torch")
pytestmark = pytest.mark.torch

# `t` and `u` are (2, 3), `c` is (2, 3, 4), `s` square, `v` a vector, `i` whole, `m` a mask.
CALLS = """
tensor([1.0, 2.0], dtype=float64); tensor([[1, 2], [3, 4]]); tensor(3.5, dtype=float64) * 2
tensor([1.0], dtype=float32); tensor([True, False]); tensor([1.0, 2.0], dtype=long)
as_tensor(t) * 2; as_tensor(t, dtype=float32); as_tensor([1, 2]); from_numpy(array) * 2.0
zeros(2, 3, dtype=float64); zeros((2, 3), dtype=float64); zeros([2], dtype=int64); zeros(2).long()
ones(2, dtype=float64); ones((2, 2), dtype=float32); empty(2, 3).shape == (2, 3)
full((2, 2), 1.5, dtype=float64); full((3,), 7); full((), 2)
arange(5); arange(1, 7, 2); arange(0, 1, 0.25, dtype=float64); arange(3, dtype=float32)
arange(5, dtype=long, device=device("cpu")); linspace(0, 1, 5, dtype=float64)
logspace(0, 2, 3, dtype=float64); eye(3, dtype=float64); eye(2, 3, dtype=float64)
tril_indices(3, 3); triu_indices(2, 3, 1); zeros_like(t); ones_like(i); full_like(t, 2.5)
zeros_like(t, dtype=long); empty_like(t).shape == t.shape; ones_like(t, dtype=bool)
cat((t, u)); cat([t, u], dim=1); cat([t, u], 1); concat((t, u), dim=-1); concatenate((t, t))
stack((t, u)); stack([t, u], dim=1); stack((v, v), -1); hstack((t, u)); vstack((t, u))
dstack((t, u))
where(m, t, u); where(t > 0, t, 0.0); where(m)[1]; einsum("ij,kj->ik", t, u)
einsum("ij->", t); tensordot(t, u, 2); tensordot(t, u.T, dims=1); tensordot(t, u, ([1], [1]))
meshgrid(v, v * 2, indexing="xy")[0]; meshgrid(v, t[:, 0], indexing="ij")[1]
broadcast_tensors(v, t)[0]
block_diag(t, v); outer(v, v); trapezoid(t); trapezoid(v, dx=0.5); trapezoid(t, dim=0)
numel(t); is_tensor(t); is_tensor(3); is_grad_enabled()
max(t); max(t, 1).values; max(t, dim=1)[1]; max(t, 1, keepdim=True)[0]; max(t, u); min(t, 0)[0]
min(t); min(t, dim=0, keepdim=True).indices; var(t); var(t, 0); var(t, dim=1, unbiased=False)
var(t, 1, keepdim=True); var(t, dim=0, correction=0); std(t); std(t, 1)
std(c, (0, 1), keepdim=True)
std(t, dim=0, correction=0); std(c, [0, 2]); var_mean(t, 1)[0]; std_mean(t, 0, correction=0)[1]
sort(t)[0]; sort(t, dim=0)[1]; sort(t, descending=True).values; median(t); median(v[:2])
nonzero(m); nonzero(m, as_tuple=True)[0]; transpose(t, 0, 1); transpose(c, -1, 0)
squeeze(t.unsqueeze(0), 0); squeeze(t, 0); squeeze(t.unsqueeze(1)); squeeze(t[:1], dim=0)
histogram(v.detach(), 4, range=(-2.0, 2.0))[0].long(); histogram(v.detach(), 3, density=True)[1]
unique(i); flip(t, (0,)); flip(t, dims=[0, 1])
sum(t); sum(t, 1); sum(t, dim=0, keepdim=True); mean(t); mean(t, 1, keepdim=True); prod(t, 1)
exp(t); log(t.abs()); sqrt(t.abs()); tanh(t); sin(t); cos(t); sigmoid(t); relu(t); abs(t); square(t)
rsqrt(t.abs()); reciprocal(t); sign(t); neg(t); erf(t); log1p(t.abs()); expm1(t); floor(t)
add(t, u); add(t, u, alpha=2); sub(t, u); mul(t, u); div(t, u); pow(t, 2); fmod(t, 0.7)
lerp(t, u, 0.3)
maximum(t, u); minimum(t, u); clamp(t, -0.5, 0.5); clamp(t, min=0); clip(t, max=0.3); atan2(t, u)
eq(t, u); ne(t, u); lt(t, u); ge(t, 0.1); logical_and(m, ~m); logical_not(m); isnan(t); isfinite(t)
equal(t, t); allclose(t, t + 1e-9); isclose(t, u); all(m); any(m, dim=1); count_nonzero(m)
matmul(t, u.T); mm(t, u.T); bmm(c, c.transpose(1, 2)); mv(s, v); dot(v, v); inner(v, v); kron(t, v)
addmm(s, t.T, u); baddbmm(c @ c.transpose(1, 2), c, c.transpose(1, 2)); cross(t, u, dim=1); trace(s)
det(s); inverse(s); matrix_power(s, 2); norm(t); norm(t, dim=1); norm(t, 1, 1, True); dist(t, u)
softmax(t, 1); softmax(t, dim=-1); log_softmax(t, dim=0); logsumexp(t, 1); amax(t, 1); amin(t)
argmax(t); argmax(t, dim=1); argmin(t, 0); argsort(t, dim=1); argsort(t, descending=True)
topk(t, 2)[0]; topk(t, 1, dim=0).indices; cumsum(t, 1); cumsum(t, dim=0); cumprod(t, 1); diff(t)
reshape(t, (3, 2)); reshape(t, (-1,)); flatten(c, 1); flatten(c, start_dim=1); permute(c, (2, 0, 1))
unsqueeze(t, 0); swapaxes(c, 0, 1); movedim(c, 0, 2); ravel(t); tile(t, (2, 1))
split(t, 2, dim=1)[1]; chunk(t, 3, dim=1)[0]; unbind(t)[1]; unbind(t, 1)[2]; roll(t, 1, 0); rot90(t)
repeat_interleave(t, 2, dim=0); broadcast_to(v, (2, 3)); tril(s); triu(s, 1); triu(s, diagonal=1)
diag(v); diagonal(s); diagflat(v); gather(t, 1, i); index_select(t, 1, i[0]); masked_select(t, m)
take(t, i); take_along_dim(t, i, 1); scatter(t, 1, i, 2.0); scatter_add(t, 1, i, u)
bincount(i.flatten()); cov(t); corrcoef(t); nan_to_num(t); nansum(t); quantile(t, 0.3, dim=1)
linalg.norm(t); linalg.inv(s); linalg.det(s); fft.fft(v.detach()).real
"""


def calls():
    return [c.strip() for line in CALLS.strip().splitlines() for c in line.split(";")]


LINES = CALLS.strip().splitlines()


class Names(dict):
    """Names of a module, as those of a line of code; ours come first."""

    def __init__(self, module, **own):
        super().__init__(own)
        self.module = module

    def __missing__(self, name):
        return getattr(self.module, name)


def world(module, tensor, requires):
    rng = np.random.default_rng(5)
    floats = {
        "t": rng.normal(size=(2, 3)),
        "u": rng.normal(size=(2, 3)),
        "c": rng.normal(size=(2, 3, 4)),
        "s": rng.normal(size=(3, 3)) + 2 * np.eye(3),
        "v": rng.normal(size=3),
    }
    whole = {"i": np.array([[2, 0, 1], [1, 2, 0]]), "m": np.array([[True, False, True]] * 2)}
    found = Names(module)
    found.update({name: requires(tensor(x)) for name, x in floats.items()})
    found.update({name: tensor(x) for name, x in whole.items()}, array=np.arange(3.0))
    return found


@pytest.mark.parametrize("line", LINES)
def test_functions_are_pytorchs(line):
    for call in line.split(";"):
        try:
            hold(call.strip())
        except Exception as error:
            error.add_note(call)
            raise


def hold(call):
    ours = world(names, Tensor, Tensor.requires_grad_)
    theirs = world(torch, torch.tensor, torch.Tensor.requires_grad_)
    code = compile(call, "call", "eval")
    a, b = eval(code, {}, ours), eval(code, {}, theirs)
    if not isinstance(b, torch.Tensor):
        assert a == b
        return
    assert isinstance(a, Tensor)
    assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
    assert a.shape == tuple(b.shape)
    np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)
    if b.requires_grad:
        weights = np.random.default_rng(4).normal(size=a.shape)
        (a * weights).sum().backward()
        (b * torch.tensor(weights)).sum().backward()
        for name, x in theirs.items():
            if getattr(x, "grad", None) is not None:
                np.testing.assert_allclose(
                    0.0 if ours[name].grad is None else ours[name].grad,
                    x.grad.numpy(),
                    rtol=1e-10,
                    atol=1e-10,
                    err_msg=name,
                )


def test_every_name_is_pytorchs_and_has_a_call():
    called = {word for call in calls() for word in compile(call, "", "eval").co_names}
    listed = {name for name in dir(names) if name not in names.NAMES}
    assert all(hasattr(torch, name) for name in dir(names))
    more = listed - called - DRAWN
    # The rest are methods whose calls tests/test_methods.py makes.
    assert more - names._METHODS <= {"set_grad_enabled", "Generator", "save", "load"}
    for name, found in names.NAMES.items():
        theirs = getattr(torch, name)
        assert callable(found) == callable(theirs) or isinstance(theirs, torch.dtype), name


DRAWN = {"rand", "randn", "rand_like", "randn_like", "randint", "randperm", "normal"}


def test_what_is_drawn_has_pytorchs_shape_and_range():
    for call in (
        "rand(2, 3)",
        "rand((4,))",
        "randn(2, 3)",
        "randn((2, 3))",
        "rand_like(x)",
        "randn_like(x)",
        "randint(0, 5, (100,))",
        "randint(5, (100,))",
        "randint(3, 5, size=(100,))",
        "randint(high=5, size=(2, 2))",
        "randperm(10)",
        "normal(0, 1, (3, 4))",
        "normal(2.0, 0.1, size=(5,))",
        "normal(x, 0.1)",
        "multinomial(abs(x), 2)",
        "bernoulli(x * 0 + 0.5)",
    ):
        ours = eval(call, {}, Names(names, x=Tensor(np.ones((2, 3)))))
        theirs = eval(call, {}, Names(torch, x=torch.ones(2, 3)))
        assert ours.shape == tuple(theirs.shape), call
        assert ours.dtype.kind == ("f" if theirs.is_floating_point() else "i"), call
    assert {*names.randint(3, 5, (200,)).tolist()} == {3, 4}
    assert sorted(names.randperm(6).tolist()) == [*range(6)]
    assert abs(names.normal(2.0, 0.1, (500,)).mean().item() - 2.0) < 0.1


def test_a_generator_starts_again_and_goes_on():
    g = names.Generator().manual_seed(2147483647)
    first = names.randn(3, generator=g)
    again = names.randn(3, generator=g.manual_seed(2147483647))
    np.testing.assert_array_equal(first.numpy(), again.numpy())
    assert (names.randn(3, generator=g).numpy() != first.numpy()).all()
    twin = pickle.loads(pickle.dumps(g))
    assert names.rand(2, generator=twin).tolist() == names.rand(2, generator=g).tolist()
    names.manual_seed(3)
    drawn = names.rand(2)
    names.manual_seed(3)
    np.testing.assert_array_equal(names.rand(2).numpy(), drawn.numpy())


def test_what_is_missing_says_what_to_write():
    for name, words in (
        ("vmap", "grad"),
        ("conv2d", r"nn\.functional\.conv2d"),
        ("compile", r"compile\(f\) or source"),
        ("lgamma", r"scipy\.special"),
        ("view", r"method t\.view"),
        ("nanvar", r"np\.nanvar"),
        ("no_such_thing", r"dir\(torch\)"),
    ):
        with pytest.raises(AttributeError, match=rf"no '{name}': .*{words}.*coming_from.md"):
            getattr(names, name)
        with pytest.raises(ImportError, match=rf"no '{name}': .*{words}.*coming_from.md"):
            exec(f"from autograd_lite.torch import exp, {name}", {})
    for listed in names.MISSING:
        for name in listed.split():
            assert name in names.NAMES or not hasattr(names, name)
    with pytest.raises(ValueError, match="no device 'cuda'"):
        names.zeros(2, device="cuda")
    with pytest.raises(ValueError, match="no device 'cuda:0'"):
        names.device("cuda:0")


def test_modules_are_found_where_pytorch_has_them():
    import autograd_lite.torch.nn.functional as F
    from autograd_lite.torch.optim.lr_scheduler import StepLR
    from autograd_lite.torch.utils.data import DataLoader

    from autograd_lite.torch import nn as layers
    from autograd_lite.torch import optim

    assert layers is nn
    assert F is nn.functional
    assert optim.SGD is nn.optim.SGD
    assert StepLR is nn.optim.lr_scheduler.StepLR
    assert DataLoader is nn.DataLoader
    device = names.device("cuda" if names.cuda.is_available() else "cpu")
    assert names.zeros(2, device=device).device == device == "cpu"
    with names.set_grad_enabled(False):
        assert not names.is_grad_enabled()
    with names.no_grad(), names.enable_grad():
        assert names.is_grad_enabled()
    with names.set_grad_enabled(True):
        assert (names.ones(1, requires_grad=True) * 2).requires_grad

    @names.no_grad()
    def twice(x):
        return 2 * x

    assert not twice(names.ones(1, requires_grad=True)).requires_grad


def test_a_state_is_saved_and_loaded(tmp_path):
    pytest.importorskip("safetensors")
    model, twin = nn.Linear(2, 3, rng=0), nn.Linear(2, 3, rng=1)
    names.save(model.state_dict(), tmp_path / "linear.pt")
    twin.load_state_dict(names.load(tmp_path / "linear.pt"))
    np.testing.assert_array_equal(twin.weight.data, model.weight.data)
    with pytest.raises(TypeError, match=r"np\.save\(file, t\.numpy\(\)\)"):
        names.save(model.weight, tmp_path / "weight.pt")


def test_a_list_of_tensors_is_their_numbers():
    losses = [Tensor(1.0), Tensor(2.0, requires_grad=True) * 1.0]
    assert names.tensor(losses).tolist() == [1.0, 2.0]
    assert not names.tensor(losses).requires_grad
    with pytest.warns(UserWarning, match=r"t\.detach\(\)\.clone\(\)"):
        assert not names.tensor(losses[1]).requires_grad
