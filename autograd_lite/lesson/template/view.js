// -- the view: which part of the graph is seen, and how large --------------------------------------
// Letters are 14 pixels at scale 1. A graph that does not fit at a scale that can be read is
// larger than its space: it follows the step, and arrows at its edges say that there is more.

const whole = $("graph").viewBox.baseVal; // left, top, width and height, before anything is moved
const bounds = { left: whole.x, top: whole.y, width: whole.width, height: whole.height };
const view = { scale: 1, x: 0, y: 0, width: 1, height: 1, fit: 1 }; // x, y: the middle
const LARGEST = 4;

/** Make the graph fill its place, as far as its letters stay readable. */
function fit() {
  const projected = document.documentElement.classList.contains("projector");
  const phone = window.innerWidth <= 760;
  view.width = $("picture").clientWidth;
  const high = window.innerHeight;
  const most = Math.max(high * (projected ? 0.5 : phone ? 0.4 : 0.45), Math.min(310, high * 0.6));
  view.fit = Math.min(projected ? 2.2 : 1.6, view.width / bounds.width, most / bounds.height);
  view.scale = Math.max(view.fit, projected ? 1.05 : phone ? 0.9 : 0.75);
  view.height = Math.round(Math.min(most, bounds.height * view.scale));
  $("picture").style.height = `${view.height}px`;
  view.x = bounds.left + bounds.width / 2;
  view.y = bounds.top + bounds.height / 2;
  if (bounds.width * view.scale > view.width) view.x = -Infinity; // from its beginning
  drawView();
}

/** Keep one coordinate of the middle where the view shows graph, and no more empty space than must be. */
function kept(middle, from, size, room) {
  const half = room / view.scale / 2;
  if (2 * half >= size) return from + size / 2;
  return Math.min(Math.max(middle, from + half), from + size - half);
}

function drawView() {
  view.x = kept(view.x, bounds.left, bounds.width, view.width);
  view.y = kept(view.y, bounds.top, bounds.height, view.height);
  const [w, h] = [view.width / view.scale, view.height / view.scale];
  const [left, top] = [view.x - w / 2, view.y - h / 2];
  $("graph").setAttribute("width", view.width);
  $("graph").setAttribute("height", view.height);
  $("graph").setAttribute("viewBox", `${left} ${top} ${w} ${h}`);
  const more = {
    left: left > bounds.left + 1,
    right: left + w < bounds.left + bounds.width - 1,
    top: top > bounds.top + 1,
    bottom: top + h < bounds.top + bounds.height - 1,
  };
  for (const [side, hides] of Object.entries(more)) $(`more-${side}`).hidden = !hides;
  // A finger moves the page, unless there is more of the graph that way.
  const [across, down] = [more.left || more.right, more.top || more.bottom];
  $("picture").style.touchAction = down ? "none" : across ? "pan-y" : "pan-x pan-y";
  $("picture").classList.toggle("grabs", across || down);
  $("zoom-out").disabled = view.scale <= view.fit * 1.001;
  $("zoom-in").disabled = view.scale >= LARGEST;
}

/** Make the graph larger or smaller around a point of the window; by itself around its middle. */
function zoom(factor, clientX, clientY) {
  const box = $("picture").getBoundingClientRect();
  const dx = (clientX ?? box.left + box.width / 2) - box.left - box.width / 2;
  const dy = (clientY ?? box.top + box.height / 2) - box.top - box.height / 2;
  const before = view.scale;
  view.scale = Math.min(LARGEST, Math.max(view.fit, view.scale * factor));
  view.x += dx / before - dx / view.scale;
  view.y += dy / before - dy / view.scale;
  drawView();
  return view.scale !== before;
}

function showAll() {
  view.scale = view.fit;
  drawView();
}

let moving = 0;

