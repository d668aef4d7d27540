"""Frames that close in an SVG: a click on a module hides what is inside.

It needs no network and no other file: a short script within the SVG, which a browser runs where
the file is opened by itself. As an image in a page it is the picture as it was.
"""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template
from typing import Any

from . import palette
from .modules import ModuleCall
from .part import Part
from .scene import Box, scene
from .text import operations


def with_closing_frames(svg: str, part: Part) -> str:
    """Return an SVG of Graphviz's with frames that close, if there are any."""
    inside: dict[ModuleCall, dict[str, Any]] = {}
    for box in scene(part):
        if isinstance(box, Box):
            for depth, module in enumerate(box.home):
                held = inside.setdefault(module, {"boxes": [], "frames": []})
                held["boxes"].append(box.key)
                held["frames"] += [m.key for m in box.home[depth + 1 :]]
    if not inside:
        return svg
    for module, held in inside.items():
        some = (o for o in part.operations if o.module and module in o.module.around())
        held["said"] = f"({operations(sum(o.count for o in some))})"
        held["frames"] = list(dict.fromkeys(held["frames"]))
    data = json.dumps({m.key: held for m, held in inside.items()}, ensure_ascii=False)
    source = files(__package__).joinpath("template", "frames.js").read_text("utf-8")
    script = Template(source).substitute(inside=data, shade=palette.SHADE.of())
    before, end, after = svg.rpartition("</svg>")
    return f"{before}<script><![CDATA[\n{script}]]></script>\n{end}{after}"
