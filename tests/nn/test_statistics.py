from __future__ import annotations

import io
import sys
import warnings

import numpy as np
import pytest

import nn
from autograd_lite.errors import MissingExtraError
from nn import tensorboard
from nn.statistics import Statistics, Watcher, layer_arrays


def trained(watcher, epochs=4):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 1, 6, 6)), rng.integers(0, 2, 20)
    model = nn.Sequential({
        "conv": nn.Conv2d(1, 2, 3, rng=0), "relu": nn.ReLU(), "drop": nn.Dropout(rng=1),
        "flat": nn.Flatten(), "fc": nn.Linear(32, 2, rng=0),
    })  # fmt: skip
    optimizer = nn.optim.Adam(model.parameters(), 0.01)
    history = nn.fit(
        model, nn.CrossEntropyLoss(), optimizer, x, y, epochs=epochs, batch_size=5, rng=2,
        callbacks=[] if watcher is None else [watcher], progress=False,
    )  # fmt: skip
    return model, history, x


def test_statistics_are_numpys(rng):
    array = rng.normal(size=(4, 5)).astype(np.float32)
    found = Statistics.of(array)
    assert found.minimum == array.min()
    assert found.maximum == array.max()
    assert abs(found.std - array.astype(float).std()) < 1e-12
    assert found.counts.sum() == 20
    assert len(found.edges) == len(found.counts) + 1


def test_every_layer_is_watched_and_the_training_is_the_same():
    watcher = Watcher(np.ones((3, 1, 6, 6)), every=2)
    model, history, _ = trained(watcher)
    assert watcher.epochs == [2, 4]
    names = {"conv", "relu", "drop", "flat", "fc"}
    for layer in ("conv", "fc"):
        for kind in ("weight", "bias"):
            names |= {f"{layer}.{kind}", f"{layer}.{kind}.grad"}
    assert set(watcher.records) == names
    assert watcher.records["fc.weight"][-1].mean == pytest.approx(model.fc.weight.data.mean())
    assert watcher.records["relu"][-1].minimum >= 0.0
    assert vars(trained(None)[1]) == vars(history)
    assert model.training
    arrays = dict(layer_arrays(model, np.ones((3, 1, 6, 6))))
    assert np.array_equal(arrays["relu"], np.maximum(arrays["conv"], 0.0))


def test_it_is_plotted():
    pytest.importorskip("matplotlib")
    watcher = Watcher(np.ones((3, 1, 6, 6)))
    trained(watcher)
    figure = watcher.plot(".weight")
    assert [axes.get_title() for axes in figure.axes if axes.lines] == ["conv.weight", "fc.weight"]
    for axes in figure.axes:
        if axes.lines:  # the mean, and behind it two bands, the wider for the outermost numbers
            wide, narrow = (band.get_paths()[0].vertices[:, 1] for band in axes.collections)
            kept = watcher.records[axes.get_title()]
            assert wide.min() == pytest.approx(min(one.minimum for one in kept))
            assert wide.max() == pytest.approx(max(one.maximum for one in kept))
            assert narrow.min() == pytest.approx(min(one.mean - one.std for one in kept))
            assert narrow.max() == pytest.approx(max(one.mean + one.std for one in kept))
    with pytest.raises(ValueError, match="Nothing that was watched"):
        watcher.plot(".weights")
    panel = watcher.plot_histograms("fc.weight").axes[0]
    assert len(panel.collections) == 4  # a column for each epoch
    last = watcher.records["fc.weight"][-1]
    darkness = panel.collections[-1].get_array().ravel() ** 2
    np.testing.assert_allclose(darkness * last.counts.max(), last.counts)


def test_what_was_kept_comes_back():
    watcher = Watcher(np.ones((3, 1, 6, 6)))
    trained(watcher, epochs=2)
    other = Watcher(np.ones((3, 1, 6, 6)))
    other.load_state_dict(watcher.state_dict())
    assert other.epochs == watcher.epochs == [1, 2]
    for name, kept in watcher.records.items():
        for one, back in zip(kept, other.records[name], strict=True):
            assert np.array_equal(one.counts, back.counts)
            assert (one.minimum, one.mean, one.std) == (back.minimum, back.mean, back.std)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="some inputs"):
        Watcher(np.ones((0, 1, 6, 6)))
    with pytest.raises(ValueError, match="every"):
        Watcher(np.ones((1, 1, 6, 6)), every=0)


# -- TensorBoard ----------------------------------------------------------------------------------


