from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.errors import IntegerGradientError


def model(rng=0):
    return nn.Sequential(nn.Linear(2, 3, rng=rng), nn.Tanh(), nn.Linear(3, 1, bias=False, rng=rng))


class Block(nn.Module):
    def __init__(self):
        self.scale = nn.Parameter([2.0])
        self.body = model()

    def forward(self, x):
        return self.body(x) * self.scale


def test_parameters_are_found_with_their_paths_outer_before_inner():
    names = [name for name, _ in Block().named_parameters()]
    assert names == ["scale", "body.0.weight", "body.0.bias", "body.2.weight"]


def test_children_and_modules_are_those_of_pytorch():
    block = Block()
    assert [name for name, _ in block.named_children()] == ["body"]
    assert list(block.children()) == [block.body]
    assert [name for name, _ in block.named_modules()] == ["", "body", "body.0", "body.1", "body.2"]
    assert next(block.modules()) is block


def test_a_parameter_is_called_by_its_path_from_the_outermost_module():
    block = Block()
    assert {p.name for p in block.parameters()} == {
        "scale", "body.0.weight", "body.0.bias", "body.2.weight"
    }  # fmt: skip


def test_a_shared_parameter_and_a_shared_module_count_once():
    m = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1))
    m[1].weight = m[0].weight
    assert [n for n, _ in m.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    twice = nn.Sequential(m[0], m[0])
    assert len(list(twice.parameters())) == 2
    assert len(list(twice.children())) == 1
    x = np.ones((1, 2))
    assert np.array_equal(twice(x).numpy(), m[0](m[0](x)).numpy())


def test_a_parameter_is_a_leaf_of_floats_that_requires_a_gradient():
    p = nn.Parameter([1.0, 2.0])
    assert p.requires_grad
    assert p.is_leaf
    assert isinstance(p, Tensor)
    with pytest.raises(IntegerGradientError):
        nn.Parameter([1, 2])


def test_calling_is_forward_in_every_subclass_and_sub_subclass():
    class Louder(Block):
        def forward(self, x):
            return 2.0 * super().forward(x)

    class Silent(Louder):
        pass

    x = np.ones((4, 2))
    expected = 2.0 * Block()(x).numpy()
    assert np.array_equal(Louder()(x).numpy(), expected)
    assert np.array_equal(Silent()(x).numpy(), expected)


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty"):
        Empty()(1.0)


def test_train_and_eval_reach_all_modules():
    block = Block()
    assert all(m.training for m in block.modules())
    assert block.eval() is block
    assert not any(m.training for m in block.modules())
    block.train()
    assert all(m.training for m in block.modules())


def test_requires_grad_freezes_and_zero_grad_forgets():
    block = Block()
    block(np.ones((1, 2))).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())
    assert block.requires_grad_(False) is block
    assert not block(np.ones((1, 2))).requires_grad


# -- what would lose parameters in silence is refused ---------------------------------------


def test_modules_in_a_list_are_refused():
    block = Block()
    for container in ([nn.Tanh()], (nn.Parameter([1.0]),), {"a": nn.Tanh()}):
        with pytest.raises(TypeError, match="Sequential"):
            block.layers = container
    block.sizes = [1, 2, 3]
    assert block.sizes == [1, 2, 3]


def test_an_array_cannot_take_the_place_of_a_parameter():
    block = Block()
    before = block.scale
    with pytest.raises(TypeError, match=r"scale\.data"):
        block.scale = np.array([3.0])
    assert block.scale is before
    block.scale = None
    assert "scale" not in block.state_dict()


def test_a_method_cannot_be_hidden_by_an_attribute():
    block = Block()
    with pytest.raises(AttributeError, match="parameters"):
        block.parameters = nn.Parameter([1.0])
    with pytest.raises(AttributeError, match="forward"):
        block.forward = lambda x: x


# -- saving and loading -----------------------------------------------------------------------


def test_state_dict_is_a_copy_and_loads_into_a_twin():
    a, b = model(0), model(1)
    state = a.state_dict()
    assert all(type(v) is np.ndarray for v in state.values())
    b.load_state_dict(state)
    x = np.ones((2, 2))
    assert np.array_equal(a(x).numpy(), b(x).numpy())
    state["0.weight"][:] = 9.0
    assert not (a[0].weight.data == 9.0).any()
    assert not (b[0].weight.data == 9.0).any()


def test_loading_lists_all_that_is_wrong_and_changes_nothing():
    m = model()
    before = m.state_dict()
    state = {
        "0.weight": np.zeros((2, 3)),
        "2.weight": np.zeros((1, 3)),  # this one fits, and must not be loaded alone
        "extra": np.zeros(1),
        "more": np.zeros(1),
    }
    with pytest.raises(ValueError, match="nothing was loaded") as raised:
        m.load_state_dict(state)
    message = str(raised.value)
    for part in ("'0.bias' is missing", "'extra' is not", "'more' is not", "(2, 3)", "(3, 2)"):
        assert part in message
    for name, array in m.state_dict().items():
        assert np.array_equal(array, before[name])


