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

/** What the rows say, after numbers have changed. */
function retell() {
  rows.forEach((tr, i) => { tr.cells[2].textContent = typeset(frames[i].say); });
}

function paintTable() {
  rows.forEach((tr, i) => {
    tr.hidden = i > step || concealed(i);
    tr.toggleAttribute("aria-current", i === step);
    if (i === step) tr.setAttribute("aria-current", "step");
  });
}

