"""Programs that need autograd.scipy, in our own words: densities, special functions, an ODE.

Each takes its NumPy, its SciPy and `grad`, and returns what is to be the same for both libraries.
`numpy` is NumPy itself, for the numbers to start from.
"""

import numpy

from tests.programs.numpys import Loosely

STEPS = 12


def descent(value_and_grad, loss, params, rate, steps=STEPS):
    """Go down along the gradient; return the losses and where it ends."""
    both, losses = value_and_grad(loss), []
    for _ in range(steps):
        value, g = both(params)
        losses.append(value)
        params = params - rate * g
    return [*losses, params]


def gaussian_mixture(np, scipy, ag):
    """Three Gaussians in the plane, all of their parameters in one vector."""
    rng = numpy.random.default_rng(0)
    centers = numpy.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    data = numpy.concatenate([c + 0.5 * rng.normal(size=(12, 2)) for c in centers])
    start = numpy.concatenate([numpy.zeros(3), rng.normal(size=6), numpy.tile([1.0, 0.1, 0.9], 3)])

    def unpacked(p):
        weights = p[:3] - scipy.special.logsumexp(p[:3])
        return weights, np.reshape(p[3:9], (3, 2)), np.reshape(p[9:], (3, 3))

    def loss(p):
        weights, means, roots = unpacked(p)
        logs = []
        for k in range(3):
            a, b, c = roots[k, 0], roots[k, 1], roots[k, 2]
            cov = (
                np.array([[a * a, a * b], [a * b, b * b + c * c]])
                if ag.joins
                else np.stack([np.stack([a * a, a * b]), np.stack([a * b, b * b + c * c])])
            )
            logs.append(weights[k] + scipy.stats.multivariate_normal.logpdf(data, means[k], cov))
        return -np.sum(scipy.special.logsumexp(np.vstack(logs), axis=0)) / len(data)

    return descent(ag.value_and_grad, loss, start, 0.1, steps=6)


def bayesian_neural_net(np, scipy, ag):
    """The log-probability of a small net's weights and data, with normal priors."""
    rng = numpy.random.default_rng(1)
    x = numpy.linspace(-2.0, 2.0, 15)[:, None]
    y = numpy.cos(x[:, 0]) + 0.1 * rng.normal(size=15)
    norm = scipy.stats.norm

    def loss(w):
        hidden = np.tanh(np.dot(x, np.reshape(w[:6], (1, 6))) + w[6:12])
        out = np.dot(hidden, w[12:18]) + w[18]
        prior = np.sum(norm.logpdf(w, 0.0, 2.0))
        return -(prior + np.sum(norm.logpdf(y, out, 0.2))) / len(y)

    return descent(ag.value_and_grad, loss, 0.5 * rng.normal(size=19), 0.01)


def black_box_variational_inference(np, scipy, ag):
    """A normal is fitted to a posterior like a funnel, by samples that are moved and scaled."""
    rng = numpy.random.default_rng(2)
    noise = rng.normal(size=(STEPS, 40, 2))
    norm = scipy.stats.norm

    def log_posterior(x):
        mu, log_sigma = x[:, 0], x[:, 1]
        return norm.logpdf(log_sigma, 0.0, 1.35) + norm.logpdf(mu, 0.0, np.exp(log_sigma))

    params, bounds = numpy.array([-1.0, -1.0, -2.0, -2.0]), []
    for step in range(STEPS):

        def loss(p, step=step):
            samples = noise[step] * np.exp(p[2:]) + p[:2]
            entropy = np.log(2.0 * np.pi) + 1.0 + np.sum(p[2:])
            return -(entropy + np.mean(log_posterior(samples)))

        value, g = ag.value_and_grad(loss)(params)
        bounds.append(value)
        params = params - 0.1 * g
    return [*bounds, params]


