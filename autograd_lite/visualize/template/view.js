"use strict";
// A graph whose boxes open and close: what is shown is laid out anew at each change.
// A box is an operation with its results, or a value; a group is a module, a repetition, one
// turn of it, or a stretch of turns. Groups are stretches of the program in its order, so that
// what is drawn of them has no circle.

const { boxes, groups, arrows } = JSON.parse(document.getElementById("data").textContent);
const svg = document.getElementById("graph"), sheet = document.getElementById("sheet");
const SVG = "http://www.w3.org/2000/svg";
const LETTER = 8, LINE = 19, PAD = 10, AHEAD = 46, BESIDE = 16, TITLE = 28, MANY = 24;

// -- what belongs to what -----------------------------------------------------------------------

const items = new Map(); // by key: boxes and groups
for (const box of boxes) items.set(box.key, box);
for (const group of groups) items.set(group.key, { ...group, lines: [group.label, group.said] });
for (const group of groups)
  for (const child of group.children) items.get(child).within = group.key;
const around = key => {
  const path = [];
  for (let k = key; k !== undefined; k = items.get(k).within) path.unshift(k);
  return path;
};
// Each arrow belongs to the innermost group that both its ends are in, between two of its children.
for (const [tail, head] of arrows) {
  const a = around(tail), b = around(head);
  let i = 0;
  while (a[i] === b[i]) i++;
  const group = items.get(a[i - 1]);
  (group.inner ??= new Map()).set(a[i] + " " + b[i], [a[i], b[i]]);
}
const open = new Set(["all"]);
const isGroup = key => items.get(key).children !== undefined;

// Open modules from the outside in, as long as there are not too many boxes.
for (let waiting = ["all"], shown = items.get("all").children.length; waiting.length;) {
  const key = waiting.shift(), children = items.get(key).children;
  if (items.get(key).label.includes(" × ") || (key !== "all" && shown + children.length > MANY)) continue;
  shown += key === "all" ? 0 : children.length - 1;
  open.add(key);
  waiting.push(...children.filter(isGroup));
}

// -- where it stands ----------------------------------------------------------------------------

function sizeOf(key) {
  const item = items.get(key), said = [...item.lines, ...(item.given || [])];
  return { w: Math.max(...said.map(line => line.length)) * LETTER + 2 * PAD,
           h: item.lines.length * LINE + PAD + (item.given || []).length * (LINE + 8) };
}

// Return the size of an item, with the places of what is in it, from its own corner.
function layout(key) {
  if (!isGroup(key) || !open.has(key)) return { ...sizeOf(key), places: new Map() };
  const { children, inner } = items.get(key), sizes = new Map(), depth = new Map();
  for (const child of children) sizes.set(child, layout(child));
  const edges = inner ? [...inner.values()] : [], before = new Map(), after = new Map();
  for (const [a, b] of edges) {
    before.set(b, [...(before.get(b) || []), a]);
    after.set(a, [...(after.get(a) || []), b]);
  }
  for (const child of children)
    depth.set(child, Math.max(0, ...(before.get(child) || []).map(a => depth.get(a) + 1)));
  for (const child of [...children].reverse())
    if (!before.has(child) && after.has(child)) // what is given stands where it is needed
      depth.set(child, Math.max(0, Math.min(...after.get(child).map(b => depth.get(b))) - 1));
  const columns = [];
  for (const child of children) (columns[depth.get(child)] ??= []).push(child);
  const at = new Map();
  for (const column of columns) {
    const wanted = child => {
      const from = (before.get(child) || []).filter(a => at.has(a)).map(a => at.get(a));
      return from.length ? from.reduce((x, y) => x + y) / from.length : 0;
    };
    column.sort((a, b) => wanted(a) - wanted(b));
    column.forEach((child, i) => at.set(child, i - column.length / 2));
  }
  // Columns stand in rows, as words do in the lines of a text.
  const wide = columns.map(column => Math.max(...column.map(c => sizes.get(c).w)));
  const high = columns.map(column => column.reduce((h, c) => h + sizes.get(c).h + BESIDE, -BESIDE));
  const area = wide.reduce((sum, w, i) => sum + (w + AHEAD) * (high[i] + 2 * BESIDE), 0);
  const most = Math.max(Math.sqrt(area * 3.5), ...wide);
  const places = new Map();
  let x = PAD, y = TITLE + PAD, row = [], right = 0;
  const settle = () => {
    const tall = Math.max(...row.map(i => high[i]));
    for (const i of row) {
      let down = y + (tall - high[i]) / 2;
      for (const child of columns[i]) {
        const size = sizes.get(child), left = columns[i].x + (wide[i] - size.w) / 2;
        places.set(child, { x: left, y: down, w: size.w, h: size.h });
        for (const [k, p] of size.places) places.set(k, { ...p, x: p.x + left, y: p.y + down });
        down += size.h + BESIDE;
      }
    }
    y += tall + 2 * BESIDE;
    row = [];
    x = PAD;
  };
  columns.forEach((column, i) => {
    if (row.length && x + wide[i] > most) settle();
    column.x = x;
    x += wide[i] + AHEAD;
    right = Math.max(right, x - AHEAD + PAD);
    row.push(i);
  });
  if (row.length) settle();
  const title = items.get(key).lines[0].length * LETTER + 6 * PAD;
  return { w: Math.max(right, title), h: y - 2 * BESIDE + PAD, places };
}

