"""What all of our pages have in common: one file that loads nothing, alone or in a notebook."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from .palette import css


def document(body: str, title: str, style: str, **slots: str) -> str:
    """Return a page whose slots, such as ``$data``, are filled.

    Parameters
    ----------
    body
        From ``<body>`` on. It may have a slot ``$title``.
    title
        Of the page, as text.
    style
        What the page's style has beside the palette.
    **slots
        What stands in the body's slots, as HTML or, for scripts, as it is.
    """
    head = files(__package__).joinpath("template/head.html").read_text("utf-8")
    page = Template(head + body)
    return page.substitute(title=escape(title), style=css() + style, **slots)


def as_script(data: Any) -> str:
    r"""Write data so that it may stand inside a script element.

    >>> as_script({"text": "</script>"})
    '{"text":"<\\/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("</", r"<\/").replace("<!--", r"\u003c!--")


def in_a_frame(page: str, title: str, height: int) -> str:
    """Return a page in a frame, `height` in rem: it and the notebook do not reach each other."""
    return (
        f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts" title="{escape(title)}" '
        f'style="width: 100%; height: {height}rem; border: 0"></iframe>'
    )
