"""How long the auditor's pages take over a large log: a real server, a real sign-in, every page the desk links to."""

from __future__ import annotations

import statistics
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.browser import Browser, Page
from demo.stage import Stage
from tests.makers.server import serving

TIMES = 5
LEFT_OUT = ("/audit/log/tile", ".csv", ".jsonl", "/audit/check", "/audit/log/", "export", "download", "sign-out")
"""Whole files and the check of all: no pages."""


@contextmanager
def auditor(folder: Path) -> Iterator[Browser]:
    """The demo's auditor, signed in to a server on this log."""
    with serving(folder, workers=1, demo=False) as server:
        yield Stage(server.origin, server.credentials).person("auditor")


def addresses(browser: Browser, known: dict[str, str]) -> dict[str, str]:
    """Name and address of each page below /audit that the desk's own pages lead to, questions asked with `known`."""
    found: dict[str, str] = {}
    for start in ("/audit/", "/audit/questions"):
        page = browser.get(start)
        if page.status == 200:
            for link in page.links("/audit"):
                parts = urllib.parse.urlsplit(link)
                if not any(word in link for word in LEFT_OUT) and parts.netloc in browser.origin:
                    found.setdefault(parts.path, link)
    for path in list(found):
        if "/questions/" in path:
            found[path] = _asked(browser.get(path), found[path], known)
    return {
        path: urllib.parse.urlunsplit(("", "", *urllib.parse.urlsplit(link)[2:4], "")) for path, link in found.items()
    }


def _asked(page: Page, link: str, known: dict[str, str]) -> str:
    """A question's address with its fields filled in: what it proposes, or what we know of the log."""
    for form in page.tree.xpath("//main//form") if page.status == 200 else []:
        fields = {element.name: element for element in form.inputs if element.name}
        if form.method == "GET" and fields:
            pairs = [(name, known.get(name) or str(element.value or "")) for name, element in fields.items()]
            target = urllib.parse.urljoin(page.url, form.get("action") or page.url)
            return f"{target.split('?')[0]}?{urllib.parse.urlencode([pair for pair in pairs if pair[1]])}"
    return link


def page_times(browser: Browser, address: str) -> dict[str, float]:
    """The middle and the worst of some requests, in milliseconds. Raises `RuntimeError` for any answer but 200."""
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        page = browser.get(address)
        took.append((time.perf_counter() - start) * 1000)
        if page.status != 200:
            raise RuntimeError(f"{page.status}: {page.words[:120]}")
    return {"ms": statistics.median(took), "worst_ms": max(took)}
