"""Programs that are written with NumPy, in our own words: HIPS autograd's, JAX's, courses'.

Each takes its NumPy and what differentiates, and returns what is to be the same for both: losses
of its steps, gradients, what it found. `numpy` is NumPy itself, for the numbers to start from.
"""

import itertools

import numpy
from scipy.optimize import minimize

STEPS = 20


def start(seed, *shapes, scale=1.0):
    rng = numpy.random.default_rng(seed)
    return [scale * rng.normal(size=shape) for shape in shapes]


def labels(n, k):
    return numpy.arange(n) % k


# -- HIPS autograd -------------------------------------------------------------------------------


def logistic_regression(np, ag):
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30]])
    targets = np.array([True, True, False])

    def predict(weights, inputs):
        return 0.5 * (np.tanh(np.dot(inputs, weights) / 2) + 1)

    def loss(weights):
        preds = predict(weights, inputs)
        return -np.sum(np.log(preds * targets + (1 - preds) * (1 - targets)))

    weights, losses = np.array([0.0, 0.0, 0.0]), []
    gradient = ag.grad(loss)
    for _ in range(STEPS):
        losses.append(loss(weights))
        weights = weights - 0.1 * gradient(weights)
    return [*losses, weights]


def neural_net(np, ag):
    """Layers as a list of pairs, logsumexp, Adam over the list."""
    x, *values = start(0, (30, 4), (4, 8), (8,), (8, 3), (3,), scale=0.5)
    one_hot = numpy.eye(3)[labels(30, 3)]
    params = [(values[0], values[1]), (values[2], values[3])]

    def logsumexp(x):
        largest = np.max(x, axis=1, keepdims=True)
        return largest + np.log(np.sum(np.exp(x - largest), axis=1, keepdims=True))

    def log_posterior(params):
        h = x
        for W, b in params[:-1]:
            h = np.tanh(np.dot(h, W) + b)
        W, b = params[-1]
        out = np.dot(h, W) + b
        penalty = sum(np.sum(W**2) + np.sum(b**2) for W, b in params)
        return -np.sum((out - logsumexp(out)) * one_hot) + 0.01 * penalty

    both, losses = ag.value_and_grad(log_posterior), []
    m = [[0 * a for a in pair] for pair in params]
    v = [[0 * a for a in pair] for pair in params]
    for i in range(STEPS):
        value, g = both(params)
        losses.append(value)
        new = []
        for layer, pair in enumerate(params):
            moved = []
            for j, a in enumerate(pair):
                m[layer][j] = 0.9 * m[layer][j] + 0.1 * g[layer][j]
                v[layer][j] = 0.999 * v[layer][j] + 0.001 * g[layer][j] ** 2
                mhat, vhat = (
                    m[layer][j] / (1 - 0.9 ** (i + 1)),
                    v[layer][j] / (1 - 0.999 ** (i + 1)),
                )
                moved.append(a - 0.05 * mhat / (np.sqrt(vhat) + 1e-8))
            new.append(tuple(moved))
        params = new
    return [*losses, *[a for pair in params for a in pair]]


