// One page of a table: every text is a text node, rows are reached with the arrow keys, all that is pressed is told to the kernel.
const make = (tag, className = "", text = "") => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== "") node.textContent = text;
  return node;
};

function headCell(model, column) {
  const cell = make("th", column.kind === "text" ? "rkg-text" : "");
  cell.scope = "col";
  if (!column.sortable) {
    cell.textContent = column.title;
  } else {
    const sort = model.get("sort"), own = sort && sort.column === column.key;
    cell.setAttribute("aria-sort", own ? (sort.descending ? "descending" : "ascending") : "none");
    const button = make("button", "rkg-sort", column.title);
    button.type = "button";
    button.append(make("span", "rkg-arrow", own ? (sort.descending ? " ▼" : " ▲") : ""));
    button.lastChild.setAttribute("aria-hidden", "true");
    button.dataset.focus = `sort-${column.key}`;
    button.onclick = () => model.send({ do: "sort", column: column.key });
    cell.append(button);
  }
  if (column.tip) cell.title = column.tip;
  return cell;
}

function chooseCell(model, row) {
  const cell = make("td", "rkg-choose"), box = make("input");
  box.type = "checkbox";
  box.checked = model.get("chosen").includes(row.key);
  box.setAttribute("aria-label", `Choose ${row.name}`);
  box.dataset.focus = `choose-${row.key}`;
  box.onclick = event => event.stopPropagation();
  box.onchange = () => model.send({ do: "choose", row: row.key, on: box.checked });
  cell.onclick = event => { event.stopPropagation(); if (event.target === cell) box.click(); };
  cell.append(box);
  return cell;
}

function bodyRow(model, row, reachable) {
  const line = make("tr"), columns = model.get("columns");
  if (model.get("choosable")) line.append(chooseCell(model, row));
  row.cells.forEach((text, at) => {
    const kind = columns[at].kind, cell = make("td", kind === "text" ? "rkg-text" : "", text);
    if (kind === "signed") cell.classList.add(text.startsWith("+") ? "rkg-gain" : /^[-−]/.test(text) ? "rkg-loss" : "rkg-even");
    if (text.length > 24) cell.title = text;
    line.append(cell);
  });
  if (model.get("openable")) {
    const current = row.key === model.get("current");
    line.tabIndex = reachable ? 0 : -1;
    line.dataset.focus = `row-${row.key}`;
    line.classList.add("rkg-open");
    if (current) line.setAttribute("aria-current", "true");
    line.onclick = () => model.send({ do: "open", row: row.key });
  }
  return line;
}

function onKey(event) {
  const row = event.target;
  if (row.tagName !== "TR") return;
  const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
    Home: row.parentNode.firstElementChild, End: row.parentNode.lastElementChild }[event.key];
  if (next) {
    row.tabIndex = -1; next.tabIndex = 0; next.focus();
  } else if (event.key === "Enter") {
    row.click();
  } else if (event.key === " " && row.querySelector("input")) {
    row.querySelector("input").click();
  } else return;
  event.preventDefault();
}

function pager(model) {
  const bar = make("div", "rkg-pager"), told = make("span", "rkg-told", model.get("told"));
  told.setAttribute("role", "status");
  const buttons = [["previous", "‹ Previous", "has_previous"], ["next", "Next ›", "has_next"]].map(([to, title, may]) => {
    const button = make("button", "rkg-page", title);
    button.type = "button";
    button.disabled = !model.get(may);
    button.dataset.focus = to;
    button.onclick = () => model.send({ do: "page", to });
    return button;
  });
  bar.append(told, ...(model.get("has_previous") || model.get("has_next") ? buttons : []));
  return bar;
}

function draw(model, el) {
  const old = el.querySelector(".rkg-scroll"), left = old ? old.scrollLeft : 0;
  const held = el.contains(document.activeElement) ? document.activeElement.dataset.focus || "row" : null;
  const scroll = make("div", "rkg-scroll"), table = make("table"), head = make("thead"), line = make("tr"), body = make("tbody");
  const columns = model.get("columns"), rows = model.get("rows"), current = model.get("current");
  table.append(make("caption", "rkg-caption", model.get("label")));
  if (model.get("choosable")) {
    const cell = make("th", "rkg-choose");
    cell.scope = "col";
    cell.append(make("span", "rkg-caption", "Choose"));
    line.append(cell);
  }
  line.append(...columns.map(column => headCell(model, column)));
  head.append(line);
  const at = Math.max(rows.findIndex(row => row.key === current), 0);
  body.append(...rows.map((row, number) => bodyRow(model, row, number === at)));
  table.append(head, body);
  scroll.append(table);
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", model.get("label"));
  const nothing = rows.length ? [] : [make("div", "rkg-nothing", model.get("nothing"))];
  el.replaceChildren(...(rows.length ? [scroll] : []), ...nothing, pager(model));
  scroll.scrollLeft = left;
  if (held) {
    const same = [...el.querySelectorAll("[data-focus]")].find(node => node.dataset.focus === held && !node.disabled);
    (same || body.querySelector("tr[tabindex='0']") || el.querySelector("button:not(:disabled)"))?.focus({ preventScroll: true });
  }
}

function render({ model, el }) {
  el.classList.add("rkg");
  el.dataset.lmSuppressShortcuts = "true"; // arrow keys and Enter are the table's, not the notebook's
  el.addEventListener("keydown", onKey);
  let waits = false;
  const again = () => {
    if (waits) return;
    waits = true;
    queueMicrotask(() => { waits = false; draw(model, el); });
  };
  model.on("change", again);
  draw(model, el);
  return () => { model.off("change", again); el.removeEventListener("keydown", onKey); };
}

export default { render };
