from __future__ import annotations

import importlib
import os

import numpy as np
import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch, the independent reference: may be missing on a laptop, never in CI."""
    if os.environ.get("CI") == "true":
        return importlib.import_module("torch")
    return pytest.importorskip("torch")


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


def pytest_collection_modifyitems(items):
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.torch)
