// A click on a frame, or Enter, closes it: what is inside is hidden, and arrows end at its border.
(() => {
  const svg = document.currentScript.ownerSVGElement, inside = $inside, closed = new Set();
  const groups = kind => [...svg.querySelectorAll("g." + kind)];
  const titled = g => g.querySelector("title").textContent;
  const nodes = new Map(groups("node").map(g => [titled(g), g]));
  const edges = groups("edge").map(g => [g, titled(g).split("->")]);
  const frames = new Map(groups("cluster").map(g => [titled(g).replace("cluster_", ""), g]));
  const places = new Map([...frames.values()].map(g => [g, g.nextSibling]));
  const said = new Map([...frames].map(([key, g]) => [key, g.querySelector("text").textContent]));
  function show() {
    const hidden = new Set([...closed].flatMap(key => inside[key].boxes));
    const covered = new Set([...closed].flatMap(key => inside[key].frames));
    for (const [key, g] of nodes) g.style.display = hidden.has(key) ? "none" : "";
    for (const [g, [tail, head]] of edges) {
      const within = key => inside[key].boxes.includes(tail) && inside[key].boxes.includes(head);
      g.style.display = [...closed].some(within) ? "none" : "";
    }
    for (const [key, g] of frames) {
      const isClosed = closed.has(key), shape = g.querySelector("path, polygon");
      g.style.display = covered.has(key) ? "none" : "";
      shape.setAttribute("fill", isClosed ? "$shade" : "none");
      g.querySelector("text").textContent = said.get(key) + (isClosed ? " " + inside[key].said : "");
      g.setAttribute("aria-expanded", String(!isClosed));
      if (isClosed) g.parentNode.append(g); // above the arrows that lead in
      else g.parentNode.insertBefore(g, places.get(g));
    }
  }
  for (const [key, g] of frames) {
    g.setAttribute("role", "button");
    g.setAttribute("tabindex", "0");
    g.style.cursor = "pointer";
    g.querySelector("path, polygon").style.pointerEvents = "all";
    const toggle = () => { closed.delete(key) || closed.add(key); show(); };
    g.addEventListener("click", toggle);
    g.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
      g.focus();
    });
  }
  show();
})();