def fluid(np, ag):
    """Smoke on a small grid is to be where it should, by the velocities that it starts with."""
    rows = 6
    vx, vy, smoke, target = start(1, *[(rows, rows)] * 4, scale=0.4)

    def project(vx, vy):
        div = -0.5 / rows * (
            np.roll(vx, -1, axis=0) - np.roll(vx, 1, axis=0)
            + np.roll(vy, -1, axis=1) - np.roll(vy, 1, axis=1)
        )  # fmt: skip
        p = np.zeros((rows, rows))
        for _ in range(4):
            around = np.roll(p, 1, axis=0) + np.roll(p, -1, axis=0)
            p = (div + around + np.roll(p, 1, axis=1) + np.roll(p, -1, axis=1)) / 4.0
        vx = vx - 0.5 * rows * (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0))
        return vx, vy - 0.5 * rows * (np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1))

    cell_y, cell_x = numpy.meshgrid(numpy.arange(rows), numpy.arange(rows))

    def advect(f, vx, vy):
        center_x, center_y = (cell_x - vx).ravel(), (cell_y - vy).ravel()
        left = numpy.floor(ag.bare(center_x)).astype(int)
        top = numpy.floor(ag.bare(center_y)).astype(int)
        rw, bw = center_x - left, center_y - top
        left, right = left % rows, (left + 1) % rows
        top, bottom = top % rows, (top + 1) % rows
        flat = (1 - rw) * ((1 - bw) * f[left, top] + bw * f[left, bottom]) + rw * (
            (1 - bw) * f[right, top] + bw * f[right, bottom]
        )
        return np.reshape(flat, (rows, rows))

    def loss(params):
        vx, vy = (
            np.reshape(params[: rows**2], (rows, rows)),
            np.reshape(params[rows**2 :], (rows, rows)),
        )
        s = smoke
        for _ in range(3):
            vx, vy = project(advect(vx, vx, vy), advect(vy, vx, vy))
            s = advect(s, vx, vy)
        return np.mean((target - s) ** 2)

    both = ag.value_and_grad(loss)
    params, losses = numpy.concatenate([vx.ravel(), vy.ravel()]), []
    for _ in range(STEPS):
        value, g = both(params)
        losses.append(value)
        params = params - 0.5 * g
    return [*losses, g]


def ordinary_differential_equation(np, ag):
    """Find length and damping of a pendulum from how it swings: Runge and Kutta's method."""

    def simulate(params, steps=15, dt=0.1):
        state, path = np.array([1.0, 0.0]), []

        def f(s):
            return np.stack([s[1], -params[0] * np.sin(s[0]) - params[1] * s[1]])

        for _ in range(steps):
            k1 = f(state)
            k2 = f(state + dt / 2 * k1)
            k3 = f(state + dt / 2 * k2)
            k4 = f(state + dt * k3)
            state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path.append(state[0])
        return np.stack(path)

    seen = simulate(numpy.array([3.0, 0.3]))
    both = ag.value_and_grad(lambda params: np.sum((simulate(params) - seen) ** 2))
    params, losses = numpy.array([2.0, 0.1]), []
    for _ in range(STEPS):
        value, g = both(params)
        losses.append(value)
        params = params - 0.1 * g
    return [*losses, params]


def gaussian_process(np, ag):
    """Fit a kernel's numbers by the likelihood, with SciPy's BFGS; predict between the points."""
    x = numpy.linspace(-2, 2, 9)
    y = numpy.sin(2 * x) + start(2, (9,), scale=0.1)[0]

    def kernel(params, x1, x2):
        scale, width = np.exp(params[0]), np.exp(params[1])
        return scale * np.exp(-0.5 * (x1[:, None] - x2[None, :]) ** 2 / width)

    def objective(params):
        K = kernel(params, x, x) + (np.exp(params[2]) + 1e-6) * numpy.eye(9)
        _, logdet = np.linalg.slogdet(K)
        return 0.5 * np.dot(y, np.linalg.solve(K, y)) + 0.5 * logdet

    found = minimize(
        ag.value_and_grad(objective), numpy.array([0.1, -0.5, -2.0]), jac=True, method="BFGS"
    )
    K = kernel(found.x, x, x) + np.exp(found.x[2]) * numpy.eye(9)
    predicted = np.dot(kernel(found.x, numpy.array([0.3, 1.1]), x), np.linalg.solve(K, y))
    first = ag.grad(objective)(numpy.array([0.1, -0.5, -2.0]))
    return [first, Loosely(found.fun), Loosely(found.x), Loosely(predicted)]


def black_box_variational_inference(np, ag):
    """A Gaussian with a width for each axis, fitted to a funnel by samples."""
    noise = start(3, (STEPS, 20, 2))[0]

    def log_density(x):
        mu, log_sigma = x[:, 0], x[:, 1]
        prior = -0.5 * (log_sigma / 1.35) ** 2
        return prior - 0.5 * (mu / np.exp(log_sigma)) ** 2 - log_sigma

    def objective(params, eps):
        mean, log_std = params[:2], params[2:]
        samples = mean + np.exp(log_std) * eps
        return -(np.sum(log_std) + np.mean(log_density(samples)))

    both, losses = ag.value_and_grad(objective), []
    params = numpy.array([-1.0, -1.0, -0.5, -0.5])
    for eps in noise:
        value, g = both(params, eps)
        losses.append(value)
        params = params - 0.1 * g
    return [*losses, params]


