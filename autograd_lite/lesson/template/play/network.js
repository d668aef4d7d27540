// The network as circles and lines. A line is wide for a large weight, solid and blue for a
// positive one, dashed and orange for a negative one; a circle's fill is the unit's activation
// for the example that is chosen, or a small map of what the unit says of each place.

const MOST = 12; // units of a layer, before some are left out
const RADIUS = 22, SIDE = 46, TOP = 30, TALL = 400;
const CLOSE = 58, APART = 92; // from one unit to the next, as there are many
const WIDE = 150, NARROW = 74; // from one layer to the next, as there is room
const COARSE = 18; // places along each side of a unit's map

class Network {
  constructor(columns, parameters, tell) {
    Object.assign(this, { columns, parameters, tell });
    this.svg = $("network");
    this.layOut();
    new ResizeObserver(() => {
      if (this.across === this.room() || !this.weights) return;
      this.layOut();
      this.paint(this.weights, this.gradients, this.activations, this.maps);
    }).observe($("net"));
  }

  /** How far the layers stand apart, so that letters keep their size. */
  room() {
    const gaps = Math.max(1, this.columns.length - 1);
    return Math.max(NARROW, Math.min(WIDE, Math.floor(($("net").clientWidth - 2 * SIDE) / gaps / 4) * 4));
  }

  layOut() {
    const { columns, parameters } = this;
    const ACROSS = (this.across = this.room());
    this.units = [];
    this.edges = [];
    this.lit = null;
    this.svg.replaceChildren();
    $("maps").replaceChildren();
    const shown = columns.map(({ size }) =>
      size <= MOST ? range(size) : [...range(MOST / 2), null, ...range(MOST / 2).map((i) => size - MOST / 2 + i)]);
    const rows = Math.max(...shown.map((s) => s.length));
    const DOWN = Math.max(CLOSE, Math.min(APART, ACROSS < WIDE / 1.5 ? CLOSE : TALL / rows));
    this.width = 2 * SIDE + ACROSS * (columns.length - 1);
    this.height = TOP + DOWN * rows + 24;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    $("drawn").style.maxWidth = `${Math.round(this.width * 1.25)}px`;
    const lines = shape("g", { class: "edges" }, this.svg);
    const circles = shape("g", {}, this.svg);
    const places = shown.map((units, c) => new Map(units.map((k, row) => [k,
      [SIDE + ACROSS * c, TOP + DOWN * (row + 0.5 + (rows - units.length) / 2)]])));
    columns.forEach((column, c) => {
      const title = shape("text", { x: SIDE + ACROSS * c, y: 14, class: "layer" }, this.svg);
      title.textContent = c === 0 ? "inputs" : c === columns.length - 1 ? "output" : `hidden ${c}`;
      const names = shape("text", { x: SIDE + ACROSS * c, y: this.height - 8, class: "made" }, this.svg);
      names.textContent = column.names;
      for (const [k, [x, y]] of places[c]) {
        if (k === null) {
          shape("text", { x, y: y + 7, class: "more" }, circles).textContent = "⋮";
          continue;
        }
        this.units.push(this.unit(c, k, x, y, circles));
        if (c === 0) continue;
        const { shape: size } = parameters[column.weight];
        for (const [j, [x0, y0]] of places[c - 1]) {
          if (j === null) continue;
          const i = column.turned ? j * size[1] + k : k * size[1] + j;
          this.edges.push(this.edge(c, k, j, i, [x0, y0, x, y], lines));
        }
      }
    });
    this.units[0].g.setAttribute("tabindex", 0);
  }

  edge(c, k, j, i, [x1, y1, x2, y2], parent) {
    const long = Math.hypot(x2 - x1, y2 - y1), dx = ((x2 - x1) / long) * RADIUS, dy = ((y2 - y1) / long) * RADIUS;
    const ends = { x1: x1 + dx, y1: y1 + dy, x2: x2 - dx, y2: y2 - dy };
    const line = shape("line", { ...ends, class: "weight" }, parent);
    const reach = shape("line", { ...ends, class: "reach" }, parent); // wide enough for a finger
    const edge = { c, k, j, i, line };
    reach.addEventListener("pointerenter", () => this.light(edge));
    reach.addEventListener("pointerdown", () => this.light(edge));
    return edge;
  }

  unit(c, k, x, y, parent) {
    const g = shape("g", { class: "unit", tabindex: -1, role: "img" }, parent);
    const circle = shape("circle", { cx: x, cy: y, r: RADIUS }, g);
    const text = shape("text", { x, y: y + 4 }, g);
    const map = make("canvas", "", { width: COARSE, height: COARSE });
    const share = (length, of) => `${(100 * length) / of}%`;
    Object.assign(map.style, { left: share(x - RADIUS, this.width), top: share(y - RADIUS, this.height), width: share(2 * RADIUS, this.width) });
    $("maps").append(map);
    const unit = { c, k, g, circle, text, map };
    g.addEventListener("pointerenter", () => this.light(unit));
    g.addEventListener("pointerdown", () => this.light(unit));
    g.addEventListener("focus", () => this.light(unit));
    g.addEventListener("keydown", (event) => this.walk(event, unit));
    return unit;
  }

