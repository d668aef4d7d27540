// The examples: what they are, what their targets mean, and what the outputs say of them.

/**
 * Targets are read in one of four ways, `meaning`: "binary" (0 or 1 beside one output), "labels"
 * (whole numbers beside one output for each class), "one-hot" (a row with a 1), "values".
 */
class Examples {
  constructor({ inputs, targets, shape, wide, outputs, meaning, classes, threshold, between }) {
    Object.assign(this, { wide, outputs, meaning, classes, threshold, between }); // wide: of a target
    this.features = shape.slice(1).reduce((a, b) => a * b, 1);
    this.set(Float64Array.from(inputs), Float64Array.from(targets));
    this.original = [this.inputs, this.targets];
  }

  set(inputs, targets) {
    this.inputs = inputs;
    this.targets = targets;
    this.count = targets.length / this.wide;
  }

  input(i) {
    return this.inputs.subarray(i * this.features, (i + 1) * this.features);
  }

  get hasLabels() {
    return this.meaning !== "values";
  }

  /** The label of an example, or its target's first number. */
  label(i) {
    const target = this.targets.subarray(i * this.wide, (i + 1) * this.wide);
    return this.meaning === "one-hot" ? target.indexOf(Math.max(...target)) : target[0];
  }

  targetOf(label) {
    if (this.meaning !== "one-hot") return [label];
    return range(this.wide).map((k) => +(k === label));
  }

  /** What the outputs for one example say: the label, and how sure; or the value. */
  said(outputs, i) {
    return this.read(outputs.subarray(i * this.outputs, (i + 1) * this.outputs));
  }

  /** How far one output is from label 0 to label 1, or from the least target to the largest. */
  shareOf(x) {
    if (this.meaning === "values") return (x - this.between[0]) / (this.between[1] - this.between[0]);
    return this.threshold === 0 ? 1 / (1 + Math.exp(-x)) : x;
  }

  read(row) {
    const [value] = row, share = this.shareOf(value);
    if (this.meaning === "values") return { value, share };
    if (this.meaning === "binary") return { value, share, label: Number.isNaN(value) ? NaN : +(value > this.threshold) };
    let most = -Infinity, label = NaN, sum = 0;
    row.forEach((x, k) => { if (x > most) [most, label] = [x, k]; });
    for (const x of row) sum += Math.exp(x - most);
    return { value: most, share: 1 / sum, label };
  }

  right(outputs, i) {
    return this.said(outputs, i).label === this.label(i);
  }

  // -- changes: each gives new arrays, so that what was stays what it was ----------------------

  move(i, input) {
    const inputs = this.inputs.slice();
    inputs.set(input, i * this.features);
    this.set(inputs, this.targets);
  }

  relabel(i, label) {
    const targets = this.targets.slice();
    targets.set(this.targetOf(label), i * this.wide);
    this.set(this.inputs, targets);
  }

  add(input, label) {
    this.set(Float64Array.from([...this.inputs, ...input]), Float64Array.from([...this.targets, ...this.targetOf(label)]));
  }

  remove(i) {
    const without = (x, wide) => Float64Array.from([...x.subarray(0, i * wide), ...x.subarray((i + 1) * wide)]);
    this.set(without(this.inputs, this.features), without(this.targets, this.wide));
  }
}
