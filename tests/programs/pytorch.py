"""Programs as PyTorch's courses write them, in our own words: makemore, nanoGPT, d2l, CS231n.

Each takes PyTorch's modules and runs with ours in their place, as a program does whose imports are
changed. It starts from numbers of NumPy's and returns what is to be the same: its losses and
gradients.
"""

import math

import numpy as np

STEPS = 20


def start(seed, *shapes, scale=1.0):
    rng = np.random.default_rng(seed)
    return [scale * rng.normal(size=shape) for shape in shapes]


def leaves(torch, *arrays):
    return [torch.tensor(a, requires_grad=True) for a in arrays]


def words(context=3):
    """Return contexts of letters, and the letter that follows each, of a few names."""
    xs, ys = [], []
    for name in ("emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "ella"):
        held = [0] * context
        for letter in [ord(c) - 96 for c in name] + [0]:
            xs.append(held)
            ys.append(letter)
            held = [*held[1:], letter]
    return np.array(xs), np.array(ys)


# -- makemore ------------------------------------------------------------------------------------


def bigram_counts(torch, F, nn):
    """Count pairs of letters, and score the names."""
    xs, ys = (torch.tensor(a) for a in words(1))
    N = torch.zeros((27, 27), dtype=torch.int64)
    for x, y in zip(xs[:, 0], ys):  # noqa: B905
        N[x, y] += 1
    P = (N + 1).double()
    P /= P.sum(1, keepdim=True)
    nll = -torch.log(P[xs[:, 0], ys]).mean()
    drawn = torch.multinomial(P[0], num_samples=5, replacement=True)
    assert 0 <= drawn.min().item() <= drawn.max().item() < 27
    return [P, nll.item()]


def bigram_network(torch, F, nn):
    """Learn the same by gradient descent on one layer."""
    xs, ys = (torch.tensor(a) for a in words(1))
    (W,) = leaves(torch, *start(0, (27, 27)))
    losses = []
    for _ in range(STEPS):
        xenc = torch.eye(27)[xs[:, 0]]
        logits = xenc @ W
        counts = logits.exp()
        probs = counts / counts.sum(1, keepdims=True)
        num = xs.nelement()
        loss = -probs[torch.arange(num), ys].log().mean() + 0.01 * (W**2).mean()
        W.grad = None
        loss.backward()
        W.data += -10 * W.grad
        losses.append(loss.item())
    return [*losses, W.grad, W]


def mlp(torch, F, nn):
    """Embed three letters, one hidden layer, in small batches."""
    X, Y = (torch.tensor(a) for a in words())
    parameters = leaves(torch, *start(1, (27, 2), (6, 20), (20,), (20, 27), (27,), scale=0.5))
    C, W1, b1, W2, b2 = parameters
    assert sum(p.nelement() for p in parameters) == 761
    batches = np.random.default_rng(2).integers(0, X.shape[0], (STEPS, 16))
    losses = []
    for i, ix in enumerate(torch.tensor(batches)):
        emb = C[X[ix]]
        h = torch.tanh(emb.view(-1, 6) @ W1 + b1)
        logits = h @ W2 + b2
        loss = F.cross_entropy(logits, Y[ix])
        for p in parameters:
            p.grad = None
        loss.backward()
        lr = 0.1 if i < 15 else 0.01
        for p in parameters:
            p.data += -lr * p.grad
        losses.append(loss.log10().item())
    h = torch.tanh(torch.cat(torch.unbind(C[X], 1), 1) @ W1 + b1)
    saturated = (h.abs() > 0.97).float().mean().item()
    return [*losses, round(saturated, 6), *[p.grad for p in parameters]]


def batch_norm_by_hand(torch, F, nn):
    """Normalize a hidden layer, with running statistics beside."""
    X, Y = (torch.tensor(a) for a in words())
    C, W1, W2, b2 = leaves(torch, *start(3, (27, 4), (12, 16), (16, 27), (27,), scale=0.3))
    bngain = torch.ones((1, 16)).requires_grad_()
    bnbias = torch.zeros((1, 16)).requires_grad_()
    bnmean_running, bnstd_running = torch.zeros((1, 16)), torch.ones((1, 16))
    parameters = [C, W1, W2, b2, bngain, bnbias]
    losses = []
    for _ in range(STEPS):
        hpreact = C[X].view(X.shape[0], -1) @ W1
        bnmeani = hpreact.mean(0, keepdim=True)
        bnstdi = torch.std(hpreact, 0, keepdim=True)
        hpreact = bngain * (hpreact - bnmeani) / bnstdi + bnbias
        with torch.no_grad():
            bnmean_running = 0.999 * bnmean_running + 0.001 * bnmeani
            bnstd_running = 0.999 * bnstd_running + 0.001 * bnstdi
        logits = torch.tanh(hpreact) @ W2 + b2
        loss = F.cross_entropy(logits, Y)
        for p in parameters:
            p.grad = None
        loss.backward()
        for p in parameters:
            p.data += -0.1 * p.grad
        losses.append(loss.item())
    return [*losses, bnmean_running, bnstd_running, *[p.grad for p in parameters]]


def backward_by_hand(torch, F, nn):
    """Write every gradient of that network by hand, and compare."""
    X, Y = (torch.tensor(a[:12]) for a in words())
    n = 12
    C, W1, W2, g, b = leaves(torch, *start(4, (27, 4), (12, 8), (8, 27), (1, 8), (1, 8), scale=0.4))
    emb = C[X]
    embcat = emb.view(n, -1)
    hprebn = embcat @ W1
    bnmeani = 1 / n * hprebn.sum(0, keepdim=True)
    bndiff = hprebn - bnmeani
    bndiff2 = bndiff**2
    bnvar = 1 / (n - 1) * bndiff2.sum(0, keepdim=True)
    bnvar_inv = (bnvar + 1e-5) ** -0.5
    bnraw = bndiff * bnvar_inv
    hpreact = g * bnraw + b
    h = torch.tanh(hpreact)
    logits = h @ W2
    logit_maxes = torch.max(logits, 1, keepdim=True).values
    counts = (logits - logit_maxes).exp()
    probs = counts * counts.sum(1, keepdims=True) ** -1
    loss = -probs.log()[range(n), Y].mean()
    kept = [embcat, hprebn, bnraw, hpreact, h, logits]
    for t in kept:
        t.retain_grad()
    loss.backward()
    dlogits = F.softmax(logits, 1)
    with torch.no_grad():
        dlogits = dlogits - torch.eye(27)[Y]
        dlogits /= n
        dh = dlogits @ W2.T
        dhpreact = (1.0 - h**2) * dh
        dbnraw = g * dhpreact
        spread = dbnraw.sum(0) + n / (n - 1) * bnraw * (dbnraw * bnraw).sum(0)
        dhprebn = bnvar_inv / n * (n * dbnraw - spread)
        dembcat = dhprebn @ W1.T
        dC = torch.zeros_like(C)
        for k in range(n):
            for j in range(3):
                dC[X[k, j]] += dembcat.view(n, 3, 4)[k, j]
        by_hand = [dembcat, dhprebn, dbnraw, dhpreact, dh, dlogits]
    for t, hand in zip(kept, by_hand):  # noqa: B905
        assert torch.allclose(torch.tensor(t.grad), hand, atol=1e-9)
    assert torch.allclose(torch.tensor(C.grad), dC, atol=1e-9)
    return [loss.item(), *by_hand, C.grad, W1.grad, W2.grad, g.grad, b.grad]


def wavenet(torch, F, nn):
    """Join letters two by two, with layers of one's own that hold their parameters."""

    class Linear:
        def __init__(self, fan_in, fan_out, seed):
            (w,) = start(seed, (fan_in, fan_out))
            self.weight = torch.tensor(w / fan_in**0.5)

        def __call__(self, x):
            self.out = x @ self.weight
            return self.out

        def parameters(self):
            return [self.weight]

    class BatchNorm1d:
        def __init__(self, dim, eps=1e-5, momentum=0.1):
            self.eps, self.momentum, self.training = eps, momentum, True
            self.gamma, self.beta = torch.ones(dim), torch.zeros(dim)
            self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

        def __call__(self, x):
            if self.training:
                dim = 0 if x.ndim == 2 else (0, 1)
                xmean = x.mean(dim, keepdim=True)
                xvar = torch.var(x, dim, keepdim=True)
            else:
                xmean, xvar = self.running_mean, self.running_var
            xhat = (x - xmean) / torch.sqrt(xvar + self.eps)
            if self.training:
                with torch.no_grad():
                    m = self.momentum
                    self.running_mean = (1 - m) * self.running_mean + m * xmean
                    self.running_var = (1 - m) * self.running_var + m * xvar
            return self.gamma * xhat + self.beta

        def parameters(self):
            return [self.gamma, self.beta]

    class FlattenConsecutive:
        def __init__(self, n):
            self.n = n

        def __call__(self, x):
            B, T, C = x.shape
            x = x.view(B, T // self.n, C * self.n)
            return x.squeeze(1) if x.shape[1] == 1 else x

        def parameters(self):
            return []

    class Tanh(FlattenConsecutive):
        def __call__(self, x):
            return torch.tanh(x)

    X, Y = (torch.tensor(a) for a in words(4))
    (C,) = (torch.tensor(a) for a in start(7, (27, 3)))
    layers = [
        *(FlattenConsecutive(2), Linear(6, 8, 5), BatchNorm1d(8), Tanh(0)),
        *(FlattenConsecutive(2), Linear(16, 8, 6), BatchNorm1d(8), Tanh(0), Linear(8, 27, 7)),
    ]
    with torch.no_grad():
        layers[-1].weight *= 0.1
    parameters = [C, *[p for layer in layers for p in layer.parameters()]]
    for p in parameters:
        p.requires_grad = True
    losses, ratios = [], []
    for _ in range(STEPS):
        x = C[X]
        for layer in layers:
            x = layer(x)
        loss = F.cross_entropy(x, Y)
        for p in parameters:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= 0.1 * p.grad
            ratios.append((0.1 * torch.tensor(C.grad).std() / C.std()).log10().item())
        losses.append(loss.item())
    for layer in layers:
        layer.training = False
    x = C[X]
    for layer in layers:
        x = layer(x)
    return [*losses, x.max().item(), *[p.grad for p in parameters]]


# -- a small GPT --------------------------------------------------------------------------------


def gpt(torch, F, nn):
    """Two blocks of causal attention over letters, as nanoGPT computes them; AdamW."""
    n_embd, n_head, block, vocab = 8, 2, 6, 12
    shapes = {"wte": (vocab, n_embd), "wpe": (block, n_embd), "head": (vocab, n_embd)}
    for i in range(2):
        shapes |= {
            f"{i}.attn": (3 * n_embd, n_embd),
            f"{i}.proj": (n_embd, n_embd),
            f"{i}.fc": (4 * n_embd, n_embd),
            f"{i}.out": (n_embd, 4 * n_embd),
        }
    values = start(8, *shapes.values(), scale=0.3)
    w = {k: nn.Parameter(torch.tensor(v)) for k, v in zip(shapes, values)}  # noqa: B905
    gains = [nn.Parameter(torch.ones(n_embd)) for _ in range(5)]
    bias = torch.tril(torch.ones(block, block)).view(1, 1, block, block)

    def attention(x, i):
        B, T, C = x.size()
        q, k, v = F.linear(x, w[f"{i}.attn"]).split(n_embd, dim=2)
        k = k.view(B, T, n_head, C // n_head).transpose(1, 2)
        q = q.view(B, T, n_head, C // n_head).transpose(1, 2)
        v = v.view(B, T, n_head, C // n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(bias[:, :, :T, :T] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        return F.linear(y, w[f"{i}.proj"])

    def model(idx, targets=None):
        _, t = idx.size()
        pos = torch.arange(0, t, dtype=torch.long, device=idx.device)
        x = w["wte"][idx] + w["wpe"][pos]
        for i in range(2):
            x = x + attention(F.layer_norm(x, (n_embd,), gains[2 * i]), i)
            h = F.linear(F.layer_norm(x, (n_embd,), gains[2 * i + 1]), w[f"{i}.fc"])
            x = x + F.linear(F.gelu(h), w[f"{i}.out"])
        logits = F.linear(F.layer_norm(x, (n_embd,), gains[4]), w["head"])
        if targets is None:
            return logits, None
        flat = logits.view(-1, logits.size(-1))
        return logits, F.cross_entropy(flat, targets.view(-1), ignore_index=-1)

    parameters = [*w.values(), *gains]
    decay = [p for p in parameters if p.dim() >= 2]
    rest = [p for p in parameters if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
        lr=1e-2,
        betas=(0.9, 0.95),
    )
    text = np.random.default_rng(9).integers(0, vocab, (4, block + 1))
    x, y = torch.tensor(text[:, :-1]), torch.tensor(text[:, 1:])
    losses = []
    for _ in range(STEPS):
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():  # greedy
        idx = x[:1, :2]
        for _ in range(6):
            idx_cond = idx if idx.size(1) <= block else idx[:, -block:]
            logits, _ = model(idx_cond)
            logits = logits[:, -1, :] / 0.8
            v, _ = torch.topk(logits, min(3, logits.size(-1)))
            logits[logits < v[:, [-1]]] = -float("Inf")
            probs = F.softmax(logits, dim=-1)
            idx = torch.cat((idx, probs.argmax(dim=-1, keepdim=True)), dim=1)
    return [*losses, idx, *[p.grad for p in parameters]]


# -- d2l ----------------------------------------------------------------------------------------


def linear_regression(torch, F, nn):
    """Synthetic data, squared loss, minibatch SGD: all from scratch."""
    X, noise = (torch.tensor(a) for a in start(10, (100, 2), (100, 1)))
    y = torch.matmul(X, torch.tensor([2.0, -3.4]).reshape((-1, 1))) + 4.2 + 0.01 * noise
    w, b = leaves(torch, np.full((2, 1), 0.01), np.zeros(1))
    losses = []
    for i in range(STEPS):
        rows = slice(i % 10 * 10, i % 10 * 10 + 10)
        loss = ((torch.matmul(X[rows], w) + b - y[rows]) ** 2 / 2).mean()
        loss.backward()
        with torch.no_grad():
            for param in (w, b):
                param -= 0.1 * param.grad
                param.grad.zero_()
        losses.append(loss.item())
    return [*losses, w, b]


def softmax_regression(torch, F, nn):
    X, W = start(11, (30, 8), (8, 3))
    y = torch.tensor(np.arange(30) % 3)
    X = torch.tensor(X)
    W, b = leaves(torch, 0.01 * W, np.zeros(3))

    def softmax(X):
        X_exp = torch.exp(X)
        return X_exp / X_exp.sum(1, keepdims=True)

    losses = []
    for _ in range(STEPS):
        y_hat = softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)
        loss = -torch.log(y_hat[list(range(len(y_hat))), y]).mean()
        loss.backward()
        with torch.no_grad():
            for p in (W, b):
                p -= 0.5 * p.grad
                p.grad.zero_()
        losses.append(loss.item())
    correct = (y_hat.argmax(axis=1).type(y.dtype) == y).type(torch.float32).mean()
    return [*losses, round(correct.item(), 6), W, b]


def mlp_with_weight_decay_and_dropout(torch, F, nn):
    """A hidden layer of ReLUs from scratch, an L2 penalty, masks of dropout."""
    X, W1, W2 = start(12, (20, 6), (6, 16), (16, 3))
    y = torch.tensor(np.arange(20) % 3)
    X = torch.tensor(X)
    W1, b1, W2, b2 = params = leaves(torch, 0.3 * W1, np.zeros(16), 0.3 * W2, np.zeros(3))
    masks = torch.tensor(np.random.default_rng(13).random((STEPS, 20, 16)))

    def relu(X):
        return torch.max(X, torch.zeros_like(X))

    losses = []
    for i in range(STEPS):
        H = relu(X @ W1 + b1)
        mask = (masks[i] > 0.5).double()
        H = mask * H / (1.0 - 0.5)
        penalty = sum((w**2).sum() / 2 for w in (W1, W2))
        loss = F.cross_entropy(H @ W2 + b2, y, reduction="none").mean() + 3e-3 * penalty
        loss.sum().backward()
        with torch.no_grad():
            for p in params:
                p.sub_(0.1 * p.grad)
                p.grad.zero_()
        losses.append(float(loss.detach()))
    return [*losses, *params]


def learn_a_kernel(torch, F, nn):
    """Cross-correlation from scratch: find the kernel that detects edges."""

    def corr2d(X, K):
        h, w = K.shape
        rows = []
        for i in range(X.shape[0] - h + 1):
            row = [(X[i : i + h, j : j + w] * K).sum() for j in range(X.shape[1] - w + 1)]
            rows.append(torch.stack(row))
        return torch.stack(rows)

    X = torch.ones((4, 6))
    X[:, 2:4] = 0
    Y = corr2d(X, torch.tensor([[1.0, -1.0]]))
    (K,) = leaves(torch, *start(14, (1, 2)))
    losses = []
    for _ in range(STEPS):
        loss = (corr2d(X, K) - Y) ** 2
        K.zero_grad() if hasattr(K, "zero_grad") else setattr(K, "grad", None)
        loss.sum().backward()
        K.data[:] -= 3e-2 * K.grad
        losses.append(loss.sum().item())
    return [*losses, K]


def lenet_with_batch_norm(torch, F, nn):
    """Convolution, batch norm from scratch in training, pooling, a dense layer."""
    k, d, x = start(15, (4, 1, 3, 3), (3, 16), (6, 1, 6, 6))
    kernel, dense = leaves(torch, 0.5 * k, 0.5 * d)
    gamma, beta = leaves(torch, np.ones((1, 4, 1, 1)), np.zeros((1, 4, 1, 1)))
    X, y = torch.tensor(x), torch.tensor(np.arange(6) % 3)
    optimizer = torch.optim.SGD([kernel, dense, gamma, beta], lr=0.2, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        Z = F.conv2d(X, kernel)
        mean = Z.mean(dim=(0, 2, 3), keepdim=True)
        var = ((Z - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        Z = gamma * (Z - mean) / torch.sqrt(var + 1e-5) + beta
        Z = F.avg_pool2d(torch.sigmoid(Z), 2).flatten(start_dim=1)
        loss = F.cross_entropy(F.linear(Z, dense), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [*losses, kernel.grad, dense.grad, gamma.grad, beta.grad]


def rnn_from_scratch(torch, F, nn):
    """A recurrent network over one-hot letters, its gradients clipped by their norm."""
    vocab, hidden = 5, 8
    values = start(16, (vocab, hidden), (hidden, hidden), (hidden, vocab), scale=0.5)
    W_xh, W_hh, W_hq, b_h, b_q = params = leaves(torch, *values, np.zeros(hidden), np.zeros(vocab))
    text = torch.tensor(np.random.default_rng(17).integers(0, vocab, (3, 7)))
    losses = []
    for _ in range(STEPS):
        H = torch.zeros((3, hidden))
        outputs = []
        for X in torch.eye(vocab)[text[:, :-1].T]:
            H = torch.tanh(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)
            outputs.append(torch.mm(H, W_hq) + b_q)
        loss = F.cross_entropy(torch.cat(outputs, dim=0), text[:, 1:].T.reshape(-1))
        loss.backward()
        norm = math.sqrt(sum((p.grad**2).sum() for p in params))
        with torch.no_grad():
            for p in params:
                if norm > 0.5:
                    p.grad[:] *= 0.5 / norm
                p -= 1.0 * p.grad
                p.grad.zero_()
        losses.append(loss.item())
    return [*losses, *params]


def kernel_regression(torch, F, nn):
    """Nadaraya and Watson's attention over points, with a width that is learned."""
    x_train = torch.tensor(np.sort(np.random.default_rng(18).random(20)) * 5)
    y_train = 2 * torch.sin(x_train) + x_train**0.8
    keys = x_train.repeat_interleave(20).reshape((20, 20)).T
    (w,) = leaves(torch, np.array([0.7]))
    optimizer = torch.optim.SGD([w], lr=0.5)
    losses = []
    for _ in range(STEPS):
        queries = x_train.reshape((-1, 1)).expand(-1, 20)
        weights = torch.softmax(-(((queries - keys) * w) ** 2) / 2, dim=1)
        y_hat = torch.bmm(weights.unsqueeze(1), y_train.expand(20, -1).unsqueeze(-1)).reshape(-1)
        loss = ((y_hat - y_train) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [*losses, w, weights]


def masked_attention(torch, F, nn):
    """Scaled dot products over sequences of different lengths, in heads; places as sines."""
    q, wq, wk, wv = start(19, (2, 5, 8), (8, 8), (8, 8), (8, 8), scale=0.7)
    valid = torch.tensor([3, 5])
    X = torch.tensor(q)
    P = torch.zeros((1, 10, 8))
    places = torch.arange(10, dtype=torch.float64).reshape(-1, 1)
    places = places / torch.pow(10000, torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    P[:, :, 0::2], P[:, :, 1::2] = torch.sin(places), torch.cos(places)
    X = X + P[:, : X.shape[1], :]
    Wq, Wk, Wv = params = leaves(torch, wq, wk, wv)

    def heads(x):
        x = x.reshape(x.shape[0], x.shape[1], 2, -1).permute(0, 2, 1, 3)
        return x.reshape(-1, x.shape[2], x.shape[3])

    mask = torch.arange(5)[None, :] < valid.repeat_interleave(2)[:, None]
    losses = []
    for _ in range(STEPS):
        Q, K, V = heads(X @ Wq), heads(X @ Wk), heads(X @ Wv)
        scores = torch.bmm(Q, K.transpose(1, 2)) / math.sqrt(Q.shape[-1])
        weights = F.softmax(scores.masked_fill(~mask[:, None, :], -1e6), dim=-1)
        out = torch.bmm(weights, V).reshape(2, 2, 5, 4).permute(0, 2, 1, 3).reshape(2, 5, -1)
        loss = (out - X).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p.add_(p.grad, alpha=-0.3)
                p.grad.zero_()
        losses.append(loss.item())
    return [*losses, weights.sum(-1), *params]


def optimizers_from_scratch(torch, F, nn):
    """Momentum, RMSProp and Adam by hand, on one ill-conditioned bowl."""
    results = []
    for kind in ("momentum", "rmsprop", "adam"):
        (x,) = leaves(torch, np.array([-5.0, -2.0]))
        v, s = torch.zeros(2), torch.zeros(2)
        for t in range(1, STEPS + 1):
            loss = 0.1 * x[0] ** 2 + 2 * x[1] ** 2
            loss.backward()
            with torch.no_grad():
                g = torch.tensor(x.grad) if kind == "momentum" else torch.as_tensor(x.grad).clone()
                if kind == "momentum":
                    v[:] = 0.5 * v + g
                    x[:] -= 0.2 * v
                elif kind == "rmsprop":
                    s[:] = 0.9 * s + 0.1 * torch.square(g)
                    x[:] -= 0.4 * g / torch.sqrt(s + 1e-6)
                else:
                    v[:] = 0.9 * v + 0.1 * g
                    s[:] = 0.999 * s + 0.001 * torch.square(g)
                    hat = s / (1 - 0.999**t)
                    x[:] -= 0.3 * (v / (1 - 0.9**t)) / (torch.sqrt(hat) + 1e-6)
            x.grad.data.zero_()
            results.append(loss.item())
        results.append(x)
    return results


# -- CS231n -------------------------------------------------------------------------------------


def svm_loss(torch, F, nn):
    """The multiclass hinge loss on whole arrays, and its gradient descent."""
    X, W = start(20, (25, 10), (10, 4))
    X, y = torch.tensor(X), torch.tensor(np.arange(25) % 4)
    (W,) = leaves(torch, 0.1 * W)
    losses = []
    for _ in range(STEPS):
        scores = X.mm(W)
        correct = scores.gather(1, y.view(-1, 1))
        margins = (scores - correct + 1.0).clamp(min=0)
        margins = margins.scatter(1, y.view(-1, 1), 0.0)
        loss = margins.sum() / X.shape[0] + 1e-2 * (W * W).sum()
        loss.backward()
        with torch.no_grad():
            W -= 0.05 * W.grad
            W.grad.zero_()
        losses.append(loss.item())
    return [*losses, W]


def two_layer_net(torch, F, nn):
    """PyTorch as NumPy: view, mm, clamp, and every loop by hand."""
    x, w1, w2 = start(21, (8, 3, 2, 2), (12, 10), (10, 5))
    x, y = torch.tensor(x), torch.tensor(np.arange(8) % 5)
    w1, w2 = leaves(torch, w1 * np.sqrt(2 / 12), w2 * np.sqrt(2 / 10))
    losses = []
    for _ in range(STEPS):
        flat = x.view(x.shape[0], -1)
        scores = F.relu(flat.mm(w1)).mm(w2)
        loss = F.cross_entropy(scores, y)
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w -= 0.1 * w.grad
                w.grad.zero_()
        losses.append(loss.item())
    _, preds = torch.max(scores, 1)
    return [*losses, (preds == y).sum().item(), w1, w2]


def three_layer_convnet(torch, F, nn):
    """Modules of nn in a class, Nesterov's momentum."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
            self.conv2 = nn.Conv2d(4, 3, 3, padding=1)
            self.fc = nn.Linear(3 * 16, 4)

        def forward(self, x):
            x = F.relu(self.conv1(x))
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            return self.fc(x.flatten(1))

    model = Net()
    rng = np.random.default_rng(22)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(0.2 * rng.normal(size=tuple(p.shape))))
    x, y = torch.tensor(rng.normal(size=(5, 2, 8, 8))), torch.tensor(np.arange(5) % 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=5e-2, momentum=0.9, nesterov=True)
    losses = []
    model.train()
    for _ in range(STEPS):
        x = x.to(device="cpu", dtype=torch.float64)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return [*losses, model(x).max(), *[p.grad for p in model.parameters()]]


def saliency(torch, F, nn):
    """Which pixels a score depends on, and an image that fools the network."""
    w, x = start(23, (3 * 16, 5), (4, 3, 4, 4))
    W, y = torch.tensor(w), torch.tensor([0, 3, 2, 1])
    (X,) = leaves(torch, x)
    scores = X.flatten(1).tanh().mm(W)
    correct = scores.gather(1, y.view(-1, 1)).squeeze()
    correct.sum().backward()
    maps = torch.max(torch.tensor(X.grad).abs(), 1)[0]
    X_fooling = X[:1].clone().detach().requires_grad_()
    steps = []
    for _ in range(STEPS):
        score = X_fooling.flatten(1).tanh().mm(W)[0]
        steps.append(score[4].item())
        if score.argmax().item() == 4:
            break
        score[4].backward()
        g = X_fooling.grad
        X_fooling.data += 1.0 * g / g.norm()
        X_fooling.grad.zero_()
    return [maps, *steps, X_fooling]


def gan_losses(torch, F, nn):
    """The two losses of a GAN, each of which trains its own half."""
    z, x, g, d = start(24, (12, 3), (12, 4), (3, 4), (4, 1))
    z, real = torch.tensor(z), torch.tensor(x)
    G, D = leaves(torch, g, d)
    losses = []
    for _ in range(STEPS):
        fake = (z @ G).tanh()
        real_logits, fake_logits = real @ D, fake.detach() @ D
        ones, zeros = torch.ones_like(real_logits), torch.zeros_like(real_logits)
        d_loss = F.binary_cross_entropy_with_logits(real_logits, ones)
        d_loss = d_loss + F.binary_cross_entropy_with_logits(fake_logits, zeros)
        d_loss.backward()
        with torch.no_grad():
            D -= 0.1 * D.grad
        D.grad = None
        g_loss = F.binary_cross_entropy_with_logits(fake @ D, ones)
        g_loss.backward()
        with torch.no_grad():
            G -= 0.1 * G.grad
        D.grad = G.grad = None
        losses += [d_loss.item(), g_loss.item()]
    return [*losses, G, D]


# -- PyTorch's own tutorials -------------------------------------------------------------------


def polynomial(torch, F, nn):
    """Fit a cubic to a sine by four numbers."""
    x = torch.linspace(-math.pi, math.pi, 200, dtype=torch.float64)
    y = torch.sin(x)
    a, b, c, d = params = leaves(torch, *(np.array(v) for v in (0.1, -0.2, 0.3, 0.05)))
    losses = []
    for _ in range(STEPS):
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= 1e-6 * p.grad
                p.grad = None
        losses.append(loss.item())
    return [*losses, *params]


def variational_autoencoder(torch, F, nn):
    """Encode, draw by the reparametrization, decode; Adam."""
    x, e1, mu, lv, d1, eps = start(25, (10, 6), (6, 8), (8, 2), (8, 2), (2, 6), (STEPS, 10, 2))
    X = torch.sigmoid(torch.tensor(x))
    params = leaves(torch, *(0.3 * a for a in (e1, mu, lv, d1)))
    E, M, L, D = params
    optimizer = torch.optim.Adam(params, lr=1e-2)
    losses = []
    for noise in torch.tensor(eps):
        h = F.relu(X @ E)
        mean, logvar = h @ M, h @ L
        z = mean + torch.exp(0.5 * logvar) * noise
        bce = F.binary_cross_entropy(torch.sigmoid(z @ D), X, reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss = bce + kld
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / len(X))
    return [*losses, *[p.grad for p in params]]


PROGRAMS = [
    *(bigram_counts, bigram_network, mlp, batch_norm_by_hand, backward_by_hand, wavenet, gpt),
    *(linear_regression, softmax_regression, mlp_with_weight_decay_and_dropout, learn_a_kernel),
    *(lenet_with_batch_norm, rnn_from_scratch, kernel_regression, masked_attention),
    *(optimizers_from_scratch, svm_loss, two_layer_net, three_layer_convnet, saliency),
    *(gan_losses, polynomial, variational_autoencoder),
]
