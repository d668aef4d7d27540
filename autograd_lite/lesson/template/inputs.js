// -- changing numbers ----------------------------------------------------------------------------
// Every number of an input is a control: drag it to the side, type another, or use ↑ and ↓ (with
// Shift ten times as far, with Alt a tenth); wherever it is shown, all else follows at once.

const controls = []; // those of the list of inputs, which stay
let drag = null;

/** How far one step goes: a hundredth of the largest number's order of size, or of one. */
function grain(input) {
  const largest = Math.max(...[...input.given].map((x) => Math.abs(real(x)) || 0).filter(Number.isFinite));
  return 10 ** (Math.round(Math.log10(largest || 1)) - 2);
}

/** A number after some steps, without the digits that rounding leaves. */
function stepped(input, x, steps) {
  const size = grain(input);
  const next = x + steps * size;
  const digits = Math.max(0, Math.min(15, 3 - Math.floor(Math.log10(size))));
  return Number.isFinite(next) ? Number(next.toFixed(digits)) : next;
}

const factor = (event) => (event.shiftKey ? 10 : event.altKey ? 0.1 : 1);
const nameOf = (input, i) => input.name + (input.shape.length ? index(i, input.shape) : "");

function change(input, i, x) {
  if (Object.is(input.now[i], x)) return;
  input.now[i] = x;
  renew();
}

/** Make a cell one number of an input that can be changed. */
function control(cell, input, i) {
  cell.classList.add("control");
  cell.setAttribute("role", "spinbutton");
  cell.setAttribute("aria-label", nameOf(input, i));
  cell.dataset.input = inputs.indexOf(input);
  cell.dataset.place = i;
  cell.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    drag = { input, i, from: event.clientX, x: input.now[i], moved: false };
    cell.classList.add("dragged");
  });
  cell.addEventListener("dblclick", () => type(cell, input, i));
  cell.addEventListener("keydown", (event) => onKey(event, cell, input, i));
  paintControl(cell, input, i);
}

function paintControl(cell, input, i) {
  const x = word(input.now[i]);
  const largest = largestOf([...input.now]);
  if (cell.firstElementChild || cell.painted === `${x} ${largest}`) return; // it is being typed, or stands
  cell.painted = `${x} ${largest}`;
  cell.textContent = signed(x);
  cell.title = `${nameOf(input, i)} ${equals(x)}: drag it, type, or use ↑ ↓`;
  if (typeof x === "number") cell.setAttribute("aria-valuenow", x);
  else cell.removeAttribute("aria-valuenow");
  cell.setAttribute("aria-valuetext", short(x));
  shade(cell, x, largest);
  cell.classList.toggle("not-finite", typeof x !== "number");
}

/** A single number can be dragged where it stands in the graph, too. */
for (const input of inputs) {
  const box = $(input.key);
  if (!box || input.shape.length) continue;
  box.classList.add("drags");
  box.addEventListener("pointerdown", (event) => {
    if (event.button || document.documentElement.classList.contains("asks-paths")) return;
    event.stopPropagation(); // the graph stays where it is
    drag = { input, i: 0, from: event.clientX, x: input.now[0], moved: false };
  });
}

window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const steps = Math.round((event.clientX - drag.from) / 2);
  if (!steps && !drag.moved) return;
  drag.moved = true;
  event.preventDefault();
  change(drag.input, drag.i, stepped(drag.input, drag.x, steps * factor(event)));
});
for (const end of ["pointerup", "pointercancel"])
  window.addEventListener(end, () => {
    if (drag) document.querySelectorAll(".dragged").forEach((cell) => cell.classList.remove("dragged"));
    drag = null;
  });

function onKey(event, cell, input, i) {
  if (event.target !== cell || event.ctrlKey || event.metaKey) return;
  const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
  const columns = input.shape.at(-1) ?? 1;
  const beside = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (steps) change(input, i, stepped(input, input.now[i], steps * factor(event)));
  else if (beside) focusOn(cell, i + beside);
  else if (event.key === "Enter" || event.key === "F2") type(cell, input, i);
  else if (/^[-−.\dni]$/.test(event.key)) type(cell, input, i, event.key);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Go to another number of the same array. */
function focusOn(cell, i) {
  const beside = cell.closest("figure").querySelector(`[data-input="${cell.dataset.input}"][data-place="${i}"]`);
  beside?.focus();
}

/** Let a number be typed in its cell. */
function type(cell, input, i, first) {
  const field = document.createElement("input");
  field.type = "text";
  field.inputMode = "decimal";
  field.value = first ?? String(word(input.now[i]));
  field.setAttribute("aria-label", `a number for ${nameOf(input, i)}`);
  cell.replaceChildren(field);
  field.focus();
  if (first === undefined) field.select();
  const close = (keep) => {
    if (field.isConnected === false || field.closed) return;
    field.closed = true;
    const x = parsed(field.value);
    field.remove();
    cell.painted = "";
    if (keep && x !== null) change(input, i, x);
    paintControl(cell, input, i);
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    close(event.key === "Enter");
    cell.focus();
  });
  field.addEventListener("blur", () => close(true));
}

