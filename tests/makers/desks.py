"""The desks of the demo in a real browser: who sits there, and how they came in (by one click, as people do)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

PUBLIC = "public"
DESKS = {
    "drafter": "OPM drafter",
    "officer": "Agency data officer",
    "cdo": "Chief Data Officer",
    "analyst": "Working-group analyst",
    "auditor": "State auditor",
}
"""Our key of a desk, and its words on the sign-in page."""

OTHERS = {
    "steward": "Lionel Prescott-Wry",
    "sde_counsel": "Philippa Marchetti-Lowe",
    "opm_counsel": "Ingrid Vantongeren",
    "sde_official": "Cornelius Abernathy-Diaz",
    "dcf_official": "Evangeline Whitlock-Sosa",
    "dol_officer": "Wilhelmina Tran-Foster",
}
"""Persons of the demo without a desk of the first five, by the name on their button."""


@dataclass
class Desks:
    """Browser contexts of people. One person signs in once; every context of theirs then has their cookies."""

    browser: Browser
    origin: str
    cookies: dict[str, Any] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, who: str = PUBLIC, *, scripts: bool = False, width: int = 1280, **choices: Any) -> Page:
        """A new page of this person. With scripts, what tests inject runs too (the site's own policy forbids it)."""
        context = self._context(
            java_script_enabled=scripts,
            bypass_csp=choices.pop("bypass_csp", scripts),
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
            storage_state=None if who == PUBLIC else self._cookies_of(who),
            **choices,
        )
        return context.new_page()

    def close(self) -> None:
        """Close every context that was opened here."""
        for context in self.contexts:
            context.close()

    def _cookies_of(self, who: str) -> Any:
        if who not in self.cookies:
            context = self._context(java_script_enabled=False)
            sign_in(context.new_page(), self.origin, who)
            self.cookies[who] = context.storage_state()
            context.close()
            self.contexts.remove(context)
        return self.cookies[who]

    def _context(self, **choices: Any) -> BrowserContext:
        context = self.browser.new_context(base_url=self.origin, accept_downloads=True, **choices)
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        return context


def sign_in(page: Page, origin: str, who: str) -> None:
    """Come in from the front page, as people do."""
    page.goto(origin)
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    if who in OTHERS:
        page.get_by_text(re.compile(r"^The other \d+ persons")).click()
    page.get_by_role("button", name=DESKS.get(who) or OTHERS[who]).click()
    page.wait_for_url(f"{origin}/desk")
