// The page: what its buttons do, and when what is painted.

const data = JSON.parse($("data").textContent);
const examples = new Examples(data.examples);
const trainer = new Trainer({
  parameters: data.parameters, inputs: data.examples.inputs, targets: data.examples.targets, settings: data.settings,
}, programs.step);
const opened = new Opened(data.parameters);
const rates = { ...data.rates };
let chosen = 0, playing = false, painted = 0, rest = 0;

// -- the programs ---------------------------------------------------------------------------------

const looks = new Map(); // by the number of examples: the plane's and the examples'
function look(inputs, count) {
  if (!looks.has(count)) {
    if (looks.size > 4) looks.delete(looks.keys().next().value);
    looks.set(count, programs.look(count));
  }
  return looks.get(count)([...trainer.views, inputs]);
}

$("net").hidden = !data.columns.length;
const network = data.columns.length ? new Network(data.columns, data.parameters, (text) => say($("told"), text)) : null;
const flat = data.examples.shape.length === 2, { features } = examples;
const View = flat && features === 2 ? Plane : flat && features === 1 && examples.outputs === 1 ? Line : null;
const plane = View && examples.count
  ? new View(examples, (grid, n) => look(grid, n)[0], { choose, move, add, relabel, remove, repaint: () => paint() }) : null;
const curve = new Curve(go);
const table = new Predictions(examples, choose);
$("circles-label").hidden = View !== Plane;
$("x2-label").hidden = View === Line;
if (View === Line) say($("points-title"), "What it says of each x");
$("points").hidden = !plane;
$("listing").hidden = !examples.count;
$("opened").open = !examples.count;

// -- painting ---------------------------------------------------------------------------------------

function paint(lightly = false) {
  const { step, last, outputs } = trainer;
  say($("step"), `step ${step.toLocaleString("en")}`);
  say($("loss"), `loss ${short(trainer.loss, 4)}`);
  $("when").max = Math.max(1, last);
  $("when").value = step;
  $("when").setAttribute("aria-valuetext", `step ${step} of ${last}`);
  if (examples.hasLabels) {
    const right = range(examples.count).filter((i) => examples.right(outputs, i)).length;
    say($("score"), `${right} of ${examples.count} right`);
  }
  if (network) {
    const [, ...units] = look(examples.inputs, examples.count);
    const of = (x, size) => x.subarray(chosen * size, (chosen + 1) * size);
    const activations = [examples.input(chosen), ...units.map((x, c) => of(x, data.columns[c + 1].size))];
    const gradients = trainer.places.map(([a, b]) => trainer.gradient.subarray(a, b));
    network.paint(trainer.views, gradients, activations, mapped());
  }
  plane?.paint(outputs, chosen);
  curve.paint(trainer, $("logarithmic").checked);
  const now = performance.now();
  clearTimeout(rest);
  if (lightly && now - painted < 200) { // what is read, not watched
    if (!playing) rest = setTimeout(() => paint(), 200);
    return;
  }
  painted = now;
  table.paint(outputs, chosen);
  paintChosen();
  if ($("opened").open) opened.paint(trainer);
  $("rewind").disabled = $("back").disabled = step === 0;
  say($("play"), playing ? "❚❚ Pause" : "▶ Play");
}

/** What each unit says of places on the plane, if that is what the circles show. */
let coarse = null;
function mapped() {
  if (!plane || $("circles").value !== "plane") return null;
  if (coarse?.of !== plane.spans) coarse = { of: plane.spans, grid: plane.places(COARSE) };
  const [, ...units] = look(coarse.grid, COARSE * COARSE);
  return { values: [coarse.grid, ...units], shade: (share) => plane.shade(share) };
}

function paintChosen() {
  say($("chosen"), `Example ${chosen + 1} of ${examples.count}`);
  if (!plane) return;
  const input = examples.input(chosen);
  ["x1", "x2"].forEach((id, d) => {
    if (document.activeElement !== $(id) && d < features) $(id).value = short(input[d], 6).replace("−", "-");
  });
  if (document.activeElement !== $("label")) $("label").value = examples.hasLabels ? examples.label(chosen) : short(examples.label(chosen), 6).replace("−", "-");
}

/** Tell, in words, what has happened: read out, too. */
function tell(text) {
  $("news").textContent = text;
}

// -- training -----------------------------------------------------------------------------------------

