"""`python -m demos playground`, and the animation of the lab."""

import re
import shlex

import numpy as np
import pytest
from PIL import Image

from demos import lab, playground
from demos.film import FINE, Film


def examples():
    return re.findall(r"^ +python -m demos playground(.*)$", playground.EPILOG, re.MULTILINE)


@pytest.mark.parametrize(
    "flags",
    [*examples(), "--dataset blobs --activation relu --loss bce", "--dataset linear --hidden 3"],
)
def test_it_writes_a_page_and_says_so(flags, tmp_path, capsys):
    assert playground.main([*shlex.split(flags), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    (path,) = tmp_path.iterdir()
    assert str(path) in printed
    name = re.search("--dataset (\\w+)", flags + "--dataset xor").group(1)
    assert path.name == f"playground_{name}.html"
    assert f"{name}: " in printed
    html = path.read_text("utf-8")
    assert "const programs" in html
    assert len(html) < 500_000  # the lab's own: under 400 kB, in tests/lesson


def test_what_is_too_large_is_one_line(tmp_path, capsys):
    assert playground.main(["--hidden", "900", "900", "--out", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []
    complaint = capsys.readouterr().err
    assert "812,700 numbers" in complaint
    assert complaint.count("\n") == 1


def test_the_lab_writes_an_animation(tmp_path):
    flags = ["--dataset", "xor", "--epochs", "12", "--lr", "8", "--animation", "--no-compile"]
    assert lab.main([*flags, "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / "xor_learning.gif") as film:
        assert film.n_frames > 5
        assert film.info["loop"] == 0  # for ever
        assert film.size[0] > 600


def test_a_film_shows_both_ends_and_where_much_happens():
    outputs = iter([0.0] * 50 + list(np.linspace(0.0, 1.0, 11)) + [1.0] * 40)
    film = Film(lambda points: np.full(len(points), next(outputs)), 100)
    for _ in range(100):
        film(type("State", (), {"epoch": len(film.epochs)}))
    frames = film.frames()
    assert (frames[0], frames[-1]) == (0, 100)
    assert sum(50 <= k <= 61 for k in frames) >= 10
    assert len(frames) < 60
    assert film.outputs[0].shape == (FINE, FINE)
