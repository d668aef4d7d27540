"""The default sequence, and every function that draws from it."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import demos.data
import demos.gpt
import demos.names
import nn
from autograd_lite import Tensor, randomness
from autograd_lite.randomness import back_to, drawn_from, generator, manual_seed


def weights(layer):
    return np.concatenate([np.ravel(p.data) for p in layer.parameters()])


def orders(loader):
    return np.concatenate([part for epoch in (1, 2) for (part,) in loader])


def trained(**settings):
    model = nn.Linear(2, 1, rng=0)
    x = np.random.default_rng(0).normal(size=(9, 2))
    nn.fit(
        model, nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.1), x, x[:, :1], epochs=2,
        batch_size=2, progress=False, **settings,
    )  # fmt: skip
    return weights(model)


DATA = nn.TensorDataset(np.arange(40))
LABELS = np.arange(100) % 3
# Each of our functions with an `rng`, as a call that returns what it drew.
DRAWING = {
    nn.Linear: lambda **rng: weights(nn.Linear(4, 4, **rng)),
    nn.Conv1d: lambda **rng: weights(nn.Conv1d(2, 3, 3, **rng)),
    nn.Conv2d: lambda **rng: weights(nn.Conv2d(2, 3, 3, **rng)),
    nn.MLP: lambda **rng: weights(nn.MLP([2, 3, 1], **rng)),
    nn.Dropout: lambda **rng: nn.Dropout(0.5, **rng)(np.ones(60)),
    nn.functional.dropout: lambda **rng: nn.functional.dropout(np.ones(60), **rng),
    nn.functional.scaled_dot_product_attention: lambda **rng: (
        nn.functional.scaled_dot_product_attention(*[np.ones((9, 4))] * 3, dropout_p=0.5, **rng)
    ),
    nn.ConvTranspose2d: lambda **rng: weights(nn.ConvTranspose2d(2, 3, 3, **rng)),
    nn.Bilinear: lambda **rng: weights(nn.Bilinear(2, 3, 4, **rng)),
    nn.Embedding: lambda **rng: weights(nn.Embedding(5, 4, **rng)),
    nn.MultiheadAttention: lambda **rng: weights(nn.MultiheadAttention(4, 2, **rng)),
    nn.TransformerEncoderLayer: lambda **rng: weights(nn.TransformerEncoderLayer(4, 2, 3, **rng)),
    **{
        cls: lambda cls=cls, **rng: weights(cls(2, 3, **rng))
        for cls in (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)
    },
    demos.gpt.GPT: lambda **rng: weights(demos.gpt.GPT(5, 4, 4, 2, 1, 0.0, **rng)),
    **{cls: lambda cls=cls, **rng: weights(cls(5, **rng)) for cls in demos.names.MODELS.values()},
    nn.DataLoader: lambda **rng: orders(nn.DataLoader(DATA, 7, shuffle=True, **rng)),
    nn.fit: trained,
    nn.random_split: lambda **rng: nn.random_split(DATA, [0.5, 0.5], **rng)[0].indices,
    nn.data.stratified_split: lambda **rng: nn.data.stratified_split(LABELS, **rng)[1],
    nn.data.moons: lambda **rng: nn.data.moons(20, **rng)[0],
    nn.data.blobs: lambda **rng: nn.data.blobs(20, **rng)[0],
    demos.data.generate_linear: lambda **rng: demos.data.generate_linear(20, **rng)[0],
    generator: lambda **rng: generator(**rng).random(9),
}
for fill in nn.init.BY_NAME.values():  # in order: workers must collect alike
    if fill in (nn.init.zeros_, nn.init.ones_):
        continue
    DRAWING[fill] = lambda fill=fill, **rng: fill(Tensor(np.zeros((5, 5))), **rng).data
UNUSED = {nn.init.constant_, nn.init.zeros_, nn.init.ones_}


def test_every_function_with_an_rng_is_driven():
    modules = [m for name, m in sys.modules.items() if name.split(".")[0] in ("nn", "demos")]
    found = {
        f
        for module in [*modules, randomness]
        for name, f in vars(module).items()
        if callable(f) and not name.startswith("_") and getattr(f, "__module__", "") in sys.modules
        and f.__module__.split(".")[0] in ("nn", "demos", "autograd_lite")
        and "rng" in getattr(f, "__annotations__", {}) | getattr(f.__init__, "__annotations__", {})
        and inspect.signature(f).parameters["rng"].default is None
    }  # fmt: skip
    assert found == DRAWING.keys() | UNUSED


@pytest.mark.parametrize("draw", DRAWING.values(), ids=[f.__name__ for f in DRAWING])
def test_a_default_moves_on_and_starts_again_and_an_explicit_rng_wins(draw):
    seeded = draw(rng=3)
    manual_seed(3)
    first, second = draw(), draw()
    assert not np.array_equal(first, second)
    manual_seed(3)
    assert np.array_equal(draw(), first)
    assert np.array_equal(draw(rng=3), seeded)  # ... and leaves the default where it is
    assert np.array_equal(draw(rng=np.random.default_rng(3)), seeded)
    assert np.array_equal(draw(), second)
    state = json.loads(json.dumps(nn.get_rng_state()))
    third = draw()
    nn.set_rng_state(state)
    assert np.array_equal(draw(), third)


def test_a_layer_that_draws_again_draws_others_and_layers_share_no_masks():
    one, other, x = nn.Dropout(), nn.Dropout(), np.ones(60)
    masks = [one(x), other(x), one(x), other(x)]
    mlp = nn.MLP([60, 60, 60, 60], nn.Dropout(0.5, rng=5))
    masks += [mlp.dropout1(x), mlp.dropout2(x)]
    assert len({mask.tobytes() for mask in masks}) == len(masks)
    manual_seed(0)  # for the layers that there are, too
    assert np.array_equal(one(x), masks[0])


def test_the_same_program_gives_the_same_numbers():
    program = "import nn, numpy; print(nn.Linear(3, 3).weight, nn.Dropout()(numpy.ones(30)))"
    outputs = {subprocess.check_output([sys.executable, "-c", program]) for _ in range(2)}
    assert len(outputs) == 1
    manual_seed(0)
    assert np.array_equal(weights(nn.Linear(3, 3)), weights(nn.Linear(3, 3, rng=0)))


def in_a_thread(f, name):
    found = []
    thread = threading.Thread(target=lambda: found.append(f()), name=name)
    thread.start()
    thread.join()
    return found[0]


def test_a_threads_sequence_is_its_own(monkeypatch):
    def draw():
        return generator().random()

    def seeded():
        manual_seed(0)
        return draw()

    manual_seed(0)
    first = draw()
    assert in_a_thread(seeded, "a") == first  # the same seed is the same sequence anywhere
    second = draw()
    manual_seed(0)
    assert [draw(), draw()] == [first, second]  # it was not restarted from the other

    names = ["a", "a", "b"]
    runs = []
    for seed in (0, 0, 1):
        monkeypatch.setattr(randomness, "_threads", {})
        manual_seed(seed)
        runs.append([in_a_thread(draw, name) for name in names])
    assert runs[0] == runs[1]
    assert len({first, *runs[0], *runs[2]}) == 7


def test_what_was_drawn_is_drawn_again_and_nothing_moves():
    model = nn.Sequential(nn.Dropout(), nn.Dropout(rng=1), nn.Dropout(), nn.Dropout(rng=2))
    x = np.ones(99)
    model(x)
    with drawn_from() as drawn:
        first = model(x)
        with drawn_from() as inner:
            later = model(x)
    assert len(drawn) == len(inner) == 3
    after = model(x), nn.get_rng_state()

    def interrupted():
        with back_to(inner):
            assert np.array_equal(model(x), later)
            raise ZeroDivisionError

    for _ in range(2):
        with back_to(drawn), pytest.raises(ZeroDivisionError):
            interrupted()
        with back_to(drawn):
            assert np.array_equal(model(x), first)
            assert np.array_equal(model(x), later)
        assert nn.get_rng_state() == after[1]
    # In another thread it is that thread's sequence that goes back.
    with back_to(drawn[:1]):
        here = nn.Dropout()(x)

    def there():
        with back_to(drawn[:1]):
            return nn.Dropout()(x)

    assert np.array_equal(in_a_thread(there, "c"), here)


def test_looking_at_a_model_does_not_move_the_sequence():
    class Noise(nn.Module):
        def forward(self, x):
            drawn.append(generator().random())
            return x

    drawn: list[float] = []
    nn.summary(nn.Sequential(Noise(), Noise()), (2,))
    manual_seed(0)
    again = [generator().random() for _ in range(2)]
    assert len({*drawn, *again}) == 4


@pytest.mark.parametrize("seed", ["a", -1, 1.5, True, None])
def test_a_bad_seed_is_refused_and_nothing_moves(seed):
    before = nn.get_rng_state()
    with pytest.raises(TypeError, match="seed is an integer from 0 on, and got"):
        manual_seed(seed)
    if seed is not None:
        with pytest.raises(TypeError, match=r"or a numpy\.random\.Generator, and got"):
            generator(seed)
    assert nn.get_rng_state() == before
