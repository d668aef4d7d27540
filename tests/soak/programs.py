"""Random programs: drawn line by line, kept as text, and NumPy says which lines it takes."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

import numpy as np

from autograd_lite.testing.layouts import LAYOUTS, laid_out
from tests.soak import vocabulary
from tests.soak.vocabulary import LINES, Holes, NoFit

NAMES = {name: getattr(vocabulary, name) for name in vocabulary.__all__}
NAME = re.compile(r"\b[vx]\d+\b")
LARGEST = 30.0
"""The largest number that a value may hold: what follows is to be neither flat nor steep."""


@dataclass
class Program:
    """A function of arrays, line by line.

    Attributes
    ----------
    inputs
        The arguments, by name.
    lines
        The text of each line by the name of its value; a line uses only names before it.
    results
        The names of what is returned.
    """

    inputs: dict[str, np.ndarray]
    lines: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the function's source."""
        body = "".join(f"    {line}\n" for line in self.lines.values())
        returned = ", ".join(self.results)
        return f"def program({', '.join(self.inputs)}):\n{body}    return [{returned}]\n"

    def whole_text(self) -> str:
        """Return a script of its own, which fails as the program does."""
        inputs = "".join(f"{name} = {written(x)}\n" for name, x in self.inputs.items())
        return (
            "import numpy as np\n"
            "from tests.soak.checks import hold\n"
            "from tests.soak.vocabulary import *\n\n"
            f"{self.text()}\n{inputs}hold(program, {', '.join(self.inputs)})\n"
        )

    def function(self):
        """Return the function itself."""
        space = dict(NAMES)
        exec(compile(self.text(), "<soak>", "exec"), space)
        return space["program"]

    def arguments(self) -> list[np.ndarray]:
        return list(self.inputs.values())

    def uses(self, name: str) -> set[str]:
        return set(NAME.findall(self.lines[name])) - {name}

    def only(self, results: list[str]) -> Program:
        """Return what some results need, and nothing else."""
        needed = set(results)
        for name in reversed(self.lines):
            if name in needed:
                needed |= self.uses(name)
        return Program(
            {name: x for name, x in self.inputs.items() if name in needed},
            {name: line for name, line in self.lines.items() if name in needed},
            results,
        )


def evaluated(program: Program) -> dict[str, np.ndarray]:
    """Return every value of a program, by name."""
    everything = [*program.inputs, *program.lines]
    values = Program(program.inputs, program.lines, everything).function()(*program.arguments())
    return dict(zip(everything, map(np.asarray, values), strict=True))


def written(x: np.ndarray) -> str:
    """Return an array's text, its dtype and order in memory included."""
    text = f"np.array({x.tolist()}, np.{x.dtype})"
    if x.ndim > 1 and x.flags.f_contiguous:
        return f"np.asfortranarray({text})"
    if x.ndim and any(n < 0 for n in x.strides):
        back = ", ".join(["::-1"] * x.ndim)
        return f"np.array(np.array({x.tolist()}, np.{x.dtype})[{back}])[{back}]"
    return text


def draw(rng: np.random.Generator, length: int = 20) -> Program:
    """Draw a program of about so many lines."""
    program = Program({f"x{i}": drawn_input(rng) for i in range(int(rng.integers(1, 4)))})
    known = dict(program.inputs)
    tries = 0
    while len(program.lines) < length and tries < 12 * length:
        tries += 1
        name = f"v{len(program.lines)}"
        line = drawn_line(rng, known, name)
        value = None if line is None else tried(line, known, name)
        if value is not None:
            program.lines[name], known[name] = line, value
    used = set().union(*[program.uses(name) for name in program.lines]) if program.lines else set()
    ends = [name for name in program.lines if name not in used]
    return program.only(ends[-4:])


def drawn_input(rng: np.random.Generator) -> np.ndarray:
    shape = tuple(rng.integers(1, 4, int(rng.choice([0, 1, 1, 2, 2, 2, 3]))).tolist())
    kind = str(rng.choice(["float64"] * 6 + ["float32"] * 2 + ["complex128"]))
    x = np.asarray(rng.uniform(-1.6, 1.6, shape).round(2))
    if kind.startswith("complex"):
        x = x + 1j * rng.uniform(-1.0, 1.0, shape).round(2)
    return laid_out(np.asarray(x, kind), str(rng.choice(LAYOUTS[:4])))


def drawn_line(rng: np.random.Generator, known: dict, name: str) -> str | None:
    template = LINES[int(rng.integers(len(LINES)))]
    try:
        filled = template.format_map(Holes(rng, known, name))
    except NoFit:
        return None
    return f"{name} {filled}" if filled.startswith("= ") else f"{name} = {filled}"


def tried(line: str, known: dict, name: str) -> np.ndarray | None:
    """Return the value of a line, if NumPy takes it and it is of middling size."""
    space = NAMES | known
    text = line.replace("\n    ", "\n")
    try:
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            exec(text, space)
            value = space[name]
    except Exception:
        return None
    if isinstance(value, (list, tuple)):
        return None
    value = np.asarray(value)
    if value.dtype.kind not in "fc" or not 0 < value.size <= 64 or value.ndim > 4:
        return None
    largest = np.max(np.abs(value))
    if not largest <= LARGEST:
        return None
    return value
