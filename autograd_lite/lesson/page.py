"""A derivation as one web page, with a stepper, that needs no network.

The page is data, a picture and a script. What it shows step by step are `Frames`. Their numbers,
at first and after each change, are computed by the page, with the program that `alive` writes.
Where that cannot be, they come with the page.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from ..visualize.document import as_script, document
from ..visualize.fold import Fold
from ..visualize.text import operations
from .bumps import EACH, EPSILONS, Replay, compared
from .derivation import Derivation
from .equations import how_to_read
from .living import Living, NotWritable, alive
from .page_frames import Frames
from .parts import limit_size
from .slots import finite
from .words import not_finite, to_text

BOXES = 160  # values and operations, before some are folded: a page stays under a megabyte
OFTEN = 200_000  # operations that are run again to bump inputs
SCRIPT = (
    "data",
    "numbers",
    "program",
    "slots",
    "graph",
    "view",
    "light",
    "ways",
    "cards",
    "predict",
    "log",
    "bumps",
    "inputs",
    "steps",
)  # in this order


@np.errstate(all="ignore")  # the program had its warnings
def to_html(derivation: Derivation, folding: bool = True) -> str:
    """Write a derivation as a page.

    Of a large one, modules and repetitions are folded; without `folding`, it shows the latest
    operations.
    """
    derivation = limit_size(derivation, BOXES, folding)
    pages = files(__package__).joinpath("template")
    style, page = (pages.joinpath(f"steps.{kind}").read_text("utf-8") for kind in ("css", "html"))
    made = _Page(derivation)
    script = made.program() + "\n".join(
        pages.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPT
    )
    return document(
        page,
        f"Step by step: the gradients of {derivation.root.name}",
        style,
        root=escape(derivation.root.name),
        notfinite="".join(
            f'<p id="not-finite">{escape(s)}</p>' for s in not_finite(derivation) if s
        ),
        folded="".join(f'<p id="folded">{escape(s)}</p>' for s in folded(derivation)),
        notation=escape(how_to_read(derivation)),
        svg=made.picture.svg,
        script=script,
        data=as_script(made.data()),
        text=escape(to_text(derivation)),
    )


def folded(derivation: Derivation) -> list[str]:
    """Say what a page does not show step by step, and how to see it; nothing if it shows all."""
    if derivation.whole is None:
        return []
    shown = derivation.graph.operations
    folds = [o for o in shown if isinstance(o, Fold)]
    said = []
    if folds:
        boxes = f"{len(folds)} step{'s' * (len(folds) != 1)}"
        said.append(f"{operations(sum(o.count for o in folds))} folded into {boxes}")
    rest = len(derivation.whole.steps) - sum(o.count for o in shown)
    if rest:
        said.append(f"{operations(rest)} not shown")
    # A fold has an inside to look at; of what is cut off, there is what it led to.
    more = [o.example for o in folds] or [v.name for v in derivation.given if v.maker is not None]
    how = f" explain(…, part={more[-1]!r}) shows more." if more else ""
    return [f"Of {operations(len(derivation.whole.steps))}: {' and '.join(said)}.{how}"]


class _Page(Frames):
    def __init__(self, derivation: Derivation) -> None:
        living, self.fixed = _alive(derivation)
        super().__init__(derivation, living)

    def data(self) -> dict[str, Any]:
        """Return all that the script shows."""
        d = self.derivation
        return {
            "root": self.root,
            "rootKey": d.root.key,
            "values": {v.key: self.value(v) for v in d.graph.values if v in self.shown},
            "frames": list(self.frames()),
            "bumps": self.bumps(),
            "arrays": self.slots.arrays,
            "inputs": self.inputs(),
            "fixed": self.fixed,
            "epsilons": EPSILONS,
        }

    def program(self) -> str:
        """Return the page's arithmetic, for its script."""
        if self.living is None:
            return "const arithmetic = null;\n"
        root, total = self.living.forward or "null", self.living.total
        return f"const arithmetic = {{ run: {self.living.text}, root: {root}, total: {total} }};\n"

    def inputs(self) -> list[dict[str, Any]]:
        """Return what the page's program takes, with the numbers to begin with."""
        if self.living is None:
            return []
        return [
            {
                "key": v.key,
                "name": v.name,
                "shape": list(np.shape(v.data)),
                "given": [finite(x) for x in np.ravel(v.data)],
                "carries": v in self.derivation.gradients,
            }
            for v in self.living.inputs
        ]

    # -- checks by hand ------------------------------------------------------------------

    def bumps(self) -> list[dict[str, Any]]:
        """Return, for each input, finite differences and what a bump does."""
        whole = self.derivation.whole or self.derivation
        replay = Replay(whole.graph, whole.seed)
        inputs = self.derivation.inputs
        runs = OFTEN // (EACH * max(1, len(whole.steps)))  # for all elements of all inputs
        most = max(1, runs // max(1, len(inputs)))
        checked = []
        for value in inputs[:runs]:
            gradient = self.derivation.gradients.get(value)
            if (
                gradient is None
                or np.asarray(value.data).dtype.kind != "f"
                or not np.size(gradient)
            ):
                continue
            entry: dict[str, Any] = {"key": value.key, "name": value.name}
            if self.living is not None and value in self.living.inputs:  # the page does it
                entry["input"] = self.living.inputs.index(value)
                entry["slopes"] = self.of(value, "gradient")[0]
                entry["most"] = most
                checked.append(entry)
                continue
            checked.append(entry | compared(replay, value, gradient, most))
        return checked


def _alive(derivation: Derivation) -> tuple[Living | None, str]:
    """Return the page's program; or None, and why it has none."""
    try:
        living = alive(derivation)
        if not living.stays:
            return living, ""
        what = f"{', '.join(living.stays)} {'stays' if len(living.stays) == 1 else 'stay'}"
        return living, f"{what} as it was when the program ran, whatever else is changed."
    except Exception as error:  # a rule or a function of the user's that takes arrays alone
        why = str(error)
        if not isinstance(error, NotWritable):
            why = f"A rule, or a function, takes arrays alone, and cannot be followed: {why}"
        return None, f"The numbers of this page stand still. {why}"
