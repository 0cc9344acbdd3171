"""Walking the site as a person's browser sees it: which endpoint an address is, and what is wrong with a page."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from urllib.parse import urlsplit

from playwright.sync_api import Error, Page, Response
from werkzeug.routing import Map

AXE = files("axe_core_python").joinpath("axe.min.js").read_text()
NARROW, WIDE = 320, 1280
FACTS = """() => {
  const shown = (e) => e.getClientRects().length > 0;
  const fields = [...document.querySelectorAll("input,select,textarea")].filter(
    (e) => !["hidden", "submit", "button"].includes(e.type));
  const named = (e) => [...(e.labels || [])].some((l) => l.textContent.trim()) || e.ariaLabel || e.getAttribute("aria-labelledby");
  return {
    title: document.title, language: document.documentElement.lang,
    headings: document.querySelectorAll("h1").length, mains: document.querySelectorAll("main").length,
    unlabelled: fields.filter((e) => !named(e)).map((e) => e.outerHTML),
    scripts: document.querySelectorAll("script").length,
    unnamed: [...document.querySelectorAll("a[href],button")].filter((e) => shown(e) && !e.textContent.trim() && !e.ariaLabel).map((e) => e.outerHTML),
  };
}"""

LINKS = "as => as.map(a => a.href)"


@dataclass(frozen=True)
class Stop:
    """One page of a walk: its endpoint, its path, and the answer."""

    endpoint: str
    path: str
    answer: Response


@dataclass
class Walk:
    """A walk from one page along its links, one page an endpoint, over addresses of this origin only.

    `seen` are endpoints to pass by; `console` collects what the browser complained of, emptied at every stop.
    """

    page: Page
    origin: str
    routes: Map
    seen: set[str] = field(default_factory=set)
    console: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.console.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))

    def stops(self, start: str) -> Iterator[Stop]:
        """Each page once, breadth first."""
        waiting = deque([start])
        while waiting:
            path = waiting.popleft()
            endpoint = self._endpoint(path)
            if endpoint in self.seen:
                continue
            self.seen.add(endpoint)
            self.console.clear()
            answer = self._go(path)
            if answer is not None:
                yield Stop(endpoint, path, answer)
                waiting.extend(self._links())

    def _go(self, path: str) -> Response | None:
        """The answer; None for what the browser saves as a file."""
        try:
            return self.page.goto(self.origin + path)
        except Error as error:
            if "Download is starting" in error.message:
                return None
            raise

    def _links(self) -> list[str]:
        found = self.page.eval_on_selector_all("a[href]", LINKS)
        return [url.removeprefix(self.origin).partition("#")[0] for url in found if url.startswith(self.origin + "/")]

    def _endpoint(self, path: str) -> str:
        endpoint, values = self.routes.bind("walk.example").match(urlsplit(path).path)
        return f"{endpoint} {values['command']}" if "command" in values else str(endpoint)


def problems_of(page: Page) -> list[str]:
    """What a person with a screen reader, a keyboard or a narrow screen would stumble over on this page."""
    facts = page.evaluate(FACTS)
    wrong = [f"no {part}" for part in ("title", "language") if not facts[part]]
    wrong += [f"{facts[part]} {part}" for part in ("headings", "mains") if facts[part] != 1]
    wrong += [f"{part}: {one}" for part in ("unlabelled", "unnamed") for one in facts[part]]
    wrong += [f"{facts['scripts']} scripts"] if facts["scripts"] else []
    return wrong + _too_wide(page) + _skipping(page) + serious(page)


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"axe {one['id']}: {one['nodes'][0]['html'][:300]}" for one in bad]


def _too_wide(page: Page) -> list[str]:
    wrong = []
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        needed = page.evaluate("document.documentElement.scrollWidth")
        wrong += [f"scrolls sideways: {needed} px at {width}"] if needed > width else []
    return wrong


def _skipping(page: Page) -> list[str]:
    """The first stop of the keyboard is a visible link that leads past the header."""
    page.keyboard.press("Tab")
    at = page.evaluate(
        "[document.activeElement.textContent.trim(), document.activeElement.getBoundingClientRect().top]"
    )
    page.keyboard.press("Enter")
    landed = page.evaluate("document.activeElement.id")
    fine = at[0] == "Skip to the content" and at[1] >= 0 and landed == "main"
    return [] if fine else [f"skip link: first stop {at}, landed on {landed!r}"]