def rosenbrock(np, ag):
    """Newton's method with products of the Hessian."""

    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x0 = numpy.array([-1.2, 1.0, 0.7])
    product = ag.hessian_vector_product(f)
    found = minimize(f, x0, jac=ag.grad(f), hessp=product, method="Newton-CG", tol=1e-10)
    return [ag.grad(f)(x0), ag.hessian(f)(x0), product(x0, x0), Loosely(found.x)]


def mixture_of_gaussians(np, ag):
    x, means = start(4, (40, 2), (3, 2))
    x = x + 3 * labels(40, 2)[:, None]

    def log_likelihood(params):
        weights, means, log_scales = params["weights"], params["means"], params["log_scales"]
        log_p = weights - np.log(np.sum(np.exp(weights)))
        z = (x[:, None, :] - means) / np.exp(log_scales)
        each = log_p - 0.5 * np.sum(z**2, axis=2) - np.sum(log_scales, axis=1)
        largest = np.max(each, axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(each - largest), axis=1)) + largest[:, 0])

    params = {"weights": numpy.zeros(3), "means": means, "log_scales": numpy.zeros((3, 2))}
    both, losses = ag.value_and_grad(log_likelihood), []
    for _ in range(STEPS):
        value, g = both(params)
        losses.append(value)
        params = {k: a + 0.01 * g[k] for k, a in params.items()}
    return [*losses, *params.values()]


def lstm(np, ag):
    """A recurrent network with gates, unrolled over a few letters."""
    gates = start(5, *[(3 + 4 + 1, 4)] * 4, (5, 3), scale=0.5)
    text = numpy.eye(3)[numpy.random.default_rng(6).integers(0, 3, (6, 2))]

    def sigmoid(x):
        return 0.5 * (np.tanh(x / 2) + 1)

    def loss(params):
        forget, ingate, outgate, change, predict = params
        h, c, total = np.zeros((2, 4)), np.zeros((2, 4)), 0.0
        for now, following in itertools.pairwise(text):
            z = np.hstack((now, h, np.ones((2, 1))))
            c = sigmoid(np.dot(z, forget)) * c
            c = c + sigmoid(np.dot(z, ingate)) * np.tanh(np.dot(z, change))
            h = sigmoid(np.dot(z, outgate)) * np.tanh(c)
            out = np.dot(np.hstack((h, np.ones((2, 1)))), predict)
            out = out - np.log(np.sum(np.exp(out), axis=1, keepdims=True))
            total = total - np.sum(out * following)
        return total / 10

    both, losses, params = ag.value_and_grad(loss), [], gates
    for _ in range(STEPS):
        value, g = both(params)
        losses.append(value)
        params = [a - 0.3 * b for a, b in zip(params, g)]  # noqa: B905
    return [*losses, *g]


def derivatives_of_tanh(np, ag):
    """The curve and its first six derivatives."""

    def tanh(x):
        return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))

    x, f, curves = numpy.linspace(-3, 3, 15), tanh, []
    for _ in range(6):
        curves.append(f(x))
        f = ag.elementwise_grad(f)
    return curves


def matrix_factorization(np, ag):
    """Two thin matrices whose product is like a table with holes."""
    table, u, v = start(7, (8, 6), (8, 2), (2, 6))
    known = numpy.random.default_rng(8).random((8, 6)) < 0.7

    def loss(u, v):
        miss = np.where(known, np.dot(u, v) - table, 0.0)
        return np.sum(miss**2) + 0.1 * (np.sum(u**2) + np.sum(np.abs(v)))

    by_u, by_v, losses = ag.grad(loss, 0), ag.grad(loss, 1), []
    for _ in range(STEPS):
        losses.append(loss(u, v))
        u, v = u - 0.05 * by_u(u, v), v - 0.05 * by_v(u, v)
    return [*losses, u, v]


HIPS = [
    *(logistic_regression, neural_net, fluid, ordinary_differential_equation, gaussian_process),
    *(black_box_variational_inference, rosenbrock, mixture_of_gaussians, lstm),
    *(derivatives_of_tanh, matrix_factorization),
]


