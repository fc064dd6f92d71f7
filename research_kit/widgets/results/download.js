// Hands a file that the kernel sends to the browser, which saves it.
function render({ model, el }) {
  el.style.display = "none";
  const save = (message, buffers) => {
    if (message?.do !== "save") return;
    const url = URL.createObjectURL(new Blob(buffers, { type: message.type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = message.name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  model.on("msg:custom", save);
  return () => model.off("msg:custom", save);
}

export default { render };
