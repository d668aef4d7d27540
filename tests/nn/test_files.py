"""files.py and checkpoint.py."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import nn
from nn import checkpoint, files

ROOT = Path(__file__).parent.parent.parent


def network(rng=0, library=nn, **extra):
    seed = {"rng": rng} if library is nn else {}
    return library.Sequential(
        library.Conv2d(1, 3, 3, padding="same", **seed, **extra),
        library.BatchNorm2d(3, **extra),
        library.ReLU(),
        library.Flatten(),
        library.Linear(48, 2, **seed, **extra),
    )


def test_weights_go_to_pytorch_and_back(torch, tmp_path):
    safetensors_torch = pytest.importorskip("safetensors.torch")
    ours, theirs = network(), network(library=torch.nn, dtype=torch.float64)
    ours[0].weight.data = np.asfortranarray(ours[0].weight.data)  # it lies in another order
    x = np.random.default_rng(0).normal(size=(5, 1, 4, 4))
    ours(x)  # moves the running means
    nn.save_weights(ours, tmp_path / "a.safetensors")
    loaded = safetensors_torch.load_file(tmp_path / "a.safetensors")
    assert loaded["1.num_batches_tracked"].shape == ()
    theirs.load_state_dict(loaded)
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(x).numpy(), expected, atol=1e-12)

    safetensors_torch.save_file(theirs.state_dict(), tmp_path / "b.safetensors")
    back = network(rng=5)
    nn.load_weights(back, tmp_path / "b.safetensors")
    assert np.array_equal(back.eval()(x).numpy(), ours(x).numpy())


def tied(library=nn, **extra):
    """A weight in two places, and a layer that runs twice."""
    body = library.Linear(3, 3, **extra)
    model = library.Sequential(body, library.Tanh(), library.Linear(3, 3, **extra), body)
    model[2].weight = body.weight
    return model


def test_a_shared_parameter_goes_to_pytorch_and_back(torch, tmp_path):
    safetensors_torch = pytest.importorskip("safetensors.torch")
    ours, theirs = tied(rng=1), tied(torch.nn, dtype=torch.float64)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    nn.save_weights(ours, tmp_path / "a")
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "a"))
    x = np.random.default_rng(0).normal(size=(4, 3))
    loss = nn.MSELoss()(ours(x), np.zeros((4, 3)))
    torch.nn.MSELoss()(theirs(torch.tensor(x)), torch.zeros(4, 3, dtype=float)).backward()
    loss.backward()
    steps = nn.optim.Adam(ours.parameters(), 0.1), torch.optim.Adam(theirs.parameters(), 0.1)
    assert len(steps[0].params) == 3
    for optimizer in steps:
        optimizer.step()
    for name, array in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], array.numpy(), atol=1e-12)
    # Theirs leaves all but one name of a shared parameter out.
    safetensors_torch.save_model(theirs, tmp_path / "b")
    back = tied(rng=2)
    nn.load_weights(back, tmp_path / "b")
    np.testing.assert_allclose(back(x).numpy(), theirs(torch.tensor(x)).detach().numpy())
    assert back[2].weight is back[0].weight


def test_numbers_that_numpy_does_not_know_are_named(torch, tmp_path):
    safetensors_torch = pytest.importorskip("safetensors.torch")
    path = tmp_path / "weights"
    safetensors_torch.save_file({"weight": torch.zeros(1, 2, dtype=torch.bfloat16)}, path)
    with pytest.raises(ValueError, match=r"BF16.*nothing was loaded"):
        nn.load_weights(nn.Linear(2, 1, bias=False), path)


def test_a_folder_that_is_not_there_is_named_before_anything_is_trained(tmp_path):
    model = nn.Linear(2, 1)
    before, path = model.weight.data, tmp_path / "none" / "weights"
    with pytest.raises(FileNotFoundError, match=f"{path} cannot be written"):
        nn.save_weights(model, path)
    optimizer = nn.optim.SGD(model.parameters())
    with pytest.raises(FileNotFoundError, match="cannot be written"):
        nn.fit(model, nn.MSELoss(), optimizer, np.ones((1, 2)), np.ones((1, 1)), epochs=1,
               progress=False, checkpoint=path)  # fmt: skip
    assert model.weight.data is before


def test_two_arrays_for_one_parameter_are_refused():
    model = tied(rng=1)
    state = model.state_dict()
    state["2.weight"] = state["2.weight"] + 1.0
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"'0.weight' and '2.weight' are one"):
        model.load_state_dict(state)
    assert all(np.array_equal(a, before[k]) for k, a in model.state_dict().items())


def hostile():
    """Contents that are no whole safetensors file."""
    good = files._safetensors().save({"w": np.arange(4.0)})
    length = int.from_bytes(good[:8], "little")

    def header(text):
        return len(text).to_bytes(8, "little") + text + b"\0" * 32

    yield b""
    yield good[:5]
    yield good[:-1]
    yield good + b"\0"
    yield (2**63).to_bytes(8, "little") + good[8:]
    yield good[:8] + b"\xff" * length + good[8 + length :]
    yield header(b"[1, 2]")
    yield header(b'{"w": {"dtype": "F64", "shape": [4], "data_offsets": [0, 99]}}')
    yield header(b'{"w": {"dtype": "F64", "shape": [-4], "data_offsets": [0, 32]}}')
    yield header(
        b'{"w": {"dtype": "F64", "shape": [9223372036854775807], "data_offsets": [0, 32]}}'
    )
    yield header(b'{"w": {"dtype": "object", "shape": [4], "data_offsets": [0, 32]}}')
    yield pickle.dumps({"w": [1.0]})


@pytest.mark.parametrize("content", list(hostile()), ids=range(12))
def test_damaged_files_are_refused_and_the_model_is_as_it_was(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    model = network()
    before = model.state_dict()
    with pytest.raises(ValueError, match="no whole safetensors file"):
        nn.load_weights(model, path)
    for name, array in model.state_dict().items():
        assert np.array_equal(array, before[name])


def test_all_that_does_not_fit_is_listed(tmp_path):
    path = tmp_path / "weights.safetensors"
    model = network()
    state = model.state_dict()
    state["4.weight"] = state["4.weight"][:1]
    state["more"] = state.pop("0.bias")
    files.write_arrays(path, state)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"'0.bias' is missing.*'more'.*'4.weight' has shape") as e:
        nn.load_weights(model, path)
    assert "weights.safetensors" in str(e.value)
    assert all(np.array_equal(a, before[k]) for k, a in model.state_dict().items())
    with pytest.raises(OSError, match="nowhere"):
        nn.load_weights(model, tmp_path / "nowhere")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.replace(path, b"old")

    def fails(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="no space"):
        files.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arrays", "metadata", "said"),
    [
        ({"w": np.zeros(2, complex)}, None, "'w' has dtype complex128.*real and its imaginary"),
        ({"w": np.array(["a"])}, None, "'w' has dtype <U1"),
        ({"w": np.array([None])}, None, "'w' has dtype object"),
        ({"w": np.zeros(2, "datetime64[s]")}, None, "'w' has dtype datetime64"),
        ({"__metadata__": np.zeros(2)}, None, "cannot be called '__metadata__'"),
        ({"\ud800": np.zeros(2)}, None, r"are text, and not '\\ud800'"),
        ({"a\udc80": np.zeros(2)}, None, "are text"),
        ({3: np.zeros(2)}, None, "and not 3"),
        ({"w": np.zeros(2)}, {"n": 3}, "and not 3"),
        ({"w": np.zeros(2)}, {"n": "\udc80"}, "are text"),
    ],
)
def test_what_such_a_file_cannot_hold_is_one_sentence(arrays, metadata, said, tmp_path):
    path = tmp_path / "file"
    files.write_arrays(path, {"old": np.ones(1)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=said) as caught:
        files.write_arrays(path, arrays, metadata)
    assert "\n" not in str(caught.value)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


# -- checkpoints ----------------------------------------------------------------------------------


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {
        "a": {0: {"m": np.arange(3.0), "step": 5}, "nested": [1.5, float("inf"), None, "text"]},
        "big": 2**100,
        "number": np.float32(0.1),
        "pair": (0.1 + 0.2, [np.zeros((2, 0), np.float32)]),
    }
    checkpoint.write(tmp_path / "c", state)
    back = checkpoint.read(tmp_path / "c")
    assert list(back) == list(state)
    assert np.array_equal(back["a"][0]["m"], np.arange(3.0))
    assert back["a"][0]["step"] == 5
    assert back["a"]["nested"] == [1.5, float("inf"), None, "text"]
    assert back["big"] == 2**100
    assert back["number"] == np.float32(0.1)
    assert back["number"].dtype == np.float32
    assert back["pair"][0] == 0.1 + 0.2
    assert back["pair"][1][0].shape == (2, 0)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    files.write_arrays(tmp_path / "c", {"w": np.zeros(2)})
    with pytest.raises(ValueError, match="no checkpoint"):
        checkpoint.read(tmp_path / "c")
    for text in ("{", json.dumps({"dict": [["w", {"array": "missing"}]]})):
        files.write_arrays(tmp_path / "c", {}, {"format": checkpoint.FORMAT, "state": text})
        with pytest.raises(ValueError, match="damaged"):
            checkpoint.read(tmp_path / "c")


TRAINING = """
    import sys
    import numpy as np
    import nn

    def train(epochs, path, optimizer="Adam", seed=0):
        nn.manual_seed(seed)
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(40, 1, 6, 6)), rng.integers(0, 3, 40)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, rng=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3),
            nn.Dropout(0.1, rng=2), nn.Flatten(), nn.Linear(64, 3, rng=3),
        )
        optimizer = getattr(nn.optim, optimizer)(model.parameters(), lr=0.01)
        schedulers = nn.optim.lr_scheduler
        warm_up = schedulers.LinearLR(optimizer, 0.1, total_iters=4)
        then = schedulers.CosineAnnealingLR(optimizer, 50)
        scheduler = schedulers.SequentialLR(optimizer, [warm_up, then], [4])
        history = nn.fit(
            model, nn.CrossEntropyLoss(), optimizer, x[:30], y[:30], epochs=epochs, batch_size=8,
            metrics={"accuracy": nn.accuracy}, validation=(x[30:], y[30:]),
            scheduler=scheduler, keep_best=True, progress=False, checkpoint=path,
        )
        return model, history
