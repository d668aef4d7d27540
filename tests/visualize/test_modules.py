"""Modules in a picture: what `trace` notes of them, their frames, and how they fold."""

import json
import re

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, no_grad, trace
from autograd_lite.visualize.fold import Fold, fold
from autograd_lite.visualize.graph import read
from autograd_lite.visualize.part import piece

X = np.random.default_rng(0).uniform(size=(3, 2))


class Residual(nn.Module):
    """Adds to its input what two layers make of it."""

    def __init__(self):
        self.layers = nn.ModuleList(nn.Linear(2, 2, rng=i) for i in range(2))

    def forward(self, x):
        for layer in self.layers:
            x = x + np.tanh(layer(x))
        return x


def network(*sizes):
    return nn.MLP(list(sizes), "tanh", rng=0)


def traced(model, *inputs):
    with trace():
        return np.sum(model(*inputs) ** 2)


def modules(graph):
    return [o.module and o.module.path for o in graph.operations]


# -- what is noted ----------------------------------------------------------------------


def test_the_line_is_the_users_own():
    model = network(2, 3, 1)
    with trace():
        loss = nn.MSELoss()(model(X), np.ones((3, 1)))
    lines = {o.line for o in read(loss).operations}
    (line,) = lines
    assert line.startswith(f"{__file__}:")


def test_a_line_in_a_users_own_module_is_shown():
    lines = {o.line for o in read(traced(Residual(), X)).operations}
    assert all(line.startswith(f"{__file__}:") for line in lines)
    assert len(lines) == 2  # in Residual.forward, and in traced


def test_an_operation_knows_the_module_that_it_ran_in():
    loss = traced(network(2, 3, 1), X)
    assert modules(read(loss)) == ["MLP.linear1", "MLP.tanh1", "MLP.linear2", None, None]


def test_modules_within_modules():
    paths = modules(read(traced(Residual(), X)))
    assert paths[:3] == ["Residual.layers.0", "Residual", "Residual"]
    assert paths[3] == "Residual.layers.1"


def test_two_calls_of_a_module_are_two():
    block = Residual()
    with trace():
        y = block(block(X))
    outer = {o.module.around()[0] for o in read(y).operations}
    assert len(outer) == 2
    assert {m.name for m in outer} == {"Residual"}


def test_nothing_is_noted_without_trace():
    y = network(2, 3, 1)(X)
    assert y.tape.call is None
    assert y.tape.line is None


def test_a_block_without_gradients_does_not_split_a_call():
    class Half(nn.Module):
        def forward(self, x):
            y = x * 2.0
            with no_grad():
                np.exp(x)
            return y * 3.0

    with trace():
        z = Half()(Tensor(1.0, requires_grad=True))
    assert len({o.module for o in read(z).operations}) == 1


def test_frames_are_not_kept_after_trace():
    from autograd_lite import modes

    traced(Residual(), X)
    assert modes._innermost() is None  # the block that held them is gone


def test_without_trace_the_names_of_parameters_tell():
    loss = np.sum(network(2, 3, 1)(X) ** 2)
    assert modules(read(loss)) == ["linear1", None, "linear2", None, None]


# -- in the picture ------------------------------------------------------------------------


def framed(drawing):
    """Return the labels of the frames, each with the values in it."""
    pygraphviz = pytest.importorskip("pygraphviz")
    graph = pygraphviz.AGraph(string=drawing.source)
    names = {v.key: v.name for v in drawing.graph.values}
    found = {}
    waiting = list(graph.subgraphs())
    while waiting:
        frame = waiting.pop()
        label = str(frame.graph_attr["label"])
        found[label] = {names[n] for n in map(str, frame.nodes()) if n in names}
        waiting += frame.subgraphs()
    return found