@pytest.fixture
def read():
    """TensorBoard's own reader."""
    pytest.importorskip("tensorboardX")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its own imports
        reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        events = reader.EventAccumulator(str(folder), {reader.TENSORS: 0, reader.IMAGES: 0})
        events.Reload()
        return events

    return read


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_numbers_and_histograms(tmp_path, read):
    watcher = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    model, history, _ = trained(watcher)
    watcher.close()
    events = read(tmp_path)
    losses = [event.value for event in events.Scalars("loss")]
    np.testing.assert_allclose(losses, history.losses, rtol=1e-6)
    means = [event.value for event in events.Scalars("fc/weight/mean")]
    kept = [one.mean for one in watcher.records["fc.weight"]]
    np.testing.assert_allclose(means, kept, rtol=1e-5)
    last = events.Histograms("conv/weight")[-1].histogram_value
    assert last.num == model.conv.weight.size
    assert last.min == pytest.approx(model.conv.weight.data.min())


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_images(tmp_path, read):
    image = pytest.importorskip("PIL.Image")
    watcher = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    model, _, _ = trained(watcher)
    watcher.close()
    events = read(tmp_path)
    names = ["conv/image", "relu/image", "drop/image", "conv/weight/image"]
    assert events.Tags()["images"] == names
    # What has the name of something of another kind is not shown.
    kinds = ("images", "histograms", "scalars")
    every = [name for kind in kinds for name in events.Tags()[kind]]
    assert len(every) == len(set(every))
    found = events.Images("conv/weight/image")
    assert [event.step for event in found] == [1, 2, 3, 4]
    pixels = np.asarray(image.open(io.BytesIO(found[-1].encoded_image_string)).convert("L"))
    assert pixels.shape == (31, 61)  # two kernels of 3 × 3, each number 10 pixels, a line between
    kernels = model.conv.weight.data[:, 0]
    scaled = 255 * (kernels - kernels.min()) / np.ptp(kernels)
    np.testing.assert_allclose(pixels[5:30:10, 5:30:10], scaled[0], atol=1)
    np.testing.assert_allclose(pixels[5:30:10, 36:61:10], scaled[1], atol=1)


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_graph(tmp_path, read):
    graph_pb2 = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    watcher = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    trained(watcher, epochs=1)
    watcher.close()
    graph = graph_pb2.GraphDef.FromString(read(tmp_path).Graph().SerializeToString())
    nodes = {node.name: node for node in graph.node}
    # The chain of layers, by hand.
    made_from = {name: list(node.input) for name, node in nodes.items()}
    assert made_from == {
        "input": [],
        **{f"{layer}/{kind}": [] for layer in ("conv", "fc") for kind in ("weight", "bias")},
        "conv/conv2d": ["input", "conv/weight", "conv/bias"],
        "relu/relu": ["conv/conv2d"],
        "flat/reshape": ["relu/relu"],
        "fc/linear": ["flat/reshape", "fc/weight", "fc/bias"],
    }
    [shape] = nodes["conv/conv2d"].attr["_output_shapes"].list.shape
    assert [d.size for d in shape.dim] == [1, 2, 4, 4]


def test_a_graph_of_layers_in_layers_and_of_one_layer_twice():
    pytest.importorskip("tensorboardX")

    class Residual(nn.Module):
        def __init__(self):
            self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        def forward(self, x):
            return x + self.body(x) + self.body(x)

    made_from = {n.name: list(n.input) for n in tensorboard.graph(Residual(), np.ones((1, 2))).node}
    assert made_from["body/0/linear"] == ["input", "body/0/weight", "body/0/bias"]
    assert made_from["body/0/linear_2"] == ["input", "body/0/weight", "body/0/bias"]
    assert made_from["body/1/relu_2"] == ["body/0/linear_2"]
    assert made_from["add_2"] == ["add", "body/1/relu_2"]


@pytest.mark.filterwarnings("ignore")
def test_what_a_killed_training_logged_too_much_is_not_shown(tmp_path, read):
    watcher = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    trained(watcher, epochs=3)
    saved = watcher.state_dict()
    trained(watcher, epochs=5)  # logs epochs 1 to 5 again; say it was killed then
    watcher.close()
    resumed = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    resumed.load_state_dict(saved)
    resumed.log.numbers({"loss": 7.0}, 4)
    resumed.close()
    steps = [event.step for event in read(tmp_path).Scalars("loss")]
    assert steps == [1, 2, 3, 1, 2, 3, 4]


def test_tiles_lie_in_rows_of_eight():
    images = np.arange(10.0)[:, None, None] * np.ones((40, 40))
    grid = tensorboard.tiles(images)
    assert grid.shape == (2 * 41, 8 * 41 - 1)
    assert grid[0, ::41].tolist() == [i / 9 for i in range(8)]
    assert grid[41, ::41].tolist() == [8 / 9, 1.0, *[1.0] * 6]
    assert not tensorboard.tiles(np.ones((1, 40, 40)))[:40].any()  # all alike


def test_without_tensorboardx_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match="watch"):
        Watcher(np.ones((1, 2)), folder=tmp_path)
