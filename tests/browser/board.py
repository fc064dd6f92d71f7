"""The dashboard on a page: what a user presses, fills in and reads."""

import re

STATUS = "[data-testid=status][data-state={}]"
LINE = ".rkw-chart .scatterlayer .js-line"
OVERFLOW = """() => [...document.querySelectorAll(
    '.rkw-root, .rkw-tabs, .rkw-dashboard, .rkw-dashboard > *, .rkw-field, .rkw-result > *, .rkw-history')]
  .filter(part => part.offsetParent && (part.scrollWidth > part.clientWidth + 1
    || part.getBoundingClientRect().right > part.parentElement.getBoundingClientRect().right + 1))
  .map(part => part.className + ': ' + part.scrollWidth + ' in ' + part.clientWidth)"""
FOCUSED = """() => {
  const one = document.activeElement;
  const said = one.getAttribute('aria-label') || (one.labels && one.labels[0] && one.labels[0].textContent);
  return one.closest('.rkw-root') ? (said || one.textContent).trim() : '';
}"""
SETTLED = """() => new Promise(done => {
  const seen = () => JSON.stringify([...document.querySelectorAll('.rkw-root, .rkw-root .main-svg')]
    .filter(part => part.getClientRects().length)
    .map(part => { const box = part.getBoundingClientRect(); return [box.width, box.height]; }));
  const fits = () => [...document.querySelectorAll('.rkw-root .rkw-chart')].every(place => {
    const chart = place.querySelector('.main-svg');
    return !place.offsetParent || !chart || Math.abs(chart.getBoundingClientRect().width - place.offsetWidth) < 20; });
  let before = '', same = 0;
  const look = () => {
    const now = seen();
    same = now === before && fits() ? same + 1 : 0;
    before = now;
    same >= 4 ? done(true) : setTimeout(look, 100);
  };
  look();
})"""


class Board:
    """The last dashboard, or other control, on a page."""

    def __init__(self, page) -> None:
        self.page = page
        self.root = page.locator(".rkw-root").last
        self.root.wait_for(timeout=120_000)
        self.root.scroll_into_view_if_needed()

    def field(self, label):
        return self.root.get_by_label(label, exact=True).locator("visible=true")

    def button(self, name):
        """Return a button by its words; an icon before them is a sign of its own."""
        named = re.compile(rf"^\W*{re.escape(name)}$")
        return self.root.get_by_role("button", name=named).locator("visible=true")

    def seen(self, selector, **which):
        """Return what a selector finds, of what is shown: tabs that are not open are made already."""
        return self.root.locator(selector, **which).locator("visible=true")

    def text(self, words, **which):
        """Return where these words are shown."""
        return self.root.get_by_text(words, **which).locator("visible=true")

    def press(self, name) -> None:
        self.button(name).click()

    def open(self, tab) -> None:
        self.root.get_by_role("tab", name=tab, exact=True).click()

    def wait_for(self, state) -> str:
        """Wait until the run, or the search, is in this state; return what is said of it."""
        self.seen(STATUS.format(state)).first.wait_for(timeout=180_000)
        return self.status()

    def run(self, expected="completed") -> str:
        """Press Run and wait for the end; return what is said of it."""
        before = self.status()
        self.press("Run backtest")
        self.page.wait_for_function(
            "([before, expected]) => [...document.querySelectorAll('[data-testid=status]')]"
            ".some(e => e.dataset.state === expected && e.textContent !== before)",
            arg=[before, expected],
            timeout=180_000,  # the first run compiles
        )
        return self.status()

    def status(self) -> str:
        return self.seen("[data-testid=status]").first.text_content()

    def title(self) -> str:
        return self.seen(".rkw-title").inner_text()

    def line(self) -> str:
        """Return the path of the equity line, once the chart is drawn."""
        line = self.seen(LINE).first
        line.wait_for()
        return line.get_attribute("d")

    def wait_for_other_line(self, before) -> None:
        """Wait until the equity line is not the one of before."""
        changed = "([line, before]) => [...document.querySelectorAll(line)].every(e => e.getAttribute('d') !== before)"
        self.page.wait_for_function(changed, arg=[LINE, before])
        self.line()

    def tab_to(self, name, key="Tab", most=60) -> None:
        """Press Tab, or Shift+Tab, until what has this name has the focus."""
        passed: list[str] = []
        for _ in range(most):
            self.page.keyboard.press(key)
            passed.append(self.page.evaluate(FOCUSED))
            if passed[-1] == name:
                return
        raise AssertionError(f"{name!r} is not reached by {key}, which passed {passed}")

    def settle(self) -> None:
        """Wait until nothing changes its size any more: charts follow the width of the page."""
        self.page.evaluate(SETTLED)

    def look(self, path=None) -> None:
        """See that nothing runs over its place, and take a picture."""
        self.settle()
        assert self.page.evaluate(OVERFLOW) == []
        if path:
            self.page.screenshot(path=path)
