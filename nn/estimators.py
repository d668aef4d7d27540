"""Models as scikit-learn's estimators: in pipelines, in searches over settings, pickled.

>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> import nn
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array(["same", "other", "other", "same"])
>>> model = make_pipeline(StandardScaler(), nn.Classifier([8], lr=0.05, random_state=0))
>>> model.fit(x, y).predict(x)
array(['same', 'other', 'other', 'same'], dtype='<U5')

It is imported when ``nn.Classifier`` or ``nn.Regressor`` is first asked for, and with it
scikit-learn.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_lite import no_grad
from autograd_lite.errors import missing_extra
from autograd_lite.randomness import generator, get_rng_state, set_rng_state

from . import functional as F
from . import optim
from .container import MLP
from .module import Module, to_numpy
from .train import fit

try:
    from sklearn.base import (  # type: ignore[import-untyped]
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
    )
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
    from sklearn.utils.class_weight import compute_sample_weight  # type: ignore[import-untyped]
    from sklearn.utils.multiclass import (  # type: ignore[import-untyped]
        check_classification_targets,
    )
    from sklearn.utils.validation import (  # type: ignore[import-untyped]
        _check_sample_weight,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError:
    raise missing_extra("scikit-learn", "nn", "use a model as an estimator") from None

LOSSES: dict[str, Callable[..., Any]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
}
"""Losses of a `Regressor`, by name."""


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators do: make a model, train it, apply it."""

    def _begin(self, inputs: int, outputs: int) -> None:
        """Make a new model, and an optimizer of its parameters."""
        self.model_ = self._made(inputs, outputs)
        settings = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        self._optimizer = self._optimizer_kind()(self.model_.parameters(), lr=self.lr, **settings)

    def _made(self, inputs: int, outputs: int) -> Module:
        model = self.model
        if isinstance(model, Module):
            return copy.deepcopy(model)
        if callable(model):
            made = model(inputs, outputs)
            if not isinstance(made, Module):
                raise TypeError(
                    f"model, called with {inputs} inputs and {outputs} outputs, is to return an "
                    f"nn.Module, and returned {made!r}."
                )
            return made
        sizes = [model] if isinstance(model, (int, np.integer)) else model
        if not isinstance(sizes, (list, tuple, np.ndarray)):
            raise TypeError(
                "model is a list of the sizes of hidden layers, an nn.Module, or a function of "
                f"the numbers of inputs and outputs that returns one, and got {model!r}."
            )
        return MLP([inputs, *map(int, sizes), outputs], self.activation)

    def _optimizer_kind(self) -> Any:
        kind = self.optimizer
        if isinstance(kind, str):
            by_name = {n.lower(): x for n, x in vars(optim).items() if inspect.isclass(x)}
            found = by_name.get(kind.lower())
            if found is None or not issubclass(found, optim.Optimizer):
                raise ValueError(f"optimizer is the name of one in nn.optim, and got {kind!r}.")
            return found
        if not callable(kind):
            raise TypeError(f"optimizer is a name, or a class of nn.optim, and got {kind!r}.")
        return kind

    @contextmanager
    def _seeded(self) -> Iterator[np.random.Generator]:
        """Give a generator for the order of examples; let the default sequence begin with it.

        So weights and dropout come from the same seed, and others' draws are as they were.
        """
        state = self.random_state
        if state is None or isinstance(state, np.random.Generator):
            rng = generator(state)
        elif isinstance(state, np.random.RandomState):
            rng = np.random.default_rng(state.randint(2**31))
        else:
            rng = generator(state)
        if state is None:
            yield rng
            return
        before = get_rng_state()
        set_rng_state(dict(np.random.default_rng(rng.integers(2**31)).bit_generator.state))
        try:
            yield rng
        finally:
            set_rng_state(before)

    def _train(self, x: Any, y: Any, weight: Any, rng: Any, epochs: int, judged: bool) -> None:
        """Train the model on examples with weights, or None; see `nn.fit`."""
        size = min(200, len(x)) if self.batch_size == "auto" else self.batch_size
        validation = None
        targets = y if weight is None else np.column_stack([y, weight])
        patience = self.patience if judged else None
        if patience is not None:
            # No class is left out, as far as there are enough examples of each.
            few = self._is_classifier and np.unique(y, return_counts=True)[1].min() < 2
            x, held_x, targets, held = train_test_split(
                x,
                targets,
                test_size=self.validation_fraction,
                random_state=int(rng.integers(2**31)),
                stratify=y if self._is_classifier and not few else None,
            )
            validation = held_x, held
            size = None if size is None else min(size, len(x))
        history = fit(
            self.model_,
            self._weighted if weight is not None else self._loss,
            self._optimizer,
            x,
            targets,
            epochs=epochs,
            batch_size=size,
            rng=rng,
            progress=bool(self.verbose),
            validation=validation,
            patience=patience,
            keep_best=patience is not None,
            compile=self.compile,
        )
        self.model_.eval()
        self.history_ = history
        self.n_iter_ = len(history)

    _is_classifier = False

    def _losses(self, outputs: Any, targets: Any) -> Any:
        """Return the loss of each example."""
        raise NotImplementedError

    def _loss(self, outputs: Any, targets: Any) -> Any:
        return np.mean(self._losses(outputs, targets))

    def _weighted(self, outputs: Any, targets: Any) -> Any:
        return np.mean(self._losses(outputs, targets[:, :-1]) * targets[:, -1])

    def _weights(self, weight: Any, x: Any) -> Any:
        """Return a weight for each example, 1 on average; None where all are the same."""
        if weight is None:
            return None
        weight = _check_sample_weight(weight, x, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return weight / weight.mean()

    def _outputs(self, x: Any) -> Any:
        """Return what the model computes of examples, as an array."""
        check_is_fitted(self, "model_")
        x = validate_data(self, x, reset=False, dtype=np.float64)
        with no_grad():
            return to_numpy(self.model_(x))


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A network that tells classes apart, as an estimator of scikit-learn's.

    It minimizes the cross-entropy of the softmax of the model's outputs, one for each class. A
    model with a single output will do for two classes: it is the logit of the second.

    Parameters
    ----------
    model
        A list of the sizes of hidden layers (``[]`` for none), of an `nn.MLP`; or a function
        that takes how many numbers go in and come out and returns a new `nn.Module`; or a
        module, which is a template: each ``fit`` trains a copy of it, from the weights it has.
    activation
        After each hidden layer; see `nn.MLP`.
    optimizer
        The name of one in `nn.optim` that needs no closure, or a class that is called with
        parameters and ``lr``.
    lr, weight_decay
        Of the optimizer.
    epochs
        How often all examples are seen.
    batch_size
        Examples in a step: a number, None for all of them, ``"auto"`` for at most 200.
    patience
        End when the loss of held-out examples was not smaller than ever before for so many
        epochs, and keep the best weights; None trains on all examples, all epochs.
    validation_fraction
        Which share of the examples is held out, where there is a `patience`.
    random_state
        A seed, or a generator, of the weights, the order and whatever layers draw. None goes on
        with the default sequence (see `nn.init`).
    compile
        Whether steps run as compiled code; see `nn.fit`.
    verbose
        Whether to show a progress bar.
    class_weight
        None, ``"balanced"``, or a dict from classes to weights.

    Attributes
    ----------
    classes_
        The classes, sorted: numbers or texts.
    model_
        The trained module, in ``eval()`` mode.
    history_ : History
        The loss of each epoch.
    n_features_in_, feature_names_in_, n_iter_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> import nn
    >>> x, y = load_iris(return_X_y=True)
    >>> bool(cross_val_score(nn.Classifier([16], random_state=0), x, y).mean() > 0.9)
    True
    """

    _is_classifier = True

    def __init__(
        self,
        model: Any = (100,),
        *,
        activation: Any = "relu",
        optimizer: Any = "Adam",
        lr: float = 0.01,
        weight_decay: float = 0.0,
        epochs: int = 100,
        batch_size: Any = "auto",
        patience: int | None = None,
        validation_fraction: float = 0.1,
        class_weight: Any = None,
        random_state: Any = None,
        compile: bool | str = False,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.activation = activation
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.random_state = random_state
        self.compile = compile
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Classifier:
        """Train a new model on examples (n, features) and their classes (n,)."""
        x, y = self._examples(X, y, reset=True)
        self.classes_, labels = np.unique(y, return_inverse=True)
        with self._seeded() as rng:
            self._begin(x.shape[1], len(self.classes_))
            self._train(x, labels, self._all_weights(sample_weight, x, y), rng, self.epochs, True)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Classifier:
        """Train for one epoch on some examples, from where the last call left the model.

        The first call makes the model, and is given all `classes`.
        """
        is_first = not hasattr(self, "model_")
        if is_first and classes is None:
            raise ValueError("The first call of partial_fit is given all classes: classes=[…].")
        x, y = self._examples(X, y, reset=is_first)
        known = np.unique(classes) if classes is not None else self.classes_
        if not is_first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes={classes!r} are not those of the first call of partial_fit.")
        if unknown := sorted({*y.tolist()} - {*known.tolist()}):
            raise ValueError(f"y has {unknown[0]!r}, which is none of the classes.")
        with self._seeded() as rng:
            if is_first:
                self.classes_ = known
                self._begin(x.shape[1], len(known))
            labels = np.searchsorted(self.classes_, y)
            self._train(x, labels, self._all_weights(sample_weight, x, y), rng, 1, False)
        return self

    def _examples(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, reset=reset, dtype=np.float64, multi_output=True)
        check_classification_targets(y)
        return x, column_or_1d(y, warn=True)

    def _all_weights(self, weight: Any, x: Any, y: Any) -> Any:
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            weight = by_class if weight is None else by_class * _check_sample_weight(weight, x)
        return self._weights(weight, x)

    def _losses(self, outputs: Any, targets: Any) -> Any:
        labels = np.reshape(targets, (-1,)).astype(np.intp)
        return F.cross_entropy(self._logits(outputs), labels, reduction="none")

    def _logits(self, outputs: Any) -> Any:
        """Return an output for each class; a single one is the second of two."""
        count = len(self.classes_)
        if outputs.ndim == 1:
            outputs = np.reshape(outputs, (-1, 1))
        if outputs.shape[-1] == 1 and count == 2:
            return np.concatenate([np.zeros(outputs.shape, outputs.dtype), outputs], axis=1)
        if outputs.shape[1:] != (count,):
            raise ValueError(
                f"The model has outputs of shape {outputs.shape[1:]}, and there are {count} "
                "classes: it needs an output for each."
            )
        return outputs

    def decision_function(self, X: Any) -> Any:
        """Return the outputs (n, classes) before the softmax; for two classes the logit (n,)."""
        outputs = to_numpy(self._logits(self._outputs(X)))
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of each class's probability, (n, classes)."""
        return to_numpy(F.log_softmax(self._logits(self._outputs(X)), 1))

    def predict_proba(self, X: Any) -> Any:
        """Return each class's probability, (n, classes)."""
        return to_numpy(F.softmax(self._logits(self._outputs(X)), 1))

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each example, (n,)."""
        best = np.argmax(to_numpy(self._logits(self._outputs(X))), axis=1)
        return self.classes_[best]


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A network that predicts numbers, as an estimator of scikit-learn's.

    Scale what it is to predict, where that is far from 1, as
    `sklearn.compose.TransformedTargetRegressor` does.

    Parameters
    ----------
    loss
        ``"mse"``, ``"l1"`` or ``"huber"``.
    model, activation, optimizer, lr, weight_decay, epochs, batch_size, patience
        As for `Classifier`.
    validation_fraction, random_state, compile, verbose
        As for `Classifier`.

    Attributes
    ----------
    model_
        The trained module, in ``eval()`` mode.
    history_ : History
        The loss of each epoch.
    n_features_in_, feature_names_in_, n_iter_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> import nn
    >>> x = np.linspace(-1.0, 1.0, 50).reshape(-1, 1)
    >>> y = np.sin(3.0 * x[:, 0])
    >>> model = nn.Regressor([16], epochs=300, random_state=0).fit(x, y)
    >>> model.score(x, y) > 0.9
    True
    """

    def __init__(
        self,
        model: Any = (100,),
        *,
        activation: Any = "relu",
        loss: str = "mse",
        optimizer: Any = "Adam",
        lr: float = 0.01,
        weight_decay: float = 0.0,
        epochs: int = 100,
        batch_size: Any = "auto",
        patience: int | None = None,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        compile: bool | str = False,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.compile = compile
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Train a new model on examples (n, features) and numbers (n,) or (n, outputs)."""
        x, columns = self._examples(X, y, reset=True)
        with self._seeded() as rng:
            self._begin(x.shape[1], columns.shape[1])
            self._train(x, columns, self._weights(sample_weight, x), rng, self.epochs, True)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Train for one epoch on some examples, from where the last call left the model."""
        is_first = not hasattr(self, "model_")
        x, columns = self._examples(X, y, reset=is_first)
        with self._seeded() as rng:
            if is_first:
                self._begin(x.shape[1], columns.shape[1])
            self._train(x, columns, self._weights(sample_weight, x), rng, 1, False)
        return self

    def _examples(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        if self.loss not in LOSSES:
            raise ValueError(f"loss is one of {', '.join(LOSSES)}, and got {self.loss!r}.")
        x, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, multi_output=True, y_numeric=True
        )
        y = np.asarray(y, np.float64)
        if reset:
            self._is_flat = y.ndim == 1
        columns = y.reshape(len(y), -1)
        return x, columns

    def _losses(self, outputs: Any, targets: Any) -> Any:
        if outputs.ndim == 1:
            outputs = np.reshape(outputs, (-1, 1))
        if outputs.shape != targets.shape:
            raise ValueError(
                f"The model has outputs of shape {outputs.shape[1:]}, and the numbers to predict "
                f"have {targets.shape[1:]}."
            )
        return np.mean(LOSSES[self.loss](outputs, targets, reduction="none"), axis=1)

    def predict(self, X: Any) -> Any:
        """Return what the model computes of each example, in the form that `y` had."""
        outputs = self._outputs(X)
        return outputs.reshape(len(outputs)) if self._is_flat else outputs.reshape(len(outputs), -1)