  /** Arrow keys walk from unit to unit. */
  walk(event, { c, k }) {
    const [dc, dk] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (!dc && !dk) return;
    event.preventDefault();
    event.stopPropagation();
    const column = this.units.filter((u) => u.c === c + dc);
    const at = column.findIndex((u) => u.k >= k);
    const to = column[dc ? (at < 0 ? column.length - 1 : at) : at + dk];
    if (!to) return;
    for (const unit of this.units) unit.g.setAttribute("tabindex", unit === to ? 0 : -1);
    to.g.focus();
  }

  named(c, k) {
    if (c === 0) return `input ${k + 1}`;
    return c === this.columns.length - 1 ? `output ${k + 1}` : `unit ${k + 1} of hidden layer ${c}`;
  }

  light(what) {
    for (const { line } of this.edges) line.classList.toggle("lit", line === what.line);
    for (const { g } of this.units) g.classList.toggle("lit", g === what.g);
    for (const edge of this.edges)
      if (what.g && edge.c === what.c && edge.k === what.k) edge.line.classList.add("lit");
    this.lit = what;
    this.describe();
  }

  /** Say the numbers of what is pointed at, as they are now. */
  describe() {
    if (!this.lit) return;
    const { c, k, j, i, line } = this.lit, column = this.columns[c];
    if (line) {
      const w = this.weights[column.weight][i], g = this.gradients[column.weight][i];
      this.tell(`Weight from ${this.named(c - 1, j)} to ${this.named(c, k)}: ${signed(w, 4)}; the gradient there is ${signed(g, 4)}.`);
      return;
    }
    let text = `${this.named(c, k)}: ${signed(this.activations[c][k], 4)} for this example`;
    if (c) {
      const inward = this.edges.filter((e) => e.c === c && e.k === k);
      text += `; weights ${inward.map((e) => signed(this.weights[column.weight][e.i])).join(", ")}`;
      if (column.bias !== null) text += `; bias ${signed(this.weights[column.bias][k])}`;
    }
    this.tell(`${text[0].toUpperCase()}${text.slice(1)}.`);
  }

  /**
   * Show parameters, their gradients, and the activations of one example; or, where there are
   * `maps`, each unit's activation at COARSE × COARSE places of the plane.
   */
  paint(weights, gradients, activations, maps) {
    Object.assign(this, { weights, gradients, activations, maps });
    $("drawn").classList.toggle("mapped", Boolean(maps));
    for (const { c, i, line } of this.edges) {
      const w = weights[this.columns[c].weight];
      const share = Math.min(1, Math.abs(w[i]) / largest(w));
      line.setAttribute("stroke-width", (0.6 + 7 * share).toFixed(2));
      line.classList.toggle("negative", w[i] < 0);
    }
    for (const { c, k, g, circle, text, map } of this.units) {
      if (maps) this.paintMap(map, maps.values[c], this.columns[c].size, k, maps.shade);
      const x = activations[c][k], most = Math.max(largest(activations[c]), activations[c].length > 1 ? 0 : 1);
      const share = Number.isFinite(x) ? Math.abs(x) / most : 0;
      const to = x < 0 ? "var(--negative)" : "var(--positive)";
      circle.style.fill = `color-mix(in srgb, ${to} calc(var(--strongest) * ${share.toFixed(2)}), var(--paper))`;
      const now = Math.abs(x) < 100 ? (x > 0 ? "+" : "") + x.toFixed(2).replace("-", "−") : short(x, 2);
      if (now === text.textContent) continue;
      text.textContent = now;
      g.setAttribute("aria-label", `${this.named(c, k)}: ${now}`);
    }
    this.describe();
  }

  /** A unit over the plane: blue where it is above its mean, orange below. */
  paintMap(canvas, values, size, k, shade) {
    const n = COARSE * COARSE;
    let sum = 0, most = 1e-12;
    for (let p = 0; p < n; p++) sum += values[p * size + k];
    const mean = sum / n;
    for (let p = 0; p < n; p++) most = Math.max(most, Math.abs(values[p * size + k] - mean));
    const context = canvas.getContext("2d"), image = context.createImageData(COARSE, COARSE);
    for (let p = 0; p < n; p++) image.data.set(shade((values[p * size + k] - mean) / most), 4 * p);
    context.putImageData(image, 0, 0);
  }
}

/** The largest size among numbers; not 0. */
function largest(numbers) {
  let most = 1e-300;
  for (const x of numbers) if (Number.isFinite(x) && Math.abs(x) > most) most = Math.abs(x);
  return most;
}
