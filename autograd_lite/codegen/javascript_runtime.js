/* What a program in JavaScript calls: each function stands by itself, and only those that a
 * program needs are written beside it. `m` is the program's memory. */

/** x to the y, as IEEE 754 has it; ECMAScript has NaN for 1 to the NaN, and ±1 to the infinite. */
function power(x, y) {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

/** The distance of a point from the origin; 0 or infinite where it is. */
function hypot(x, y) {
  x = Math.abs(x);
  y = Math.abs(y);
  const far = Math.max(x, y);
  if (x === Infinity || y === Infinity) return Infinity;
  if (far === 0 || far !== far) return far;
  if (far > 1e150 || far < 1e-150) {
    x /= far;
    y /= far;
    return far * Math.sqrt(x * x + y * y);
  }
  return Math.sqrt(x * x + y * y);
}

/** log(exp x + exp y), which does not overflow. */
function logaddexp(x, y) {
  if (x === y) return x + Math.LN2;
  const d = x - y;
  if (d > 0) return x + Math.log1p(Math.exp(-d));
  return d <= 0 ? y + Math.log1p(Math.exp(d)) : NaN;
}

/** The nearest whole number; of two, the even one. */
function rint(x) {
  const below = Math.floor(x), rest = x - below;
  if (x !== x || rest === 0 || Math.abs(x) === Infinity) return x;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return copysign(up ? below + 1 : below, x);
}

function copysign(x, y) {
  const negative = y < 0 || (y === 0 && 1 / y < 0);
  return negative ? -Math.abs(x) : Math.abs(x);
}

/** What is left of a division, with the sign of the divisor. */
function remainder(x, y) {
  const rest = x % y;
  if (rest === 0) return copysign(0, y);
  return rest < 0 === y < 0 ? rest : rest + y;
}

function floorDivide(x, y) {
  if (y === 0) return x / y;
  let rest = x % y, quotient = (x - rest) / y;
  if (rest !== 0 && rest < 0 !== y < 0) quotient -= 1;
  if (quotient === 0) return copysign(0, x / y);
  const whole = Math.floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

function isClose(x, y, rtol, atol, equalNaN) {
  if (x !== x || y !== y) return equalNaN && x !== x && y !== y;
  return x === y || (Math.abs(y) !== Infinity && Math.abs(x - y) <= atol + rtol * Math.abs(y));
}

/** The error function: its series of positive terms (Abramowitz and Stegun 7.1.6), and where
 *  that is long the continued fraction of 1 − erf (7.1.14). */
function erf(x) {
  const size = Math.abs(x);
  if (x !== x) return x;
  if (size > 6) return Math.sign(x);
  const e = Math.exp(-size * size);
  if (size < 2.5) {
    let term = size, sum = size;
    for (let n = 1; term > sum * 1e-17; n++) sum += term *= (2 * size * size) / (2 * n + 1);
    return copysign((2 / Math.sqrt(Math.PI)) * e * sum, x);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return copysign(1 - e / Math.sqrt(Math.PI) / (size + fraction), x);
}

/** Iₙ(x): the mean of exp(x cos θ) cos(nθ); near 0 the power series (Abramowitz 9.6.10). */
function bessel(x, order) {
  const size = Math.abs(x);
  if (x !== x) return x;
  if (size < 20) {
    let term = 1;
    for (let k = 1; k <= order; k++) term *= x / 2 / k;
    let sum = term;
    for (let k = 1; k < 90; k++) sum += term *= (x * x) / 4 / k / (k + order);
    return sum;
  }
  let sum = 0;
  for (let k = 0; k < 128; k++) {
    const angle = ((k + 0.5) * Math.PI) / 128;
    sum += Math.exp(x * Math.cos(angle) - size / 2) * Math.cos(order * angle);
  }
  return (sum / 128) * Math.exp(size / 2);
}

/** Whether x stands before y in an order in which NaN is last. */
function before(x, y) {
  return x < y || (y !== y && x === x);
}

/** Where the largest (or smallest, for a sign of −1) of n numbers stands first; NaN is the most. */
function extreme(m, from, step, n, sign) {
  let found = 0;
  for (let i = 1; i < n; i++) {
    const best = m[from + found * step], here = m[from + i * step];
    if (best === best && (here !== here || sign * here > sign * best)) found = i;
  }
  return found;
}

/** Write the places of n numbers, a step apart, in the order of the numbers. */
function argsort(m, from, step, n, to, stepTo) {
  const order = Array.from({ length: n }, (_, i) => i);
  const at = (i) => m[from + i * step];
  order.sort((i, j) => (before(at(i), at(j)) ? -1 : before(at(j), at(i)) ? 1 : i - j));
  for (let i = 0; i < n; i++) m[to + i * stepTo] = order[i];
}

/** How many of n numbers in order stand before x, or are not after it. */
function searchsorted(m, from, step, n, x, right) {
  let low = 0, high = n;
  while (low < high) {
    const middle = (low + high) >> 1, y = m[from + middle * step];
    if (right ? !before(x, y) : before(y, x)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where in an image a window of `by` is largest: the first of equal numbers; NaN is above all. */
function largest(m, from, down, along, rows, columns, y, x, height, width, dy, dx) {
  let best = -Infinity, found = -1;
  for (let v = y; v < y + rows * dy; v += dy) {
    for (let h = x; h < x + columns * dx; h += dx) {
      if (v < 0 || h < 0 || v >= height || h >= width) continue;
      const here = m[from + v * down + h * along];
      const rank = here !== here ? Infinity : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, here));
      if (rank > best) [best, found] = [rank, v * width + h];
    }
  }
  return found;
}

/** Factor an n × n matrix at `a` in place, by rows; return the order of rows, and its sign. */
function factor(m, a, n) {
  const order = Array.from({ length: n }, (_, i) => i);
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[a + i * n + k]) > Math.abs(m[a + p * n + k])) p = i;
    if (p !== k) {
      for (let j = 0; j < n; j++) [m[a + k * n + j], m[a + p * n + j]] = [m[a + p * n + j], m[a + k * n + j]];
      [order[k], order[p]] = [order[p], order[k]];
      sign = -sign;
    }
    if (m[a + k * n + k] === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const f = (m[a + i * n + k] /= m[a + k * n + k]);
      for (let j = k + 1; j < n; j++) m[a + i * n + j] -= f * m[a + k * n + j];
    }
  }
  return { order, sign };
}

/** Solve the n × n matrix at `a`, which is lost, for k columns at `b`; write them to `x`. */
function solve(m, a, n, b, k, x) {
  const { order } = factor(m, a, n);
  for (let c = 0; c < k; c++) {
    for (let i = 0; i < n; i++) {
      let s = m[b + order[i] * k + c];
      for (let j = 0; j < i; j++) s -= m[a + i * n + j] * m[x + j * k + c];
      m[x + i * k + c] = s;
    }
    for (let i = n - 1; i >= 0; i--) {
      let s = m[x + i * k + c];
      for (let j = i + 1; j < n; j++) s -= m[a + i * n + j] * m[x + j * k + c];
      m[x + i * k + c] = s / m[a + i * n + i];
    }
  }
}

/** The determinant of the n × n matrix at `a`, which is lost: its sign, and its logarithm. */
function slogdet(m, a, n) {
  let { sign } = factor(m, a, n), log = 0;
  for (let i = 0; i < n; i++) {
    sign *= Math.sign(m[a + i * n + i]);
    log += Math.log(Math.abs(m[a + i * n + i]));
  }
  return [sign, sign === 0 ? -Infinity : log];
}

function det(m, a, n) {
  let { sign: product } = factor(m, a, n);
  for (let i = 0; i < n; i++) product *= m[a + i * n + i];
  return product;
}

/** The lower triangle L of L Lᵀ, of the n × n matrix at `a`; NaN where there is none. */
function cholesky(m, a, n, l) {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let s = j > i ? 0 : m[a + i * n + j];
      for (let k = 0; j <= i && k < j; k++) s -= m[l + i * n + k] * m[l + j * n + k];
      m[l + i * n + j] = j > i ? 0 : j === i ? Math.sqrt(s) : s / m[l + j * n + j];
    }
  }
}