def test_a_module_is_a_frame_around_its_operations_and_parameters():
    x = Tensor(X, name="x")
    frames = framed(draw(traced(network(2, 3, 1), x)))
    assert set(frames) == {"MLP", "linear1: Linear", "tanh1: Tanh", "linear2: Linear"}
    assert frames["linear1: Linear"] == {"linear1.weight", "linear1.bias", "t1"}
    assert frames["tanh1: Tanh"] == {"t2"}
    assert "x" not in frames["MLP"]


def test_a_parameter_of_two_calls_is_in_neither():
    layer = nn.Linear(2, 2, bias=False, rng=0)
    loss = traced(lambda x: layer(np.tanh(layer(x))), X)
    frames = framed(draw(loss))
    assert all("weight" not in values for values in frames.values())


def test_modules_as_boxes(parse):
    x = Tensor(X, name="x")
    picture = parse(draw(traced(network(2, 3, 1), x), level="modules"))
    assert {"linear1: Linear", "tanh1: Tanh", "linear2: Linear"} <= set(picture.names("f"))
    assert ("x", "linear1: Linear") in picture.edges()
    assert "linear1.weight" not in picture.names("v")


def test_a_module_of_any_class():
    """Whatever has a method forward, though it has no attributes."""

    class Bare:
        __slots__ = ()

        def forward(self, x):
            return x * 2.0

    with trace():
        y = Bare().forward(Tensor(1.0, requires_grad=True))
    assert modules(read(y)) == ["Bare"]


def test_hostile_names_of_modules():
    class Odd(nn.Module):
        def forward(self, x):
            return x * 2.0

    Odd.__name__ = 'a"<b>&\\n{}'
    with trace():
        y = Odd()(Tensor(1.0, requires_grad=True))
    svg = draw(y)._repr_svg_()
    assert "a&quot;&lt;b&gt;&amp;\\n{}" in svg or 'a"&lt;b&gt;&amp;\\n{}' in svg


def test_modules_in_json(tmp_path):
    loss = traced(network(2, 3, 1), X)
    graph = json.loads(draw(loss).save(tmp_path / "graph.json").read_text("utf-8"))
    mlp, first, *_ = graph["modules"]
    assert mlp == {"key": mlp["key"], "name": "MLP", "kind": "MLP", "within": None}
    assert first["name"], first["within"] == ("linear1", mlp["key"])
    assert graph["operations"][0]["module"] == first["key"]
    weight = next(v for v in graph["values"] if v["name"] == "linear1.weight")
    assert weight["module"] == first["key"]
    assert graph["operations"][-1]["module"] is None


# -- folding ---------------------------------------------------------------------------------


def chain(n):
    y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(n):
        y = np.sin(y * 1.01)
    return y


def shown(graph):
    return [o.name for o in graph.operations], [v.name for v in graph.values]


def test_what_fits_is_not_folded():
    graph = read(chain(3))
    assert fold(graph, 200) is graph


def test_repetitions_fold():
    y = chain(500) + 1.0
    y.name = "y"
    operations, values = shown(fold(read(y), 200))
    assert operations == ["(multiply, sin) × 500", "add"]
    assert values == ["x", "t1000", "1", "y"]


def test_repetitions_of_different_lengths_fold_one_by_one():
    x = y = Tensor([1.0, 2.0], requires_grad=True, name="x")
    for _ in range(100):
        y = np.tanh(y)
    for _ in range(100):
        y = np.sin(np.cos(y) + x)
    operations, _ = shown(fold(read(np.sum(y)), 20))
    assert operations == ["tanh × 100", "(cos, add, sin) × 100", "sum"]


def test_what_a_loop_takes_up_at_each_turn_is_folded_with_it():
    total = Tensor(0.0, requires_grad=True, name="start")
    shared = Tensor(0.5, requires_grad=True, name="shared")
    for i in range(100):
        x = Tensor(float(i), requires_grad=True, name=f"x{i}")
        total = total + x * x * shared
    _, values = shown(fold(read(total), 20))
    assert values == ["shared", "start", "t300"]


