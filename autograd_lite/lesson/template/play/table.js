// The predictions, example by example.

const LISTED = 200; // examples, before the rest is left out

class Predictions {
  constructor(examples, choose) {
    Object.assign(this, { examples, choose, rows: [] });
    const heads = ["#", ...range(Math.min(4, examples.features)).map((d) => `x${SMALL[d]}`), examples.hasLabels ? "label" : "target", "prediction"];
    if (examples.hasLabels) heads.push("✓");
    $("heads").replaceChildren(...heads.map((text) => make("th", text, { scope: "col" })));
    this.wide = heads.length;
  }

  paint(outputs, chosen) {
    const { examples } = this, count = Math.min(LISTED, examples.count);
    while (this.rows.length > count) this.rows.pop().remove();
    while (this.rows.length < count) {
      const tr = $("rows").insertRow(), i = this.rows.length;
      for (let k = 0; k < this.wide; k++) tr.insertCell();
      const button = make("button", String(i + 1), { type: "button", "aria-label": `example ${i + 1}` });
      button.addEventListener("click", () => this.choose(i));
      tr.cells[0].append(button);
      this.rows.push(tr);
    }
    this.rows.forEach((tr, i) => {
      const said = examples.said(outputs, i), label = examples.label(i);
      const cells = [...[...examples.input(i)].slice(0, 4).map((x) => short(x, 3)), short(label, 3)];
      cells.push(examples.classes > 2 || examples.outputs > 1 ? `${said.label} (${short(said.share, 3)})` : short(said.value, 4));
      if (examples.hasLabels) cells.push(said.label === label ? "✓" : "✗");
      cells.forEach((text, k) => say(tr.cells[k + 1], text));
      tr.classList.toggle("wrong", examples.hasLabels && said.label !== label);
      if (tr.classList.toggle("chosen", i === chosen)) tr.firstChild.firstChild.setAttribute("aria-current", "true");
      else tr.firstChild.firstChild.removeAttribute("aria-current");
    });
    say($("listed"), examples.count > count ? `The first ${count} of ${examples.count} examples.` : "");
  }
}

const SMALL = ["₁", "₂", "₃", "₄"];