class Loosely:
    """What an optimizer found: where it stopped is the same to some digits only."""

    def __init__(self, value):
        self.value = value


# -- JAX -----------------------------------------------------------------------------------------


def mlp_of_a_dict(np, jax):
    """Parameters in a dict of dicts, the loss and what it was made of."""
    x, w1, w2 = start(9, (16, 3), (3, 6), (6, 1), scale=0.7)
    y = numpy.sin(x[:, :1])
    params = {"hidden": {"w": w1, "b": numpy.zeros(6)}, "out": {"w": w2, "b": numpy.zeros(1)}}

    def loss(params, x, y):
        h = np.maximum(x @ params["hidden"]["w"] + params["hidden"]["b"], 0.0)
        out = h @ params["out"]["w"] + params["out"]["b"]
        return np.mean((out - y) ** 2), np.mean(h > 0)

    both, losses = jax.value_and_grad(loss, has_aux=True), []
    for _ in range(STEPS):
        (value, _), g = both(params, x, y)
        losses.append(value)
        params = {
            layer: {k: a - 0.2 * g[layer][k] for k, a in held.items()}
            for layer, held in params.items()
        }
    return [*losses, *[a for held in params.values() for a in held.values()]]


def forward_over_reverse(np, jax):
    """Products of a Hessian in three ways, and a directional derivative."""
    (x, v), (A,) = start(10, (4,), (4,)), start(11, (4, 4))

    def f(x):
        return np.sum(np.tanh(A @ x) ** 2) + np.prod(x)

    _, product = jax.jvp(jax.grad(f), (x,), (v,))
    value, slope = jax.jvp(f, (x,), (v,))
    out, pull = jax.vjp(lambda x: np.sin(A @ x), x)
    return [product, jax.grad(lambda x: jax.grad(f)(x) @ v)(x), jax.hessian(f)(x) @ v,
            value, slope, out, pull(v)[0], jax.jacobian(lambda x: np.exp(A @ x))(x)]  # fmt: skip


def fixed_point(np, jax):
    """A layer that is where an iteration ends."""
    W, b = start(12, (4, 4), (4,), scale=0.3)

    def solve(W):
        z = np.zeros(4)
        for _ in range(15):
            z = np.tanh(W @ z + b)
        return z

    losses, both = [], jax.value_and_grad(lambda W: np.sum((solve(W) - 0.2) ** 2))
    for _ in range(STEPS):
        value, g = both(W)
        losses.append(value)
        W = W - 0.1 * g
    return [*losses, g]


def private_gradients(np, jax):
    """Gradients of each example, clipped and added up: what a private training takes."""
    x, W, b = start(20, (12, 3), (4, 3), (4,))
    y, params = numpy.sin(x[:, 0]), {"W": W, "b": b}

    def loss(params, x, y):
        hidden = np.tanh(params["W"] @ x + params["b"])
        return (np.sum(hidden) - y) ** 2

    each, losses = jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0, 0)), []
    for _ in range(5):
        values, g = each(params, x, y)
        losses.append(values.mean())
        norms = np.sqrt(np.sum(g["W"] ** 2, axis=(1, 2)) + np.sum(g["b"] ** 2, axis=1))
        scale = 1.0 / np.maximum(1.0, norms)
        step = {k: np.einsum("n,n...->...", scale, g[k]) / len(x) for k in g}
        params = jax.tree.map(lambda p, s: p - 0.5 * s, params, step)
    return [*losses, params["W"], params["b"]]


def kernels(np, jax):
    """A Gaussian process of nested maps, and its gradient through them."""
    x, new = numpy.linspace(-1, 1, 8)[:, None], numpy.linspace(-0.9, 0.7, 3)[:, None]
    y = numpy.sin(3 * x[:, 0])

    def kernel(length, a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * length**2))

    def table(length, a, b):
        return jax.vmap(lambda u: jax.vmap(lambda v: kernel(length, u, v))(b))(a)

    def evidence(length):
        K = table(length, x, x) + 0.01 * np.eye(8)
        return 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]

    K = table(0.5, x, x) + 0.01 * np.eye(8)
    slopes = jax.vmap(jax.grad(lambda u: jax.vmap(lambda v: kernel(0.5, u, v))(x)
                               @ np.linalg.solve(K, y)))(new)  # fmt: skip
    return [evidence(0.5), jax.grad(evidence)(0.5), table(0.5, new, x), slopes]


