"""Models as estimators: scikit-learn's own checks, and what its users do with one."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

BOTH = [nn.Classifier, nn.Regressor]
X, Y = load_iris(return_X_y=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what the checks themselves call for
@pytest.mark.parametrize("kind", BOTH)
def test_scikit_learns_checks(kind):
    """All of them; the one for other libraries' arrays is skipped unless SciPy is told of them."""
    estimator = kind([10], lr=0.05, epochs=30, random_state=0)
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 50
    skipped = {r["check_name"] for r in results if r["status"] != "passed"}
    assert skipped <= {"check_array_api_input"}


def quick(kind=nn.Classifier, model=(8,), **settings):
    return kind(model, **{"epochs": 20, "lr": 0.02, "random_state": 0, **settings})


def weights(estimator):
    return np.concatenate([p.data.ravel() for p in estimator.model_.parameters()])


def test_a_clone_is_untrained_and_becomes_the_same():
    for model in ([8], nn.MLP([4, 8, 3], "tanh", rng=0), network, nn.Linear):
        first = nn.Classifier(model, epochs=3, random_state=7).fit(X, Y)
        second = clone(first)
        assert not hasattr(second, "model_")
        with pytest.raises(NotFittedError):
            second.predict(X)
        before = nn.get_rng_state()
        assert np.array_equal(weights(second.fit(X, Y)), weights(first))
        assert nn.get_rng_state() == before
        other = clone(first).set_params(random_state=8, batch_size=20).fit(X, Y)
        assert not np.array_equal(weights(other), weights(first))
    assert first.get_params()["model"] is nn.Linear


def network(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, outputs)
    )


def test_a_module_is_a_template():
    model = nn.Linear(4, 3, rng=0)
    before = model.weight.data.copy()
    trained = quick(model=model).fit(X, Y)
    assert np.array_equal(model.weight.data, before)
    assert trained.model_ is not model
    assert not trained.model_.training


def test_classes_are_texts():
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    numbers, texts = (quick(epochs=100).fit(X, y) for y in (Y, names))
    assert texts.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert np.array_equal(texts.classes_[numbers.predict(X)], texts.predict(X))
    assert texts.score(X, names) == numbers.score(X, Y) > 0.9
    p = texts.predict_proba(X)
    assert np.allclose(p.sum(1), 1.0)
    assert np.allclose(np.log(p), texts.predict_log_proba(X))
    assert np.isclose(texts.history_.losses[-1], log_loss(names, p), atol=0.1)


def test_two_classes_and_one_output():
    x, y = X[:100], np.where(Y[:100] == 1, "b", "a")
    one = quick(model=lambda n, m: nn.Linear(n, 1), epochs=100).fit(x, y)
    assert one.score(x, y) == 1.0
    logits = one.decision_function(x)
    assert logits.shape == (100,)
    assert np.allclose(one.predict_proba(x)[:, 1], 1.0 / (1.0 + np.exp(-logits)))


def test_weights_count_as_repetition():
    often = np.random.default_rng(0).integers(0, 3, len(X))
    for kind, y in ((nn.Classifier, Y), (nn.Regressor, X[:, 0])):
        weighted = quick(kind, batch_size=None).fit(X, y, sample_weight=often)
        repeated = quick(kind, batch_size=None).fit(np.repeat(X, often, 0), np.repeat(y, often))
        assert np.allclose(weights(weighted), weights(repeated), atol=1e-8)
    few = np.r_[0:50, 50:53]
    plain, fair = (quick(class_weight=c, epochs=8).fit(X[few], Y[few]) for c in (None, "balanced"))
    assert fair.predict_proba(X[50:53])[:, 1].mean() > plain.predict_proba(X[50:53])[:, 1].mean()