// -- how it looks -------------------------------------------------------------------------------

function element(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return parent.appendChild(made);
}

let places = new Map(), view = { x: 0, y: 0, w: 1, h: 1 }, whole = { w: 1, h: 1 };

function paint() {
  const focused = document.activeElement?.dataset?.key;
  const made = layout("all");
  places = made.places;
  whole = made;
  svg.replaceChildren();
  const behind = element(svg, "g", {}), lines = element(svg, "g", {}), front = element(svg, "g", {});
  for (const [key, p] of places) {
    const item = items.get(key), isOpen = isGroup(key) && open.has(key);
    const kind = isGroup(key) ? "group" + (isOpen ? " open" : "") : "box " + item.kind;
    const g = element(isOpen ? behind : front, "g", {
      class: kind, transform: `translate(${p.x} ${p.y})`, "data-key": key });
    element(g, "title", {}, item.title || item.lines.join("\n"));
    if (isGroup(key)) {
      const label = `${item.lines.join(", ")}: ${isOpen ? "close" : "open"}`;
      for (const [name, value] of Object.entries({ role: "button", tabindex: 0,
        "aria-expanded": isOpen, "aria-label": label })) g.setAttribute(name, value);
      if (!isOpen) element(g, "rect", { class: "shadow", x: 5, y: 5, width: p.w, height: p.h, rx: 6 });
    }
    if (isOpen) {
      element(g, "rect", { width: p.w, height: p.h, rx: 8 });
      element(g, "rect", { class: "handle", x: 1, y: 1, width: p.w - 2, height: TITLE - 4, rx: 7 });
      element(g, "text", { class: "name", x: PAD, y: 18 }, "▾ " + item.lines[0]);
      continue;
    }
    let top = 0;
    for (const given of item.given || []) {
      element(g, "rect", { class: "given", x: 0, y: top, width: p.w, height: LINE + 4, rx: 0 });
      element(g, "text", { x: p.w / 2, y: top + 17, "text-anchor": "middle" }, given);
      top += LINE + 8;
    }
    element(g, "rect", { y: top, width: p.w, height: p.h - top, rx: item.kind === "input" ? 0 : 6 });
    item.lines.forEach((line, i) => element(g, "text", { class: i ? "" : "name", x: p.w / 2,
      y: top + 20 + i * LINE, "text-anchor": "middle" }, (i || !isGroup(key) ? "" : "▸ ") + line));
  }
  paintArrows(lines);
  svg.querySelector(`[data-key="${focused}"]`)?.focus();
  look();
}

function shownAs(key) {
  for (const k of around(key)) if (k !== "all" && !(isGroup(k) && open.has(k))) return k;
  return key;
}

function paintArrows(parent) {
  const drawn = new Map();
  for (const [tail, head, carries] of arrows) {
    const a = shownAs(tail), b = shownAs(head);
    if (a !== b) drawn.set(a + " " + b, [a, b, carries || drawn.get(a + " " + b)?.[2]]);
  }
  for (const [a, b, carries] of drawn.values()) {
    const p = places.get(a), q = places.get(b);
    const ahead = q.x > p.x + p.w;
    const [x, y] = ahead ? [p.x + p.w, p.y + p.h / 2] : [p.x + p.w / 2, p.y + p.h];
    const [u, v] = ahead ? [q.x - 8, q.y + q.h / 2] : [q.x + q.w / 2, q.y - 8];
    const bend = Math.max(24, ahead ? (u - x) / 2 : Math.abs(v - y) / 3);
    const d = ahead ? `M${x} ${y}C${x + bend} ${y} ${u - bend} ${v} ${u} ${v}`
                    : `M${x} ${y}C${x} ${y + bend} ${u} ${v - bend} ${u} ${v}`;
    element(parent, "path", { d, class: carries ? "gradient" : "constant", "data-ends": a + " " + b });
    const tip = ahead ? `M${u} ${v - 4}L${u + 8} ${v}L${u} ${v + 4}z` : `M${u - 4} ${v}L${u} ${v + 8}L${u + 4} ${v}z`;
    element(parent, "path", { d: tip, class: "tip" });
  }
}

