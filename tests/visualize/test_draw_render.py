"""Files and notebooks: with `dot`, without it, and with nothing at all."""

import importlib
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, explain, trace
from autograd_lite.errors import MissingExtraError
from autograd_lite.visualize.render import ending

BEGINS = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}


@pytest.fixture
def picture():
    x = Tensor(2.0, requires_grad=True, name="x")
    return draw(x * np.sin(x), gradients=True)


@pytest.fixture
def no_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("dot") is None


@pytest.fixture
def nothing(no_program, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def program(monkeypatch, tmp_path):
    """A stand-in for the program `dot`: says what it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    dot = folder / "dot"
    dot.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "text = sys.stdin.buffer.read().decode()\n"
        "if 'refuse' in text: sys.exit('syntax error in line 1')\n"
        "sys.stdout.buffer.write((' '.join(sys.argv[1:]) + '\\n' + text).encode())\n"
    )
    dot.chmod(dot.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
@pytest.mark.usefixtures("no_program")
def test_without_the_program(format, picture, tmp_path):
    path = tmp_path / f"graph.{format.upper()}"
    assert picture.render(path) == path
    assert path.read_bytes().startswith(BEGINS[format])
    assert path.stat().st_size > 1000
    assert picture.render(str(path)) == path  # a second time, over the first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("no_program")
def test_the_svg_holds_every_box(picture, tmp_path):
    root = ElementTree.parse(picture.render(tmp_path / "graph.svg")).getroot()
    kinds = [g.get("class") for g in root.iter("{http://www.w3.org/2000/svg}g")]
    assert kinds.count("node") == 5
    assert kinds.count("edge") == 5


@pytest.mark.usefixtures("program")
def test_with_the_program(picture, tmp_path):
    said = picture.render(tmp_path / "graph.svg").read_text(encoding="utf-8")
    assert said == "-Tsvg\n" + picture.source
    said = picture.render(tmp_path / "graph.png").read_text(encoding="utf-8")
    assert said.splitlines()[0].startswith("-Tpng -Gdpi=")


@pytest.mark.usefixtures("program")
def test_what_the_program_complains_of_is_passed_on(tmp_path):
    x = Tensor(2.0, requires_grad=True, name="refuse")
    path = tmp_path / "graph.svg"
    path.write_text("before")
    with pytest.raises(RuntimeError, match="syntax error in line 1"):
        draw(x * x).render(path)
    assert path.read_text() == "before"


@pytest.mark.usefixtures("no_program")
def test_a_module_in_the_present_folder_is_not_taken_for_pygraphviz(
    picture, tmp_path, monkeypatch, capfd
):
    (tmp_path / "pygraphviz.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert picture.render("graph.svg").read_bytes().startswith(b"<?xml")
    assert capfd.readouterr() == ("", "")  # no remark on fonts


@pytest.mark.skipif(
    shutil.which("dot") is None and not os.environ.get("CI"), reason="`dot` is not installed"
)
def test_the_real_program(picture, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    for format, begin in BEGINS.items():
        assert picture.render(tmp_path / f"g.{format}").read_bytes().startswith(begin)


@pytest.mark.usefixtures("nothing")
def test_with_neither_the_text_is_still_there(picture, tmp_path):
    with pytest.raises(MissingExtraError, match=r"pygraphviz.*\[viz\]"):
        picture.render(tmp_path / "graph.svg")
    assert not list(tmp_path.iterdir())
    assert picture.source.startswith("digraph")
    assert picture.save(tmp_path / "graph.dot").read_text(encoding="utf-8") == picture.source
    assert picture._repr_svg_() is None
    assert picture._repr_mimebundle_() == {"text/plain": picture.source}


@pytest.mark.parametrize("name", ["x", 'a "b" \\', "two words", "node", "<b>", "é:1"])
def test_without_the_package_graphviz_the_text_is_the_same(monkeypatch, tmp_path, name):
    """DOT and JSON need NumPy alone: every kind of box, frame and arrow, and odd names."""
    x = Tensor(2.0, requires_grad=True, name=name)
    with trace():
        loss = nn.MSELoss()(nn.MLP([1, 2, 1], rng=0)(np.reshape(x, (1, 1))), np.ones((1, 1)))
    ways = ({}, {"backward": True}, {"color": "gradient"}, {"size": "slide"}, {"max_boxes": 3})
    with_it = [draw(loss, **way).source for way in ways]
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")
    assert [draw(loss, **way).source for way in ways] == with_it
    for kind in ("dot", "json"):
        assert draw(loss).save(tmp_path / f"graph.{kind}").stat().st_size


def test_nothing_heavy_is_imported_before_it_is_used():
    program = (
        "import sys\n"
        "from autograd_lite import Tensor, draw\n"
        "assert not {'graphviz', 'pygraphviz'} & set(sys.modules)\n"
        "x = Tensor(2.0, requires_grad=True)\n"
        "draw(x * x).source\n"
        "assert 'pygraphviz' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_in_a_notebook(picture):
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"] == picture._repr_svg_()
    assert "<svg" in bundle["image/svg+xml"]
    assert bundle["text/plain"] == "<Drawing of t2: 3 values, 2 operations>"


def test_save_writes_what_can_be_read_again(picture, tmp_path, parse):
    path = picture.save(str(tmp_path / "graph.dot"))
    assert parse(path.read_text(encoding="utf-8")).labels == parse(picture).labels


@pytest.mark.parametrize("format", BEGINS)
def test_save_writes_pictures_too(picture, tmp_path, format):
    begin = BEGINS[format]
    assert picture.save(tmp_path / f"g.{format}").read_bytes().startswith(begin)


@pytest.mark.parametrize("name", ["graph", "graph.jpeg2000"])
def test_save_under_a_name_that_says_no_format(name, picture, tmp_path):
    with pytest.raises(
        ValueError,
        match=r"\.svg, \.pdf, \.png, \.dot, \.gv, \.json, \.mmd, \.tikz, \.tex or \.html",
    ):
        picture.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["graph", "graph.jpeg2000", "graph.dot", ""])
def test_a_name_that_says_no_format(name, picture, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        picture.render(tmp_path / name if name else tmp_path)


def test_a_folder_that_does_not_exist(picture, tmp_path):
    for write, name in ((picture.render, "graph.svg"), (picture.save, "graph.dot")):
        with pytest.raises(FileNotFoundError, match=r"The folder '.*missing' does not exist"):
            write(tmp_path / "missing" / name)


def test_a_failed_write_leaves_the_old_file(picture, tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("before")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        picture.render(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_says_so(picture, tmp_path):
    path = tmp_path / "graph.svg"
    path.mkdir()
    for write in (picture.render, picture.save):
        with pytest.raises(OSError, match=r"'.*graph.svg' could not be written \(.+\): write to"):
            write(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("nothing")
def test_with_nothing_to_place_boxes(tmp_path):
    y = np.sin(Tensor(2.0, requires_grad=True))
    with pytest.raises(MissingExtraError, match=r"'dot' is not.*\[viz\]"):
        draw(y).render(tmp_path / "a.svg")
    assert explain(y).save(tmp_path / "a.html").exists()  # it lays itself out
    assert draw(y).save(tmp_path / "a.dot").exists()
    assert {p.suffix for p in tmp_path.iterdir()} == {".html", ".dot"}


def test_the_digraph_can_be_changed(picture, parse):
    assert isinstance(picture.digraph, importlib.import_module("graphviz").Digraph)
    picture.digraph.attr(bgcolor="white")
    picture.digraph.node("note", "<mine>")
    assert "note" in parse(picture).labels


@pytest.mark.parametrize(
    ("known", "said"),
    [([".html"], ".html."), ([".a", ".b"], ".a or .b."), ([".a", ".b", ".c"], ".a, .b or .c.")],
)
def test_an_ending_that_says_nothing_is_told_what_there_is(known, said):
    with pytest.raises(ValueError, match=re.escape(f"let it end with {said}")):
        ending(Path("x.txt"), known)