def learning_to_learn(np, jax):
    """MAML: the gradient through a step of each task's own, over a batch of tasks."""
    (W, b), tasks = start(21, (5,), (5,)), numpy.array([[1.0, 0.2], [0.5, 1.0], [2.0, -0.4]])
    x = numpy.linspace(-1, 1, 7)

    def net(params, x):
        return np.sum(np.tanh(params[0] * x + params[1]))

    def loss(params, x, y):
        return np.mean((jax.vmap(net, in_axes=(None, 0))(params, x) - y) ** 2)

    def adapted(params, task):
        y = task[0] * np.sin(3 * x + task[1])
        inner = jax.grad(loss)(params, x[:4], y[:4])
        own = jax.tree.map(lambda p, g: p - 0.1 * g, params, inner)
        return loss(own, x[4:], y[4:])

    def meta(params):
        return np.mean(jax.vmap(adapted, in_axes=(None, 0))(params, tasks))

    params, losses, both = (W, b), [], jax.value_and_grad(meta)
    for _ in range(2):
        value, g = both(params)
        losses.append(value)
        params = jax.tree.map(lambda p, d: p - 0.2 * d, params, g)
    return [*losses, *params]


def gauss_newton(np, jax):
    """Levenberg and Marquardt on a nest as a vector; Jacobians of both kinds, and of each point."""
    t = numpy.linspace(0, 2, 9)
    data = 2.0 * numpy.exp(-1.5 * t) + 0.3
    v, rebuild = jax.flatten({"a": numpy.ones(1), "rest": [numpy.array([1.0, 0.1])]})

    def model(v, t):
        p = rebuild(v)
        rate, shift = p["rest"][0]
        return p["a"][0] * np.exp(-rate * t) + shift

    def residuals(v):
        return jax.vmap(model, in_axes=(None, 0))(v, t) - data

    found = []
    for _ in range(2):
        J, r = jax.jacfwd(residuals)(v), residuals(v)
        found.append(np.sum(r**2))
        v = v - np.linalg.solve(J.T @ J + 0.001 * np.eye(3), J.T @ r)
    each = jax.vmap(jax.jacrev(model), in_axes=(None, 0))(v, t)
    return [*found, v, J, jax.jacrev(residuals)(v), each]


JAX = [
    *(mlp_of_a_dict, forward_over_reverse, fixed_point),
    *(private_gradients, kernels, learning_to_learn, gauss_newton),
]


# -- micrograd -----------------------------------------------------------------------------------


def moons_of_scalars(Value):
    """A network in which every number is a node: two moons, a hinge loss, a penalty."""
    angles = numpy.linspace(0, numpy.pi, 4)
    upper = numpy.stack([numpy.cos(angles), numpy.sin(angles)], 1)
    X = numpy.concatenate([upper, [1.0, 0.5] - upper])
    y = numpy.repeat([1, -1], 4)
    rng = numpy.random.default_rng(13)

    def neuron(n, linear=False):
        w, b = [Value(float(rng.uniform(-1, 1))) for _ in range(n)], Value(0.0)

        def call(x):
            act = sum((wi * xi for wi, xi in zip(w, x, strict=True)), b)
            return act if linear else act.relu()

        return call, [*w, b]

    hidden, out = [neuron(2) for _ in range(4)], neuron(4, linear=True)
    parameters = [p for _, held in [*hidden, out] for p in held]
    losses = []
    for k in range(STEPS):
        scores = [out[0]([f([float(v) for v in row]) for f, _ in hidden]) for row in X]
        margins = [(1 + -float(yi) * s).relu() for yi, s in zip(y, scores, strict=True)]
        loss = sum(margins) * (1.0 / len(margins)) + 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = 0
        loss.backward()
        for p in parameters:
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        losses.append(float(loss.data))
    return [*losses, *[float(p.data) for p in parameters]]


