"""The site that `make docs` built: links lead somewhere, search works offline, phones and the dark.

Without the site there is nothing to look at; `.ci/run` builds it before the tests.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import missing

ROOT = Path(__file__).parents[1]
SITE = ROOT / "out" / "site"
MAIN = (
    "index", "course/index", "course/01_slopes", "course/07_lab", "course/12_gpt",
    "course/teaching", "guides", "explain", "gallery", "reference/nn", "reference/names/nn.Linear",
)  # fmt: skip


@pytest.fixture(scope="module")
def site():
    if not (SITE / "index.html").is_file():
        missing("the site: run make docs; it")
    return SITE


class Page(HTMLParser):
    """The links of a page, and what can be linked to."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.add(given.get("id") or given.get("name"))
        for kind in ("href", "src"):
            if given.get(kind):
                self.links.add(given[kind])


def test_every_link_leads_somewhere(site):
    # Of the code of modules, which viewcode shows, only that it is there.
    files = [f for f in site.rglob("*.html") if not {"_modules", "_static"} & set(f.parts)]
    pages = {file: Page(file) for file in files}
    broken, outside = [], set()
    anchors = {str(file): page.anchors for file, page in pages.items()}
    there = {str(f) for f in site.rglob("*")}
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                outside.add(link)
                continue
            path, anchor = unquote(parts.path), unquote(parts.fragment)
            target = os.path.normpath(file.parent / path) if path else str(file)
            if target not in there or (anchor and anchor not in anchors.get(target, {anchor})):
                broken.append((file.name, link))
    assert not broken
    # What a page loads comes with it; only links may lead out.
    assert not [link for link in outside if link.endswith((".js", ".css"))]


def test_every_public_name_has_its_page(site, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.delitem(sys.modules, "reference_pages", raising=False)
    for _, module, names in importlib.import_module("reference_pages").pages():
        for name in names:
            assert (site / "reference" / "names" / f"{module}.{name}.html").is_file()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1440, 900, "light"), (1024, 768, "dark"), (390, 844, "dark")]
)
def test_main_pages_in_a_browser(site, chromium, width, height, scheme):
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        grounds = set()
        for page in MAIN if width != 1024 else MAIN[:2]:
            chromium.get((site / f"{page}.html").as_uri())
            width_of = "return document.documentElement.scrollWidth"
            assert chromium.execute_script(width_of) <= width, page
            ground = "return getComputedStyle(document.body).backgroundColor"
            grounds.add(chromium.execute_script(ground))
        [ground] = grounds
        brightness = sum(int(x) for x in ground[4:-1].split(",")[:3]) / 3
        assert brightness > 200 if scheme == "light" else brightness < 60
        bad = [e for e in chromium.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        assert not bad
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_search_works_offline(site, chromium):
    from selenium.webdriver.support.ui import WebDriverWait

    links = "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)"

    def has(found):
        return lambda driver: any(found in href for href in driver.execute_script(links))

    for asked, found in (("upstream gradient", "course/02_two_paths"), ("LayerNorm", "LayerNorm")):
        chromium.get((site / "search.html").as_uri() + f"?q={asked.replace(' ', '+')}")
        WebDriverWait(chromium, 20).until(has(found))


def test_a_lesson_has_a_living_page_and_typeset_formulas(site, chromium):
    chromium.get((site / "course" / "02_two_paths.html").as_uri())
    assert chromium.execute_script("return document.querySelectorAll('math').length") > 5
    # On paper it is whole: no box scrolls, and what leads elsewhere is left out.
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    scrolls = """return [...document.querySelectorAll('html, body, [class^=bd-], .formula')]
        .filter(e => e.scrollHeight > e.clientHeight + 1)
        .filter(e => getComputedStyle(e).overflowY != 'visible')
        .map(e => e.className)"""
    assert chromium.execute_script(scrolls) == []
    shown = "return getComputedStyle(document.querySelector('.bd-header')).display"
    assert chromium.execute_script(shown) == "none"
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    [frame] = chromium.execute_script("return [...document.querySelectorAll('iframe')]")
    chromium.execute_script("arguments[0].scrollIntoView()", frame)
    chromium.switch_to.frame(frame)
    try:
        assert "chain rule" in chromium.execute_script("return document.body.innerText").lower()
    finally:
        chromium.switch_to.default_content()


MISTAKES = {
    "[there](nowhere.md)": "'nowhere.md'",
    "[there](index.md#no-such-place)": "'no-such-place'",
    "{doc}`gone`": "'gone'",
    "![a picture](none.svg)": "none.svg",
    "### A heading that leaves one out": "Non-consecutive header level",
    "```python\nprint(1 + 1)  # 3\n```": "it prints '2', and the page says '3'",
    "```python\nimport nn\n\nnn.Liner\n```": "AttributeError",
}
BUILD = """
import sys

sys.path.insert(0, sys.argv[1])
import reference_pages

reference_pages.write = lambda folder: None  # what it refuses, tests/test_reference.py shows
from sphinx.cmd.build import main

sys.exit(main(["-q", "--fail-on-warning", "--keep-going", "-b", "html", sys.argv[1], sys.argv[2]]))
"""


def test_a_mistake_on_a_page_fails_the_build(tmp_path):
    if importlib.util.find_spec("myst_nb") is None:
        missing("the extra docs")
    docs = tmp_path / "docs"
    docs.mkdir()
    for file in ("conf.py", "blocks.py", "reference_pages.py"):
        shutil.copy(ROOT / "docs" / file, docs)
    for folder in ("static", "templates"):
        shutil.copytree(ROOT / "docs" / folder, docs / folder)
    text = "\n\n".join(["# The start", *MISTAKES])
    (docs / "index.md").write_text(text + "\n", encoding="utf-8")
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(docs), str(tmp_path / "site")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 1, built.stderr
    for mistake, said in MISTAKES.items():
        assert said in built.stderr, mistake
