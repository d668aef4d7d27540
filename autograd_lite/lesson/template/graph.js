// -- what is known at a step ---------------------------------------------------------------------
const predicting = () => $("predict").checked;
const concealed = (i) => predicting() && Boolean(frames[i].ask) && !frames[i].ask.paths && !revealed.has(i);

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

// -- the graph -----------------------------------------------------------------------------------
function finite(array) {
  return !arrays[array].cells.some((x) => /nan|inf/.test(String(x)));
}

function paintGraph() {
  const frame = frames[step];
  const { known, grads } = stateAt(step);
  const back = frame.phase === "backward";
  for (const [key, value] of Object.entries(values)) {
    const box = $(key);
    const letters = box.querySelector("rect").width.baseVal.value / 7.4 - 5;
    const lit = (frame.lit ?? []).includes(key);
    const from = (frame.from ?? []).includes(key);
    box.classList.toggle("later", !known.has(key));
    box.classList.toggle("lit", lit);
    box.classList.toggle("back", back && lit);
    box.classList.toggle("from", from);
    box.querySelector(".value").textContent = known.has(key) ? "= " + boxText(value.data, letters) : "= ?";
    const label = box.querySelector(".grad");
    const grad = grads.get(key);
    const ready = grad && grad[1] === grad[2];
    box.classList.toggle("ready", Boolean(ready));
    label.classList.toggle("unknown", !grad);
    if (!value.carries) label.textContent = "";
    else if (!grad) label.textContent = value.expected > 1 ? `∂ ? (0/${value.expected})` : "∂ ?";
    else {
      const count = grad[2] > 1 ? ` (${grad[1]}/${grad[2]})` : "";
      label.textContent = `∂ ${boxText(grad[0], letters)}${count}${ready ? " ✓" : ""}`;
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
  const lights = [...(frame.lit ?? []), ...(frame.from ?? [])].map($);
  follow(lights.map((box) => (hidden(box) ? $(closedAround(step)) : box)).filter(Boolean));
}

/** Squeeze a text that is wider than its box. */
function squeeze(text) {
  text.removeAttribute("textLength");
  const room = text.parentNode.querySelector("rect").width.baseVal.value - 8;
  if (text.textContent.length * 10 <= room) return; // surely: to measure it costs a layout
  if (text.getComputedTextLength() <= room) return;
  text.setAttribute("textLength", room);
  text.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

// -- modules -------------------------------------------------------------------------------------
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