# -- homework with formulas: Andrew Ng's, CS231n's -----------------------------------------------
# Each returns pairs, of what is differentiated here and of the formula that the course derives.


def logistic_regression_with_penalty(np, ag):
    X, theta = start(14, (30, 3), (3,))
    X[:, 0] = 1.0
    y = (X[:, 1] + 0.3 * X[:, 2] > 0).astype(float)

    def cost(theta):
        h = 1 / (1 + np.exp(-X @ theta))
        return -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + 0.05 * np.sum(theta[1:] ** 2)

    h = 1 / (1 + numpy.exp(-X @ theta))
    formula = X.T @ (h - y) / 30 + 0.1 * numpy.array([0.0, *theta[1:]])
    found = minimize(cost, theta, jac=ag.grad(cost), method="BFGS")
    alone = minimize(cost, theta, method="BFGS")
    return [(ag.grad(cost)(theta), formula), (Loosely(found.x), alone.x)]


def network_of_digits(np, ag):
    """Backpropagation for one hidden layer, as the course has it."""
    X, t1, t2 = start(15, (12, 5), (4, 6), (3, 5))
    Y = numpy.eye(3)[labels(12, 3)]
    ones = numpy.ones((12, 1))

    def cost(t1, t2):
        a2 = 1 / (1 + np.exp(-np.concatenate([ones, X], axis=1) @ t1.T))
        a3 = 1 / (1 + np.exp(-np.concatenate([ones, a2], axis=1) @ t2.T))
        J = -np.sum(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)) / 12
        return J + 0.25 / 12 * (np.sum(t1[:, 1:] ** 2) + np.sum(t2[:, 1:] ** 2))

    a1 = numpy.concatenate([ones, X], axis=1)
    s2 = 1 / (1 + numpy.exp(-a1 @ t1.T))
    a2 = numpy.concatenate([ones, s2], axis=1)
    d3 = 1 / (1 + numpy.exp(-a2 @ t2.T)) - Y
    d2 = (d3 @ t2)[:, 1:] * s2 * (1 - s2)
    g1, g2 = d2.T @ a1 / 12, d3.T @ a2 / 12
    g1[:, 1:] += 0.5 / 12 * t1[:, 1:]
    g2[:, 1:] += 0.5 / 12 * t2[:, 1:]
    return list(zip(ag.grad(cost, (0, 1))(t1, t2), (g1, g2), strict=True))


def softmax_classifier(np, ag):
    X, W = start(16, (20, 6), (6, 4))
    y = labels(20, 4)

    def loss(W):
        scores = X @ W
        scores = scores - np.max(scores, axis=1, keepdims=True)
        p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(20), y])) + 0.1 * np.sum(W * W)

    p = numpy.exp(X @ W)
    p /= p.sum(axis=1, keepdims=True)
    p[numpy.arange(20), y] -= 1
    return [(ag.grad(loss)(W), X.T @ p / 20 + 0.2 * W)]


def batch_norm_and_layer_norm(np, ag):
    x, gamma, beta, dout = start(17, (7, 4), (4,), (4,), (7, 4))

    def norm(x, gamma, beta, axis):
        mean = np.mean(x, axis=axis, keepdims=True)
        out = (x - mean) / np.sqrt(np.var(x, axis=axis, keepdims=True) + 1e-5)
        return np.sum((gamma * out + beta) * dout)

    pairs = []
    for axis, n in ((0, 7), (1, 4)):
        sigma = numpy.sqrt(x.var(axis=axis, keepdims=True) + 1e-5)
        hat = (x - x.mean(axis=axis, keepdims=True)) / sigma
        dhat = dout * gamma
        along = [(s * m).sum(axis=axis, keepdims=True) for s, m in ((dhat, 1.0), (dhat, hat))]
        dx = (n * dhat - along[0] - hat * along[1]) / (n * sigma)
        g = ag.grad(norm, (0, 1, 2))(x, gamma, beta, axis)
        pairs += zip(g, (dx, (dout * hat).sum(0), dout.sum(0)), strict=True)
    return pairs


HOMEWORK = [
    *(logistic_regression_with_penalty, network_of_digits, softmax_classifier),
    batch_norm_and_layer_norm,
]
