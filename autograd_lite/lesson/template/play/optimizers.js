// Optimizers: from gradients to better parameters, by the formulas of `nn.optim`.
// Each changes `theta` in place; `memory` is what it keeps from step to step, empty at first.

const OPTIMIZERS = {
  sgd: {
    title: "SGD",
    says: "w ← w − η · ∂L/∂w",
    brief: "w ← w − η · ∂L/∂w",
    keeps: [],
    move(theta, g, memory, { rate }) {
      for (let i = 0; i < theta.length; i++) theta[i] -= rate * g[i];
    },
  },
  momentum: {
    title: "Momentum",
    says: "b ← β · b + ∂L/∂w,  w ← w − η · b",
    brief: "w ← w − η · b",
    keeps: ["b"],
    move(theta, g, memory, { rate, beta }) {
      if (!memory.b) memory.b = Float64Array.from(g);
      else for (let i = 0; i < g.length; i++) memory.b[i] = beta * memory.b[i] + g[i];
      for (let i = 0; i < theta.length; i++) theta[i] -= rate * memory.b[i];
    },
  },
  adam: {
    title: "Adam",
    says: "m ← β₁ · m + (1 − β₁) · ∂L/∂w,  v ← β₂ · v + (1 − β₂) · (∂L/∂w)²,  w ← w − η · m̂ / (√v̂ + ε)  with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)",
    brief: "w ← w − η · m̂ / (√v̂ + ε)",
    keeps: ["m", "v"],
    move(theta, g, memory, { rate, beta1, beta2, epsilon }) {
      memory.m ??= new Float64Array(g.length);
      memory.v ??= new Float64Array(g.length);
      const { m, v } = memory, t = (memory.t = (memory.t ?? 0) + 1);
      // Both means start at 0; these make up for it, as m̂ and v̂ do.
      const first = rate / (1 - beta1 ** t), root = Math.sqrt(1 - beta2 ** t);
      for (let i = 0; i < theta.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        theta[i] -= (m[i] / (Math.sqrt(v[i]) / root + epsilon)) * first;
      }
    },
  },
};

/** A copy of what an optimizer keeps, which further steps leave alone. */
function copyOf(memory) {
  const copied = {};
  for (const [name, x] of Object.entries(memory)) copied[name] = x.slice?.() ?? x;
  return copied;
}