def test_in_a_search_in_a_pipeline_and_pickled():
    pipe = make_pipeline(StandardScaler(), quick())
    settings = {"classifier__model": [[], [8]], "classifier__lr": [1e-4, 0.02]}
    search = GridSearchCV(pipe, settings, cv=2).fit(X, Y)
    assert search.best_params_["classifier__lr"] == 0.02
    assert search.best_score_ > 0.85
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict_proba(X), search.predict_proba(X))
    again[-1].partial_fit(X, Y)  # the optimizer has gone with it
    assert cross_val_score(quick(nn.Regressor, epochs=150), X[::2, :3], X[::2, 3]).shape == (5,)


def test_names_of_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = quick().fit(frame, pd.Series(Y))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_part_by_part():
    whole = quick(batch_size=None, epochs=3).fit(X, Y)
    parts = quick(batch_size=None)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert np.allclose(weights(parts), weights(whole), atol=1e-12)
    some = quick().partial_fit(X[:60], Y[:60], classes=[0, 1, 2])
    assert some.predict_proba(X).shape == (150, 3)
    numbers = quick(nn.Regressor).partial_fit(X, X[:, 0]).partial_fit(X, X[:, 0])
    assert numbers.n_iter_ == 1


def test_it_ends_when_held_out_examples_are_no_better():
    model = quick(epochs=500, patience=3, lr=0.1).fit(X, Y)
    assert 3 < model.n_iter_ < 500
    assert len(model.history_.validation_losses) == model.n_iter_


def test_several_numbers_and_losses():
    x, y = make_regression(80, 4, n_targets=2, noise=0.1, random_state=0)
    y = y / y.std(0)
    for loss in ("mse", "l1", "huber"):
        model = nn.Regressor([], loss=loss, lr=0.05, epochs=150, random_state=0).fit(x, y)
        assert model.predict(x).shape == (80, 2)
        assert model.score(x, y) > 0.98
    compiled = nn.Regressor([], lr=0.05, epochs=150, random_state=0, compile="numpy").fit(x, y)
    plain = nn.Regressor([], lr=0.05, epochs=150, random_state=0).fit(x, y)
    assert np.allclose(weights(compiled), weights(plain))
    assert model.fit(x, y[:, 0]).predict(x).shape == (80,)


def test_images_of_digits():
    x, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), nn.Classifier([32], epochs=15, random_state=0))
    assert model.fit(x[:900], y[:900]).score(x[900:], y[900:]) > 0.9


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"model": "deep"}, TypeError, "list of the sizes of hidden layers.*'deep'"),
        ({"model": lambda n, m: 3}, TypeError, "4 inputs and 3 outputs.*returned 3"),
        ({"model": nn.Linear(4, 2, rng=0)}, ValueError, "there are 3 classes"),
        ({"optimizer": "fast"}, ValueError, "name of one in nn.optim, and got 'fast'"),
        ({"optimizer": 3}, TypeError, "a name, or a class"),
        ({"random_state": "x"}, TypeError, "seed"),
        ({"epochs": 0.5}, (TypeError, ValueError), "epochs"),
    ],
)
def test_settings_are_seen_when_it_is_fitted(settings, error, words):
    model = nn.Classifier(**{"model": [3], **settings})
    with pytest.raises(error, match=words):
        model.fit(X, Y)


def test_more_errors():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        quick().fit(sparse.csr_matrix(X), Y)
    with pytest.raises(ValueError, match="all classes"):
        quick().partial_fit(X, Y)
    with pytest.raises(ValueError, match="none of the classes"):
        quick().partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="at least one non-zero"):
        quick().fit(X, Y, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match="loss is one of mse, l1, huber"):
        nn.Regressor(loss="x").fit(X, Y)
    with pytest.raises(ValueError, match="outputs of shape"):
        nn.Regressor(nn.Linear(4, 2, rng=0)).fit(X, Y)


def test_without_scikit_learn_the_extra_is_named():
    program = "import sys; sys.modules['sklearn'] = None\nimport nn\nnn.Classifier"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "MissingExtraError" in run.stderr
    assert "[nn]" in run.stderr
    with pytest.raises(AttributeError, match="no attribute 'Clasifier'"):
        _ = nn.Clasifier
