// -- the ways of a gradient ------------------------------------------------------------------------
// At the end each gradient is a sum over ways: products of local derivatives, one for each arrow. A
// way is underlined in the colour, and with the dashes, that its arrows have in the graph.

/** Colour the arrows of some ways. */
function colourWays(ways) {
  for (const arrow of document.querySelectorAll("#graph .arrow[data-way]")) delete arrow.dataset.way;
  for (const way of ways) for (const id of way.dataset.arrows.split(" ")) $(id).dataset.way = way.dataset.way;
}

/** Colour the ways of the first input that has several; of another, once it is pointed at. */
function paintWays() {
  const lines = [...document.querySelectorAll("#math dd")].map((dd) => [...dd.querySelectorAll("[data-arrows]")]);
  const first = lines.find((ways) => ways.length > 1) ?? lines.find((ways) => ways.length) ?? [];
  colourWays(first);
  for (const ways of lines)
    for (const way of ways) {
      way.setAttribute("tabindex", "0");
      for (const on of ["mouseenter", "focus"]) way.addEventListener(on, () => colourWays([way]));
      for (const on of ["mouseleave", "blur"]) way.addEventListener(on, () => colourWays(ways));
    }
}
