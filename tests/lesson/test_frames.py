"""Frames of a derivation: pictures, an animation, overlays."""

import itertools
import math
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain
from autograd_lite.lesson.frames import film

X, Y = 2.0, 3.0


@pytest.fixture(scope="module")
def scalars():
    x = Tensor(X, requires_grad=True, name="x")
    y = Tensor(Y, requires_grad=True, name="y")
    f = x * y + np.sin(x)
    f.name = "f"
    return explain(f)


def network():
    loss = np.sum(nn.MLP([2, 3, 1], "sigmoid", rng=0)(np.ones((2, 2))) ** 2)
    return explain(loss)


def test_each_frame_shows_what_is_known_by_then(scalars):
    d = scalars.derivation
    shot = film(d)
    assert len(shot.frames) == 1 + len(d.steps) + 1 + len(d.edges)
    x, y = (next(v for v in d.graph.values if v.name == name) for name in "xy")
    first, last = shot.frames[0], shot.frames[-1]
    assert (first.values, first.gradients) == ({x: "2", y: "3"}, {})
    assert last.gradients[x] == f"{Y + math.cos(X):.4g}"
    assert last.gradients[y] == "2"
    waiting = [f.gradients[x] for f in shot.frames if x in f.lit and f.is_backward]
    assert waiting == [f"{math.cos(X):.4g}  (1 of 2)", f"{Y + math.cos(X):.4g}"]
    for before, after in zip(shot.frames, shot.frames[1:], strict=False):
        assert before.values.items() <= after.values.items()
        assert before.gradients.keys() <= after.gradients.keys()
        assert after.lit
    assert [f.is_backward for f in shot.frames] == [False] * 4 + [True] * (1 + len(d.edges))


def test_a_picture_for_each_frame_and_all_of_one_size(scalars, tmp_path):
    first = scalars.save(tmp_path / "step_*.svg")
    files = sorted(tmp_path.iterdir())
    count = len(film(scalars.derivation).frames)
    assert first == files[0]
    assert [f.name for f in files] == [f"step_{i:02}.svg" for i in range(1, count + 1)]
    roots = [ElementTree.parse(f).getroot() for f in files]
    assert len({(r.get("width"), r.get("height")) for r in roots}) == 1
    texts = ["".join(r.itertext()) for r in roots]
    assert all(len(re.findall("→", text)) == 1 for text in texts[5:])
    assert "sin(2)" in texts[2]
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        scalars.save(tmp_path / "step_*.bmp")


def test_an_animation(scalars, tmp_path):
    images = pytest.importorskip("PIL.Image")
    with images.open(scalars.save(tmp_path / "steps.gif")) as gif:
        assert gif.n_frames == len(film(scalars.derivation).frames)
        assert gif.info["loop"] == 0
        shots = []
        for i in range(gif.n_frames):
            gif.seek(i)
            shots.append(np.asarray(gif.convert("L")))
    assert all(np.any(a != b) for a, b in itertools.pairwise(shots))


def test_a_large_program_is_folded(tmp_path):
    z = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(500):
        z = np.sin(z * 1.01)
    assert 3 <= len(film(explain(z).derivation).frames) < 60


@pytest.mark.parametrize("make", ["scalars", "network"])
def test_overlays_for_beamer(make, scalars, tmp_path):
    explanation = scalars if make == "scalars" else network()
    picture = explanation.save(tmp_path / "steps.tikz").read_text("utf-8")
    count = len(film(explanation.derivation).frames)
    assert {int(n) for n in re.findall(r"\\only<(\d+)>", picture)} == set(range(1, count + 1))
    # On each slide, each box stands once.
    for key in {v.key for v in explanation.derivation.graph.values if f"({v.key})" in picture}:
        spans = re.findall(rf"\\only<(\d+)-(\d+)>\{{\\node\[[^\]]*\] \({key}\)", picture)
        shown = [i for a, b in spans for i in range(int(a), int(b) + 1)]
        assert shown == list(range(1, count + 1))
    known = [subprocess.run(["kpsewhich", f], check=False, capture_output=True).returncode
             for f in ("tikz.sty", "beamer.cls")] if shutil.which("kpsewhich") else [1]  # fmt: skip
    if make == "scalars" and not any(known):
        (tmp_path / "b.tex").write_text(
            "\\documentclass{beamer}\\usepackage{tikz}\\begin{document}\\begin{frame}\n"
            "\\resizebox{\\textwidth}{!}{\\input{steps.tikz}}\\end{frame}\\end{document}\n"
        )
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "b.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]
        pages = re.search(rb"\((\d+) pages", done.stdout)
        assert int(pages[1]) == count
