"""The layout of a page's graph: boxes apart, frames around their own, lines to the right."""

import random
import subprocess
import sys

import numpy as np
import pytest

from autograd_lite.lesson.layers import hanging, layers, monotone, route


def graph(seed):
    """Return a program drawn by chance: boxes, the frames around them, and their uses."""
    draw = random.Random(seed)
    count = draw.randint(1, 40)
    keys = [f"v{i}" for i in range(count)]
    sizes = {k: (draw.randint(60, 200), draw.randint(30, 90)) for k in keys}
    homes, home = {}, ()
    for key in keys:  # frames as calls have them: entered and left, each once
        if home and draw.random() < 0.4:
            home = home[:-1]
        elif len(home) < 3 and draw.random() < 0.4:
            home = (*home, f"m{key}")
        homes[key] = home
    uses = []
    for i, key in enumerate(keys):
        if i and draw.random() < 0.8:
            uses += [(draw.choice(keys[max(0, i - 8) : i]), key) for _ in range(draw.randint(1, 3))]
    return sizes, homes, uses


def rectangle(layout, sizes, key):
    (x, y), (w, h) = layout.boxes[key], sizes[key]
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def within(a, b):
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


@pytest.mark.parametrize("seed", range(30))
def test_boxes_are_apart_and_in_their_frames_alone(seed):
    sizes, homes, uses = graph(seed)
    made = layers(sizes, homes, uses)
    boxes = {k: rectangle(made, sizes, k) for k in sizes}
    frames = {k: (x, y, x + w, y + h) for k, (x, y, w, h) in made.frames.items()}
    whole = (-1e-6, -1e-6, made.width + 1e-6, made.height + 1e-6)
    for k, box in boxes.items():
        assert within(box, whole)
        assert all(apart(box, other) for j, other in boxes.items() if j != k)
        for m, frame in frames.items():
            assert within(box, frame) if m in homes[k] else apart(box, frame)
    assert set(frames) == {m for home in homes.values() for m in home}
    assert layers(sizes, homes, uses) == made  # again the same


@pytest.mark.parametrize("seed", range(30))
def test_lines_go_to_the_right_and_around_boxes(seed):
    """But for those that hang on their use; and a frame that is entered again is one place."""
    sizes, _, uses = graph(seed)
    homes = dict.fromkeys(sizes, ())
    made = layers(sizes, homes, uses)
    hung = {t for tails in hanging(uses, homes).values() for t in tails}
    boxes = {k: rectangle(made, sizes, k) for k in sizes}
    for tail, head in uses:
        if tail in hung:
            assert made.boxes[tail][0] == made.boxes[head][0]
            continue
        assert boxes[tail][2] < boxes[head][0]
        for x, y in route(made, homes, tail, head):
            for box in boxes.values():
                assert not (box[0] < x < box[2] and box[1] < y < box[3])


def test_a_chain_is_straight_whatever_feeds_it():
    """x → t1 → t2 → …, each with a weight and a bias: the results are on one line."""
    keys = ["x", *(f"{n}{i}" for i in range(1, 9) for n in "wbt")]
    uses = []
    for i in range(1, 9):
        uses += [("x" if i == 1 else f"t{i - 1}", f"t{i}"), (f"w{i}", f"t{i}"), (f"b{i}", f"t{i}")]
    for home in (dict.fromkeys(keys, ()), {k: () if k == "x" else (f"m{k[1]}",) for k in keys}):
        made = layers(dict.fromkeys(keys, (100, 60)), home, uses)
        heights = [made.boxes[f"t{i}"][1] for i in range(1, 9)]
        assert np.ptp(heights) < 1


def test_monotone_is_the_least_squares_fit():
    """scikit-learn's isotonic regression says the same."""
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, w = rng.normal(size=9), rng.uniform(0.1, 2, size=9)
        right = isotonic.isotonic_regression(y, sample_weight=w)
        np.testing.assert_allclose(monotone(list(zip(y, w, strict=True))), right)


def test_a_page_needs_numpy_alone(tmp_path):
    """Nothing of the extras can be imported, and no program be run: the page is written."""
    program = """
import sys, os
for name in ("graphviz", "pygraphviz", "matplotlib", "scipy"):
    sys.modules[name] = None
os.environ["PATH"] = ""
import numpy as np, nn
from autograd_lite import explain
loss = nn.MSELoss()(nn.MLP([2, 3, 1], "tanh", rng=0)(np.ones((4, 2))), np.ones((4, 1)))
explain(loss).save(sys.argv[1])
"""
    path = tmp_path / "steps.html"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert '<svg id="graph"' in path.read_text("utf-8")
