"""Which gradient checks catch a broken rule, and which call a right one wrong: ours and others'.

``python -m benchmarks.mutants`` breaks every rule of every primitive (see `rule_mutants`) and
gives each mutant to our checks; and, as plain functions of arrays, some of every kind to HIPS
autograd, PyTorch and JAX as well (the extra bench), side by side. Then it checks right
gradients at calls that Hypothesis draws. ``--write`` puts the tables into docs/testing.md.
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before NumPy is imported

import argparse  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

from autograd_lite.errors import UncertainGradientWarning  # noqa: E402
from autograd_lite.testing import check_gradient_function, check_gradients  # noqa: E402
from tests.calculus.cases import CASES, Call, label  # noqa: E402
from tests.calculus.test_gradients import has_a_value, program  # noqa: E402
from tests.calculus.variations import is_smooth  # noqa: E402

from .rule_mutants import (  # noqa: E402
    CRASHES,
    DIFFERENTIABLE,
    EQUIVALENT,
    Plain,
    calls_of,
    described,
    mutants_of,
    where_wrong,
)

PAGE = Path(__file__).parents[1] / "docs" / "testing.md"
FUNCTIONS = sorted(DIFFERENTIABLE, key=label)
CAUGHT, PASSED, UNSURE = "caught", "passed", "cannot tell"


# -- the checks ------------------------------------------------------------------------------


def outcome(check: Callable[[], Any]) -> str:
    """Return what a check says: an error of any kind is a mistake that it has caught."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", UncertainGradientWarning)
        try:
            result = check()
        except UncertainGradientWarning:
            return UNSURE
        except Exception:
            return CAUGHT
    return CAUGHT if result is False else PASSED


def ours(f: Plain) -> str:
    return outcome(lambda: check_gradients(f.on_tensors, *f.operands, order=1))


def ours_by_hand(f: Plain) -> str:
    """Check the sum with fixed weights, and its gradient."""
    w = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(*f.operands)))

    def gradient(*xs: Any) -> Any:
        found = f.gradients(w, *xs)
        return tuple(found) if len(found) > 1 else found[0]

    return outcome(
        lambda: check_gradient_function(lambda *xs: np.sum(w * f(*xs)), gradient, *f.operands)
    )


