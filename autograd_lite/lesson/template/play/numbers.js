// What all parts of the page share.

const $ = (id) => document.getElementById(id);

const range = (n) => Array.from({ length: n }, (_, i) => i);

/** A list with a row for each of n examples, each row a step from the one before. */
const rows = (n, first, step) => range(n).flatMap((i) => first.map((x) => x + i * step));

/** Make an SVG element. */
function shape(name, attributes = {}, parent = null) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, x] of Object.entries(attributes)) element.setAttribute(key, x);
  parent?.append(element);
  return element;
}

/** Make an HTML element with a text. */
function make(name, text = "", attributes = {}) {
  const element = document.createElement(name);
  if (text !== "") element.textContent = text;
  for (const [key, x] of Object.entries(attributes)) element.setAttribute(key, x);
  return element;
}

/** Set a text only if it is another: a page that learns repaints sixty times a second. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number with some digits, with a real minus sign; NaN and infinities as what they are. */
function short(x, digits = 4) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(x)));
  let text = size < -4 || size >= 6 ? x.toExponential(digits - 1) : x.toPrecision(digits);
  if (text.includes("e") && size >= -4 && size < 6) text = String(Number(text));
  let [mantissa, exponent] = text.split("e");
  if (mantissa.includes(".")) mantissa = mantissa.replace(/\.?0+$/, "");
  return (mantissa + (exponent ? "e" + exponent.replace("+", "") : "")).replaceAll("-", "−");
}

/** The same with its sign, whichever it is. */
const signed = (x, digits = 3) => (x > 0 ? "+" : "") + short(x, digits);

/** Read what was typed: 0.5, −3, 1e-3, 0,5; NaN if it is no number. */
function typed(text) {
  text = text.trim().replaceAll("−", "-").replace(",", ".");
  return text === "" ? NaN : Number(text);
}

/** A colour of the page's style, as [r, g, b]. */
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const full = text.length === 4 ? [...text.slice(1)].map((c) => c + c).join("") : text.slice(1);
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16));
}

/** A colour between two. */
const mixed = (a, b, share) => a.map((x, i) => Math.round(x + (b[i] - x) * share));
