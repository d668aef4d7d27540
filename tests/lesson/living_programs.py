"""Programs whose pages are alive: every kind of primitive, and networks of every kind.

Each is made anew at other numbers by giving them by name: ``PROGRAMS["lab"]({"X": …})``.
"""

import numpy as np

import nn
from autograd_lite import Tensor, trace
from demos.data import generate_XOR_easy

RNG = np.random.default_rng(7)


class At:
    """Numbers by name; where a name is not given, those that stand in the program."""

    def __init__(self, given):
        self.given = given

    def __call__(self, name, data, grad=True):
        data = np.asarray(self.given.get(name, data), float)
        return Tensor(data, requires_grad=grad, name=name)

    def model(self, model):
        for name, p in model.named_parameters():
            if name in self.given:
                p.data = np.asarray(self.given[name], float)
        return model


PROGRAMS = {}


def program(make):
    def made(given=None):
        with trace():
            loss = make(At(given or {}))
        loss.name = "L"
        return loss

    PROGRAMS[make.__name__] = made
    return made


A, B = RNG.normal(size=(3, 2)), RNG.normal(size=(2, 4))
V = np.array([0.5, -1.5, 2.0, 0.25])


@program
def scalars(at):
    x, y, z = at("x", 2.0), at("y", -3.0), at("z", 0.5)
    q = x * y + np.sin(x)
    return q / (1.0 + z * z) - q * x


@program
def power(at):
    x, y = at("x", 1.5), at("y", -0.7)
    return (x**y + x**3 - 2.0**y) * np.sqrt(x) / np.abs(y)


@program
def exponentials(at):
    x = at("x", [0.3, -1.2, 2.0])
    return np.sum(np.exp(x) * np.log1p(x * x) + np.expm1(x) - np.logaddexp(x, 0.5) + np.exp2(x))


@program
def angles(at):
    x, y = at("x", [0.3, -0.4]), at("y", [1.2, 0.8])
    t = np.arctan2(y, x) * np.hypot(x, y) + np.tan(x) * np.arcsin(x) - np.cos(y) / np.arctan(y)
    return np.sum(t * np.sinh(x) + np.cosh(y) - np.arcsinh(x) + np.tanh(x * y))


@program
def choices(at):
    x, y = at("x", V), at("y", [1.0, -0.5, 0.75, 0.1])
    t = np.maximum(x, y) * np.where(x > 0.2, x * y, np.exp(-y)) + np.clip(x, -1.0, 1.0)
    return np.sum(t) + np.sum(np.minimum(x, 0.3) * np.abs(y)) + np.max(x) * np.min(y)


@program
def reductions(at):
    a = at("a", A)
    t = np.mean(a, axis=0) * np.var(a, axis=0) + np.max(a, axis=0) - np.prod(a + 2.0, axis=0)
    return np.sum(t) * np.std(a) + np.linalg.norm(a)


@program
def broadcasting(at):
    w, b, s = at("w", A), at("b", [0.1, -0.2]), at("s", 1.5)
    return np.sum((w + b) ** 2 * s) / (b[0] - s)


@program
def products(at):
    a, b, v = at("a", A), at("b", B), at("v", V)
    return np.sum((a @ b @ v) * np.tensordot(a, b, 1)[:, 0]) + v @ (b.T @ b) @ v


@program
def contractions(at):
    a, b = at("a", A), at("b", B)
    t = np.einsum("ij,jk->ik", a, b)
    pairs = np.outer(a[0], b[:, 0]) * np.reshape(np.kron(b[:, 1], a[1]), (2, 2))
    return np.einsum("ik,ik->", t, t * t) + np.sum(pairs)


@program
def moving(at):
    a, b = at("a", A), at("b", B)
    t = np.concatenate([a.T, b[:, 1:3]], axis=1).reshape(5, 2)
    picked = np.stack([b[0, :2], b[1, 2:]])[np.array([0, 1, 1, 0, 0])]
    t = np.roll(np.flip(t, 0), 1, axis=0) * picked
    return np.sum(np.transpose(t)[:, ::2] ** 2) + np.sum(np.pad(a, 1)[1:3] * 3.0)


@program
def sorting(at):
    x = at("x", V)
    weights = at("w", [1.0, 2.0, 3.0, 4.0], grad=False)
    return np.sum(np.sort(x) * weights) + np.cumsum(x)[2] * x[[0, 0, 3]].sum()


