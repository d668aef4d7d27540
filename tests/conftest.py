"""Settings for the whole suite: the same examples on each run, and no time limits.

HYPOTHESIS_PROFILE=explore draws new examples each time, and more of them.
"""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from autograd_lite.calculus.rarer import whole_table
from autograd_lite.randomness import manual_seed
from tests.browser import chromium, started_chromium  # noqa: F401
from tests.peers import peer

whole_table()  # what goes through the table goes through all of it

settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore",
    settings.get_profile("same"),
    derandomize=False,
    max_examples=1000,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


# What Numba compiles is kept between runs, here and not among the user's own.
os.environ.setdefault(
    "AUTOGRAD_LITE_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
)


@pytest.fixture(autouse=True)
def _default_sequence_from_its_start():
    """Let no test's numbers hang on which tests ran before it."""
    manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive():
    """Let what tests start be interrupted, though they run under nohup or in the background.

    A shell that ignores SIGINT hands that on to all that it starts.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def torch():
    """PyTorch, the independent reference."""
    return peer("torch")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Say which tests share a worker of `--dist loadgroup`: what one makes, others look at."""
    for item in items:
        call = getattr(item, "callspec", None)
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif call is not None and list(call.params) == ["function"]:
            # Those of an entry of the table share the examples that are drawn of it.
            item.add_marker(pytest.mark.xdist_group(call.id))
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.torch)
    result = yield
    # xdist 3.8 has written the group behind `_nodeid`, which pytest from 9.2 on no longer reads.
    for item in items:
        if hasattr(item, "_id") and "@" in getattr(item, "_nodeid", ""):
            item._id = type(item._id).parse(item._nodeid)
    return result
