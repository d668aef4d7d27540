"""The generators, against the hand-out's description of the data."""

from __future__ import annotations

import numpy as np

from autograd_lite.randomness import manual_seed
from demos.data import DATASETS, generate_linear, generate_XOR_easy


def test_linear_is_uniform_in_the_unit_square_and_split_by_the_diagonal() -> None:
    inputs, labels = generate_linear(rng=np.random.default_rng(0))
    assert inputs.shape == (100, 2)
    assert labels.shape == (100, 1)
    assert (inputs >= 0).all()
    assert (inputs < 1).all()
    for (x1, x2), (label,) in zip(inputs, labels, strict=True):
        assert label == (0 if x1 > x2 else 1)
    many, _ = generate_linear(n=20000, rng=np.random.default_rng(1))
    assert many.shape == (20000, 2)
    np.testing.assert_allclose(many.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(many.var(axis=0), 1 / 12, atol=0.01)


def test_linear_follows_its_generator_or_the_default_sequence() -> None:
    one, _ = generate_linear(5, np.random.default_rng(7))
    same, _ = generate_linear(5, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(one, same)
    manual_seed(7)
    first, other = generate_linear(5)[0], generate_linear(5)[0]
    assert (first == one).all()
    assert (first != other).all()


def test_xor_easy_in_the_hand_outs_order() -> None:
    inputs, labels = generate_XOR_easy()
    expected = [
        (0.0, 0.0, 0), (0.0, 1.0, 1), (0.1, 0.1, 0), (0.1, 0.9, 1), (0.2, 0.2, 0), (0.2, 0.8, 1),
        (0.3, 0.3, 0), (0.3, 0.7, 1), (0.4, 0.4, 0), (0.4, 0.6, 1), (0.5, 0.5, 0), (0.6, 0.6, 0),
        (0.6, 0.4, 1), (0.7, 0.7, 0), (0.7, 0.3, 1), (0.8, 0.8, 0), (0.8, 0.2, 1), (0.9, 0.9, 0),
        (0.9, 0.1, 1), (1.0, 1.0, 0), (1.0, 0.0, 1),
    ]  # fmt: skip
    assert inputs.shape == (21, 2)
    assert labels.shape == (21, 1)
    np.testing.assert_allclose(np.hstack([inputs, labels]), expected, atol=1e-15)


def test_callers_cannot_change_the_data() -> None:
    inputs, labels = generate_XOR_easy()
    inputs += 1
    labels += 1
    again, truth = generate_XOR_easy()
    assert again.max() == 1.0
    assert set(truth.ravel()) == {0, 1}


def test_every_data_set_has_a_name() -> None:
    shapes = {
        name: [a.shape for a in make(np.random.default_rng(0))] for name, make in DATASETS.items()
    }
    assert shapes == {"linear": [(100, 2), (100, 1)], "xor": [(21, 2), (21, 1)]}
