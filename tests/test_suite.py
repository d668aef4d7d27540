"""What the suite says of itself: tests that share a worker really do."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("alone")
def test_a_group_is_part_of_a_tests_name(request):
    """By which `--dist loadgroup` sends tests to workers; else all is made once in each."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests were not shared out by group: make test does")
    assert request.node.nodeid.endswith("@alone")
    assert os.environ["PYTEST_XDIST_WORKER"]
