"use strict";
// Shows one frame of the data after another. Nothing is computed here but which boxes are
// known by now: every number, sentence and formula comes from the program that made the page.

const data = JSON.parse(document.getElementById("data").textContent);
const { frames, values, arrays, bumps } = data;
const $ = (id) => document.getElementById(id);
let step = 0;
let revealed = new Set(); // the frames whose number the learner has found

// -- numbers ----------------------------------------------------------------------------

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
function valueText(id) {
  const a = arrays[id];
  return a.shape.length ? `(${a.shape.join(" × ")})` : short(a.cells[0]);
}

// -- what is known at a step ---------------------------------------------------------------

const predicting = () => $("predict").checked;
const concealed = (i) => predicting() && Boolean(frames[i].ask) && !revealed.has(i);

function stateAt(last) {
  const known = new Set();
  const grads = new Map();
  for (let i = 0; i <= last; i++) {
    const hide = i === last && concealed(i);
    for (const key of frames[i].values ?? []) if (!hide) known.add(key);
    for (const [key, grad] of Object.entries(frames[i].grads ?? {}))
      if (!hide) grads.set(key, grad);
  }
  return { known, grads };
}

// -- the graph ------------------------------------------------------------------------------

function finite(array) {
  return !arrays[array].cells.some((x) => /nan|inf/.test(String(x)));
}

function paintGraph() {
  const frame = frames[step];
  const { known, grads } = stateAt(step);
  const back = frame.phase === "backward";
  for (const [key, value] of Object.entries(values)) {
    const box = $(key);
    const lit = (frame.lit ?? []).includes(key);
    const from = (frame.from ?? []).includes(key);
    box.classList.toggle("later", !known.has(key));
    box.classList.toggle("lit", lit);
    box.classList.toggle("back", back && lit);
    box.classList.toggle("from", from);
    box.querySelector(".value").textContent = known.has(key) ? "= " + valueText(value.data) : "= ?";
    const label = box.querySelector(".grad");
    const grad = grads.get(key);
    const ready = grad && grad[1] === grad[2];
    box.classList.toggle("ready", Boolean(ready));
    label.classList.toggle("unknown", !grad);
    if (!value.carries) label.textContent = "";
    else if (!grad) label.textContent = value.expected > 1 ? `∂ ? (0/${value.expected})` : "∂ ?";
    else {
      const count = grad[2] > 1 ? ` (${grad[1]}/${grad[2]})` : "";
      label.textContent = `∂ ${valueText(grad[0])}${count}${ready ? " ✓" : ""}`;
    }
    box.querySelector(".value").classList.toggle("not-finite", known.has(key) && !finite(value.data));
    label.classList.toggle("not-finite", Boolean(grad) && !finite(grad[0]));
    box.querySelectorAll(".value, .grad").forEach(squeeze);
  }
  for (const arrow of document.querySelectorAll("#graph .arrow")) {
    const lit = (frame.arrows ?? []).includes(arrow.id);
    arrow.classList.toggle("lit", lit);
    arrow.classList.toggle("back", lit && back);
    if (lit) arrow.parentNode.insertBefore(arrow, arrow.parentNode.querySelector(".box"));
  }
  for (const module of modules) {
    const lit = (frame.within ?? []).includes(module.id);
    module.classList.toggle("lit", lit);
    module.classList.toggle("back", lit && back);
  }
  const lit = frame.lit?.length ? $(frame.lit[0]) : null;
  if (lit && !hidden(lit)) {
    const view = $("picture"), outer = view.getBoundingClientRect(), inner = lit.getBoundingClientRect();
    const dx = inner.left + inner.width / 2 - outer.left - outer.width / 2;
    const dy = inner.top + inner.height / 2 - outer.top - outer.height / 2;
    view.scrollBy({ left: dx, top: dy });
  }
}

