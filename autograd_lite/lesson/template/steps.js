// -- going from step to step ---------------------------------------------------------------------
function paint() {
  paintGraph();
  paintStep();
  paintTable();
  paintControls();
  $("check").hidden = !bumps.length || frames[step].phase !== "done"; // the answer, once it is earned
  $("later").hidden = !bumps.length || !$("check").hidden;
  $("slider").value = step;
  $("slider").setAttribute("aria-valuetext", `step ${step} of ${frames.length - 1}: ${frames[step].title}`);
  $("count").textContent = `${step} of ${frames.length - 1}`;
  $("first").disabled = $("back").disabled = step === 0;
  $("last").disabled = $("next").disabled = step === frames.length - 1;
}

function go(to) {
  step = Math.max(0, Math.min(frames.length - 1, to));
  if (location.protocol !== "about:") history.replaceState(null, "", `#step=${step}`);
  paint();
}

// The page goes on by itself, until the end or until somebody takes over.
const EVERY = 2500; // milliseconds
let playing = 0;
function play(on = !playing) {
  clearInterval(playing);
  if (on && step === frames.length - 1) go(0);
  playing = on ? setInterval(() => (step < frames.length - 1 ? go(beside(1)) : play(false)), EVERY) : 0;
  $("autoplay").setAttribute("aria-pressed", String(Boolean(playing)));
  $("autoplay").textContent = playing ? "Pause" : "Play";
}

function fromHash() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : 0;
}

document.addEventListener("keydown", (event) => {
  const inside = event.target.closest("input, select, textarea, button, a, summary");
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (inside && (event.key === " " || inside.matches("input:not([type=checkbox]), select"))) return;
  if (viewKey(event)) return event.preventDefault();
  if (event.key === "p" || event.key === "P") return project();
  if (event.key === "d" || event.key === "D") return darken();
  if (event.key === "a" || event.key === "A") return play();
  const to = { ArrowRight: beside(1), ArrowLeft: beside(-1), Home: 0, End: frames.length - 1,
    " ": beside(event.shiftKey ? -1 : 1) }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  take(to);
});
function take(to) {
  play(false);
  go(to);
}
$("first").addEventListener("click", () => take(0));
$("back").addEventListener("click", () => take(beside(-1)));
$("next").addEventListener("click", () => take(beside(1)));
$("last").addEventListener("click", () => take(frames.length - 1));
$("slider").addEventListener("input", () => take(Number($("slider").value)));
$("autoplay").addEventListener("click", () => play());
window.addEventListener("hashchange", () => go(fromHash()));

$("slider").max = frames.length - 1;
fit();
document.querySelectorAll("#graph .name, #graph .made").forEach(squeeze);
step = Math.min(fromHash(), frames.length - 1);
paint();
