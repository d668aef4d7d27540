// The loss, step by step: the curve grows; what lies ahead of the step that is shown is thin.

const CHART = { width: 430, height: 250, left: 52, right: 12, top: 10, bottom: 36 };
const BUCKETS = 300; // at most so many places along the curve; of each the least and the largest

class Curve {
  constructor(go) {
    this.svg = $("curve");
    this.svg.setAttribute("viewBox", `0 0 ${CHART.width} ${CHART.height}`);
    this.axes = shape("g", { class: "axes" }, this.svg);
    this.ahead = shape("path", { class: "ahead" }, this.svg);
    this.line = shape("path", { class: "line" }, this.svg);
    this.marks = shape("g", { class: "changes" }, this.svg);
    this.now = shape("circle", { r: 5, class: "now" }, this.svg);
    const seek = (event) => {
      const box = this.svg.getBoundingClientRect(), x = ((event.clientX - box.left) * CHART.width) / box.width;
      go(Math.round(((x - CHART.left) / (CHART.width - CHART.left - CHART.right)) * this.end));
    };
    this.svg.addEventListener("pointerdown", (event) => { this.svg.setPointerCapture(event.pointerId); seek(event); });
    this.svg.addEventListener("pointermove", (event) => { if (event.buttons & 1) seek(event); });
  }

  paint({ losses, step, last, changes }, logarithmic) {
    this.end = Math.max(10, last);
    const finite = losses.filter((x) => Number.isFinite(x) && (!logarithmic || x > 0));
    let low = logarithmic ? Math.min(...minmax(finite)) : Math.min(0, ...minmax(finite)), high = Math.max(...minmax(finite));
    if (!finite.length) [low, high] = [logarithmic ? 0.1 : 0, 1];
    const scale = logarithmic ? (x) => Math.log10(x) : (x) => x;
    let [a, b] = [scale(low), scale(high)];
    if (logarithmic) [a, b] = [Math.floor(a), Math.max(Math.ceil(b), Math.floor(a) + 1)];
    else b = b > a ? b + 0.05 * (b - a) : a + 1;
    const x = (k) => CHART.left + ((CHART.width - CHART.left - CHART.right) * k) / this.end;
    const y = (loss) => CHART.top + ((CHART.height - CHART.top - CHART.bottom) * (b - Math.max(a, Math.min(b, scale(loss))))) / (b - a);
    this.ticks(x, y, a, b, logarithmic);
    this.line.setAttribute("d", path(losses, 0, step, x, y));
    this.ahead.setAttribute("d", path(losses, step, last, x, y));
    const loss = losses[step];
    this.now.setAttribute("cx", x(step).toFixed(1));
    this.now.setAttribute("cy", Number.isFinite(loss) ? y(loss).toFixed(1) : CHART.top);
    if (this.marks.childElementCount !== changes.length || changes.length) {
      this.marks.replaceChildren(...changes.map((k) => shape("line", { x1: x(k), x2: x(k), y1: CHART.top, y2: CHART.height - CHART.bottom })));
    }
  }

  ticks(x, y, a, b, logarithmic) {
    const now = `${this.end} ${a} ${b} ${logarithmic}`;
    if (this.shown === now) return;
    this.shown = now;
    this.axes.replaceChildren();
    const [right, foot] = [CHART.width - CHART.right, CHART.height - CHART.bottom];
    shape("rect", { x: CHART.left, y: CHART.top, width: right - CHART.left, height: foot - CHART.top }, this.axes);
    for (const k of ticks(0, this.end, 5).filter(Number.isInteger)) {
      shape("line", { x1: x(k), x2: x(k), y1: foot, y2: foot + 4 }, this.axes);
      shape("text", { x: x(k), y: foot + 16, "text-anchor": k > 0.95 * this.end ? "end" : "middle" }, this.axes).textContent = k.toLocaleString("en");
    }
    const every = Math.ceil((b - a) / 6);
    const levels = logarithmic ? range(b - a + 1).map((k) => a + k).filter((k) => (k - a) % every === 0).map((k) => 10 ** k) : ticks(a, b, 5);
    for (const t of levels) {
      shape("line", { y1: y(t), y2: y(t), x1: CHART.left, x2: right, class: "grid" }, this.axes);
      shape("text", { x: CHART.left - 7, y: y(t) + 4, "text-anchor": "end" }, this.axes).textContent = short(Number(t.toPrecision(10)), 3);
    }
    shape("text", { x: (CHART.left + right) / 2, y: CHART.height - 4, "text-anchor": "middle", class: "of" }, this.axes).textContent = "step";
  }
}

/** The least and the largest of many numbers; nothing of none. */
function minmax(numbers) {
  let low = Infinity, high = -Infinity;
  for (const x of numbers) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return low <= high ? [low, high] : [];
}

/** A stretch of the curve; where it is not finite there is a gap. */
function path(losses, from, to, x, y) {
  const wide = Math.max(1, Math.floor((to - from) / BUCKETS));
  let text = "", pen = "M";
  const put = (k) => {
    if (!Number.isFinite(losses[k])) return void (pen = "M");
    text += `${pen}${x(k).toFixed(1)},${y(losses[k]).toFixed(1)}`;
    pen = "L";
  };
  for (let k = from; k <= to; k += wide) {
    if (wide === 1) { put(k); continue; }
    let low = k, high = k;
    for (let j = k; j < Math.min(to + 1, k + wide); j++) {
      if (losses[j] < losses[low]) low = j;
      if (losses[j] > losses[high]) high = j;
    }
    for (const j of [Math.min(low, high), Math.max(low, high)]) put(j);
  }
  if (wide > 1) put(to);
  return text;
}
