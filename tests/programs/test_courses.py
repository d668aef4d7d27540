"""The page of the courses' names is current, and most of the names run as they are written."""

from pathlib import Path

import pytest

from tests.programs import courses

PAGE = Path(__file__).parents[2] / "docs" / "courses.md"
EVERYTHING = {
    place: " ".join({n for c in courses.COURSES.values() for n in c.get(place, "").split()})
    for place in courses.PLACES
}


def test_the_page_is_current():
    written = PAGE.read_text(encoding="utf-8")
    assert written == "\n".join(courses.page()) + "\n", (
        "python -m tests.programs.courses > docs/courses.md"
    )


def test_of_methods_and_functions_95_in_100_run():
    listed = [pair for pair in courses.names(EVERYTHING) if pair[0] in ("t", "torch", "F")]
    good = [pair for pair in listed if not courses.state(*pair)]
    assert len(good) >= 0.95 * len(listed)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_names_are_pytorchs(torch):
    places = {
        "t": torch.zeros(1, requires_grad=True),
        "torch": torch,
        "F": torch.nn.functional,
        "nn": torch.nn,
        "optim": torch.optim,
    }
    for place, name in courses.names(EVERYTHING):
        found = places[place]
        for part in name.split("."):
            if (place, part) in (("t", "values"), ("t", "indices")):
                found = torch.zeros(1, 1).max(1)  # of a pair
            found = getattr(found, part)


def test_a_name_that_does_not_run_says_what_to_write():
    for place, name in courses.names(EVERYTHING):
        if place in ("t", "torch", "F"):
            assert courses.state(place, name) != courses.NOT_HERE, name
