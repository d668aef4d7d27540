"""Every line of docs/coming_from.md holds, beside the library that it is about."""

import re
from pathlib import Path

import numpy as np
import pytest

import autograd_lite
import autograd_lite.torch as torch
import nn
from autograd_lite import Tensor, elsewhere
from nn import functional as F

PAGE = (Path(__file__).parents[1] / "docs" / "coming_from.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (.+?) \|(?:.* \|)? `([^|]+)` \|$", PAGE, re.M)
LIBRARIES = {
    "pt": "torch",
    "p": "torch",
    "ag": "autograd",
    "agnp": "autograd.numpy",
    "agnorm": "autograd.scipy.stats.norm",
    "agspecial": "autograd.scipy.special",
    "scipy": "scipy",
    "special": "autograd_lite.scipy.special",
    "norm": "autograd_lite.scipy.stats:norm",
    "odeint": "autograd_lite.scipy.integrate:odeint",
    "convolve": "autograd_lite.scipy.signal:convolve",
    "jax": "jax",
    "jnp": "jax.numpy",
    "micrograd": "micrograd.engine",
    "ravel_pytree": "jax.flatten_util:ravel_pytree",
    "optimize": "scipy.optimize",
}


def numbers(x):
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def same(ours, theirs):
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-6)  # JAX has float32
    return True


def near(found, expected):
    """Whether an optimizer, or a quotient of differences, came close."""
    return np.allclose(found, expected, atol=1e-4)


def says(f, words=""):
    """Return whether `f` raises an error with these words; without words, what it says."""
    try:
        f()
    except Exception as error:
        return words in str(error) if words else str(error)
    return False if words else ""


def unpack(x):
    values, places = x
    return values, places


def put(x, value):
    x[0] = value
    return np.sum(x)


def twice(f, x):
    """Return the gradient that two calls of `backward` leave."""
    x = Tensor(x, requires_grad=True)
    y = f(x)
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def slope(x):
    """Return the gradient of a small program of scalars."""
    y = (x * 2 + 1).relu() * x + x**2 / 3 - 1
    y.backward()
    return float(x.grad)


def fitted(model, x, y, epochs):
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    return nn.fit(model, nn.MSELoss(), optimizer, x, y, epochs=epochs, progress=False)


def stepped(optimizer):
    """Return what an array that was kept holds after a step, and what the parameter does."""
    p = Tensor(1.0, requires_grad=True)
    old = p.data
    p.grad = 1.0
    optimizer([p], lr=0.1).step()
    return old, p.data


def cubes(x, y):
    return np.sum(x**4 + x**2 * y**2)


def seen(f):
    """Return what a function is called with while it is differentiated."""
    inside = []
    autograd_lite.grad(lambda x: [inside.append(x), f(x)][1])(1.0)
    return inside[0]


def names_for(line):
    """Return what the page's lines may name; another library only where a line does."""
    a = np.random.default_rng(0).normal(size=(3, 4))
    w = Tensor([3.0, 4.0], requires_grad=True, name="w")
    (w * w / 2).sum().backward()
    names = {name: getattr(autograd_lite, name) for name in autograd_lite.__all__}
    names |= {
        "autograd_lite": autograd_lite,
        "np": np,
        "nn": nn,
        "F": F,
        "torch": torch,
        "a": a,
        "w": w,
    }
    names |= {f.__name__: f for f in (same, says, unpack, put, twice, slope, fitted, stepped, seen)}
    names |= {"cubes": cubes, "near": near}
    names |= {"t": Tensor(a, requires_grad=True), "k": Tensor(a)}
    for short in {*re.findall(r"\w+", line)} & {*LIBRARIES}:
        module, _, name = LIBRARIES[short].partition(":")
        names[short] = pytest.importorskip(module)
        names[short] = getattr(names[short], name) if name else names[short]
    if "p" in names:
        names["p"] = names["p"].tensor(a, requires_grad=True)
    return names


def test_the_page_has_its_lines():
    assert len(LINES) > 60
    # Every row of every table has one.
    assert len(LINES) == sum(
        line.startswith("| ") and not re.match(r"\| (what|there) \|", line)
        for line in PAGE.splitlines()
    )


@pytest.mark.torch
@pytest.mark.parametrize(("what", "line"), LINES, ids=[what for what, _ in LINES])
def test_line(what, line):
    assert eval(line, names_for(line))


def test_the_programs_run():
    for code in re.findall(r"```python\n(.+?)```", PAGE, re.S):
        if "scipy" in code:
            pytest.importorskip("scipy")
        printed = []
        exec(code, {"print": lambda *args, to=printed: to.append(" ".join(map(str, args)))})
        assert printed == re.findall(r"print\(.+\)\s+# (.+)", code)


def test_the_package_says_what_to_write_for_names_of_other_libraries():
    others = {
        "torch": "tensor as_tensor enable_grad inference_mode Tensor",
        "autograd": "make_vjp make_jvp hessian_vector_product multigrad_dict make_hvp",
        "autograd.extend": "primitive defvjp",
        "jax": "jit vmap pmap jacrev jacfwd custom_vjp custom_jvp numpy random",
        "micrograd.engine": "Value",
    }
    listed = {word for words in elsewhere.INSTEAD for word in words.split()}
    for module, names in others.items():
        module = pytest.importorskip(module)
        for name in names.split():
            assert hasattr(module, name), name
            assert name in listed or hasattr(autograd_lite, name), name
    for words, instead in elsewhere.INSTEAD.items():
        for name in words.split():
            assert not hasattr(autograd_lite, name)
            with pytest.raises(AttributeError, match=re.escape(instead) + ".*coming_from.md"):
                getattr(autograd_lite, name)
            with pytest.raises(ImportError, match=re.escape(instead)):
                exec(f"from autograd_lite import grad, {name}", {})
        # What it says to call is there.
        called = re.match(r"(\w+)\(", instead)
        assert called is None or called[1] in autograd_lite.__all__
    with pytest.raises(ImportError, match="cannot import name 'nothing_like_it'"):
        exec("from autograd_lite import nothing_like_it", {})


def test_errors_that_name_the_page_find_it():
    root = Path(autograd_lite.__file__).parents[1]
    files = [*(root / "autograd_lite").rglob("*.py"), *(root / "nn").rglob("*.py")]
    named = {
        page
        for file in files
        for page in re.findall(r"\bdocs/[\w/]+\.md", file.read_text(encoding="utf-8"))
    }
    assert "docs/coming_from.md" in named
    assert all((root / page).is_file() for page in named)