def test_other_parameters_are_no_repetition():
    y = Tensor(np.ones((2, 2)), requires_grad=True)
    for i in range(60):
        y = np.roll(y, i)
    assert len(fold(read(np.sum(y)), 20).operations) == 61


def test_layers_fold_before_what_is_around_them():
    loss = traced(network(*[2] * 100, 1), X)
    operations, _ = shown(fold(read(loss), 100))
    assert operations == ["(Linear, Tanh) × 99", "linear100: Linear", "power", "sum"]
    operations, values = shown(fold(read(loss), 8))
    assert operations == ["MLP", "power", "sum"]
    assert "c1" in values  # what the network was given


def test_a_fold_keeps_all_operations_and_what_passes_its_border():
    loss = traced(network(*[2] * 60, 1), X)
    graph = read(loss)
    for most in (150, 60, 20, 8):
        folded = fold(graph, most)
        assert sum(o.count for o in folded.operations) == len(graph.operations)
        known = {v for v in folded.values if v.maker is None}
        for operation in folded.operations:  # in an order in which it can run
            assert {v for v in operation.operands if v.maker} <= known
            known.update(operation.results)
        assert graph.roots[0] in known


def test_a_picture_of_ten_thousand_operations(parse):
    import time

    start = time.perf_counter()
    drawing = draw(chain(5000), gradients=True)
    svg = drawing._repr_svg_()
    assert time.perf_counter() - start < 10  # it takes a half
    picture = parse(drawing)
    box = "(multiply, sin) × 5,000"
    assert picture.edges() == [(box, "t10000"), ("x", box)]
    assert picture.labels["rest"][0] == "10,000 operations folded into 1 box"
    assert "part='× 5,000'" in picture.labels["rest"][1]
    assert "10,000 operations folded" in svg


def test_a_part_by_the_name_of_a_result(parse):
    picture = parse(draw(chain(500), part="t700", max_boxes=8))
    assert picture.names("v")[-1] == "t700"
    assert "sin" in picture.names("o")
    assert "earlier operations not shown" in picture.labels["rest"][0]


def test_a_part_by_the_name_of_a_module():
    loss = traced(network(2, 3, 1), X)
    names = [v.name for v in piece(read(loss), "linear1").values]
    assert names == ["c1", "linear1.weight", "linear1.bias", "t1"]
    assert len(piece(read(loss), "MLP").operations) == 3
    assert len(piece(read(loss), "MLP.tanh1").operations) == 1
    with pytest.raises(ValueError, match=r"there is no 'other'.*MLP, linear1, tanh1"):
        draw(loss, part="other")


class Block(nn.Module):
    def __init__(self):
        self.fc1, self.fc2 = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)

    def forward(self, x):
        return x + self.fc2(np.tanh(self.fc1(x)))


class Tower(nn.Module):
    def __init__(self, n):
        self.blocks = nn.Sequential(*[Block() for _ in range(n)])

    def forward(self, x):
        return self.blocks(x)


def recurrent(kind):
    layer = kind(3, 4, rng=0)
    return lambda x: np.sum(layer(x)[0] ** 2)


def long_loop(x):
    for _ in range(60):
        x = np.log1p(np.exp(np.tanh(np.cos(np.sin(np.sqrt(np.abs(x)))))))
    return x


PROGRAMS = {
    "a loop": lambda: long_loop(Tensor(np.ones(2), requires_grad=True, name="x")),
    "thirty blocks": lambda: np.sum(Tower(30)(Tensor(np.ones((2, 4)), name="x"))),
    "one block, thirty times": lambda: np.sum(nn.Sequential(*[Block()] * 30)(np.ones((2, 4)))),
    "an LSTM": lambda: recurrent(nn.LSTM)(np.ones((60, 2, 3))),
    "a GRU": lambda: recurrent(nn.GRU)(np.ones((60, 2, 3))),
}