function advance(count) {
  const before = trainer.step;
  trainer.advance(1);
  const end = performance.now() + 14; // a frame
  while (trainer.step < before + count && trainer.isFinite && !(playing && performance.now() > end)) trainer.advance(1);
  if (trainer.isFinite) return;
  play(false);
  tell(`At step ${trainer.step} a number is ${short(trainer.loss)}: the rate ${short(trainer.settings.rate)} was too large here. Go back, and take a smaller one.`);
}

function steps(count) {
  play(false);
  tell("");
  advance(count);
  paint();
}

function play(on) {
  if (on === playing) return;
  playing = on;
  say($("play"), playing ? "❚❚ Pause" : "▶ Play");
  $("play").setAttribute("aria-pressed", String(playing));
  if (on) tell("");
  if (on) requestAnimationFrame(frame);
  else paint();
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
let shown = 0;
function frame(now) {
  if (!playing) return;
  const pace = Number($("pace").value), wait = still.matches ? 500 : pace < 1 ? 200 : 0;
  if (now - shown >= wait) {
    shown = now;
    advance(Math.max(1, pace) * (still.matches ? 30 : 1));
    if (playing) paint(!still.matches);
  }
  requestAnimationFrame(frame);
}

function go(step) {
  play(false);
  trainer.seek(step);
  paint();
}

function begin(start, news) {
  play(false);
  trainer.begin(start, examples.count);
  plane?.frame();
  tell(news);
  paint();
}

// -- examples -----------------------------------------------------------------------------------------

function replaced(news) {
  trainer.replace(examples.inputs, examples.targets, examples.count);
  if (news) tell(news);
  if (plane && !plane.held && !plane.holdsAll()) plane.frame();
  if (!playing) paint(!news); // a drag has none
}

function choose(i) {
  if (i === chosen) return;
  chosen = i;
  paint();
}

function move(i, spot) {
  plane.put(i, spot);
  replaced();
}

function relabel(i, label) {
  if (!examples.hasLabels) return;
  label ??= (examples.label(i) + 1) % examples.classes;
  if (label >= examples.classes) return tell(`There are labels from 0 to ${examples.classes - 1}.`);
  examples.relabel(i, label);
  replaced(`Example ${i + 1} has label ${label} now.`);
}

function add(spot) {
  if (!data.resizable) return tell(data.fixed);
  plane.insert(spot, examples.hasLabels ? Number($("adds").value) : examples.label(chosen));
  chosen = examples.count - 1;
  replaced(`Example ${examples.count} was added.`);
}

function remove(i) {
  if (!data.resizable) return tell(data.fixed);
  if (examples.count <= data.least) return tell(`At least ${data.least} examples stay.`);
  examples.remove(i);
  chosen = Math.min(chosen, examples.count - 1);
  replaced(`Example ${i + 1} was removed.`);
  if (document.activeElement === document.body) plane.points[chosen].focus();
}

// -- settings -------------------------------------------------------------------------------------------

function set(settings) {
  trainer.set(settings);
  paintSettings();
  if ($("opened").open) opened.paint(trainer);
}

function paintSettings() {
  const { optimizer, rate, beta } = trainer.settings;
  $("optimizer").value = optimizer;
  $("rate").value = Math.log10(rate);
  $("rate").setAttribute("aria-valuetext", short(rate, 3));
  if (document.activeElement !== $("rate-number")) $("rate-number").value = short(rate, 3).replace("−", "-");
  $("beta").value = beta;
  $("beta-label").hidden = optimizer !== "momentum";
  say($("formula"), OPTIMIZERS[optimizer].brief);
}

/** Numbers from a seed (Mulberry32), normal by Box and Muller. */
function normal(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Other parameters: as large as those at the start, drawn anew; what was 0 or all alike stays. */
function drawn(seed) {
  if (seed === 0) return original;
  const draw = normal(seed), theta = original.slice();
  for (const [a, b] of trainer.places) {
    const part = original.subarray(a, b), size = Math.sqrt(part.reduce((sum, x) => sum + x * x, 0) / (b - a));
    if (b - a > 1 && part.every((x) => x === part[0])) continue;
    for (let i = a; i < b; i++) theta[i] = size * draw();
  }
  return theta;
}

for (const name of Object.keys(OPTIMIZERS)) $("optimizer").add(new Option(OPTIMIZERS[name].title, name));
if (examples.hasLabels) for (const k of range(examples.classes)) {
  $("label").add?.(new Option(String(k), k));
  $("adds").add(new Option(`${CUES[k % CUES.length]} label ${k}`, k));
}
$("optimizer").addEventListener("change", () => {
  const optimizer = $("optimizer").value;
  set({ optimizer, rate: rates[optimizer] });
});
$("rate").addEventListener("input", () => {
  const rate = Number((10 ** Number($("rate").value)).toPrecision(2));
  rates[trainer.settings.optimizer] = rate;
  set({ rate });
});
$("rate-number").addEventListener("change", () => {
  const rate = typed($("rate-number").value);
  if (!(rate >= 0) || !Number.isFinite(rate)) {
    tell("The rate is a number from 0, such as 0.1.");
    return paintSettings();
  }
  rates[trainer.settings.optimizer] = rate;
  set({ rate });
});
$("beta").addEventListener("change", () => {
  const beta = typed($("beta").value);
  if (!(beta >= 0 && beta < 1)) tell("β is at least 0 and below 1.");
  else set({ beta });
  paintSettings();
});
$("rewind").addEventListener("click", () => go(0));
$("back").addEventListener("click", () => go(trainer.step - 1));
$("play").addEventListener("click", () => play(!playing));
$("one").addEventListener("click", () => steps(1));
$("ten").addEventListener("click", () => steps(10));
$("when").addEventListener("input", () => go(Number($("when").value)));
$("circles").addEventListener("change", () => paint());
$("logarithmic").addEventListener("change", () => paint());
$("draw").addEventListener("click", () => {
  const given = typed($("seed").value);
  if (!Number.isInteger(given) || given < 0) return tell("The seed is a whole number from 0.");
  begin(drawn(given), given ? `New weights, from seed ${given}.` : "The weights that the page came with.");
});
$("reset").addEventListener("click", () => {
  examples.set(...examples.original);
  chosen = 0;
  $("seed").value = 0;
  rates[data.settings.optimizer] = data.settings.rate;
  trainer.examples = { inputs: examples.inputs, targets: examples.targets, count: examples.count };
  trainer.set(data.settings);
  paintSettings();
  begin(original, "All is as the page came.");
});
$("opened").addEventListener("toggle", () => paint());
$("explain").addEventListener("click", () => {
  play(false);
  say($("unexplained"), explainStep(trainer));
});
$("close").addEventListener("click", () => $("lesson").close());
$("lesson").addEventListener("close", () => $("lesson-page").removeAttribute("srcdoc"));
$("x1").addEventListener("change", () => moved());
$("x2").addEventListener("change", () => moved());
function moved() {
  const spot = [typed($("x1").value), View === Line ? examples.label(chosen) : typed($("x2").value)];
  if (spot.every(Number.isFinite)) move(chosen, spot);
  else { tell("A coordinate is a number, such as 0.25."); paintChosen(); }
}
$("label").addEventListener("change", () => {
  const label = typed($("label").value);
  if (examples.hasLabels) relabel(chosen, label);
  else if (Number.isFinite(label)) { examples.relabel(chosen, label); replaced(); }
});
$("add").addEventListener("click", () => add(plane.spans.map(([a, b]) => rounded((a + b) / 2, b - a))));
$("remove").addEventListener("click", () => remove(chosen));
$("previous").addEventListener("click", () => choose((chosen + examples.count - 1) % examples.count));
$("following").addEventListener("click", () => choose((chosen + 1) % examples.count));

// -- the looks ---------------------------------------------------------------------------------------

function project() {
  const on = document.documentElement.classList.toggle("projector");
  $("projector").setAttribute("aria-pressed", String(on));
}
function darken() {
  const root = document.documentElement, night = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : night;
  root.dataset.theme = dark ? "light" : "dark";
  plane?.colours();
  paint();
}
$("projector").addEventListener("click", project);
$("theme").addEventListener("click", darken);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, dialog")) return;
  if (event.target.closest("button, summary, a") && [" ", "Enter"].includes(event.key)) return;
  const action = {
    " ": () => play(!playing), ArrowRight: () => steps(event.shiftKey ? 10 : 1),
    p: project, P: project, d: darken, D: darken, ArrowLeft: () => go(trainer.step - (event.shiftKey ? 10 : 1)), Home: () => go(0), End: () => go(trainer.last),
  }[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

const original = new Float64Array(trainer.start);
$("adds-label").hidden = !examples.hasLabels;
paintSettings();
begin(original, "");