/** Read what was typed: 0.5, −3, 1e-3, 1/3, 0,5, inf, nan; null where it is no number. */
function parsed(text) {
  const plain = text.trim().toLowerCase().replaceAll("−", "-").replace(",", ".");
  if (/^[+-]?(inf(inity)?|∞)$/.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  if (plain === "nan") return NaN;
  const [above, below] = plain.split("/");
  const x = below === undefined ? Number(above) : Number(above) / Number(below);
  return plain === "" || Number.isNaN(x) ? null : x;
}

/** Compute anew, and show it: what stands on the page stays, with other numbers in it. */
function renew() {
  compute();
  paintGraph();
  repaintStep();
  for (const { cell, input, i } of controls) paintControl(cell, input, i);
  paintChange();
  later();
}

/** Write a text, if it is another. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function repaintStep() {
  const frame = frames[step];
  if (concealed(step) || isBeyond !== crossed(step)) {
    isBeyond = crossed(step);
    paintStep();
    return paintControls();
  }
  say($("say"), typeset(frame.say));
  const formulas = $("math").querySelectorAll("dd > math");
  frame.math.forEach(({ math }, i) => {
    if (formulas[i] && formulas[i].told !== math) formulas[i].innerHTML = formulas[i].told = math;
  });
  panelsOf(frame).forEach((panel, j) => {
    const { cells, part } = arrays[panel.data];
    const size = largestOf(cells);
    $("arrays").children[j].querySelectorAll(".cell").forEach((cell, i) => {
      if (cell.shows === `${cells[i]} ${size}`) return;
      cell.shows = `${cells[i]} ${size}`;
      if (cell.classList.contains("control")) return paintControl(cell, inputs[cell.dataset.input], Number(cell.dataset.place));
      cell.textContent = part.at(-1) > 8 ? signOf(cells[i]) : signed(cells[i]);
      cell.title = `${index(i, part)}: ${short(cells[i])}`;
      if (cell.tagName === "BUTTON") cell.setAttribute("aria-label", `element ${cell.title}; show how it came about`);
      shade(cell, cells[i], size);
      cell.classList.toggle("not-finite", typeof cells[i] !== "number");
    });
  });
  if (frame.phase === "done") paintWays();
  const chosen = document.querySelector("#arrays .cell.chosen");
  if (chosen) chosen.click();
}

let isBeyond = false; // whether the step that is shown was painted beyond a kink
const panelsOf = (frame) => frame.show.filter((panel) => arrays[panel.data].shape.length);
const largestOf = (cells) => Math.max(...cells.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 1e-300);
const signOf = (x) => (x > 0 ? "+" : x < 0 ? "−" : x === 0 ? "0" : "!");

let waiting = 0;
/** What need not follow at once, but soon. */
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(settle, drag ? 60 : 0);
}

function settle() {
  clearTimeout(waiting);
  paintBadges();
  paintBump();
  retell();
}

/** Make the numbers of inputs in a step's arrays controls too. */
function paintControls() {
  isBeyond = crossed(step);
  panelsOf(frames[step]).forEach((panel, j) => {
    const input = inputs.find(({ key }) => values[key]?.data === panel.data);
    if (!input) return;
    const shown = partOf(arrays[panel.data]);
    $("arrays").children[j].querySelectorAll(".cell:not(.hidden-cell)").forEach((cell, c) => {
      if (cell.tagName === "BUTTON") return; // it shows how it came about
      control(cell, input, shown[c]);
      cell.tabIndex = c ? -1 : 0;
    });
  });
}

// -- what a change has brought -------------------------------------------------------------------

function paintChange() {
  const changed = isChanged();
  $("reset").hidden = !changed;
  const said = [];
  const kinks = frames.map((_, i) => i).filter(crossed);
  if (kinks.length) {
    const some = kinks.slice(0, 5).map((i) => `step ${i}`).join(", ");
    said.push(`The change has crossed a kink (${some}${kinks.length > 5 ? ", …" : ""}): there the derivative jumps, and follows another rule than when the program ran.`);
  }
  const lost = Object.values(values).filter(({ data: k }) => arrays[k].cells.some((x) => typeof x !== "number"));
  const nan = lost.find(({ data: k }) => arrays[k].cells.includes("nan"));
  if (changed && lost.length) said.push(nan ? `${nan.name} is nan, which is not a number.` : `${lost[0].name} overflows: it is infinite.`);
  $("changed").textContent = typeset(said.join(" "));
  $("changed").hidden = !said.length;
  const told = $("not-finite");
  if (told) told.hidden = changed && !lost.length;
}

function reset() {
  for (const input of inputs) input.given.forEach((x, i) => { input.now[i] = real(x); });
  renew();
  settle();
}

for (const input of inputs) {
  const shown = partOf({ shape: input.shape, part: input.shape.map((n) => Math.min(n, 24)) });
  const figure = document.createElement("figure");
  figure.className = "input";
  const caption = document.createElement("figcaption");
  const size = document.createElement("span");
  size.textContent = input.shape.length ? ` ${input.shape.join(" × ")}` : "";
  caption.append(input.name, size);
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  const table = document.createElement("table");
  table.setAttribute("aria-label", input.name);
  const columns = Math.min(24, input.shape.at(-1) ?? 1);
  shown.forEach((i, c) => {
    const tr = c % columns ? table.rows[table.rows.length - 1] : table.insertRow();
    const cell = document.createElement("span");
    cell.className = "cell";
    cell.tabIndex = c ? -1 : 0;
    tr.insertCell().append(cell);
    control(cell, input, i);
    controls.push({ cell, input, i });
  });
  scroll.append(table);
  figure.append(caption, scroll);
  $("given").append(figure);
}
$("numbers").hidden = !inputs.length && !data.fixed;
$("fixed").textContent = typeset(data.fixed ?? "");
$("fixed").hidden = !data.fixed;
$("reset").addEventListener("click", reset);
