// Keeps the keys of a control for the control. In JupyterLab and Notebook 7 a list or a button inside of an output does
// not count as a place to type in: "a" would insert a cell, "d d" delete the one that shows the control, an arrow leave it.
// Combinations with Ctrl, Alt or Meta, such as Ctrl+S, stay with the application.
const MARK = "data-lm-suppress-shortcuts"; // on what has the focus: an element around it is looked at too late

function claim(event) {
  if (!event.target.closest?.(".rkw-root")) return;
  event.target.toggleAttribute(MARK, !(event.ctrlKey || event.altKey || event.metaKey));
}

function render({ el }) {
  el.style.display = "none";
  window.addEventListener("keydown", claim, true); // before the application, which listens at the document
}

export default { render };
