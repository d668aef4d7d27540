// -- an element's sum, lit up ----------------------------------------------------------------------
// Where an element of an array is a sum of products, the numbers that meet in it light up: a row of
// one matrix and a column of the other, a window of an image and the tap that visits it.

const MOST_LIT = 20000; // products: of more, none is lit

/** What an array of the page is shown in, with the place of an element among the cells. */
function cellOf(array, element) {
  const { shape, part } = arrays[array];
  let rest = element, place = 0;
  const places = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    places.unshift(rest % shape[d]);
    rest = Math.floor(rest / shape[d]);
  }
  for (let d = 0; d < shape.length; d++) {
    if (places[d] >= part[d]) return [];
    place = place * part[d] + places[d];
  }
  return [...document.querySelectorAll(`table[data-array="${array}"]`)].map((t) => t.cellsInOrder[place]);
}

/** The place that an index stands for; a window's may lie in the border. */
function placeOf(index, at) {
  if (index === 0) return 0;
  if (typeof index === "string") return at[index];
  const [window, tap, stride, step, before] = index;
  return stride * at[window] + step * at[tap] - before;
}

/** For each product in the sum of an element: the elements of its factors. */
function products({ factors, out, sizes, shapes, shape }, element) {
  const fixed = {}, want = [];
  let rest = element;
  for (let d = shape.length - 1; d >= 0; d--) {
    want[d] = rest % shape[d];
    rest = Math.floor(rest / shape[d]);
    if (typeof out[d] === "string") fixed[out[d]] = want[d];
  }
  const free = Object.keys(sizes).filter((c) => !(c in fixed));
  const count = free.reduce((n, c) => n * sizes[c], 1);
  if (count > MOST_LIT) return [];
  const found = [];
  for (let k = 0; k < count; k++) {
    const at = { ...fixed };
    let left = k;
    for (const c of free) {
      at[c] = left % sizes[c];
      left = Math.floor(left / sizes[c]);
    }
    if (out.some((index, d) => index !== 0 && placeOf(index, at) !== want[d])) continue;
    const places = factors.map((own) => own.map((index) => placeOf(index, at)));
    if (places.some((p, f) => p.some((i, d) => i < 0 || i >= shapes[f][d]))) continue;
    found.push(places.map((p, f) => p.reduce((n, i, d) => n * shapes[f][d] + i, 0)));
  }
  return found;
}

/** Light what meets in an element. */
function light(panel, i) {
  for (const cell of document.querySelectorAll(".cell.met")) cell.classList.remove("met");
  if (i === undefined) return;
  const lit = [];
  if (panel.sum) {
    const { shape, part } = arrays[panel.data];
    let element = 0;
    if (part.length) {
      const places = JSON.parse(index(i, part));
      element = places.reduce((n, p, d) => n * shape[d] + p, 0);
    }
    for (const factors of products(panel.sum, element)) factors.forEach((e, f) => lit.push([panel.sum.arrays[f], e]));
  } else if (panel.elements) {
    const [, numbers] = typeof panel.elements[i] === "string" ? [0, panel.elements[i]] : panel.elements[i];
    if (typeof numbers === "string") for (const m of numbers.matchAll(SLOT)) if (m[2]) lit.push([Number(m[1]), Number(m[2])]);
  }
  for (const [array, element] of lit) for (const cell of cellOf(array, element)) cell?.classList.add("met");
}