/** Move the middle of the view: at once, or so that the eye can follow. */
function moveTo(x, y) {
  cancelAnimationFrame(moving);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const [x0, y0, start] = [view.x, view.y, performance.now()];
  const frame = (now) => {
    const t = still ? 1 : Math.min(1, (now - start) / 200);
    const s = t * (2 - t);
    [view.x, view.y] = [x0 + (x - x0) * s, y0 + (y - y0) * s];
    drawView();
    if (t < 1) moving = requestAnimationFrame(frame);
  };
  frame(start);
}

/** The rectangle of a box or a module, in the graph's units. */
function place(element) {
  const { e, f } = element.transform.baseVal.consolidate().matrix;
  const { width, height } = element.querySelector("rect");
  return [e, f, e + width.baseVal.value, f + height.baseVal.value];
}

/** Bring boxes into view: all of them if they fit, else the first. */
function follow(elements) {
  const seen = elements.filter((element) => !hidden(element)).map(place);
  if (!seen.length) return;
  const all = [0, 1, 2, 3].map((i) => (i < 2 ? Math.min : Math.max)(...seen.map((box) => box[i])));
  const [w, h] = [view.width / view.scale, view.height / view.scale];
  const edge = 72 / view.scale; // where the view fades, on both sides
  const fits = all[2] - all[0] <= w - edge && all[3] - all[1] <= h;
  const [left, top, right, bottom] = fits ? all : seen[0];
  const room = { x: Math.min(40, (w - right + left) / 2), y: Math.min(20, (h - bottom + top) / 2) };
  const x = Math.min(Math.max(view.x, right + room.x - w / 2), left - room.x + w / 2);
  const y = Math.min(Math.max(view.y, bottom + room.y - h / 2), top - room.y + h / 2);
  if (x !== view.x || y !== view.y) moveTo(x, y);
}

// -- by wheel, finger, button and key ----------------------------------------------------------------

$("picture").addEventListener("wheel", (event) => {
  if (event.deltaX && !event.ctrlKey && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    const before = view.x;
    view.x += event.deltaX / view.scale;
    drawView();
    if (view.x !== before) event.preventDefault();
    return;
  }
  const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
  if (zoom(factor, event.clientX, event.clientY)) event.preventDefault();
}, { passive: false });

const fingers = new Map();
let dragged = false;
$("picture").addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("button")) return;
  fingers.set(event.pointerId, event);
  dragged = false;
});
window.addEventListener("pointermove", (event) => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  const others = [...fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
  const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  dragged = true;
  cancelAnimationFrame(moving);
  fingers.set(event.pointerId, event);
  if (others.length) {
    const [other] = others;
    const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
    const [x, y] = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
    zoom(apart(event) / Math.max(apart(last), 1), x, y);
  } else {
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    drawView();
  }
});
for (const end of ["pointerup", "pointercancel"])
  window.addEventListener(end, (event) => fingers.delete(event.pointerId));
// What was dragged has not been clicked.
$("picture").addEventListener("click", (event) => { if (dragged) event.stopPropagation(); dragged = false; }, true);

$("zoom-in").addEventListener("click", () => zoom(1.25));
$("zoom-out").addEventListener("click", () => zoom(0.8));
$("zoom-all").addEventListener("click", showAll);

/** A key that moves or scales the graph; whether it was one. */
function viewKey(event) {
  const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") showAll();
  else if (event.shiftKey && moves[event.key]) {
    const [dx, dy] = moves[event.key];
    moveTo(view.x + (dx * 160) / view.scale, view.y + (dy * 120) / view.scale);
  } else return false;
  return true;
}

// -- the looks: for a projector, in the dark, on paper -------------------------------------------------

function project() {
  const on = document.documentElement.classList.toggle("projector");
  $("projector").setAttribute("aria-pressed", String(on));
  fit();
  paint();
}
function darken() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}
$("projector").addEventListener("click", project);
$("theme").addEventListener("click", darken);
window.addEventListener("resize", () => { fit(); paint(); });
window.addEventListener("beforeprint", () => $("graph").setAttribute("viewBox",
  `${bounds.left} ${bounds.top} ${bounds.width} ${bounds.height}`));
window.addEventListener("afterprint", drawView);
