"""The backward pass in a picture: arrows back, recorded passes, stopped gradients, sizes."""

import re

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, grad, no_grad, trace
from autograd_lite.visualize import palette
from autograd_lite.visualize.graph import read
from autograd_lite.visualize.heat import EDGES, heat_of
from autograd_lite.visualize.scene import magnitude

X = np.random.default_rng(0).uniform(size=(3, 2))


def inputs(**values):
    return [Tensor(x, requires_grad=True, name=name) for name, x in values.items()]


def a_product_with_itself(x):
    return x * x


def several_paths(x):
    return np.sum(np.sin(x) * x + np.concatenate([x, x * 2.0])[:2])


def several_outputs(x):
    first, second = np.split(x * 3.0, 2)
    return np.sum(first * second * first)


def a_loop(x):
    for _ in range(200):
        x = np.sin(x * 1.01)
    return np.sum(x)


PROGRAMS = {
    "a product with itself": (a_product_with_itself, 3.0),
    "several paths": (several_paths, [0.5, 2.0]),
    "several outputs": (several_outputs, [0.5, 2.0]),
    "a folded loop": (a_loop, [0.5, 2.0]),
}


def differences(f, x, eps=1e-6):
    """The gradient of f at x by central differences."""
    x = np.asarray(x, float)
    steps = eps * np.eye(x.size).reshape(x.size, *x.shape)
    return np.reshape(
        [(float(f(Tensor(x + d)).data) - float(f(Tensor(x - d)).data)) / (2 * eps) for d in steps],
        x.shape,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_arrows_back_bring_adds_up_to_the_gradient(name, parse):
    f, at = PROGRAMS[name]
    (x,) = inputs(x=at)
    drawing = draw(f(x), backward=True)
    graph = drawing.graph
    arriving = {v: 0.0 for v in graph.values if v.requires_grad and v.maker is None}
    for (operation, i), brought in graph.contributions.items():
        value = operation.operands[i]
        if value in arriving:
            arriving[value] = arriving[value] + brought
    (total,) = arriving.values()
    np.testing.assert_allclose(total, differences(f, at), rtol=1e-5)
    assert x.grad is None  # for the picture alone
    back = [line for line in drawing.source.splitlines() if "dir=back" in line]
    forward = [line for line in drawing.source.splitlines() if "->" in line and line not in back]
    carried = [line for line in forward if "dashed" not in line]
    assert len(back) == len(carried)  # one for each arrow along which a gradient comes


def test_each_arrow_back_says_what_it_brings():
    x, y = inputs(x=2.0, y=3.0)
    source = draw(x * y + x * x, backward=True).source
    labels = re.findall(r"label=<([^>]*)>.*dir=back|dir=back.*label=<([^>]*)>", source)
    assert sorted("".join(pair) for pair in labels) == ["1", "1", "2", "2", "2", "3"]
    (v,) = inputs(v=[3.0, 4.0])
    source = draw(np.sum(v * 1.0), backward=True).source
    assert "label=<|1.41|>" in source
    assert "contribution min 1, mean 1, max 1" in source


def test_a_picture_of_both_passes_needs_gradients():
    (x,) = inputs(x=2.0)
    for asked in ({"backward": True}, {"color": "gradient"}):
        with pytest.raises(ValueError, match="gradients=False leaves the gradients out"):
            draw(x * x, gradients=False, **asked)
    with pytest.raises(ValueError, match="color is 'kind' or 'gradient'"):
        draw(x * x, color="rainbow")


# -- a backward pass that was recorded ---------------------------------------------------------


def names(graph, sweep):
    return [o.name for o in graph.operations if o.sweep == sweep]


def test_a_recorded_backward_pass_stands_apart():
    (x,) = inputs(x=2.0)
    f = lambda x: np.sin(x) * x  # noqa: E731
    first = read(grad(f)(x))
    assert names(first, 0) == ["sin"]
    assert names(first, 1) == ["cos", "multiply", "add"]  # and no × 1
    assert "cluster_" in draw(grad(f)(x)).source
    assert palette.BACKWARD.of() in draw(grad(f)(x)).source.partition("cluster_")[2]
    second = read(grad(grad(f))(x))
    assert {o.sweep for o in second.operations} == {1, 2}
    assert {o.module.path for o in second.operations if o.sweep == 2} == {"backward 2"}
    for graph, value in ((first, 0.0770), (second, -2.6508)):  # sin x + x cos x, 2 cos x − x sin x
        assert float(graph.roots[0].data) == pytest.approx(value, abs=1e-4)


def test_the_users_own_times_one_stays():
    x, y = inputs(x=2.0, y=3.0)
    assert [o.name for o in read(1.0 * x).operations] == ["multiply"]
    g = grad(lambda x: 1.0 * (x * y))(x)
    assert [o.name for o in read(g).operations] in ([], ["multiply"])
    g.backward()
    assert float(y.grad) == 1.0
    assert read(g).roots[0].name


def test_layers_keep_their_frames_in_a_recorded_backward_pass():
    model = nn.MLP([2, 3, 1], "tanh", rng=0)
    with trace():
        g = grad(lambda x: np.sum(model(x) ** 2))(Tensor(X, requires_grad=True))
    paths = {o.module.path for o in read(g).operations if o.sweep}
    assert {"backward", "backward.MLP.linear1", "backward.MLP.tanh1"} <= paths


# -- where a gradient was stopped ---------------------------------------------------------------


def detached(x):
    return x.detach()


def twice(x):
    return x.detach().detach() + 1.0


def without_gradient(x):
    with no_grad():
        inner = np.exp(x) * 2.0
        return inner + inner


@pytest.mark.parametrize(
    ("stop", "how"), [(detached, "detach"), (twice, "detach"), (without_gradient, "no_grad")]
)
@pytest.mark.parametrize("inside", [True, False])
def test_a_stopped_gradient_is_a_dotted_arrow(stop, how, inside, parse):
    x, w = inputs(x=2.0, w=3.0)
    constant = stop(x)
    loss = constant * w + (x if inside else 0.0)
    drawing = draw(loss, gradients=True)
    picture = parse(drawing)
    (line,) = (
        line for line in drawing.source.splitlines() if "style=dotted" in line and "->" in line
    )
    tail, _, head = line.split()[:3]
    assert (tail, head) == (picture.key("x"), picture.key("constant"))
    assert how in line
    told = {"detach": "detached", "no_grad": "computed under no_grad"}[how]
    assert told in picture.text("constant")
    assert picture.look("constant")["shape"] == "note"
    assert picture.look("x")["style"] == ("filled" if inside else "dotted")


def test_what_was_stopped_keeps_nothing_alive():
    import gc
    import weakref

    (x,) = inputs(x=np.ones(3))
    y = x * 2.0
    seen, z = weakref.ref(y), y.detach()
    with no_grad():
        u = y + 1.0
    del y
    gc.collect()
    assert seen() is None
    assert (z.tape.stopped, u.tape.stopped) == (("detach", ()), ("no_grad", ()))
    w = Tensor(np.ones(3), requires_grad=True)
    assert "dotted" not in draw(w * z * u).source


def test_a_constant_of_constants_has_no_arrow():
    (w,) = inputs(w=2.0)
    with no_grad():
        c = Tensor(3.0, name="c") * 2.0
    assert "dotted" not in draw(c * w).source


# -- how large gradients are ----------------------------------------------------------------------


def test_magnitude_is_the_euclidean_norm():
    rng = np.random.default_rng(0)
    for shape in ((), (3,), (2, 3, 4), (0,)):
        g = rng.normal(size=shape)
        assert magnitude(g) == pytest.approx(float(np.linalg.norm(np.ravel(g))))
    assert magnitude(np.full(4, 1e-200)) == pytest.approx(2e-200)


def test_colours_tell_the_size_of_a_gradient(parse):
    sizes = {"vanishing": 1e-9, "exploding": 1e9, "dead": 0.0, "fine": 0.5, "bad": np.nan}
    values = inputs(**dict.fromkeys(sizes, 1.0))
    loss = sum(
        (v * s for v, s in zip(values, sizes.values(), strict=True)), Tensor(0.0, name="unused")
    )
    drawing = draw(loss, color="gradient")
    picture = parse(drawing)
    for name, size in sizes.items():
        assert picture.look(name)["fillcolor"] == heat_of(size).fill
    for name in ("vanishing", "exploding", "dead"):
        assert picture.labels[picture.key(name)][-1] == name  # in words too
    assert "dashed" in picture.look("dead")["style"]
    assert "gradient not finite" in picture.text("bad")
    legend = " ".join(picture.labels["legend"])
    assert all(word in legend for word in ("vanishing", "exploding", "dead", "NaN", "no gradient"))
    assert "legend" not in draw(loss).source


def test_each_decade_has_its_place_on_the_scale():
    fills = [heat_of(10.0**k).fill for k in range(-12, 12)]
    assert list(dict.fromkeys(fills)) == list(palette.GRADIENTS)  # in order, and all of them
    assert heat_of(np.array([3.0, 4.0])).fill == heat_of(5.0).fill  # of an array, its norm
    assert len(EDGES) == len(palette.GRADIENTS) - 1
