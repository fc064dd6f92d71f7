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
    Plotly.react(chart.place, figure.data, layout, shared.config);
    if (flexible && chart.drawn) Plotly.Plots.resize(chart.place); // react alone keeps the width of the paper
    chart.drawn = true;
  }

  function drawAll(theme, paper) {
    for (const chart of charts) {
      try {
        draw(chart, theme, paper);
      } catch (error) {
        chart.place.textContent = `This chart could not be drawn: ${error.message}`;
      }
    }
  }

  drawAll(screenTheme());
  darkness.addEventListener("change", () => drawAll(screenTheme()));
  // A4 is white and 182 mm by 269 mm inside its margins; a chart keeps the size that it has when printing begins.
  addEventListener("beforeprint", () => drawAll("light", { width: 680, height: 580 }));
  addEventListener("afterprint", () => drawAll(screenTheme()));
});
