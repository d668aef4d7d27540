// -- bump ----------------------------------------------------------------------------------------
// The gradient by hand: an input is bumped a little, and the program is run again.

const placesOf = ({ shape }, most) => {
  const count = Math.min(most, shape.reduce((a, b) => a * b, 1));
  return Array.from({ length: count }, (_, i) => shape.map((_, d) => Math.floor(i / shape.slice(d + 1).reduce((a, b) => a * b, 1)) % shape[d]));
};

/** Compute a bump's numbers anew; the step is the cube root of the precision. */
function refreshBump(bump) {
  if (!("input" in bump)) return bump;
  const input = inputs[bump.input];
  const gradient = outputs[arrays[bump.slopes].out];
  bump.places = placesOf(input, Math.min(64, bump.most));
  bump.gradient = bump.places.map((_, i) => gradient[i]);
  if (![...input.now, ...gradient].every(Number.isFinite)) {
    const what = input.now.every(Number.isFinite) ? "gradient" : "value";
    return Object.assign(bump, { ok: false, lasting: false, badge: `✗ the ${what} is not finite: there is nothing to compare` });
  }
  bump.at = bumped(input, 0, 0);
  bump.numeric = bump.places.map((_, i) => {
    const h = 6e-6 * Math.max(1, Math.abs(input.now[i]));
    return (bumped(input, i, h) - bumped(input, i, -h)) / (2 * h);
  });
  let worst = 0;
  bump.ok = bump.gradient.every((slope, i) => {
    const error = Math.abs(slope - bump.numeric[i]);
    worst = Math.max(worst, error);
    return error <= 1e-5 * Math.max(Math.abs(slope), Math.abs(bump.numeric[i])) + 1e-7;
  });
  const some = input.now.length > bump.places.length ? `, first ${bump.places.length} elements` : "";
  bump.badge = `${bump.ok ? "✓ agrees with" : "✗ differs from"} finite differences (largest difference ${short(worst)}${some})`;
  return bump;
}

const effectsOf = (bump, k) =>
  "input" in bump ? data.epsilons.map((e) => bumped(inputs[bump.input], k, e)) : bump.effects[k];

const badges = bumps.map(() => $("badges").appendChild(document.createElement("li")));

function paintBadges() {
  bumps.map(refreshBump).forEach((bump, i) => {
    badges[i].textContent = `∂${data.root}/∂${bump.name} ${bump.badge}`;
    badges[i].classList.toggle("bad", !bump.ok);
  });
}

function paintBump() {
  const bump = possible[$("bump-input").value];
  if (!bump) return;
  const k = Number($("bump-place").value);
  const slope = bump.gradient[k];
  const where = bump.name + (bump.places[k].length ? `[${bump.places[k].join(", ")}]` : "");
  $("bump-say").textContent =
    `${data.root} ${equals(bump.at)} now. The gradient of ${where} is ${short(slope)}, by finite ` +
    `differences ${short(bump.numeric[k])}: bump ${where} by a small ε, and ${data.root} changes by about ${short(slope)} · ε.`;
  const body = document.querySelector("#bump-table tbody");
  body.replaceChildren();
  const effects = effectsOf(bump, k);
  data.epsilons.forEach((epsilon, i) => {
    const [at, actual] = [bump.at, effects[i]].map((x) => (typeof x === "number" ? x : NaN));
    const predicted = at + slope * epsilon;
    const tr = body.insertRow();
    const row = [short(epsilon), digits(predicted), digits(actual), short(actual - predicted)];
    for (const text of row) tr.insertCell().textContent = text;
  });
}

paintBadges();
const possible = bumps.filter((bump) => bump.numeric);

function paintPlaces() {
  const bump = possible[$("bump-input").value];
  $("bump-place").replaceChildren(...bump.places.map((p, i) => new Option(`[${p.join(", ")}]`, i)));
  $("bump-place-label").hidden = bump.places[0].length === 0;
  paintBump();
}

$("bump").hidden = !possible.length;
possible.forEach((bump, i) => $("bump-input").add(new Option(bump.name, i)));
$("bump-input").addEventListener("change", paintPlaces);
$("bump-place").addEventListener("change", paintBump);
if (possible.length) paintPlaces();