def gaussian_process(np, scipy, ag):
    """The marginal likelihood of a Gaussian process, by its length, its height and its noise."""
    rng = numpy.random.default_rng(3)
    x = numpy.linspace(0.0, 4.0, 9)
    y = numpy.sin(2.0 * x) + 0.1 * rng.normal(size=9)
    distances = (x[:, None] - x[None]) ** 2

    def covariance(p):
        kernel = np.exp(p[0]) * np.exp(-0.5 * distances * np.exp(-2.0 * p[1]))
        return kernel + np.exp(p[2]) * numpy.eye(9)

    def loss(p):
        mean = p[3] * numpy.ones(9)
        return -scipy.stats.multivariate_normal.logpdf(y, mean, covariance(p)) / 9

    def by_triangles(p):
        root = np.linalg.cholesky(covariance(p))
        white = scipy.linalg.solve_triangular(root, y - p[3], lower=True)
        logs = np.sum(np.log(np.diag(root)))
        return (0.5 * np.sum(white**2) + logs + 4.5 * np.log(2.0 * np.pi)) / 9

    start = numpy.array([0.1, -0.2, -2.0, 0.05])
    return [
        *descent(ag.value_and_grad, loss, start, 0.2),
        *descent(ag.value_and_grad, by_triangles, start, 0.2),
    ]


def ode_fit(np, scipy, ag):
    """The matrix of a spiral is found from points on it."""
    truth = numpy.array([[-0.1, 2.0], [-2.0, -0.1]])
    t, y0 = numpy.linspace(0.0, 1.0, 4), numpy.array([2.0, 0.0])

    def field(y, t, a):
        return np.dot(np.reshape(a, (2, 2)), y)

    target = scipy.integrate.odeint(field, y0, t, (truth.ravel(),))

    def loss(a):
        return np.mean((scipy.integrate.odeint(field, y0, t, ag.tuple((a,))) - target) ** 2)

    start = numpy.array([-0.2, 1.5, -1.6, 0.1])
    return [Loosely(x) for x in descent(ag.value_and_grad, loss, start, 0.2, steps=4)]


def negative_binomial(np, scipy, ag):
    """The number of failures and the chance of counts, with Newton's steps."""
    counts = numpy.array([0, 1, 1, 2, 3, 3, 4, 6, 8, 2, 0, 5])
    gammaln, expit = scipy.special.gammaln, scipy.special.expit

    def loss(p):
        r, chance = np.exp(p[0]), expit(p[1])
        logs = gammaln(counts + r) - gammaln(r) - gammaln(counts + 1.0)
        logs = logs + counts * np.log(chance) + r * np.log(1.0 - chance)
        return -np.mean(logs)

    p, losses = numpy.array([0.5, 0.2]), []
    for _ in range(6):
        losses.append(loss(p))
        p = p - numpy.linalg.solve(ag.hessian(loss)(p), ag.grad(loss)(p))
    return [*losses, p, ag.grad(loss)(p)]


def many_densities(np, scipy, ag):
    """Counts, chances, times and shares, each with a density of its own."""
    rng = numpy.random.default_rng(4)
    counts, chances = rng.poisson(3.0, 9), rng.beta(2.0, 3.0, 9)
    times, heavy = rng.gamma(2.0, 1.5, 9), rng.standard_t(3.0, 9)
    shares = rng.dirichlet([1.0, 2.0, 3.0])
    stats = scipy.stats

    def loss(p):
        q = np.exp(p)
        return -(
            np.sum(stats.poisson.logpmf(counts, q[0]))
            + np.sum(stats.beta.logpdf(chances, q[1], q[2]))
            + np.sum(stats.gamma.logpdf(times, q[3]))
            + np.sum(stats.t.logpdf(heavy, q[4], 0.1, q[5]))
            + stats.dirichlet.logpdf(shares, q[6:9])
        )

    return descent(ag.value_and_grad, loss, 0.1 * rng.normal(size=9), 0.002)


def deconvolution(np, scipy, ag):
    """A kernel is found from a signal and what it made of it."""
    rng = numpy.random.default_rng(5)
    signal, kernel = rng.normal(size=20), numpy.array([0.2, 0.5, -0.3])
    seen = numpy.convolve(signal, kernel, "valid")

    def loss(k):
        return np.mean((scipy.signal.convolve(signal, k, mode="valid") - seen) ** 2)

    return descent(ag.value_and_grad, loss, numpy.zeros(3), 0.2)


PROGRAMS = [
    gaussian_mixture, bayesian_neural_net, black_box_variational_inference, gaussian_process,
    ode_fit, negative_binomial, many_densities, deconvolution,
]  # fmt: skip
