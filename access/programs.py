"""The ready program of a grant, for the person who looks: with a client of theirs, and the file that holds its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from access.clients import clients_of
from access.models import Client, Grant
from access.snippets import CLIENT_KEY, read_rows
from exchange.directory.identity import Identity
from exchange.settings import Settings

NO_CLIENT = "your-client-id"


@dataclass(frozen=True)
class Program:
    """The text; the client in it, None if the person must register one first; the demo's key file, if it is that."""

    text: str
    client_id: str | None
    demo_key: str | None


def demo_key_file(settings: Settings) -> Path:
    """Where `flask demo load` writes the private key of the demo's client, for the program to run as it stands."""
    return settings.data_dir / "demo" / CLIENT_KEY


def own_client(session: Session, settings: Settings, identity: Identity, group: str) -> Client | None:
    """The person's own client in this group that is not disabled: the one whose key the demo has, else the newest."""
    own = [
        client
        for client in clients_of(session, identity)
        if client.person_id == identity.person_id and client.working_group_id == group and client.disabled_at is None
    ]
    return next((client for client in own if _key_of(settings, client)), own[0] if own else None)


def program_for(settings: Settings, client: Client | None, grant: Grant, origin: str) -> Program:
    """The program that reads this grant with this client."""
    key = _key_of(settings, client) if client else None
    text = read_rows(origin, client.id if client else NO_CLIENT, grant, key or CLIENT_KEY)
    return Program(text, client.id if client else None, key)


def _key_of(settings: Settings, client: Client) -> str | None:
    """The file with this client's private key; only in the demo, and only if it is this client's."""
    path = demo_key_file(settings)
    if not settings.demo or not path.exists():
        return None
    kid = json.loads(path.read_text()).get("kid")
    return str(path.resolve()) if kid in [key.get("kid") for key in client.jwks["keys"]] else None
