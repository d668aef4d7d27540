"""A pytest plugin: the fixture `check_gradients`, and a line on what the checks of a run found.

It is not loaded by itself. A conftest.py asks for it, or the command line does::

    pytest_plugins = ["autograd_lite.testing.plugin"]       # conftest.py
    pytest -p autograd_lite.testing.plugin                  # or this

A test then takes the fixture by its name, and calls it as one calls the function::

    def test_softplus(check_gradients):
        check_gradients(softplus, np.array([-1.0, 2.0]), order=2)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .gradients import check_gradients
from .report import Report
from .verdicts import Verdict

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gradient-seed``."""
    parser.getgroup("autograd_lite").addoption(
        "--gradient-seed",
        type=int,
        default=0,
        help="of the random weights and directions of check_gradients (default 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixture."""
    import pytest

    seed = config.getoption("--gradient-seed")
    reports: list[Report] = []

    def counted(f: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        report = check_gradients(f, *inputs, **{"seed": seed, **options})
        reports.append(report)
        return report

    class Plugin:
        @pytest.fixture(name="check_gradients")
        def fixture(self) -> Callable[..., Report]:
            """`autograd_lite.testing.check_gradients`, with the seed of the command line."""
            return counted

        def pytest_terminal_summary(self, terminalreporter: Any) -> None:
            """Print how many derivatives were found right, and of how many it cannot be told."""
            if reports:
                terminalreporter.write_line(summary(reports))

    config.pluginmanager.register(Plugin(), "autograd_lite.testing.plugin.fixtures")


def summary(reports: list[Report]) -> str:
    """Return what some checks found, in a line."""
    count = sum(row.count for report in reports for row in report.rows)
    doubtful = sum(report.verdict != Verdict.RIGHT for report in reports)
    told = f", {doubtful} of them with some that cannot be told" if doubtful else ""
    seconds = sum(report.seconds for report in reports)
    return (
        f"gradients: {count} derivatives of {len(reports)} functions right{told}, {seconds:.2f} s"
    )
