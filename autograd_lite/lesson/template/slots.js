// -- sentences and formulas ----------------------------------------------------------------------
// Texts are templates: ⟦3⟧ is the number of array 3, ⟦3:1⟧ its element 1, and what stands in ⟪…⟫
// gets parentheses where it begins with a minus; what stands in ⟨…⟩ is not said while it is predicted.

const SLOT = /⟦(\d+)(?::(\d+))?⟧/g;
const HELD = /⟪([^⟪⟫]*)⟫/g;
const MINUS = /^(<mrow>)*(<mo>)?[−-]/;

/** A number of the page, or a word for what is not finite. */
function numberAt(array, i = 0) {
  const a = arrays[array];
  return "out" in a ? word(outputs[a.out][i]) : a.cells[i];
}

/** Whether what is shown of a number is all of it. */
function isExact(x) {
  if (typeof x !== "number") return true;
  return Math.abs(Number(short(x).replaceAll("−", "-")) - x) <= 1e-12 * Math.abs(x);
}

function held(text, open, close) {
  for (let before = ""; before !== text; )
    [before, text] = [text, text.replace(HELD, (_, inside) => (MINUS.test(inside) ? open + inside + close : inside))];
  return text;
}

/** A text, with its numbers. */
const fill = (text) =>
  held(text.replace(SLOT, (_, array, i) => short(numberAt(array, i))), "(", ")");

/** What is said to be a number is only nearly that, where its digits are not all shown. */
const equals = (x) => `${isExact(x) ? "=" : "≈"} ${short(x)}`;
const EQUAL = new RegExp(`= ${SLOT.source}`, "g");
const sentence = (text) => fill(text.replace(EQUAL, (_, array, i) => equals(numberAt(array, i))));

const BRACKET = (sign) => `<mo lspace="0" rspace="0">${sign}</mo>`;

/** A number in a formula. */
function mathNumber(x) {
  const text = short(x);
  return text.startsWith("−") ? `<mrow><mo>−</mo><mn>${text.slice(1)}</mn></mrow>` : `<mn>${text}</mn>`;
}

/** A part of a formula, with its numbers, and whether all of them are shown in full. */
function mathPart(part) {
  if (typeof part !== "string") return { text: isChanged() ? "" : part.fixed, exact: false };
  let exact = true;
  const filled = part.replace(SLOT, (_, array, i) => {
    const x = numberAt(array, i);
    exact &&= isExact(x);
    return mathNumber(x);
  });
  return { text: held(filled, `<mrow>${BRACKET("(")}`, `${BRACKET(")")}</mrow>`), exact };
}

/** Parts that are equal, or nearly: what is rounded is said to be. */
function equation(parts) {
  const shown = parts.map(mathPart).filter(({ text }, i, all) => text && all.findIndex((p) => p.text === text) === i);
  let text = shown[0]?.text ?? "";
  for (let i = 1; i < shown.length; i++) text += `<mo>${shown[i].exact && shown[i - 1].exact ? "=" : "≈"}</mo>${shown[i].text}`;
  return `<mrow>${text}</mrow>`;
}

/** How an element came about: in names, in numbers, and what it is. */
function elementText(panel, i) {
  const beyond = frames[step].phase === "backward" && crossed(step);
  if (beyond) return short(arrays[panel.data].cells[i]);
  const template = panel.elements[i];
  const [names, numbers] = typeof template === "string" ? [template, template] : template;
  const fixed = typeof numbers !== "string";
  const value = arrays[panel.data].cells[i];
  const ways = [[named(names), true]];
  if (!fixed) ways.push([fill(numbers), [...numbers.matchAll(SLOT)].every((m) => isExact(numberAt(m[1], m[2])))]);
  else if (!isChanged()) ways.push([numbers.fixed, false]);
  ways.push([short(value), isExact(value)]);
  const shown = ways.filter(([text], i) => ways.findIndex((way) => way[0] === text) === i);
  return shown.map(([text, exact], i) => (i ? (exact && shown[i - 1][1] ? " = " : " ≈ ") : "") + text).join("");
}

/** A template, with names in place of numbers. */
function named(text) {
  return text.replace(/[⟪⟫]/g, "").replace(SLOT, (_, array, i) => {
    const { name, shape, part } = arrays[array];
    return i === undefined ? name : name + index(Number(i), "out" in arrays[array] ? shape : part);
  });
}

// What a frame says follows its numbers; of a rule beyond a kink, only the numbers are known.
frames.forEach((frame, i) => {
  const template = frame.say;
  const hushed = template.replace(/⟨[^⟩]*⟩/g, "");
  const all = (text) => sentence(text).replace(/[⟨⟩]/g, "");
  const get = { say: () => all(frame.beyond && crossed(i) ? frame.beyond : template), hush: () => sentence(hushed) };
  for (const key in get) Object.defineProperty(frame, key, { enumerable: true, get: get[key] });
  const every = frame.math;
  const math = () => {
    const beyond = frame.phase !== "forward" && crossed(i);
    const lines = beyond ? every.filter((line) => line.beyond !== 0) : every;
    return lines.map((line) => {
      const parts = beyond && line.beyond ? [line.parts[0], line.parts.at(-1)] : line.parts;
      return { ...line, math: equation(parts), note: beyond ? "" : line.note };
    });
  };
  Object.defineProperty(frame, "math", { enumerable: true, get: math });
  if (frame.ask) Object.defineProperty(frame.ask, "answer", { get: () => arrays[frame.ask.data].cells[frame.ask.element] });
});
