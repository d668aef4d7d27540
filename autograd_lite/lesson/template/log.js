// -- the table -----------------------------------------------------------------------------------
const rows = frames.map((frame, i) => {
  const tr = $("rows").insertRow();
  const link = document.createElement("a");
  link.href = `#step=${i}`;
  link.textContent = String(i);
  tr.insertCell().append(link);
  tr.insertCell().textContent = typeset(frame.title);
  tr.insertCell().textContent = typeset(frame.say);
  return tr;
});
function paintTable() {
  rows.forEach((tr, i) => {
    tr.hidden = i > step || concealed(i);
    tr.toggleAttribute("aria-current", i === step);
    if (i === step) tr.setAttribute("aria-current", "step");
  });
}

// -- bump ----------------------------------------------------------------------------------------
function prepareBumps() {
  for (const bump of bumps) {
    const li = document.createElement("li");
    li.textContent = `∂${data.root}/∂${bump.name} ${bump.badge}`;
    li.classList.toggle("bad", !bump.ok);
    $("badges").append(li);
  }
  const possible = bumps.filter((bump) => bump.effects);
  $("bump").hidden = !possible.length;
  possible.forEach((bump, i) => $("bump-input").add(new Option(bump.name, i)));
  const places = () => {
    const bump = possible[$("bump-input").value];
    $("bump-place").replaceChildren(...bump.places.map((p, i) => new Option(`[${p.join(", ")}]`, i)));
    $("bump-place-label").hidden = bump.places[0].length === 0;
    show();
  };
  const show = () => {
    const bump = possible[$("bump-input").value], k = Number($("bump-place").value);
    const slope = bump.gradient[k];
    const where = bump.name + (bump.places[k].length ? `[${bump.places[k].join(", ")}]` : "");
    $("bump-say").textContent =
      `${data.root} = ${short(bump.at)} now. The gradient of ${where} is ${short(slope)}, by finite ` +
      `differences ${short(bump.numeric[k])}: bump ${where} by a small ε, and ${data.root} changes by about ${short(slope)} · ε.`;
    const body = document.querySelector("#bump-table tbody");
    body.replaceChildren();
    bump.epsilons.forEach((epsilon, i) => {
      const [at, actual] = [bump.at, bump.effects[k][i]].map((x) => (typeof x === "number" ? x : NaN));
      const predicted = at + slope * epsilon;
      const tr = body.insertRow();
      const row = [short(epsilon), digits(predicted), digits(actual), short(actual - predicted)];
      for (const text of row) tr.insertCell().textContent = text;
    });
  };
  $("bump-input").addEventListener("change", places);
  $("bump-place").addEventListener("change", show);
  if (possible.length) places();
}
