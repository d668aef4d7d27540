"""A real browser for pages: headless Chromium, driven through Selenium, one for all tests."""

import importlib
import os
import shutil

import pytest

OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,720",
]


def missing(what):
    """Skip on a laptop; fail in CI, which installs all that the tests need."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing", pytrace=False)
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def started_chromium(tmp_path_factory):
    programs = [shutil.which("chromium") or shutil.which("google-chrome")]
    programs.append(shutil.which("chromedriver"))
    if None in programs:
        missing("chromium, or its driver,")
    try:
        webdriver = importlib.import_module("selenium.webdriver")
        service = importlib.import_module("selenium.webdriver.chrome.service")
    except ImportError:
        missing("selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture
def chromium(started_chromium):
    """The browser, which leaves a page behind its test: what moves there takes others' time."""
    yield started_chromium
    started_chromium.get("about:blank")