/** Squeeze a text that is wider than its box. */
function squeeze(text) {
  text.removeAttribute("textLength");
  const room = text.parentNode.querySelector("rect").width.baseVal.value - 8;
  if (text.getComputedTextLength() <= room) return;
  text.setAttribute("textLength", room);
  text.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

/** Make the graph fill its place, as far as its letters stay readable. */
function fit() {
  const { width, height } = $("graph").viewBox.baseVal;
  const room = $("picture").clientWidth / width;
  const scale = Math.max(0.75, Math.min(1.4, room, (0.43 * window.innerHeight) / height));
  $("graph").setAttribute("width", Math.floor(width * scale));
  $("graph").setAttribute("height", Math.floor(height * scale));
}

// -- modules ----------------------------------------------------------------------------------

const closed = new Set();
const modules = [...document.querySelectorAll("#graph .module")];
const order = [...$("graph").children];
const withinOf = (element) => (element.dataset.within ?? "").split(" ").filter(Boolean);
const hidden = (element) => withinOf(element).some((key) => closed.has(key));

/** The outermost closed module that a frame happens in. */
const closedAround = (i) => (frames[i].within ?? []).find((key) => closed.has(key));

function paintModules() {
  for (const element of order) {
    element.classList.toggle("gone", hidden(element));
    $("graph").append(element);
  }
  for (const module of modules) {
    const shut = closed.has(module.id);
    module.classList.toggle("closed", shut);
    module.setAttribute("aria-expanded", String(!shut));
    const count = order.filter((e) => e.matches(".box") && withinOf(e).includes(module.id)).length;
    const inside = module.querySelector(".inside");
    inside.textContent = shut ? `${module.dataset.name}, closed: ${count} value${count === 1 ? "" : "s"}` : "";
    if (shut) $("graph").append(module); // above the ends of the arrows that lead into it
    squeeze(inside);
  }
}

function toggle(event) {
  const module = event.currentTarget;
  if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  if (!closed.delete(module.id)) closed.add(module.id);
  paintModules();
  module.focus();
  paint();
}

/** The step that one more or one less leads to: a closed module is one step. */
function beside(direction) {
  let to = step + direction;
  while (frames[to] && frames[to + 1] && closedAround(to) && closedAround(to) === closedAround(to + 1)) to += direction;
  return to;
}

for (const module of modules) {
  module.addEventListener("click", toggle);
  module.addEventListener("keydown", toggle);
}
$("closing").hidden = !modules.length;

// -- the step -------------------------------------------------------------------------------

function paintStep() {
  const frame = frames[step];
  const hide = concealed(step);
  $("step").className = frame.phase;
  $("title").textContent = typeset(frame.title);
  $("say").textContent = typeset(hide ? frame.hush : frame.say);
  $("math").replaceChildren();
  for (const line of frame.math) {
    const dt = document.createElement("dt");
    dt.textContent = line.label;
    const dd = document.createElement("dd");
    if (hide && line.reveals) {
      dd.innerHTML = '<span class="hidden-number">?</span>';
    } else dd.innerHTML = `<math displaystyle="true">${line.math}</math>`;
    if (line.note && !(hide && line.reveals)) {
      const note = document.createElement("span");
      note.className = "note";
      note.textContent = line.note;
      dd.append(note);
    }
    $("math").append(dt, dd);
  }
  $("source").hidden = !frame.source;
  if (frame.source) {
    const code = document.createElement("code");
    code.textContent = frame.source.code;
    $("source").replaceChildren(`made at ${frame.source.place}: `, code);
  }
  const panels = frame.show.filter((panel) => arrays[panel.data].shape.length);
  $("step").classList.toggle("scalars", !panels.length);
  $("arrays").replaceChildren(...panels.map((panel) => figure(panel, hide && panel.result)));
  $("element").hidden = true;
  paintQuestion();
}

/** An array as a table of coloured cells. */
function figure(panel, hide) {
  const { shape, part, cells } = arrays[panel.data];
  const figure = document.createElement("figure");
  figure.className = "array";
  const caption = document.createElement("figcaption");
  const size = document.createElement("span");
  size.textContent = ` ${shape.join(" × ")}`;
  caption.append(panel.label, size);
  figure.append(caption);
  const columns = part[part.length - 1];
  const rows = cells.length / (columns || 1);
  const small = columns > 8;
  figure.classList.toggle("small", small);
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  const table = document.createElement("table");
  table.setAttribute("aria-label", `${panel.label}, ${shape.join(" by ")}`);
  const largest = Math.max(...cells.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 1e-300);
  const buttons = [];
  for (let r = 0; r < rows; r++) {
    const tr = table.insertRow();
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c, x = cells[i];
      const follows = panel.elements && !hide;
      const cell = document.createElement(follows ? "button" : "span");
      cell.className = "cell";
      if (hide) {
        cell.classList.add("hidden-cell");
        cell.textContent = "?";
      } else {
        cell.textContent = small ? (x > 0 ? "+" : x < 0 ? "−" : x === 0 ? "0" : "!") : signed(x);
        cell.title = `${index(i, part)}: ${short(x)}`;
        shade(cell, x, largest);
        cell.classList.toggle("not-finite", /nan|inf/.test(String(x)));
      }
      if (follows) {
        cell.type = "button";
        cell.tabIndex = buttons.length ? -1 : 0;
        cell.setAttribute("aria-label", `element ${index(i, part)}: ${short(x)}; show how it came about`);
        cell.addEventListener("click", () => choose(cell, panel, i, part));
        cell.addEventListener("keydown", (event) => walk(event, buttons, i, columns));
        buttons.push(cell);
      }
      tr.insertCell().append(cell);
    }
  }
  scroll.append(table);
  if (!buttons.length) {
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", panel.label);
  }
  figure.append(scroll);
  if (shape.some((n, d) => n > part[d])) {
    const more = document.createElement("div");
    more.textContent = `the first ${part.join(" × ")} of ${shape.join(" × ")}`;
    figure.append(more);
  }
  return figure;
}

