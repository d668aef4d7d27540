// A step, opened: each parameter's gradient, what the optimizer makes of it, and what becomes
// of the parameter.

const OPENED = 240; // numbers of parameters, before the rest is left out

class Opened {
  constructor(parameters) {
    this.parameters = parameters;
    this.names = parameters.flatMap(({ name, shape: size }) => range(size.reduce((a, b) => a * b, 1)).map((i) => name + index(i, size)));
    this.which = null;
  }

  paint(trainer) {
    const { settings, theta, gradient, step } = trainer, optimizer = OPTIMIZERS[settings.optimizer];
    const memory = copyOf(trainer.memory), next = theta.slice();
    const before = memory.of === settings.optimizer ? memory : { of: settings.optimizer };
    optimizer.move(next, gradient, before, settings);
    const kept = optimizer.keeps, count = Math.min(OPENED, theta.length);
    const heads = ["parameter", "w", "∂L/∂w", ...kept, "change", "w after"].map((text) => make("th", text, { scope: "col" }));
    $("opened-heads").replaceChildren(...heads);
    $("opened-rows").replaceChildren(...range(count).map((i) => {
      const tr = document.createElement("tr");
      const cells = [short(theta[i]), signed(gradient[i]), ...kept.map((m) => short(before[m][i], 3)), signed(next[i] - theta[i]), short(next[i])];
      tr.append(make("th", this.names[i], { scope: "row" }), ...cells.map((text) => make("td", text)));
      return tr;
    }));
    say($("opened-title"), `Step ${step}, opened`);
    say($("opened-says"), `The loss is ${short(trainer.loss, 6)}. Its gradient says for each parameter how the loss grows with it; ` +
      `${optimizer.title} goes the other way, with η = ${short(settings.rate)}${
        settings.optimizer === "momentum" ? `, β = ${short(settings.beta)}` : ""}${
        settings.optimizer === "adam" ? `, β₁ = ${short(settings.beta1)}, β₂ = ${short(settings.beta2)}, ε = ${short(settings.epsilon)}, t = ${before.t}` : ""}:`);
    say($("opened-formula"), optimizer.says);
    let steepest = 0;
    gradient.forEach((g, i) => { if (Math.abs(g) > Math.abs(gradient[steepest])) steepest = i; });
    const i = steepest, name = this.names[i];
    const exact = [theta[i], gradient[i], next[i]].every((x) => Number(short(x).replaceAll("−", "-")) === x);
    say($("opened-example"), settings.optimizer === "sgd"
      ? `The steepest: ${name} ← ${short(theta[i])} − ${short(settings.rate)} · ${bracket(gradient[i])} ${exact ? "=" : "≈"} ${short(next[i])}.`
      : `The steepest: ${name} goes from ${short(theta[i])} to ${short(next[i])}.`);
    say($("opened-more"), theta.length > count ? `The first ${count} of ${theta.length} numbers.` : "");
  }
}

// -- the lesson ------------------------------------------------------------------------------------

/** Open the page that explains the loss, at the parameters and examples of now. */
function explainStep(trainer) {
  const { page, inputs, refused } = JSON.parse($("lesson-data").textContent);
  if (refused) return refused;
  const { inputs: now, targets, count } = trainer.examples, at = [...trainer.views, now, targets];
  const [begin, end] = ['<script type="application/json" id="data">', "</" + "script>"];
  const from = page.indexOf(begin) + begin.length, to = page.indexOf(end, from);
  const lesson = JSON.parse(page.slice(from, to));
  if (lesson.fixed) return lesson.fixed;
  if (count !== data.examples.shape[0]) return `The lesson is of ${data.examples.shape[0]} examples, and there are ${count} by now.`;
  const last = trainer.views.length + 1, given = Object.values(inputs).includes(last) && lesson.inputs.some(({ key }) => inputs[key] === last);
  if (!given && targets.some((x, i) => x !== data.examples.targets[i])) return "The lesson is of the labels that the page came with, and they have changed.";
  const word = (x) => (Number.isFinite(x) ? x : x !== x ? "nan" : x > 0 ? "inf" : "-inf");
  for (const input of lesson.inputs) if (input.key in inputs) input.given = Array.from(at[inputs[input.key]], word);
  const text = JSON.stringify(lesson).replaceAll("</", "<\\/").replaceAll("<!--", "\\u003c!--");
  say($("lesson-title"), `Step ${trainer.step}: where its gradients come from`);
  $("lesson-page").srcdoc = page.slice(0, from) + text + page.slice(to);
  $("lesson").showModal();
  return "";
}

const bracket = (x) => (x < 0 ? `(${short(x)})` : short(x));

/** The place of an element in an array: [1, 0]; nothing for a number. */
function index(i, size) {
  const places = [];
  for (let d = size.length - 1; d >= 0; d--) {
    places.unshift(i % size[d]);
    i = Math.floor(i / size[d]);
  }
  return places.length ? `[${places.join(", ")}]` : "";
}
