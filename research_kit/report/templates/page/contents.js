"use strict";
addEventListener("DOMContentLoaded", () => {
  const links = [...document.querySelectorAll("nav.contents a")];
  const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));

  // The section that is read: the last one whose heading has passed the upper third of the window.
  function mark() {
    const line = innerHeight / 3;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    let current = places.findLastIndex((place) => place.getBoundingClientRect().top < line);
    if (atEnd && scrollY > 0) current = places.length - 1;
    links.forEach((link, at) => {
      if (at === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }

  if (links.length) {
    addEventListener("scroll", mark, { passive: true });
    addEventListener("resize", mark);
    mark();
  }
});
