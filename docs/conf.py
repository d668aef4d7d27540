"""How Sphinx builds the site: `make docs`.

The guides and the course are MyST Markdown. All their Python runs when the site is built: the
lessons and the gallery are notebooks as text, and `blocks.py` runs the guides. The reference is
made of the docstrings of every public name; `reference_pages.py` lists them. Whatever warns fails
the build.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]  # before what is installed

import blocks  # noqa: E402
import reference_pages  # noqa: E402
from docutils import nodes  # noqa: E402
from latex2mathml.converter import convert  # noqa: E402
from sphinx.util import logging  # noqa: E402

import autograd_lite  # noqa: E402

project = "autograd_lite"
author = "The autograd_lite contributors"
copyright = f"2026, {author}"
release = autograd_lite.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
]
exclude_patterns = ["pictures", "templates", "static"]
templates_path = ["templates"]
root_doc = "index"

# -- Markdown and notebooks ------------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_code_prompt_show = "A solution"
nb_code_prompt_hide = "Hide the solution"

# -- the reference -----------------------------------------------------------------------------

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # a signature is read; the docstring says what each argument is
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "py:obj"

# -- how it looks ------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "autograd_lite"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sidebars = {page: [] for page in ("index", "gallery")}  # they have no pages below them
html_context = {"default_mode": "auto"}  # dark where the reader's system is dark
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "show_toc_level": 2,
}


html_math_renderer = "mathml"


def typeset(formula: str, **how: str) -> str:
    """Return a formula as MathML, with primes that stand where they are read."""
    prime = r"<msup>((?:(?!<msup>).)*?)<mi>&#x0203([2-4]);</mi></msup>"
    return re.sub(prime, r"\1<mo>&#x0203\2;</mo>", convert(formula, **how))


def inline(translator: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers typeset by themselves, offline too."""
    translator.body.append(typeset(node.astext()))
    raise nodes.SkipNode


def displayed(translator: Any, node: Any) -> None:
    """Write a formula that stands on lines of its own."""
    translator.body.append(f'<div class="formula">{typeset(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def keep_bars(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """In a docstring, bars are an absolute value and no substitution."""
    lines[:] = [re.sub(r"(?<![|`])\|(?=[^|`]+\|(?![|`]))", r"\\|", line) for line in lines]


def run_blocks(app: Any, page: str, content: list[str]) -> None:
    """Run the Python of a page, so that one that does not do what it says fails the build."""
    for line, what in blocks.wrong(content[0]):
        logging.getLogger(__name__).warning(what, location=(page, line), type="blocks")


def skip_scikit_learns(
    app: Any, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the methods that scikit-learn makes for each estimator."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def setup(app: Any) -> None:
    """Write the pages that are made of the code, before Sphinx looks for what there is."""
    reference_pages.write(DOCS / "reference")
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("source-read", run_blocks)
    app.connect("autodoc-process-docstring", keep_bars)
    app.connect("autodoc-skip-member", skip_scikit_learns)
