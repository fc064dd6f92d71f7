"use strict";
addEventListener("DOMContentLoaded", () => {
  const shared = JSON.parse(document.getElementById("chart-settings").textContent);
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const screenTheme = () => (darkness.matches ? "dark" : "light");
  const charts = [...document.querySelectorAll("figure.chart")].map((frame) => {
    const [place, source] = frame.children;
    place.textContent = "";
    return { place, text: source.textContent };
  });

  // Parsed afresh each time: plotly.js writes into what it is given.
  function draw(chart, theme, paper) {
    const figure = JSON.parse(chart.text);
    const layout = figure.layout;
    if (figure.themed) layout.template = shared.themes[theme];
    layout.uirevision ??= "report";
    if (paper) {
      Object.assign(layout, { width: paper.width, autosize: false });
      layout.height = Math.min(layout.height ?? 450, paper.height);
    }
    const flexible = !layout.width;
    const drawn = Plotly.react(chart.place, figure.data, layout, shared.config);
    if (flexible && chart.drawn) Plotly.Plots.resize(chart.place); // react alone keeps the width of the paper
    chart.drawn = true;
    return drawn;
  }

  function drawAll(theme, paper) {
    const drawn = charts.map((chart) => {
      try {
        return draw(chart, theme, paper);
      } catch (error) {
        chart.place.textContent = `This chart could not be drawn: ${error.message}`;
        return null;
      }
    });
    window.reportReady = Promise.allSettled(drawn); // whoever prints waits for it
  }

  drawAll(screenTheme());
  darkness.addEventListener("change", () => drawAll(screenTheme()));
  // Paper is white; what fits into the margins of A4 fits into those of letter. A chart keeps the size that it has then.
  addEventListener("beforeprint", () => drawAll("light", { width: 680, height: 580 }));
  addEventListener("afterprint", () => drawAll(screenTheme()));
});
