"""What the story plays on: a running server, a browser for each person, a narrator who prints what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click
import pyotp

from demo.browser import Browser, Page, PageError
from exchange import clock

STEP_S = 30
Result = TypeVar("Result")


@dataclass
class Stage:
    """The running server and who is signed in to it. `facts` is the demo's credentials file."""

    origin: str
    facts: dict[str, Any]
    browsers: dict[str, Browser] = field(default_factory=dict)
    number: int = 0

    def public(self) -> Browser:
        """A browser of somebody who has not signed in."""
        return self.browsers.setdefault("public", Browser(self.origin))

    def person(self, key: str) -> Browser:
        """The browser of a cast member, signed in by password and one-time code the first time it is asked for."""
        if key not in self.browsers:
            self.browsers[key] = self._sign_in(key)
        return self.browsers[key]

    def name(self, key: str) -> str:
        """A cast member's name and title."""
        account = self.facts["accounts"][key]
        return f"{account['name']}, {account['title']}"

    def act(self, title: str) -> None:
        """Begin a numbered act."""
        self.number += 1
        click.echo(click.style(f"\n{self.number}. {title}", bold=True))

    def say(self, what: str, evidence: object = "") -> None:
        """Print one step and its evidence."""
        click.echo(f"   {what}" + (click.style(f"  {evidence}", fg="cyan") if evidence != "" else ""))

    def timed(self, do: Callable[[], Result]) -> tuple[Result, float]:
        """Do something and say how many milliseconds it took."""
        took = clock.stopwatch()
        return do(), took()

    def _sign_in(self, key: str) -> Browser:
        account, browser = self.facts["accounts"][key], Browser(self.origin)
        totp = pyotp.TOTP(account["totp_secret"])
        for attempt in range(3):
            code = totp.at(int(time.time()) + attempt // 2 * STEP_S)
            page = browser.get("/sign-in")
            values = {"email": account["email"], "password": account["password"], "code": code}
            page = browser.submit(page, values, press="Sign in", action="/sign-in")
            if page.status == 200 and "/sign-in" not in page.url:
                return browser
            self.say(f"waiting for a fresh one-time code for {account['name']} (each works once)")
            time.sleep(STEP_S - time.time() % STEP_S + 0.2)
        raise PageError(f"{account['name']} could not sign in: {page.words[:400]}")


def expect(page: Page, *words: str, status: int = 200) -> Page:
    """The page, if it has this status and says these words; otherwise a `PageError` that shows what it says."""
    missing = [word for word in words if not page.says(word)]
    if page.status != status or missing:
        raise PageError(
            f"{page.url} answered {page.status}, expected {status} and {missing or words}: {page.words[:1500]}"
        )
    return page
