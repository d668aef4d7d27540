// -- going from step to step ---------------------------------------------------------------------
function paint() {
  paintGraph();
  paintStep();
  paintTable();
  paintControls();
  $("check").hidden = !bumps.length || (predicting() && frames[step].phase !== "done");
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

function fromHash() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : 0;
}

document.addEventListener("keydown", (event) => {
  const inside = event.target.closest("input, select, textarea, button, a, summary");
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (inside && (event.key === " " || inside.matches("input:not([type=checkbox]), select"))) return;
  const to = { ArrowRight: beside(1), ArrowLeft: beside(-1), Home: 0, End: frames.length - 1,
    " ": beside(event.shiftKey ? -1 : 1) }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  go(to);
});
$("first").addEventListener("click", () => go(0));
$("back").addEventListener("click", () => go(beside(-1)));
$("next").addEventListener("click", () => go(beside(1)));
$("last").addEventListener("click", () => go(frames.length - 1));
$("slider").addEventListener("input", () => go(Number($("slider").value)));
$("predict").addEventListener("change", () => { revealed = new Set(); paint(); });
$("question").addEventListener("submit", check);
$("reveal").addEventListener("click", () => reveal("", `It is ${short(frames[step].ask.answer)}.`));
window.addEventListener("hashchange", () => go(fromHash()));

$("slider").max = frames.length - 1;
window.addEventListener("resize", fit);
fit();
document.querySelectorAll("#graph .name, #graph .made").forEach(squeeze);
step = Math.min(fromHash(), frames.length - 1);
paint();
