"""Other languages for a picture: TikZ, which LaTeX compiles, and Mermaid, by its grammar."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, no_grad, trace
from autograd_lite.visualize import palette


def scalars():
    x = Tensor(2.0, requires_grad=True, name='x "1" #;&<>|%$_^~\\{}')
    y = Tensor(3.0, requires_grad=True, name="größe名")
    with no_grad():
        k = np.exp(y)
    return x * y + np.sin(x) / k + x * x.detach()


def network():
    with trace():
        return np.sum((nn.MLP([2, 3, 1], "sigmoid", rng=0)(np.ones((2, 2))) - 1.0) ** 2)


def loop():
    x = Tensor(np.ones(3), requires_grad=True, name="x")
    for _ in range(300):
        x = np.tanh(x * 1.01)
    return np.sum(x)


PROGRAMS = [scalars, network, loop]
KEY = r"[A-Za-z]\w*"
TEXT = r"[^\"`<>#&]*(?:(?:#\w+;|<br/>)[^\"`<>#&]*)*"
BOX = rf'{KEY}(?:\["{TEXT}"\]|\("{TEXT}"\)|\(\["{TEXT}"\]\)|\[\["{TEXT}"\]\]):::\w+'
ARROW = rf'{KEY} (?:-->|-\.->|==>)(?:\|"{TEXT}"\|)? {KEY}'
STYLE = r"(?:stroke|fill|color|stroke-width|stroke-dasharray):[#\w ]+"


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_mermaid_is_a_flowchart_with_the_same_boxes_and_arrows(program, backward, tmp_path, parse):
    drawing = draw(program(), gradients=True, backward=backward)
    first, *lines = drawing.save(tmp_path / "g.mmd").read_text("utf-8").splitlines()
    assert first == "flowchart LR"
    depth, boxes, arrows = 0, set(), []
    for line in lines:
        line = line.strip()
        if line.startswith("subgraph "):
            assert re.fullmatch(rf'subgraph {KEY}\["{TEXT}"\]', line), line
            depth += 1
        elif line == "end":
            depth -= 1
        elif line.startswith(("classDef ", "linkStyle ")):
            assert re.fullmatch(rf"\w+ [\w,]+ {STYLE}(?:,{STYLE})*", line), line
        elif re.fullmatch(ARROW, line):
            arrows.append((line.split()[0], line.split()[-1]))
        else:
            assert re.fullmatch(BOX, line), line
            boxes.add(re.match(KEY, line)[0])
        assert depth >= 0
    assert depth == 0
    picture = parse(drawing)
    assert boxes == set(picture.labels)
    assert {frozenset(ends) for ends in arrows} == {frozenset(ends) for ends in picture.arrows}
    assert len(arrows) == len(picture.arrows)


@pytest.mark.parametrize("program", PROGRAMS)
def test_tikz_has_the_same_boxes_and_is_compiled(program, tmp_path, parse):
    drawing = draw(program(), gradients=True, backward=program is scalars)
    text = drawing.save(tmp_path / "g.tikz").read_text("utf-8")
    picture = parse(drawing)
    assert set(re.findall(r"\\node\[\w+\] \((\w+)\)", text)) == set(picture.labels)
    assert text.count(r"\draw[") == len(picture.arrows)
    assert text.count("{") == text.count("}") or program is scalars  # of which a name has some
    assert palette.FORWARD.of()[1:].upper() in text
    document = drawing.save(tmp_path / "g.tex")
    assert text in document.read_text("utf-8")
    if (
        shutil.which("pdflatex")
        and subprocess.run(["kpsewhich", "tikz.sty"], check=False).returncode == 0
    ):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "g.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
        assert (tmp_path / "g.pdf").stat().st_size > 1000


def test_a_slide_can_be_exported_too(tmp_path):
    drawing = draw(network(), size="slide")
    assert "flowchart" in drawing.save(tmp_path / "g.mmd").read_text("utf-8")
    assert "tikzpicture" in drawing.save(tmp_path / "g.tikz").read_text("utf-8")
