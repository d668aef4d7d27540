// One input: the examples and what the model says, over that input. Points are moved up and down
// too, where their targets are any values.

class Line extends Plane {
  get names() {
    return ["x", "y"];
  }

  get areValues() {
    return !this.examples.hasLabels;
  }

  spot(i) {
    return [this.examples.input(i)[0], this.examples.label(i)];
  }

  kind(i) {
    return this.areValues ? 0 : super.kind(i);
  }

  put(i, [x, y]) {
    this.examples.move(i, [x]);
    if (this.areValues) this.examples.relabel(i, y);
  }

  insert([x, y], label) {
    this.examples.add([x], this.areValues ? y : label);
  }

  /** The model's output over the window, and where it is undecided between two labels. */
  paintBehind() {
    this.canvas.hidden = true;
    const [[x0, x1]] = this.spans, n = 2 * this.fine;
    if (this.gridOf !== this.spans) {
      this.gridOf = this.spans;
      this.grid = Float64Array.from(range(n), (i) => x0 + (i / (n - 1)) * (x1 - x0));
    }
    const outputs = this.look(this.grid, n), foot = PLOT.top + PLOT.size;
    let path = "", pen = "M";
    for (let i = 0; i < n; i++) {
      const said = this.areValues ? outputs[i] : this.examples.shareOf(outputs[i]), [x, y] = this.place([this.grid[i], said]);
      const inside = Number.isFinite(y) && y >= PLOT.top && y <= foot;
      if (inside) path += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
      pen = inside ? "L" : "M";
    }
    this.boundary.setAttribute("d", path);
    this.halo.setAttribute("d", path);
  }
}
