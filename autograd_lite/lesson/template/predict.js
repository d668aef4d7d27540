// -- predict ----------------------------------------------------------------------------------------
// A learner says a number before it is shown: of a scalar, or of any element of an array; or
// which arrows of the graph lead from an input to the result. What was right at the first try
// counts.

let revealed = new Set(); // the steps whose number the learner has found, or was shown
let uncovered = new Set(); // the elements that were found, as "step:element"
let chosen = new Map(); // the element that is asked for at a step, if another was clicked
let score = new Map(); // for each question that was tried: whether the first try was right

const asking = () => (predicting() ? frames[step].ask : null);
const covers = (i, element) => concealed(i) && !uncovered.has(`${i}:${element}`);

function count(question, right) {
  if (!score.has(question)) score.set(question, right);
  paintScore();
}

function paintScore() {
  const right = [...score.values()].filter(Boolean).length;
  $("score").hidden = !predicting() || !score.size;
  $("score").textContent = `${right} of ${score.size} right at the first try`;
}

/** Which element of an array is asked for. */
const element = (ask) => chosen.get(step) ?? ask.element ?? 0;

function paintQuestion() {
  const ask = asking();
  const paths = ask?.paths;
  $("question").hidden = !ask;
  document.documentElement.classList.toggle("asks-paths", Boolean(paths));
  paintScore();
  if (!paths) paintMarks(new Set());
  if (!ask) return;
  const done = revealed.has(step);
  $("verdict").textContent = "";
  $("verdict").className = "";
  $("answer").hidden = Boolean(paths);
  $("path-of").hidden = !paths || paths.length < 2;
  $("reveal").textContent = "Show";
  if (paths) return askPaths(paths);
  const { part } = arrays[ask.data];
  const many = arrays[ask.data].cells.length > 1;
  const which = arrays[ask.data].shape.length ? `element ${index(element(ask), part)} of ` : "";
  $("asked").textContent = `What is ${which}${ask.what}?` + (many && !done ? " Click another ? to be asked for that one." : "");
  $("answer").disabled = done;
  if (!done) $("answer").value = "";
}

/** Ask for another element of the array: the one whose cell was clicked. */
function ask(i) {
  chosen.set(step, i);
  paintQuestion();
  for (const cell of document.querySelectorAll(".cell.hidden-cell"))
    cell.classList.toggle("asked", Number(cell.dataset.element) === i);
  $("answer").focus();
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
  const ask = asking();
  if (ask.paths) return checkPaths(ask.paths);
  const i = element(ask);
  const answer = arrays[ask.data].cells[i];
  const x = typed();
  if (x === null) return verdict("wrong", "Type a number, such as −0.25 or 1/3.");
  const right = Math.abs(x - answer) <= 0.01 * Math.abs(answer) + 1e-12;
  count(`${step}:${i}`, right);
  if (right) reveal("right", `✓ Right: ${short(answer)}.`, i);
  else if (Math.abs(x + answer) <= 0.01 * Math.abs(answer)) verdict("wrong", "✗ The size is right, the sign is not.");
  else verdict("wrong", "✗ Wrong: try again.");
}

/** Uncover a number that was found, or with it all of the step. */
function reveal(kind, text, i) {
  const ask = asking();
  const all = arrays[ask.data]?.cells.length ?? 1;
  if (i !== undefined) uncovered.add(`${step}:${i}`);
  const left = [...Array(all).keys()].filter((k) => !uncovered.has(`${step}:${k}`));
  if (i === undefined || !left.length) revealed.add(step);
  paint();
  verdict(kind, text);
}

function show() {
  const ask = asking();
  if (ask.paths) return showPaths(ask.paths);
  const i = element(ask);
  count(`${step}:${i}`, false);
  reveal("", `It is ${short(arrays[ask.data].cells[i])}.`);
}

// -- which paths lead here? ---------------------------------------------------------------------------

const marked = new Set(); // the arrows that the learner has clicked

const pathOf = (paths) => paths[Number($("path-of").value) || 0];

function askPaths(paths) {
  if ($("path-of").dataset.step !== String(step)) {
    $("path-of").dataset.step = String(step);
    $("path-of").replaceChildren(...paths.map((path, i) => new Option(`from ${path.name}`, i)));
    marked.clear();
  }
  const { name } = pathOf(paths);
  $("asked").textContent =
    `Along which arrows does ${data.root} depend on ${name}? Click them in the graph (or press Enter on them), then Check.`;
  paintMarks(marked);
}

function paintMarks(some) {
  const ask = asking();
  $("graph").setAttribute("role", ask?.paths || modules.length ? "group" : "img");
  for (const arrow of document.querySelectorAll("#graph .arrow")) {
    const open = Boolean(ask?.paths);
    arrow.classList.toggle("marked", Boolean(ask?.paths) && some.has(arrow.id));
    const says = { role: "checkbox", tabindex: "0", "aria-checked": String(some.has(arrow.id)), "aria-label": arrow.dataset.says };
    for (const [name, value] of Object.entries(says))
      if (open) arrow.setAttribute(name, value);
      else arrow.removeAttribute(name);
  }
}

function mark(arrow) {
  const ask = asking();
  if (!ask?.paths) return;
  if (!marked.delete(arrow.id)) marked.add(arrow.id);
  paintMarks(marked);
}

function checkPaths(paths) {
  const path = pathOf(paths);
  const wanted = new Set(path.arrows);
  const missing = path.arrows.filter((id) => !marked.has(id)).length;
  const extra = [...marked].filter((id) => !wanted.has(id)).length;
  count(`${step}:${path.name}`, !missing && !extra);
  if (!missing && !extra) return showPaths(paths, "right", "✓ Right: ");
  const said = [];
  if (missing) said.push(`${missing} arrow${missing > 1 ? "s are" : " is"} missing`);
  if (extra) said.push(`${extra} arrow${extra > 1 ? "s lead" : " leads"} elsewhere`);
  verdict("wrong", `✗ ${said.join(", ")}.`);
}

function showPaths(paths, kind = "", before = "") {
  const path = pathOf(paths);
  count(`${step}:${path.name}`, false);
  marked.clear();
  path.arrows.forEach((id) => marked.add(id));
  paintMarks(marked);
  const count_ = path.routes.length;
  verdict(kind, `${before}${count_} path${count_ > 1 ? "s" : ""}: ${path.routes.map((names) => names.join(" → ")).join("; ")}.`);
}

for (const arrow of document.querySelectorAll("#graph .arrow")) {
  arrow.addEventListener("click", () => mark(arrow));
  arrow.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    mark(arrow);
  });
}
$("path-of").addEventListener("change", () => { marked.clear(); paintQuestion(); });
$("question").addEventListener("submit", check);
$("reveal").addEventListener("click", show);
$("predict").addEventListener("change", () => {
  revealed = new Set();
  uncovered = new Set();
  chosen = new Map();
  score = new Map();
  marked.clear();
  paint();
});
