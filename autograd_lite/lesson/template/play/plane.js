// The plane of two inputs: what the network says of each place, and the examples as points that
// can be dragged, added, relabelled and removed, by pointer, finger or keys.

const PLOT = { left: 38, top: 8, size: 384, bottom: 34 }; // in the picture's own units
const NEAR = 22; // pixels around a point that belong to it: a finger's width
const FINE = 56; // places along each side
const TINTS = 200; // shades of each class

class Plane {
  get names() {
    return ["x₁", "x₂"];
  }

  constructor(examples, look, wishes) {
    Object.assign(this, { examples, look, wishes, fine: FINE });
    this.svg = $("plane");
    this.svg.setAttribute("viewBox", `0 0 ${PLOT.left + PLOT.size + 8} ${PLOT.top + PLOT.size + PLOT.bottom}`);
    this.canvas = $("heat");
    this.frame();
    this.boundary = shape("path", { class: "boundary" }, this.svg);
    this.halo = shape("path", { class: "boundary halo" });
    this.boundary.before(this.halo);
    this.marks = shape("g", {}, this.svg);
    this.points = [];
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("pointercancel", () => { this.held = null; });
    this.svg.addEventListener("touchstart", (event) => {
      if (this.near(event.touches[0]) !== null) event.preventDefault(); // a drag, not a scroll
    }, { passive: false });
    this.colours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colours(); this.wishes.repaint(); });
  }

  colours() {
    const strongest = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--strongest")) / 100 || 0.6;
    this.paper = colour("--paper");
    this.hues = range(Math.max(2, this.examples.classes)).map((k) => colour(`--class-${k}`));
    this.strongest = strongest;
    this.signs = [colour("--negative"), colour("--positive")];
    this.tints = this.hues.map((hue) => Uint32Array.from(range(TINTS + 1), (i) =>
      new Uint32Array(Uint8Array.of(...mixed(this.paper, hue, (i / TINTS) * strongest), 255).buffer)[0]));
  }

  /** A colour for a share from −1 to 1, as the plane has them; paper for NaN. */
  shade(share) {
    const strength = Number.isFinite(share) ? Math.min(1, Math.abs(share)) * this.strongest : 0;
    return [...mixed(this.paper, this.signs[+(share > 0)], strength), 255];
  }

  /** Places on the plane, row by row from the top: an input for each. */
  places(fine) {
    const [[x0, x1], [y0, y1]] = this.spans, grid = new Float64Array(2 * fine * fine);
    for (let r = 0; r < fine; r++)
      for (let c = 0; c < fine; c++)
        grid.set([x0 + (c / (fine - 1)) * (x1 - x0), y1 - (r / (fine - 1)) * (y1 - y0)], 2 * (r * fine + c));
    return grid;
  }

  /** The window on the plane, its axes and ticks. */
  frame() {
    const spans = [0, 1].map((d) => {
      const xs = range(this.examples.count).map((i) => this.spot(i)[d]);
      const low = Math.min(...xs), high = Math.max(...xs), room = 0.1 * (high - low || 1);
      return [low - room, high + room];
    });
    this.spans = spans;
    this.axes?.remove();
    this.axes = shape("g", { class: "axes" });
    this.svg.prepend(this.axes);
    shape("rect", { x: PLOT.left, y: PLOT.top, width: PLOT.size, height: PLOT.size }, this.axes);
    const end = PLOT.top + PLOT.size;
    for (const t of ticks(...spans[0], 6)) {
      const [x] = this.place([t, 0]);
      shape("line", { x1: x, x2: x, y1: end, y2: end + 4 }, this.axes);
      shape("text", { x, y: end + 16, "text-anchor": "middle" }, this.axes).textContent = short(t, 3);
    }
    for (const t of ticks(...spans[1], 6)) {
      const [, y] = this.place([0, t]);
      shape("line", { y1: y, y2: y, x1: PLOT.left - 4, x2: PLOT.left }, this.axes);
      shape("text", { x: PLOT.left - 7, y: y + 4, "text-anchor": "end" }, this.axes).textContent = short(t, 3);
    }
    shape("text", { x: PLOT.left + PLOT.size / 2, y: end + 31, "text-anchor": "middle", class: "of" }, this.axes).textContent = this.names[0];
    shape("text", { x: 12, y: PLOT.top + PLOT.size / 4, "text-anchor": "middle", class: "of" }, this.axes).textContent = this.names[1];
  }

  /** Where an example lies, as two coordinates. */
  spot(i) {
    return this.examples.input(i);
  }

  /** Which mark it has: its label's; of any values, whether it is above the middle. */
  kind(i) {
    const label = this.examples.label(i);
    return this.examples.hasLabels ? label : +(this.examples.shareOf(label) > 0.5);
  }

  /** Whether all examples lie in the window. */
  holdsAll() {
    return range(this.examples.count).every((i) => this.spot(i).every((x, d) => x >= this.spans[d][0] && x <= this.spans[d][1]));
  }

  /** Put an example at a spot. */
  put(i, spot) {
    this.examples.move(i, spot);
  }

  /** Add an example at a spot; its label is the one that is chosen. */
  insert(spot, label) {
    this.examples.add(spot, label);
  }

  place([x, y]) {
    const [[x0, x1], [y0, y1]] = this.spans;
    return [PLOT.left + (PLOT.size * (x - x0)) / (x1 - x0), PLOT.top + (PLOT.size * (y1 - y)) / (y1 - y0)];
  }

  /** Where on the plane a pointer is; clipped to the window. */
  at({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect(), scale = (PLOT.left + PLOT.size + 8) / box.width;
    const u = ((clientX - box.left) * scale - PLOT.left) / PLOT.size, v = ((clientY - box.top) * scale - PLOT.top) / PLOT.size;
    const [[x0, x1], [y0, y1]] = this.spans, within = (s) => Math.max(0, Math.min(1, s));
    const inside = u >= 0 && u <= 1 && v >= 0 && v <= 1;
    return { inside, spot: [rounded(x0 + within(u) * (x1 - x0), x1 - x0), rounded(y1 - within(v) * (y1 - y0), y1 - y0)] };
  }

  // -- pointer ----------------------------------------------------------------------------------

  /** The point under a finger, or null. */
  near({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect(), scale = box.width / (PLOT.left + PLOT.size + 8);
    let best = null, least = NEAR;
    for (let i = 0; i < this.examples.count; i++) {
      const [x, y] = this.place(this.spot(i));
      const far = Math.hypot(box.left + x * scale - clientX, box.top + y * scale - clientY);
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  down(event) {
    if (event.button) return;
    const i = this.near(event), { inside } = this.at(event);
    if (i === null && !inside) return;
    this.held = { i, x: event.clientX, y: event.clientY, moved: false };
    if (i === null) return;
    this.svg.setPointerCapture(event.pointerId);
    this.wishes.choose(i);
    this.points[i].focus({ preventScroll: true });
    event.preventDefault();
  }

  drag(event) {
    const held = this.held;
    if (!held) {
      this.svg.classList.toggle("near", this.near(event) !== null);
      return;
    }
    if (Math.hypot(event.clientX - held.x, event.clientY - held.y) > 3) held.moved = true;
    if (held.i !== null && held.moved) this.wishes.move(held.i, this.at(event).spot);
  }

  up(event) {
    const held = this.held;
    this.held = null;
    if (held && held.i === null && !held.moved) this.wishes.add(this.at(event).spot);
  }

  key(event, i) {
    const [[x0, x1], [y0, y1]] = this.spans, share = event.shiftKey ? 0.1 : 0.01;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    const { count } = this.examples;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (dx || dy) {
      const [x, y] = this.spot(i);
      this.wishes.move(i, [rounded(x + dx * share * (x1 - x0), x1 - x0), rounded(y + dy * share * (y1 - y0), y1 - y0)]);
    } else if (event.key === "Enter" || event.key === " ") this.wishes.relabel(i);
    else if (/^[0-9]$/.test(event.key)) this.wishes.relabel(i, Number(event.key));
    else if (event.key === "Delete" || event.key === "Backspace") this.wishes.remove(i);
    else if (event.key === "PageDown" || event.key === "PageUp") {
      const to = (i + (event.key === "PageDown" ? 1 : count - 1)) % count;
      this.wishes.choose(to);
      this.points[to].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // -- painting ---------------------------------------------------------------------------------

  /** Put one mark for each example; those that are there stay, so that the focus does. */
  paint(outputs, chosen) {
    const { examples } = this;
    while (this.points.length > examples.count) this.points.pop().remove();
    while (this.points.length < examples.count) {
      const g = shape("g", { role: "button", tabindex: -1 }, this.marks), i = this.points.length;
      shape("circle", { r: 11, class: "ring" }, g);
      shape("path", { class: "mark" }, g);
      g.addEventListener("keydown", (event) => this.key(event, i));
      g.addEventListener("focus", () => this.wishes.choose(i));
      this.points.push(g);
    }
    this.points.forEach((g, i) => {
      const [x, y] = this.place(this.spot(i)), label = examples.label(i);
      const k = this.kind(i);
      const wrong = examples.hasLabels && !examples.right(outputs, i);
      const now = `${x.toFixed(1)} ${y.toFixed(1)} ${k} ${wrong} ${i === chosen}`;
      if (g.dataset.now === now) return;
      g.dataset.now = now;
      g.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      g.setAttribute("class", `point of-${k}${wrong ? " wrong" : ""}${i === chosen ? " chosen" : ""}`);
      g.setAttribute("tabindex", i === chosen ? 0 : -1);
      if (i === chosen && g !== this.marks.lastChild) this.raise(g);
      g.lastChild.setAttribute("d", MARKS[k % MARKS.length]);
      const [a, b] = this.spot(i);
      g.setAttribute("aria-label", `example ${i + 1} at ${short(a, 3)}, ${short(b, 3)}; ${
        examples.hasLabels ? `label ${label}, ${wrong ? "wrong" : "right"}` : `target ${short(label)}`}`);
    });
    this.paintBehind();
  }

  /** Put a point above the others; moved, it would lose the focus. */
  raise(g) {
    const focused = g === document.activeElement;
    this.marks.append(g);
    if (focused) g.focus({ preventScroll: true });
  }

  /** What lies behind the points: the map, and the line where the model is undecided. */
  paintBehind() {
    const { fine, examples } = this, { outputs: wide } = examples, n = fine * fine;
    if (this.gridOf !== this.spans) [this.grid, this.gridOf] = [this.places(fine), this.spans];
    const outputs = this.look(this.grid, n);
    if (this.canvas.width !== fine) this.canvas.width = this.canvas.height = fine;
    const context = this.canvas.getContext("2d"), image = context.createImageData(fine, fine);
    const pixels = new Uint32Array(image.data.buffer), several = examples.hasLabels && wide > 1;
    const margins = range(several ? wide : 1).map(() => new Float64Array(n));
    for (let p = 0; p < n; p++) {
      let k, strength;
      if (several) {
        let most = -Infinity, sum = 0;
        for (let c = 0; c < wide; c++) if (outputs[p * wide + c] > most) [most, k] = [outputs[p * wide + c], c];
        for (let c = 0; c < wide; c++) sum += Math.exp(outputs[p * wide + c] - most);
        strength = (1 / sum - 1 / wide) / (1 - 1 / wide);
        for (let c = 0; c < wide; c++) {
          let other = -Infinity;
          for (let o = 0; o < wide; o++) if (o !== c && outputs[p * wide + o] > other) other = outputs[p * wide + o];
          margins[c][p] = outputs[p * wide + c] - other;
        }
      } else {
        const share = examples.shareOf(outputs[p * wide]);
        [k, strength] = [+(share > 0.5), Math.min(1, Math.abs(2 * share - 1))];
        margins[0][p] = share - 0.5;
      }
      pixels[p] = this.tints[k ?? 0][Number.isFinite(strength) ? Math.round(strength * TINTS) : 0];
    }
    context.putImageData(image, 0, 0);
    const path = examples.hasLabels ? margins.map((m) => contour(m, fine, ([c, r]) => [
      PLOT.left + (PLOT.size * c) / (fine - 1), PLOT.top + (PLOT.size * r) / (fine - 1)])).join("") : "";
    this.boundary.setAttribute("d", path);
    this.halo.setAttribute("d", path);
  }
}

/** The marks of classes: circle, triangle, square, diamond, cross, star. */
const MARKS = [
  "M-6.5,0a6.5,6.5 0 1,0 13,0a6.5,6.5 0 1,0 -13,0z",
  "M0,-8.2L7.6,5.4L-7.6,5.4z",
  "M-6,-6H6V6H-6z",
  "M0,-8.5L8.5,0L0,8.5L-8.5,0z",
  "M-7,-2.6H-2.6V-7H2.6V-2.6H7V2.6H2.6V7H-2.6V2.6H-7z",
  "M0,-9L2.6,-3.4L8.6,-2.8L4.2,1.4L5.4,7.4L0,4.4L-5.4,7.4L-4.2,1.4L-8.6,-2.8L-2.6,-3.4z",
];

/** The same in a text. */
const CUES = ["●", "▲", "■", "◆", "✚", "★"];

/** Round a coordinate to what a pointer can mean: a thousandth of the window. */
function rounded(x, span) {
  const unit = 10 ** Math.floor(Math.log10(span / 500));
  return Number((Math.round(x / unit) * unit).toPrecision(12));
}

/** Plain numbers for an axis: 1, 2 or 5 times a power of ten apart. */
function ticks(low, high, most) {
  const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const apart = [1, 2, 5, 10].map((k) => k * unit).find((step) => step >= raw);
  const found = [];
  for (let k = Math.ceil(low / apart - 1e-9); k * apart <= high + 1e-9 * apart; k++) found.push(Number((k * apart).toPrecision(12)));
  return found;
}

/** The line where a grid of numbers is 0, as a path: marching squares. */
function contour(values, fine, place) {
  const parts = [];
  const cross = (a, b, from, to) => from.map((x, d) => x + (a / (a - b)) * (to[d] - x));
  for (let r = 0; r + 1 < fine; r++) {
    for (let c = 0; c + 1 < fine; c++) {
      const at = r * fine + c, above = values[at] > 0;
      if (above === values[at + 1] > 0 && above === values[at + fine] > 0 && above === values[at + fine + 1] > 0) continue;
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]];
      const v = corners.map(([x, y]) => values[y * fine + x]);
      const ends = [];
      for (let k = 0; k < 4; k++) {
        const a = v[k], b = v[(k + 1) % 4];
        if (a > 0 !== b > 0 && Number.isFinite(a) && Number.isFinite(b)) ends.push(cross(a, b, corners[k], corners[(k + 1) % 4]));
      }
      for (let k = 0; k + 1 < ends.length; k += 2)
        parts.push(`M${place(ends[k]).map((x) => x.toFixed(1))}L${place(ends[k + 1]).map((x) => x.toFixed(1))}`);
    }
  }
  return parts.join("");
}