@program
def running(at):
    x = at("x", V)
    return np.sum(
        np.cumsum(x) * np.cumprod(x) - np.diff(x).sum() * np.convolve(x, at("k", [1.0, -1.0]))[1]
    )


@program
def matrices(at):
    a, b = at("a", A.T @ A + np.eye(2)), at("b", [0.5, -1.0])
    x = np.linalg.solve(a, b)
    return x @ b + np.linalg.det(a) + np.sum(np.linalg.inv(a)) * np.linalg.slogdet(a)[1]


@program
def activations(at):
    x = at("x", V)
    t = [nn.functional.relu(x), nn.functional.leaky_relu(x), nn.functional.gelu(x)]
    t += [nn.functional.silu(x), nn.functional.elu(x), nn.functional.softplus(x)]
    return sum(np.sum(y * (i + 1.0)) for i, y in enumerate(t)) * nn.functional.sigmoid(x)[0]


@program
def losses(at):
    x = at("x", [0.6, -0.3, 0.9, 0.2])
    y = at("y", [1.0, 0.0, 1.0, 0.0], grad=False)
    total = nn.functional.mse_loss(x, y) + nn.functional.binary_cross_entropy_with_logits(x, y)
    return total * nn.functional.binary_cross_entropy(nn.functional.sigmoid(x), y)


@program
def normalization(at):
    x, g, b = at("x", A), at("g", [1.2, 0.7]), at("b", [0.1, -0.3])
    t = nn.functional.layer_norm(x, (2,), g, b)
    return np.sum(t * nn.functional.softmax(x)) + np.sum(nn.functional.log_softmax(x)[:, 0])


@program
def lab(at):
    model = at.model(nn.MLP([2, 4, 4, 1], "sigmoid", bias=False, output_activation="sigmoid",
                            init="normal", rng=0))  # fmt: skip
    X, y = generate_XOR_easy()
    return nn.MSELoss()(model(at("X", X, grad=False)), at("y", y, grad=False))


@program
def softmax_classifier(at):
    model = at.model(nn.Linear(2, 3, rng=1))
    return nn.CrossEntropyLoss()(model(at("X", A, grad=False)), np.array([0, 2, 1]))


@program
def relu_network(at):
    model = at.model(nn.MLP([2, 3, 1], "relu", rng=0))
    return nn.MSELoss()(model(at("X", A, grad=False)), at("y", A[:, :1], grad=False))


class Small(nn.Module):
    """A convolution, and a layer of what it has found."""

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.Linear(8, 2, rng=1)

    def forward(self, image):
        found = nn.functional.relu(self.conv(image))
        return self.out(np.reshape(nn.MaxPool2d(2)(found), (1, -1)))


@program
def convolutional_network(at):
    model = at.model(Small())
    image = np.random.default_rng(2).normal(size=(1, 1, 4, 4))
    return nn.CrossEntropyLoss()(model(at("image", image, grad=False)), np.array([1]))


@program
def pooling(at):
    image = at("image", RNG.normal(size=(1, 2, 4, 4)))
    pooled = nn.AvgPool2d(2)(image) * nn.MaxPool2d(2)(image)
    return np.sum(at.model(nn.Conv2d(2, 1, 2, stride=1, rng=0))(pooled) ** 2)


@program
def recurrent_cell(at):
    cell = at.model(nn.RNNCell(2, 3, rng=0))
    h = at("h", np.zeros((1, 3)) + 0.1, grad=False)
    for x in (at("x1", A[:1], grad=False), at("x2", A[1:2], grad=False)):
        h = cell(x, h)
    return np.sum(h * h)


@program
def attention_head(at):
    x = at("X", RNG.normal(size=(3, 4)), grad=False)
    q, k, v = (at(f"W{c}", RNG.normal(size=(4, 2))) for c in "qkv")
    scores = (x @ q) @ (x @ k).T / np.sqrt(2.0)
    return np.sum((nn.functional.softmax(scores) @ (x @ v)) ** 2)


@program
def embedding(at):
    table = at("table", RNG.normal(size=(5, 3)))
    words = table[np.array([0, 3, 3, 1])]
    return np.sum(np.mean(words, axis=0) ** 2) + np.sum(words[1] * words[2])


@program
def special(at):
    x, y = at("x", [0.4, 1.3]), at("y", [2.5, -1.75])
    t = np.sinc(x) * np.i0(x) + np.remainder(y, x) - np.floor(y) * np.cbrt(y)
    return np.sum(t + np.sign(y) * np.copysign(x, y) + np.fmod(y, x) + np.reciprocal(y))
