"""The rows' small GPT and its training step in JAX, as one writes it there: a function of a dict.

It has the parameters of ours under the same names, and exact GELU, causal attention, Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HEADS, BLOCKS = 4, 2
BETAS, EPS = (0.9, 0.999), 1e-8


def step_of(weights: dict[str, Any], x: Any, y: Any, lr: float) -> Callable[[], Any]:
    """Return a function that makes one step of Adam, compiled, and returns the loss before it."""
    import jax

    np = jax.numpy
    start = {name: np.asarray(w) for name, w in weights.items()}
    moments = [{name: np.zeros_like(w) for name, w in start.items()} for _ in range(2)]
    state = start, *moments, np.zeros((), np.float32)
    x, y = np.asarray(x), np.asarray(y)

    def norm(p: Any, name: str, h: Any) -> Any:
        h = h - h.mean(-1, keepdims=True)
        h = h / np.sqrt((h * h).mean(-1, keepdims=True) + 1e-5)
        return h * p[f"{name}.weight"] + p[f"{name}.bias"]

    def linear(p: Any, name: str, h: Any) -> Any:
        return h @ p[f"{name}weight"].T + p[f"{name}bias"]

    def attention(p: Any, name: str, h: Any) -> Any:
        n, length, width = h.shape
        parts = linear(p, f"{name}.in_proj_", h).reshape(n, length, 3, HEADS, width // HEADS)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)
        scores = q @ k.transpose(0, 1, 3, 2) / (width // HEADS) ** 0.5
        seen = np.tril(np.ones((length, length), bool))
        shares = jax.nn.softmax(np.where(seen, scores, -np.inf), axis=-1)
        mixed = (shares @ v).transpose(0, 2, 1, 3).reshape(n, length, width)
        return linear(p, f"{name}.out_proj.", mixed)

    def loss(p: Any, x: Any, y: Any) -> Any:
        h = p["characters.weight"][x] + p["places.weight"]
        for block in (f"blocks.{i}" for i in range(BLOCKS)):
            h = h + attention(p, f"{block}.self_attn", norm(p, f"{block}.norm1", h))
            inner = linear(p, f"{block}.linear1.", norm(p, f"{block}.norm2", h))
            h = h + linear(p, f"{block}.linear2.", jax.nn.gelu(inner, approximate=False))
        logs = jax.nn.log_softmax(linear(p, "scores.", norm(p, "norm", h))[:, -1])
        return -np.mean(np.take_along_axis(logs, y[:, None], 1))

    def adam(state: Any, x: Any, y: Any) -> Any:
        p, m, v, count = state
        value, g = jax.value_and_grad(loss)(p, x, y)
        (beta1, beta2), count = BETAS, count + 1
        m = {k: beta1 * m[k] + (1 - beta1) * g[k] for k in p}
        v = {k: beta2 * v[k] + (1 - beta2) * g[k] ** 2 for k in p}
        first, second = 1 - beta1**count, 1 - beta2**count
        p = {k: p[k] - lr * (m[k] / first) / (np.sqrt(v[k] / second) + EPS) for k in p}
        return (p, m, v, count), value

    compiled = jax.jit(adam, donate_argnums=0)
    held = [state]

    def step() -> Any:
        held[0], value = compiled(held[0], x, y)
        return value.block_until_ready()

    return step