@pytest.mark.parametrize("bad", [np.full(3, None), np.array(["a"] * 3), np.zeros(3, complex)])
def test_loading_refuses_what_are_no_real_numbers(bad):
    m = model()
    with pytest.raises(ValueError, match=r"0\.bias"):
        m.load_state_dict({**m.state_dict(), "0.bias": bad})


def test_loading_keeps_the_dtype_of_the_model_and_takes_tensors_and_integers():
    m = nn.Linear(2, 1, rng=0, dtype=np.float32)
    m.load_state_dict({"weight": Tensor([[1.0, 2.0]], requires_grad=True), "bias": np.array([3])})
    assert m.weight.dtype == m.bias.dtype == np.float32
    assert m(np.ones(2, np.float32)).item() == 6.0
    with pytest.raises(TypeError, match="dict"):
        m.load_state_dict([1.0])


def test_a_model_can_be_copied_and_pickled():
    block = Block()
    x = np.ones((2, 2))
    for twin in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        assert np.array_equal(twin(x).numpy(), block(x).numpy())
        for p in twin.parameters():
            p.data = p.data + 1.0
        assert not np.array_equal(twin(x).numpy(), block(x).numpy())


def test_a_stale_graph_is_caught_after_loading():
    from autograd_lite.errors import StaleValueError

    m = model()
    loss = m(np.ones((1, 2))).sum()
    m.load_state_dict(m.state_dict())
    with pytest.raises(StaleValueError):
        loss.backward()


# -- how it reads -----------------------------------------------------------------------------


def test_repr_reads_like_pytorchs(torch):
    def build(lib):
        return lib.Sequential(
            lib.Linear(2, 3),
            lib.Sequential(lib.Tanh(), lib.LeakyReLU(0.01), lib.Identity()),
            lib.Linear(3, 1, bias=False),
            lib.Softmax(dim=-1),
        )

    assert repr(build(nn)) == repr(build(torch.nn))
    for name in ("Sigmoid", "ReLU", "MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"):
        assert repr(getattr(nn, name)()) == repr(getattr(torch.nn, name)())
    assert repr(nn.Sequential()) == repr(torch.nn.Sequential())


def test_repr_of_a_module_with_settings_and_children():
    class Named(Block):
        def extra_repr(self):
            return "kind=1"

    assert repr(Named()).startswith("Named(\n  kind=1\n  (body): Sequential(\n    (0): Linear(")


# -- another dtype, and a function for all of it ------------------------------------------------


def test_a_model_is_converted():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3)).eval()
    before = model.state_dict()
    assert model.float() is model
    dtypes = {name: array.dtype for name, array in model.state_dict().items()}
    assert dtypes.pop("1.num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype(np.float32)}
    assert model(np.ones((4, 2), np.float32)).dtype == np.float32
    model.double()
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(array, before[name], atol=1e-6)
    assert model.to("cpu") is model.to(device="cpu") is model.cpu() is model
    assert model.to("cpu", np.float32)[0].weight.dtype == np.float32
    assert model.half()[0].weight.dtype == np.float16
    assert model.to(dtype="float64")[0].weight.dtype == np.float64
    for move in (lambda: model.to("cuda"), lambda: model.to(device="cuda:0"), model.cuda):
        with pytest.raises((ValueError, AttributeError), match="on the CPU"):
            move()
    with pytest.raises(TypeError, match="to\\(\\) takes a dtype"):
        model.to("gpu")
    with pytest.raises(TypeError, match="floats"):
        model.to(np.int32)


def test_a_function_is_applied_inner_before_outer():
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    seen = []
    assert model.apply(seen.append) is model
    assert seen[-1] is model
    assert {id(m) for m in seen} == {id(m) for m in model.modules()}
    assert seen.index(model[1][0]) < seen.index(model[1])


def test_some_of_a_state_can_be_loaded():
    model = nn.Linear(2, 1, rng=0)
    weight = model.weight.data
    model.load_state_dict({"bias": [7.0], "more": 1}, strict=False)
    assert model.bias.item() == 7.0
    assert np.array_equal(model.weight.data, weight)
    with pytest.raises(ValueError, match="'bias' has shape"):
        model.load_state_dict({"bias": [7.0, 8.0]}, strict=False)


def test_containers_grow_by_numbered_layers():
    model = nn.Sequential({"first": nn.Linear(1, 2)}).append(nn.ReLU()).extend([nn.Linear(2, 1)])
    assert [name for name, _ in model.named_children()] == ["first", "1", "2"]
    assert model(np.ones((3, 1))).shape == (3, 1)
    with pytest.raises(TypeError, match=r"Layer '4' of a Sequential is <class .*: write ReLU\(\)"):
        model.extend([nn.ReLU(), nn.ReLU])
    assert len(model) == 3