"""
namespace: dict = {}
exec(textwrap.dedent(TRAINING), namespace)
train = namespace["train"]


def same(one, other):
    (model, history), (twin, again) = one, other
    assert vars(history) == vars(again)
    for name, array in model.state_dict().items():
        assert array.tobytes() == twin.state_dict()[name].tobytes(), name


@pytest.mark.parametrize("optimizer", ["SGD", "Adagrad", "RMSprop", "Adam", "AdamW"])
def test_a_resumed_training_comes_to_the_same_bits(tmp_path, optimizer):
    path = tmp_path / "c"
    train(3, path, optimizer)
    train(5, path, optimizer, seed=1)
    resumed = train(9, path, optimizer, seed=2)
    same(resumed, train(9, None, optimizer))
    assert len(resumed[1]) == 9
    # There is nothing left to do, and the best weights come back.
    same(train(9, path, optimizer), resumed)


class Walk:
    """A callback that changes the training by what it remembers and draws."""

    def __init__(self):
        self.rng, self.total = np.random.default_rng(5), 0.0

    def __call__(self, state):
        self.total += self.rng.uniform(0.0, state.loss)
        state.optimizer.lr *= 1.0 + 0.1 * (self.total % 1.0)
        state.stop = self.total > 8.0

    def state_dict(self):
        return {"rng": self.rng.bit_generator.state, "total": self.total}

    def load_state_dict(self, state):
        self.rng.bit_generator.state, self.total = state["rng"], state["total"]


class Noisy(nn.Dataset):
    """Examples that are drawn anew each time."""

    def __init__(self):
        self.rng = np.random.default_rng(6)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return np.array([index / 20, self.rng.normal()]), np.array([index % 2])


def train_watched(epochs, path):
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout(0.2, rng=1), nn.Linear(3, 1, rng=2))
    optimizer = nn.optim.Adam(model.parameters())
    training, validation = nn.random_split(Noisy(), [12, 8], rng=5)
    scheduler = nn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    watcher = nn.statistics.Watcher(np.ones((2, 2)))
    steps = []
    history = nn.fit(
        model, nn.MSELoss(), optimizer, nn.DataLoader(training, 5, shuffle=True, rng=3),
        epochs=epochs, validation=nn.DataLoader(validation, 5, shuffle=True, rng=4),
        scheduler=scheduler, patience=4, keep_best=True, callbacks=[Walk(), watcher],
        step_callbacks=[lambda state: steps.append(state.step)], progress=False, checkpoint=path,
    )  # fmt: skip
    assert not steps or steps[-1] == 3 * len(history)
    return model, history, watcher


def test_callbacks_schedulers_data_and_early_stopping_go_on_where_they_were(tmp_path):
    whole = train_watched(30, None)
    assert 3 < len(whole[1]) < 30  # patience, or the callback, ends it
    for epochs in (2, 3, len(whole[1]) - 1, 30, 30):
        resumed = train_watched(epochs, tmp_path / "c")
    same(resumed[:2], whole[:2])
    assert resumed[2].epochs == whole[2].epochs
    assert resumed[2].records["0"][-1].mean == whole[2].records["0"][-1].mean


def test_a_checkpoint_that_fits_in_part_changes_nothing(tmp_path):
    path = tmp_path / "c"

    def resume(seed, callbacks):
        model = nn.Linear(2, 1, rng=seed)
        optimizer = nn.optim.Adam(model.parameters(), lr=0.1 * (seed + 1))
        scheduler = nn.optim.lr_scheduler.StepLR(optimizer, 1)
        before = model.state_dict(), optimizer.lr
        try:
            nn.fit(
                model, nn.MSELoss(), optimizer, np.ones((3, 2)), np.ones((3, 1)), epochs=2,
                scheduler=scheduler, callbacks=callbacks, progress=False, checkpoint=path,
            )  # fmt: skip
        finally:
            after = model.state_dict(), optimizer.lr
            kept.append(before[1] == after[1] and all(
                np.array_equal(a, before[0][name]) for name, a in after[0].items()
            ))  # fmt: skip

    kept = []
    resume(0, [])
    saved = checkpoint.read(path)
    with pytest.raises(ValueError, match=r"has model, .*this training has callback 0 \(Walk\), m"):
        resume(1, [Walk()])
    saved["parts"]["scheduler"] = {"factor": 0.5}  # its turn comes after model and optimizer
    checkpoint.write(path, saved)
    with pytest.raises(ValueError, match="StepLR"):
        resume(1, [])
    assert kept == [False, True, True]


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "c"
    train(2, path)
    model = nn.Linear(36, 3, rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match="does not fit this training"):
        nn.fit(
            model, nn.CrossEntropyLoss(), nn.optim.SGD(model.parameters()), np.zeros((4, 36)),
            np.zeros(4, int), epochs=1, progress=False, checkpoint=path,
        )  # fmt: skip
    assert all(np.array_equal(a, before[k]) for k, a in model.state_dict().items())
    content = path.read_bytes()
    path.write_bytes(content[:-7])
    with pytest.raises(ValueError, match="no whole"):
        train(3, path)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_a_training_that_is_killed_again_and_again_comes_to_the_same_bits(tmp_path):
    path = tmp_path / "c"
    program = f"{textwrap.dedent(TRAINING)}\ntrain(40, sys.argv[1])\nprint('done')"
    rng = np.random.default_rng(0)
    finished = 0
    for attempt in range(60):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        deadline = time.monotonic() + 60.0
        seen = path.stat().st_mtime_ns if path.exists() else 0
        # Wait until it has begun to write, then a moment more.
        while process.poll() is None and time.monotonic() < deadline and attempt < 8:
            if path.exists() and path.stat().st_mtime_ns != seen:
                time.sleep(rng.uniform(0.0, 0.03))
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        output, _ = process.communicate()
        if b"done" in output:
            finished += 1
            break
    assert finished == 1
    assert attempt > 1
    same(train(40, path), train(40, None))
