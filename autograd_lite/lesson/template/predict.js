let revealed = new Set(); // the frames whose number the learner has found

// -- predict -------------------------------------------------------------------------------------
function paintQuestion() {
  const ask = frames[step].ask;
  $("question").hidden = !(predicting() && ask);
  if ($("question").hidden) return;
  const done = revealed.has(step);
  $("asked").textContent = `What is ${ask.what}?`;
  $("answer").disabled = done;
  if (!done) $("answer").value = "";
  $("verdict").textContent = "";
  $("verdict").className = "";
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
  const { answer } = frames[step].ask;
  const x = typed();
  if (x === null) return verdict("wrong", "Type a number, such as −0.25 or 1/3.");
  if (Math.abs(x - answer) <= 0.01 * Math.abs(answer) + 1e-12) reveal("right", `✓ Right: ${short(answer)}.`);
  else if (Math.abs(x + answer) <= 0.01 * Math.abs(answer)) verdict("wrong", "✗ The size is right, the sign is not.");
  else verdict("wrong", "✗ Wrong: try again.");
}

function reveal(kind, text) {
  revealed.add(step);
  paint();
  verdict(kind, text);
}
