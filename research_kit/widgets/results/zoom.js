// Tells the kernel when the chart beside it is zoomed; it shows nothing itself.
const END = 150; // milliseconds without another change after which a zoom is over

function rangeOf(change) {
  if (change["xaxis.autorange"]) return null;
  const range = change["xaxis.range"] || [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  return range[0] === undefined || range[1] === undefined ? undefined : range;
}

function listen(plot, model) {
  let waiting = 0;
  const tell = message => {
    clearTimeout(waiting);
    waiting = setTimeout(() => model.send(message), END);
  };
  plot.on("plotly_relayout", change => {
    const range = rangeOf(change);
    if (range === null) tell({ do: "whole" });
    else if (range) tell({ do: "zoom", start: range[0], end: range[1] });
  });
  plot.on("plotly_doubleclick", () => tell({ do: "whole" }));
}

function render({ model, el }) {
  el.style.display = "none";
  let observer = null, stopped = false;
  const begin = () => {
    if (stopped) return;
    const box = el.closest(".rkw-zoom");
    if (!box) { setTimeout(begin, 100); return; }
    const look = () => box.querySelectorAll(".js-plotly-plot").forEach(plot => {
      if (plot.rkwHeard || typeof plot.on !== "function") return;
      plot.rkwHeard = true;
      listen(plot, model);
    });
    observer = new MutationObserver(look);
    observer.observe(box, { childList: true, subtree: true });
    look();
  };
  begin();
  return () => { stopped = true; observer?.disconnect(); };
}

export default { render };
