// -- the page's arithmetic -----------------------------------------------------------------------
// `arithmetic` is the learner's program in JavaScript: `run` gives every number that the page
// shows, `root` the result alone. Where it is null, the numbers are those that the page came with.

/** A number as it came with the page: what is not finite came as a word. */
const real = (x) => (typeof x === "number" ? x : Number(String(x).replace("inf", "Infinity")));
/** The reverse, for the eye. */
const word = (x) => (Number.isFinite(x) ? x : x !== x ? "nan" : x > 0 ? "inf" : "-inf");

const inputs = data.inputs.map((input) => ({ ...input, now: Float64Array.from(input.given, real) }));
let outputs = [];
let sides = []; // of each frame, the side of its kinks at the recorded numbers
let version = 0; // counts changes

const sidesOf = (frame) => (frame.sides ?? []).flatMap((n) => [...outputs[n]]);
const isChanged = () => inputs.some(({ now, given }) => now.some((x, i) => !Object.is(x, real(given[i]))));
/** Whether a step is on another side of a kink than it was when the program ran. */
const crossed = (i) => Boolean(arithmetic) && sidesOf(frames[i]).some((x, j) => !Object.is(x, sides[i][j]));

function compute() {
  if (!arithmetic) return;
  outputs = arithmetic.run(inputs.map((input) => input.now));
  version += 1;
}

/** Where the shown part of an array lies among its numbers. */
function partOf({ shape, part }) {
  let places = [0];
  shape.forEach((n, d) => {
    places = places.flatMap((at) => Array.from({ length: part[d] }, (_, i) => at * n + i));
  });
  return places;
}

for (const array of arrays) {
  if (!("out" in array)) continue;
  const places = partOf(array);
  let cells = [], of = -1;
  Object.defineProperty(array, "cells", {
    get() {
      if (of !== version) [cells, of] = [places.map((i) => word(outputs[array.out][i])), version];
      return cells;
    },
  });
}

/** The result as one number, with one number of one input bumped. */
function bumped(input, i, by) {
  const { run, root, total } = arithmetic;
  const at = input.now[i];
  const given = inputs.map(({ now }) => now);
  input.now[i] = at + by;
  const found = root ? root(given)[0][0] : run(given)[total][0];
  input.now[i] = at;
  if (!root) run(given); // which writes into the same outputs
  return found;
}

compute();
sides = frames.map(sidesOf);