@pytest.mark.parametrize("traces", [True, False])
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_folded_is_counted_and_can_be_opened(program, traces, parse):
    if traces:
        with trace():
            y = PROGRAMS[program]()
    else:
        y = PROGRAMS[program]()
    whole = read(y)
    asked, seen = [""], set()
    while asked:
        part = asked.pop()
        seen.add(part)
        drawing = draw(y, max_boxes=40, **({"part": part} if part else {}))
        picture = parse(drawing)
        # Each arrow leads from a box to a box that says something.
        assert {key for arrow in picture.arrows for key in arrow} <= {
            key for key, texts in picture.labels.items() if texts
        }
        graph = piece(whole, part, 40) if part else fold(whole, 40, bundles=True)
        assert len(graph.values) + len(graph.operations) <= 40
        inputs = {v for v in whole.values if v.kind == "input"}
        for box in (o for o in graph.operations if isinstance(o, Fold)):
            used = {v for o in box.inside for v in o.operands} & inputs
            hidden = len(used - {*box.operands})
            said = " ".join(picture.labels[box.key])
            assert f"{len(box.inside):,} operation" in said
            assert not hidden or re.search(rf"\b{hidden} (parameter|input)s?\b", said)
            assert box.times == 1 or f"× {box.times:,}" in said
            opened = piece(whole, box.example)
            turn = box.inside if box.times == 1 else box.turn(0)
            assert len(opened.operations) == len(turn) < len(whole.operations)
            assert [o.name for o in opened.operations] == [o.name for o in turn]
            if box.times > 1:
                last = piece(whole, f"{box.example}[-1]")
                assert last.operations == box.turn(-1)
                assert f"turn {box.times:,} of {box.times:,}" in last.remarks
                with pytest.raises(ValueError, match=f"repeats {box.times:,} times"):
                    piece(whole, f"{box.example}[{box.times}]")
            if box.example not in seen:
                asked.append(box.example)
    assert len(seen) > 1


def test_one_call_of_several_is_shown_and_says_which(parse):
    with trace():
        y = np.sum(Tower(30)(np.ones((2, 4))))
    graph = read(y)
    assert {o.module.path for o in piece(graph, "blocks.3").operations} == {
        "Tower.blocks.3", "Tower.blocks.3.fc1", "Tower.blocks.3.fc2"
    }  # fmt: skip
    assert {o.module.path for o in piece(graph, "fc1[7]").operations} == {"Tower.blocks.7.fc1"}
    assert {o.module.path for o in piece(graph, "3.fc2").operations} == {"Tower.blocks.3.fc2"}
    picture = parse(draw(y, part="fc1"))
    assert picture.names("o") == ["linear"]
    assert picture.labels["rest"] == [
        "Tower.blocks.0.fc1, call 1 of 30: part='Tower.blocks.1.fc1' is another"
    ]
    with pytest.raises(ValueError, match="'fc1' was called 30 times"):
        draw(y, part="fc1[30]")


def test_gradients_are_those_of_the_whole(parse):
    y = chain(500)
    assert parse(draw(y, gradients=True)).text("x") == parse(
        draw(y, gradients=True, max_boxes=5000)
    ).text("x")


@pytest.mark.parametrize("level", ["steps", "scalars"])
def test_closer(level, parse):
    x = Tensor([0.5, -1.0], requires_grad=True, name="x")
    loss = np.sum(x.sigmoid())
    loss.backward()
    drawing = draw(loss, level=level)
    picture = parse(drawing)
    assert "exp" in picture.names("o")
    assert "sigmoid" in framed(drawing)
    name = "x" if level == "steps" else "x[1]"
    assert f"{x.grad[1]:.4g}" in picture.text(name)


def test_a_level_that_is_none():
    with pytest.raises(ValueError, match="level is one of 'modules', 'program'"):
        draw(chain(1), level="atoms")
