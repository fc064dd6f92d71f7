"use strict";
addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("runs");
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];

  // Numbers by value, texts by the alphabet; what has no value stays at the end, whichever way it is sorted.
  function compare(a, b, sign) {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [Number(a), Number(b)];
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y);
  }

  function sort(column, ascending) {
    const key = (row) => row.cells[column].dataset.key ?? "";
    const rows = [...body.rows].sort((a, b) => compare(key(a), key(b), ascending ? 1 : -1));
    body.append(...rows);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
  }

  heads.forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => {
      sort(column, head.getAttribute("aria-sort") !== "ascending");
    });
  });
});
