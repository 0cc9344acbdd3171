"""The demo's desks: the invented persons whom the sign-in page offers by one click, as `flask demo load` wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from exchange.errors import NotFound
from exchange.settings import Settings


@dataclass(frozen=True)
class DemoAccount:
    """One invented person. `desk` is the desk's name for the few who are offered first, empty for the others."""

    key: str
    name: str
    title: str
    desk: str
    person_id: str


def demo_accounts(settings: Settings) -> list[DemoAccount]:
    """The demo's accounts in the order in which they were written; none outside the demo or before it was loaded."""
    if not settings.demo or not settings.demo_credentials.exists():
        return []
    accounts = json.loads(settings.demo_credentials.read_text()).get("accounts", {})
    return [
        DemoAccount(key, facts["name"], facts.get("title") or "", facts.get("desk") or "", facts["person_id"])
        for key, facts in accounts.items()
    ]


def demo_account(settings: Settings, key: str) -> DemoAccount:
    """The demo's account of this key; `NotFound` for another key, and always outside the demo."""
    for account in demo_accounts(settings):
        if account.key == key:
            return account
    raise NotFound("There is no such desk. Choose one from the sign-in page.")


def demo_account_of(settings: Settings, person_id: str) -> DemoAccount | None:
    """The demo's account of this person; None for others, and always outside the demo."""
    return next((account for account in demo_accounts(settings) if account.person_id == person_id), None)
