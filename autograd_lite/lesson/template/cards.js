// -- the step ------------------------------------------------------------------------------------
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
  followed = null;
  paintWays();
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
  const asked = hide && frames[step].ask?.data === panel.data;
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  const table = document.createElement("table");
  table.setAttribute("aria-label", `${panel.label}, ${shape.join(" by ")}`);
  table.dataset.array = panel.data;
  table.cellsInOrder = [];
  const largest = Math.max(...cells.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 1e-300);
  const buttons = [];
  for (let r = 0; r < rows; r++) {
    if (part.length > 2 && r % part.at(-2) === 0) {
      const plane = table.insertRow().insertCell(); // channels lie as planes, one below the other
      plane.colSpan = columns;
      plane.className = "plane";
      plane.textContent = index(r / part.at(-2), part.slice(0, -2)).replace("]", ", :, :]");
    }
    const tr = table.insertRow();
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c, x = cells[i];
      const follows = panel.elements && !hide;
      const covered = hide && !(asked && !covers(step, i));
      const cell = document.createElement(follows || (asked && covered) ? "button" : "span");
      cell.className = "cell";
      if (covered) {
        cell.classList.add("hidden-cell");
        cell.textContent = "?";
        if (asked) {
          cell.type = "button";
          cell.dataset.element = i;
          cell.classList.toggle("asked", i === element(frames[step].ask));
          cell.setAttribute("aria-label", `element ${index(i, part)}, hidden: predict it`);
          cell.addEventListener("click", () => ask(i));
        }
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
        for (const on of ["mouseenter", "focus"]) cell.addEventListener(on, () => light(panel, i));
        cell.addEventListener("mouseleave", () => light(...(followed ?? [])));
        buttons.push(cell);
      }
      table.cellsInOrder.push(cell);
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

let followed = null; // the panel and the element that were clicked

function choose(cell, panel, i, part) {
  followed = [panel, i];
  light(panel, i);
  for (const other of document.querySelectorAll(".cell.chosen")) other.classList.remove("chosen");
  cell.classList.add("chosen");
  const name = panel.label.replace(/^contribution to /, "");
  $("element").textContent = typeset(`${name}${index(i, part)}: ${elementText(panel, i)}`);
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
