"""What a check found: one row for each argument, order and mode."""

from __future__ import annotations

from dataclasses import dataclass, field

from .numerical import Verdict

WORDS = {Verdict.RIGHT: "right", Verdict.UNKNOWN: "cannot tell", Verdict.WRONG: "WRONG"}


@dataclass(frozen=True)
class ReportRow:
    """What was found of one argument.

    Attributes
    ----------
    argument
        Its name.
    order, mode
        Of the derivative: 1 and more; ``"reverse"`` or ``"forward"``.
    count
        How many derivatives were compared.
    verdict
        On the worst of them.
    difference, error
        The largest difference from the reference and the largest error of the reference,
        relative to the largest derivative of this argument.
    note
        Why it cannot be told, or what else is to be known: a kink and its slopes.
    """

    argument: str
    order: int
    mode: str
    count: int
    verdict: Verdict
    difference: float
    error: float
    note: str = ""


@dataclass
class Report:
    """What a check returns when nothing is wrong; it prints as a table.

    Attributes
    ----------
    name
        What was checked.
    rows
        A `Row` for each argument, order and mode.
    evaluations, gradients
        How often the function was called, and how many gradients were asked for.
    seconds
        How long it took.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite.testing import check_gradients
    >>> report = check_gradients(np.sin, np.array(0.5))
    >>> report.verdict.name, report.rows[0].order
    ('RIGHT', 1)
    """

    name: str
    rows: list[ReportRow] = field(default_factory=list)
    evaluations: int = 0
    gradients: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all rows."""
        return max((row.verdict for row in self.rows), default=Verdict.RIGHT)

    @property
    def cost(self) -> str:
        """What the check took, in words."""
        return (
            f"{self.evaluations} evaluations and {self.gradients} gradients, "
            f"{1e3 * self.seconds:.1f} ms"
        )

    def __str__(self) -> str:
        head = ["argument", "order", "mode", "derivatives", "verdict", "difference", "known to"]
        table = [
            [
                row.argument,
                str(row.order),
                row.mode,
                str(row.count),
                WORDS[row.verdict],
                f"{row.difference:.0e}",
                f"{row.error:.0e}",
            ]
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(head, *table, strict=True)]
        notes = ["", *(row.note for row in self.rows)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=True)), note])
            for line, note in zip([head, *table], notes, strict=True)
        ]
        return "\n".join([f"{self.name}: {self.cost}", *(line.rstrip() for line in lines)])

    def __repr__(self) -> str:
        count = sum(row.count for row in self.rows)
        return f"<{self.name}: {WORDS[self.verdict]}, {count} derivatives, {self.cost}>"