// -- where one looks ----------------------------------------------------------------------------

const look = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
const shape = () => sheet.clientHeight / Math.max(1, sheet.clientWidth);

function fit() {
  const w = Math.max(whole.w, whole.h / shape(), 300) + 40;
  view = { x: (whole.w - w) / 2, y: (whole.h - w * shape()) / 2, w, h: w * shape() };
  look();
}

function zoom(by, x = view.x + view.w / 2, y = view.y + view.h / 2) {
  const w = Math.min(Math.max(view.w * by, 120), Math.max(whole.w, whole.h, 300) * 4);
  by = w / view.w;
  view = { x: x - (x - view.x) * by, y: y - (y - view.y) * by, w, h: view.h * by };
  look();
}

function toggle(key) {
  const before = places.get(key);
  open.has(key) ? open.delete(key) : open.add(key);
  paint();
  const p = places.get(key); // the box that was clicked stays where it was
  view.x += p.x - before.x;
  view.y += p.y - before.y;
  look();
}

const pointers = new Map();
let moved = 0;
sheet.addEventListener("pointerdown", event => {
  pointers.set(event.pointerId, event);
  if (pointers.size === 1) moved = 0;
});
window.addEventListener("pointermove", event => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const scale = view.w / sheet.clientWidth;
  const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
  moved += Math.abs(dx) + Math.abs(dy);
  if (pointers.size === 1) {
    view.x -= dx * scale;
    view.y -= dy * scale;
    look();
  } else { // two fingers
    const other = [...pointers.values()].find(p => p.pointerId !== event.pointerId);
    const far = p => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY);
    zoom(far(last) / Math.max(1, far(event)));
  }
  pointers.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"])
  window.addEventListener(end, event => pointers.delete(event.pointerId));
sheet.addEventListener("wheel", event => {
  event.preventDefault();
  const box = sheet.getBoundingClientRect();
  zoom(1.0015 ** event.deltaY, view.x + (event.clientX - box.left) * view.w / box.width,
       view.y + (event.clientY - box.top) * view.h / box.height);
}, { passive: false });
svg.addEventListener("click", event => {
  const group = event.target.closest(".group");
  if (group && moved < 6) toggle(group.dataset.key);
});
window.addEventListener("resize", () => { view.h = view.w * shape(); look(); });

function openShown() {
  for (const key of [...places.keys()]) if (isGroup(key)) open.add(key);
  paint();
  fit();
}

function closeAll() {
  open.clear();
  open.add("all");
  paint();
  fit();
}

const keys = {
  "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25), "0": fit,
  o: openShown, c: closeAll,
  ArrowLeft: () => { view.x -= view.w / 8; look(); }, ArrowRight: () => { view.x += view.w / 8; look(); },
  ArrowUp: () => { view.y -= view.h / 8; look(); }, ArrowDown: () => { view.y += view.h / 8; look(); },
};
document.addEventListener("keydown", event => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const group = event.target.closest(".group");
  if (group && (event.key === "Enter" || event.key === " ")) toggle(group.dataset.key);
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
document.getElementById("in").onclick = () => zoom(0.8);
document.getElementById("out").onclick = () => zoom(1.25);
document.getElementById("fit").onclick = fit;
document.getElementById("open").onclick = openShown;
document.getElementById("close").onclick = closeAll;

// -- search -------------------------------------------------------------------------------------

const query = document.getElementById("query"), found = document.getElementById("found");
let asked = "", hits = [], turn = -1;

function find(event) {
  event?.preventDefault();
  const text = query.value.trim().toLowerCase();
  if (text !== asked) {
    asked = text;
    turn = -1;
    hits = text ? [...items.entries()].filter(([key, item]) => key !== "all" &&
      [...item.lines, ...(item.given || []), item.title || ""].join("\n").toLowerCase().includes(text))
      .map(([key]) => key) : [];
  }
  svg.querySelectorAll(".lit").forEach(g => g.classList.remove("lit"));
  if (!hits.length) {
    found.textContent = text ? "nothing found" : "";
    return;
  }
  turn = (turn + 1) % hits.length;
  found.textContent = `${turn + 1} of ${hits.length}`;
  const key = hits[turn];
  for (const k of around(key).slice(0, -1)) open.add(k);
  paint();
  const p = places.get(key), w = Math.min(Math.max(p.w * 5, 700), Math.max(whole.w, 700));
  view = { x: p.x + p.w / 2 - w / 2, y: p.y + p.h / 2 - w * shape() / 2, w, h: w * shape() };
  look();
  svg.querySelector(`[data-key="${key}"]`).classList.add("lit");
}
document.getElementById("search").addEventListener("submit", find);
query.addEventListener("input", () => { if (!query.value) find(); });

paint();
fit();
