"use strict";
addEventListener("DOMContentLoaded", () => {
  const NUMBER = /^[+\-−]?\d[\d.]*(e[+-]?\d+)?$/i;
  const GAP = "⋮"; // stands for rows that are not shown

  const textOf = (cell) => cell.dataset.key ?? cell.textContent.trim();
  const plain = (text) => text.replace(/[,\s]|%$/g, "").replace("−", "-");

  // Numbers by value, texts by the alphabet; what has no value stays at the end, whichever way it is sorted.
  function compare(a, b, sign) {
    const [missingA, missingB] = [a, b].map((text) => ["", "–", GAP].includes(text));
    if (missingA || missingB) return missingA - missingB;
    const [x, y] = [plain(a), plain(b)];
    const areNumbers = NUMBER.test(x) && NUMBER.test(y);
    return sign * (areNumbers ? Number(x) - Number(y) : a.localeCompare(b, "en"));
  }

  function sort(table, column, way) {
    const [body] = table.tBodies;
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...body.rows];
    rows.forEach((row, at) => { row.dataset.place ??= at; });
    rows.sort((a, b) => a.dataset.place - b.dataset.place);
    if (way) {
      const sign = way === "ascending" ? 1 : -1;
      const isGap = (row) => row.cells[0].textContent.trim() === GAP;
      rows.sort((a, b) => isGap(a) - isGap(b) || compare(textOf(a.cells[column]), textOf(b.cells[column]), sign));
    }
    body.append(...rows);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (way) heads[column].setAttribute("aria-sort", way);
  }

  // Up, down, and as it was.
  const NEXT = { ascending: "descending", descending: "" };

  function makeSortable(table) {
    if (table.tHead?.rows.length !== 1 || table.tBodies.length !== 1 || table.tBodies[0].rows.length < 2) return;
    const heads = [...table.tHead.rows[0].cells];
    const isRegular = [...table.tBodies[0].rows].every((row) => row.cells.length === heads.length);
    if (!isRegular || heads.some((head) => head.colSpan > 1)) return;
    heads.forEach((head, column) => {
      if (!head.textContent.trim() || "plain" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      const told = head.querySelector("[title]");
      if (told) button.title = told.title; // a button inside a button's text could not be reached
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      head.classList.add("sorts");
      button.addEventListener("click", () => {
        const way = head.getAttribute("aria-sort");
        sort(table, column, way === null ? "ascending" : NEXT[way]);
      });
    });
  }

  document.querySelectorAll("main .rk-long table, main table.dataframe").forEach(makeSortable);

  // A table that is larger than its place is scrolled with the arrow keys, too.
  for (const place of document.querySelectorAll("main .rk-scroll, main .output, main .scroll")) {
    const isLarger = place.scrollWidth > place.clientWidth + 1 || place.scrollHeight > place.clientHeight + 1;
    if (!isLarger || getComputedStyle(place).overflowX === "visible") continue;
    place.tabIndex = 0;
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", place.querySelector("caption")?.textContent || "A large table");
  }
});