function index(i, part) {
  const places = [];
  for (let d = part.length - 1; d >= 0; d--) {
    places.unshift(i % part[d]);
    i = Math.floor(i / part[d]);
  }
  return `[${places.join(", ")}]`;
}

/** Blue above zero, orange below, the stronger the larger; the sign stands in the text. */
function shade(cell, x, largest) {
  if (typeof x !== "number") return;
  const share = Math.min(1, Math.abs(x) / largest);
  const sign = x >= 0 ? "positive" : "negative";
  cell.style.background = `color-mix(in srgb, var(--${sign}) calc(var(--strongest) * ${share}), var(--paper))`;
}

function choose(cell, panel, i, part) {
  for (const other of document.querySelectorAll(".cell.chosen")) other.classList.remove("chosen");
  cell.classList.add("chosen");
  const name = panel.label.replace(/^contribution to /, "");
  $("element").textContent = typeset(`${name}${index(i, part)}: ${panel.elements[i]}`);
  $("element").hidden = false;
  $("element").scrollIntoView({ block: "nearest" });
}

/** Arrow keys walk through the cells of an array that has the focus. */
function walk(event, buttons, i, columns) {
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  if (event.key === " " || event.key === "Enter") event.stopPropagation();
  if (!(event.key in moves)) return;
  event.preventDefault();
  event.stopPropagation();
  const to = buttons[i + moves[event.key]];
  if (!to) return;
  buttons[i].tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

// -- predict ----------------------------------------------------------------------------------

function paintQuestion() {
  const ask = frames[step].ask;
  $("question").hidden = !(predicting() && ask);
  if ($("question").hidden) return;
  const done = revealed.has(step);
  $("asked").textContent = `What is ${ask.what}?`;
  $("answer").disabled = done;
  if (!done) $("answer").value = "";
  $("verdict").textContent = "";
  $("verdict").className = "";
}

/** Read what was typed: 0.5, −3, 1e-3, 1/3, 0,5. */
function typed() {
  const text = $("answer").value.trim().replaceAll("−", "-").replace(",", ".");
  const [above, below] = text.split("/");
  const x = below === undefined ? Number(above) : Number(above) / Number(below);
  return text === "" || Number.isNaN(x) ? null : x;
}

function verdict(kind, text) {
  $("verdict").className = kind;
  $("verdict").textContent = text;
}

function check(event) {
  event.preventDefault();
  const { answer } = frames[step].ask;
  const x = typed();
  if (x === null) return verdict("wrong", "Type a number, such as −0.25 or 1/3.");
  if (Math.abs(x - answer) <= 0.01 * Math.abs(answer) + 1e-12) reveal("right", `✓ Right: ${short(answer)}.`);
  else if (Math.abs(x + answer) <= 0.01 * Math.abs(answer)) verdict("wrong", "✗ The size is right, the sign is not.");
  else verdict("wrong", "✗ Wrong: try again.");
}

function reveal(kind, text) {
  revealed.add(step);
  paint();
  verdict(kind, text);
}

// -- the table --------------------------------------------------------------------------------

const rows = frames.map((frame, i) => {
  const tr = $("rows").insertRow();
  const link = document.createElement("a");
  link.href = `#step=${i}`;
  link.textContent = String(i);
  tr.insertCell().append(link);
  tr.insertCell().textContent = typeset(frame.title);
  tr.insertCell().textContent = typeset(frame.say);
  return tr;
});
function paintTable() {
  rows.forEach((tr, i) => {
    tr.hidden = i > step || concealed(i);
    tr.toggleAttribute("aria-current", i === step);
    if (i === step) tr.setAttribute("aria-current", "step");
  });
}

// -- bump -------------------------------------------------------------------------------------

function prepareBumps() {
  for (const bump of bumps) {
    const li = document.createElement("li");
    li.textContent = `∂${data.root}/∂${bump.name} ${bump.badge}`;
    li.classList.toggle("bad", !bump.ok);
    $("badges").append(li);
  }
  const possible = bumps.filter((bump) => bump.effects);
  $("bump").hidden = !possible.length;
  possible.forEach((bump, i) => $("bump-input").add(new Option(bump.name, i)));
  const places = () => {
    const bump = possible[$("bump-input").value];
    $("bump-place").replaceChildren(...bump.places.map((p, i) => new Option(`[${p.join(", ")}]`, i)));
    $("bump-place-label").hidden = bump.places[0].length === 0;
    show();
  };
  const show = () => {
    const bump = possible[$("bump-input").value], k = Number($("bump-place").value);
    const slope = bump.gradient[k];
    const where = bump.name + (bump.places[k].length ? `[${bump.places[k].join(", ")}]` : "");
    $("bump-say").textContent =
      `${data.root} = ${short(bump.at)} now. The gradient of ${where} is ${short(slope)}, by finite ` +
      `differences ${short(bump.numeric[k])}: bump ${where} by a small ε, and ${data.root} changes by about ${short(slope)} · ε.`;
    const body = document.querySelector("#bump-table tbody");
    body.replaceChildren();
    bump.epsilons.forEach((epsilon, i) => {
      const [at, actual] = [bump.at, bump.effects[k][i]].map((x) => (typeof x === "number" ? x : NaN));
      const predicted = at + slope * epsilon;
      const tr = body.insertRow();
      const row = [short(epsilon), digits(predicted), digits(actual), short(actual - predicted)];
      for (const text of row) tr.insertCell().textContent = text;
    });
  };
  $("bump-input").addEventListener("change", places);
  $("bump-place").addEventListener("change", show);
  if (possible.length) places();
}

// -- going from step to step --------------------------------------------------------------------

function paint() {
  paintGraph();
  paintStep();
  paintTable();
  $("check").hidden = !bumps.length || (predicting() && frames[step].phase !== "done");
  $("slider").value = step;
  $("slider").setAttribute("aria-valuetext", `step ${step} of ${frames.length - 1}: ${frames[step].title}`);
  $("count").textContent = `${step} of ${frames.length - 1}`;
  $("first").disabled = $("back").disabled = step === 0;
  $("last").disabled = $("next").disabled = step === frames.length - 1;
}

function go(to) {
  step = Math.max(0, Math.min(frames.length - 1, to));
  if (location.protocol !== "about:") history.replaceState(null, "", `#step=${step}`);
  paint();
}

function fromHash() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : 0;
}

document.addEventListener("keydown", (event) => {
  const inside = event.target.closest("input, select, textarea, button, a, summary");
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (inside && (event.key === " " || inside.matches("input:not([type=checkbox]), select"))) return;
  const to = { ArrowRight: beside(1), ArrowLeft: beside(-1), Home: 0, End: frames.length - 1,
    " ": beside(event.shiftKey ? -1 : 1) }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  go(to);
});
$("first").addEventListener("click", () => go(0));
$("back").addEventListener("click", () => go(beside(-1)));
$("next").addEventListener("click", () => go(beside(1)));
$("last").addEventListener("click", () => go(frames.length - 1));
$("slider").addEventListener("input", () => go(Number($("slider").value)));
$("predict").addEventListener("change", () => { revealed = new Set(); paint(); });
$("question").addEventListener("submit", check);
$("reveal").addEventListener("click", () => reveal("", `It is ${short(frames[step].ask.answer)}.`));
window.addEventListener("hashchange", () => go(fromHash()));

$("slider").max = frames.length - 1;
window.addEventListener("resize", fit);
fit();
document.querySelectorAll("#graph .name, #graph .made").forEach(squeeze);
prepareBumps();
step = Math.min(fromHash(), frames.length - 1);
paint();
