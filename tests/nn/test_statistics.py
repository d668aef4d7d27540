from __future__ import annotations

import numpy as np
import pytest

import nn
from nn.statistics import Statistics, Watcher, layer_arrays


def trained(watcher, epochs=4):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 1, 6, 6)), rng.integers(0, 2, 20)
    model = nn.Sequential({
        "conv": nn.Conv2d(1, 2, 3, rng=0), "relu": nn.ReLU(), "drop": nn.Dropout(),
        "flat": nn.Flatten(), "fc": nn.Linear(32, 2, rng=0),
    })  # fmt: skip
    optimizer = nn.optim.Adam(model.parameters(), 0.01)
    history = nn.fit(
        model, nn.CrossEntropyLoss(), optimizer, x, y, epochs=epochs, batch_size=5,
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
    with pytest.raises(ValueError, match="Nothing that was watched"):
        watcher.plot(".weights")


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_log(tmp_path):
    pytest.importorskip("tensorboardX")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    watcher = Watcher(np.ones((3, 1, 6, 6)), folder=tmp_path)
    model, history, _ = trained(watcher)
    watcher.close()
    events = reader.EventAccumulator(str(tmp_path))
    events.Reload()
    losses = [event.value for event in events.Scalars("loss")]
    np.testing.assert_allclose(losses, history.losses, rtol=1e-6)
    means = [event.value for event in events.Scalars("fc/weight/mean")]
    kept = [one.mean for one in watcher.records["fc.weight"]]
    np.testing.assert_allclose(means, kept, rtol=1e-5)
    last = events.Histograms("conv/weight")[-1].histogram_value
    assert last.num == model.conv.weight.size
    assert last.min == pytest.approx(model.conv.weight.data.min())
