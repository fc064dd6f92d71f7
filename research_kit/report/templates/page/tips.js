"use strict";
// What a title tells, also to whoever uses the keyboard or a finger: shown on focus, and until Escape.
addEventListener("DOMContentLoaded", () => {
  const places = [...document.querySelectorAll("main [title]")].filter((place) => !place.closest(".js-plotly-plot"));
  if (!places.length) return;
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let shown = null;
  let leaving = 0;

  function show(place) {
    clearTimeout(leaving);
    if (shown) shown.removeAttribute("aria-describedby");
    shown = place;
    tip.textContent = place.dataset.tip;
    tip.hidden = false;
    place.setAttribute("aria-describedby", "tip");
    const box = place.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const below = box.bottom + 6;
    const fits = below + tip.offsetHeight < innerHeight || box.top < tip.offsetHeight + 6;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${fits ? below : box.top - tip.offsetHeight - 6}px`;
  }

  function hide() {
    clearTimeout(leaving);
    tip.hidden = true;
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
  }

  // Long enough for the pointer to reach the words.
  const hideSoon = () => { leaving = setTimeout(hide, 200); };

  for (const place of places) {
    place.dataset.tip = place.title;
    place.removeAttribute("title"); // or the browser tells it a second time
    if (place.tabIndex < 0) place.tabIndex = 0;
    place.addEventListener("mouseenter", () => show(place));
    place.addEventListener("mouseleave", hideSoon);
    place.addEventListener("focus", () => show(place));
    place.addEventListener("blur", hide);
    place.addEventListener("click", () => show(place));
  }
  tip.addEventListener("mouseenter", () => clearTimeout(leaving));
  tip.addEventListener("mouseleave", hideSoon);
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("scroll", hide, { passive: true, capture: true });
});
