// -- numbers -------------------------------------------------------------------------------------
/** A number with four digits, as everywhere in autograd_lite. */
function short(x) {
  if (typeof x !== "number") return String(x).replace("-", "−");
  if (x === 0) return "0";
  let text = x.toPrecision(4);
  if (!text.includes("e")) {
    const size = Math.floor(Math.log10(Math.abs(x)));
    if (size < -4) text = x.toExponential(3);
  }
  let [mantissa, exponent] = text.split("e");
  if (mantissa.includes(".")) mantissa = mantissa.replace(/\.?0+$/, "");
  if (exponent) exponent = exponent.replace(/^([+-])(\d)$/, "$10$2");
  return (mantissa + (exponent ? "e" + exponent : "")).replaceAll("-", "−");
}
/** The same with its sign, whichever it is. */
function signed(x) {
  return typeof x === "number" && x > 0 ? "+" + short(x) : short(x);
}
/** A number with nine digits, where small differences matter. */
const digits = (x) =>
  (typeof x === "number" ? String(Number(x.toPrecision(9))) : x).replaceAll("-", "−");
/** A sentence or formula, with real minus signs. */
const typeset = (text) => text.replace(/(?<=^|[\s(])-(?=[^\s>])|(?<=\s)-(?=\s)/g, "−");
/** What a box has room for: a number, the numbers of a short vector, or a shape. */
function boxText(id, letters) {
  const { shape, cells } = arrays[id];
  if (shape.length === 1 && cells.length === shape[0] && cells.length <= 4)
    for (const count of [3, 2, 1]) {
      const brief = (x) => short(typeof x === "number" ? Number(x.toPrecision(count)) : x);
      const text = `[${cells.map(brief).join(", ")}]`;
      if (text.length <= letters) return text;
    }
  return valueText(id);
}
function valueText(id) {
  const a = arrays[id];
  return a.shape.length ? `(${a.shape.join(" × ")})` : short(a.cells[0]);
}