def hips(f: Plain, every: bool = False) -> str:
    """Check as its own tests do, ``check_grads(f)(x, y)``, or every argument, one by one."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    wrapped = primitive(lambda *xs: f(*xs))

    def rule_of(i: int) -> Callable[..., Any]:
        return lambda ans, *xs: lambda g: f.gradients(g, *xs)[i]

    defvjp(wrapped, *map(rule_of, range(len(f.operands))))
    np.random.seed(0)  # noqa: NPY002 (it draws its directions from there)

    def of_all() -> None:
        for i, x in enumerate(f.operands):
            before, after = f.operands[:i], f.operands[i + 1 :]

            def alone(x: Any, before: Any = before, after: Any = after) -> Any:
                return wrapped(*before, x, *after)

            check_grads(alone, modes=["rev"], order=1)(x)

    if every:
        return outcome(of_all)
    return outcome(lambda: check_grads(wrapped, modes=["rev"], order=1)(*f.operands))


def torch(f: Plain) -> str:
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return torch.from_numpy(np.array(f(*[x.detach().numpy() for x in xs])))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            xs = [x.detach().numpy() for x in ctx.saved_tensors]
            return tuple(map(torch.from_numpy, map(np.array, f.gradients(g.numpy(), *xs))))

    operands = [torch.tensor(x, requires_grad=True) for x in f.operands]
    return outcome(lambda: torch.autograd.gradcheck(Function.apply, operands))


def jax(f: Plain) -> str:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    like = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in f.operands]
    shape = jax.ShapeDtypeStruct(np.shape(f(*f.operands)), np.float64)

    @jax.custom_vjp
    def wrapped(*xs: Any) -> Any:
        return jax.pure_callback(lambda *a: f(*map(np.asarray, a)), shape, *xs)

    def backward(xs: Any, g: Any) -> Any:
        def on_arrays(g: Any, *a: Any) -> Any:
            return tuple(f.gradients(np.asarray(g), *map(np.asarray, a)))

        return jax.pure_callback(on_arrays, tuple(like), g, *xs)

    wrapped.defvjp(lambda *xs: (wrapped(*xs), xs), backward)
    return outcome(lambda: check_grads(wrapped, tuple(f.operands), order=1, modes=("rev",)))


OURS = {
    "check_gradients": ours,
    "check_gradient_function": ours_by_hand,
}
ALL = {
    **OURS,
    "HIPS check_grads(f)(x, y)": hips,
    "HIPS check_grads, each argument": lambda f: hips(f, every=True),
    "torch.autograd.gradcheck": torch,
    "jax.test_util.check_grads": jax,
}


# -- counting --------------------------------------------------------------------------------


@dataclass
class Tally:
    """What a check said of the mutants of each kind, and of right gradients."""

    said: Counter[str] = field(default_factory=Counter)  # "kind: answer"
    right: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def ask(self, check: Callable[[Plain], str], f: Plain) -> str:
        begin = time.perf_counter()
        answer = check(f)
        self.seconds += time.perf_counter() - begin
        return answer

    def add(self, other: dict[str, Any]) -> None:
        self.said.update(other["said"])
        self.right.update(other["right"])
        self.notes += other["notes"]
        self.seconds += other["seconds"]


@dataclass
class Count:
    """What came of the mutants of some primitives."""

    tallies: dict[str, Tally]
    made: Counter[str] = field(default_factory=Counter)  # wrong, equivalent, crashing
    kinds: Counter[str] = field(default_factory=Counter)
    equivalent: list[str] = field(default_factory=list)

    def add(self, other: dict[str, Any]) -> None:
        self.made.update(other["made"])
        self.kinds.update(other["kinds"])
        self.equivalent += other["equivalent"]
        for name, tally in other["tallies"].items():
            self.tallies.setdefault(name, Tally()).add(tally)


Checks = dict[str, Callable[[Plain], str]]


def count_of(
    function: Callable[..., Any], checks: Checks, most: int | None, rights: int
) -> dict[str, Any]:
    """Give the mutants of one primitive to some checks.

    Of a rule, at most so many of a kind; and so many calls with the right rules.
    """
    counted = Count({name: Tally() for name in checks})
    name, entry = label(function), DIFFERENTIABLE[function]
    for call in calls_of(function)[:rights]:
        for check, tally in counted.tallies.items():
            answer = tally.ask(checks[check], Plain(entry, call))
            tally.right[answer] += 1
            if answer != PASSED:
                tally.notes.append(f"right, and {answer}: {described(function, call)}")
    used: Counter[tuple[str, str]] = Counter()
    for mutant in mutants_of(entry):
        if most is not None and used[mutant.key, mutant.kind] >= most:
            continue
        place = where_wrong(function, mutant)
        counted.made[place if isinstance(place, str) else "wrong"] += 1
        if isinstance(place, str):
            if place == EQUIVALENT:
                counted.equivalent.append(f"{name}, {mutant.key}: {mutant.what}")
            continue
        used[mutant.key, mutant.kind] += 1
        counted.kinds[mutant.kind] += 1
        for check, tally in counted.tallies.items():
            answer = tally.ask(checks[check], Plain(mutant.of(entry), place))
            tally.said[f"{mutant.kind}: {answer}"] += 1
            if answer != CAUGHT:
                what = f"{mutant.key}: {mutant.what}, at {described(function, place)}"
                tally.notes.append(f"{answer}: {what}")
    found: dict[str, Any] = json.loads(json.dumps(counted, default=vars))
    return found


def count(
    checks: Checks, most: int | None, rights: int, only: Sequence[str], kept: Path | None
) -> Count:
    """Give the mutants of primitives to some checks; what stands in a file is not asked again."""
    part = f"{', '.join(checks)}; {most}; {rights}"
    known: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    total = Count({name: Tally() for name in checks})
    for function in FUNCTIONS:
        name = label(function)
        if only and name not in only:
            continue
        if name not in known.setdefault(part, {}):
            print(name, file=sys.stderr, flush=True)
            known[part][name] = count_of(function, checks, most, rights)
            if kept:
                kept.write_text(json.dumps(known))
        total.add(known[part][name])
    return total


def right_checks(number: int, first_seed: int, only: Sequence[str] = ()) -> Tally:
    """Check so many right gradients, at calls that Hypothesis draws, kinks left out."""
    tally = Tally()
    functions = [f for f in FUNCTIONS if not only or label(f) in only]
    each = number // len(functions) + 1

    def of(function: Callable[..., Any]) -> None:
        entry, before = DIFFERENTIABLE[function], sum(tally.right.values())

        def check(call: Call) -> None:
            if sum(tally.right.values()) - before >= each:
                return
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if not (has_a_value(function, call) and is_smooth(function, call)):
                    return
            begin = time.perf_counter()
            f = program(entry, call)
            answer = outcome(lambda: check_gradients(f, *call.operands, order=1))
            tally.seconds += time.perf_counter() - begin
            tally.right[answer] += 1
            if answer != PASSED:
                tally.notes.append(f"right, and {answer}: {label(function)} at {call}")
                print(tally.notes[-1], flush=True)

        drawing = settings(
            max_examples=2 * each,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        seed(first_seed)(drawing(given(CASES[function])(check)))()

    for function in functions:
        print(label(function), sum(tally.right.values()), file=sys.stderr, flush=True)
        of(function)
    return tally


# -- the tables ------------------------------------------------------------------------------


def table(counted: Count) -> str:
    """Return the tallies as Markdown: a row for each kind, a column for each check."""
    tallies, total = counted.tallies, sum(counted.kinds.values())
    lines = [
        "| mistake | mutants | " + " | ".join(f"`{name}`" for name in tallies) + " |",
        "|---|---:|" + "---:|" * len(tallies),
    ]

    def line(what: str, number: Any, cells: Sequence[Any]) -> None:
        lines.append(f"| {what} | {number} | {' | '.join(map(str, cells))} |")

    for kind in sorted(counted.kinds):
        line(kind, counted.kinds[kind], [t.said[f"{kind}: {CAUGHT}"] for t in tallies.values()])
    caught = [sum(t.said[f"{kind}: {CAUGHT}"] for kind in counted.kinds) for t in tallies.values()]
    line("**all caught**", total, [f"{n} ({100.0 * n / max(total, 1):.2f} %)" for n in caught])
    unsure = [sum(t.said[f"{kind}: {UNSURE}"] for kind in counted.kinds) for t in tallies.values()]
    line("said that they cannot tell", "", unsure)
    rights = sum(next(iter(tallies.values())).right.values())
    line(f"false alarms, of {rights} right ones", "", [t.right[CAUGHT] for t in tallies.values()])
    line("time", "", [f"{t.seconds:.0f} s" for t in tallies.values()])
    return "\n".join(lines)


def write(name: str, text: str) -> None:
    """Put a generated part into its place on the page, if there is one."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: by python -m benchmarks.mutants --write -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.S)
    page = pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Count, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these primitives")
    parser.add_argument(
        "--beside", type=int, default=1, help="mutants of a kind and rule for all (default 1)"
    )
    parser.add_argument("--sample", type=int, help="side by side, draw so many primitives")
    parser.add_argument("--right", type=int, default=100_000, help="right checks (default 100000)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and the right checks")
    parser.add_argument("--no-every", action="store_true", help="without the first table")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="keep what was counted, and go on from there"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/testing.md")
    arguments = parser.parse_args()

    def say(name: str, text: str, notes: Sequence[str] = ()) -> None:
        print(f"{name}\n\n{text}\n", flush=True)
        for note in notes:
            print(note, flush=True)
        if arguments.write:
            write(name, text)

    if not arguments.no_every:
        every = count({"check_gradients": ours}, None, 6, arguments.only, arguments.keep)
        counted = len(arguments.only or FUNCTIONS)
        made = (
            f"Of {counted} primitives, {sum(every.made.values())} mutants were made. "
            f"{every.made[CRASHES]} crash wherever they are not right, and "
            f"{every.made[EQUIVALENT]} are equivalent: their gradients are the right ones at each "
            "call that the tests draw. Of the others:"
        )
        notes = [f"{name}: {n}" for name, t in every.tallies.items() for n in t.notes]
        equivalent = [f"equivalent: {what}" for what in every.equivalent]
        say("every mutant", f"{made}\n\n{table(every)}", [*equivalent, *notes])
    if arguments.beside:
        names = [label(f) for f in FUNCTIONS if not arguments.only or label(f) in arguments.only]
        if arguments.sample is not None:
            drawn = np.random.default_rng(arguments.seed).permutation(len(names))
            names = [names[i] for i in sorted(drawn[: arguments.sample])]
        beside = count(ALL, arguments.beside, 6, names, arguments.keep)
        notes = [f"{name}: {n}" for name in OURS for n in beside.tallies[name].notes]
        others = [n for n in ALL if n not in OURS]
        notes += [
            f"{name}: {n}"
            for name in others
            for n in beside.tallies[name].notes
            if n.startswith("right")
        ]
        rows = f"Of {len(names)} primitives, {arguments.beside} of each rule and kind:"
        say("side by side", f"{rows}\n\n{table(beside)}", notes)
    if arguments.right:
        tally = right_checks(arguments.right, arguments.seed, arguments.only)
        total = sum(tally.right.values())
        text = (
            f"Of {total} right gradients, {tally.right[CAUGHT]} were called wrong, and of "
            f"{tally.right[UNSURE]} it said that it cannot tell. A check took "
            f"{1e3 * tally.seconds / total:.1f} ms."
        )
        say("right gradients", text)


if __name__ == "__main__":
    main()
