// A training that can be gone through like a film: forward by the optimizer's steps, back
// and forth by snapshots. Between two snapshots, the steps are taken again: the same numbers.

const SNAPSHOTS = 400; // before every other one is let go
const MEMORY = 4e6; // numbers in all snapshots

/**
 * `program(n)` gives, for n examples, a function from parameters, inputs and targets (arrays)
 * to the loss, the outputs and a gradient for each parameter.
 */
class Trainer {
  constructor({ parameters, inputs, targets, settings }, program) {
    this.program = program;
    this.settings = settings;
    let end = 0;
    this.places = parameters.map(({ shape }) => {
      const begin = end;
      end += shape.reduce((a, b) => a * b, 1);
      return [begin, end];
    });
    this.theta = new Float64Array(end);
    this.views = this.places.map(([a, b]) => this.theta.subarray(a, b));
    this.gradient = new Float64Array(end);
    this.start = new Float64Array(parameters.flatMap(({ values }) => values));
    this.examples = { inputs: Float64Array.from(inputs), targets: Float64Array.from(targets), count: 0 };
    this.most = Math.max(8, Math.min(SNAPSHOTS, Math.floor(MEMORY / (3 * end))));
  }

  /** Begin at some parameters: all that was is forgotten. */
  begin(start, count) {
    this.start = start;
    this.theta.set(start);
    this.memory = {};
    this.step = this.last = 0;
    this.stride = 1;
    this.losses = [];
    this.changes = []; // steps at which the examples changed
    this.snapshots = [];
    this.changed = true; // since the last snapshot, settings or examples
    this.known = false; // whether loss and gradient are those of theta
    if (count !== undefined) this.examples.count = count;
    this.evaluate();
  }

  /** Compute the loss, the outputs and the gradient where theta is. */
  evaluate() {
    if (this.known) return;
    const { inputs, targets, count } = this.examples;
    if (this.runs !== count) [this.run, this.runs] = [this.program(count), count];
    const [loss, outputs, ...gradients] = this.run([...this.views, inputs, targets]);
    gradients.forEach((g, k) => this.gradient.set(g, this.places[k][0]));
    this.loss = loss[0];
    this.outputs = outputs;
    this.known = true;
    this.losses[this.step] = this.loss;
  }

  get isFinite() {
    this.evaluate();
    return Number.isFinite(this.loss) && this.gradient.every(Number.isFinite);
  }

  /** Take steps with the settings as they are. What lay ahead is forgotten. */
  advance(count) {
    if (this.last > this.step) this.forget();
    for (let k = 0; k < count; k++) {
      this.keep();
      this.move();
      this.last = this.step;
      this.evaluate();
    }
  }

  /** One step of the optimizer. */
  move() {
    this.evaluate();
    const { optimizer } = this.settings;
    if (this.memory.of !== optimizer) this.memory = { of: optimizer }; // another one starts anew
    OPTIMIZERS[optimizer].move(this.theta, this.gradient, this.memory, this.settings);
    this.step++;
    this.known = false;
  }

  /** Forget what lies after this step. */
  forget() {
    this.last = this.step;
    this.losses.length = this.step + 1;
    this.snapshots = this.snapshots.filter((s) => s.step <= this.step);
    this.changes = this.changes.filter((k) => k <= this.step);
    this.changed = true;
  }

  keep() {
    if (!this.changed && this.step % this.stride) return;
    const last = this.snapshots.at(-1);
    if (last?.step === this.step) {
      if (!this.changed) return;
      this.snapshots.pop();
    }
    this.snapshots.push({
      step: this.step, theta: this.theta.slice(), memory: copyOf(this.memory), changed: this.changed,
      settings: { ...this.settings }, examples: this.examples,
    });
    this.changed = false;
    if (this.snapshots.length <= this.most) return;
    const fewer = this.snapshots.filter((s) => s.changed || s.step % (2 * this.stride) === 0);
    if (fewer.length < this.snapshots.length) this.stride *= 2;
    this.snapshots = fewer;
  }

  /** Go to a step that has been taken: parameters and memory are as they were there. */
  seek(step) {
    step = Math.max(0, Math.min(this.last, step));
    if (step === this.step) return;
    if (this.step === this.last) this.latest = this.now();
    if (step === this.last) return this.restore(this.latest);
    const from = this.snapshots.findLast((s) => s.step <= step);
    const { settings, examples, losses } = this;
    this.restore(from);
    // The steps between are taken again as they were, with the settings and examples of then.
    [this.settings, this.examples, this.losses, this.known] = [from.settings, from.examples, [], false];
    while (this.step < step) this.move();
    [this.settings, this.examples, this.losses, this.known] = [settings, examples, losses, false];
    const then = losses[step];
    this.evaluate();
    losses[step] = then; // the curve shows what was
  }

  now() {
    return { step: this.step, theta: this.theta.slice(), memory: copyOf(this.memory) };
  }

  restore({ step, theta, memory }) {
    this.step = step;
    this.theta.set(theta);
    this.memory = copyOf(memory);
    this.known = false;
    const then = this.losses[step];
    this.evaluate();
    if (then !== undefined) this.losses[step] = then;
  }

  /** Change the settings: they hold from this step on. */
  set(settings) {
    this.settings = { ...this.settings, ...settings };
    this.changed = true;
  }

  /** Change the examples: they hold from this step on. */
  replace(inputs, targets, count) {
    this.examples = { inputs, targets, count };
    this.known = false;
    if (this.last > this.step) this.forget();
    this.changed = true;
    this.evaluate();
    if (this.step && this.changes.at(-1) !== this.step) this.changes.push(this.step);
  }
}
