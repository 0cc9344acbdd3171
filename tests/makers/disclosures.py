"""Reading at the restricted door, and the hashes by which persons are known in manifests."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from audit.disclosures import subjects
from exchange.rows.engines.duckdb_file import BATCH_ROWS
from exchange.settings import Settings
from tests.makers.access import Holder, World

ROWS = BATCH_ROWS
"""Rows that are recorded at once."""


def person(number: int) -> str:
    """The key of a person in `tests.makers.access.store_rows`."""
    return f"{number:03}-00-0000"


def subject_hash(settings: Settings, namespace: str, key: object) -> bytes:
    """The hash of a key under the newest secret."""
    return subjects.load(settings.subject_key_file, create=True)[0].subject(namespace, key)


def token_of(client: FlaskClient, world: World, holder: Holder) -> str:
    """A token for the grant of this world."""
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    assert answer.json is not None, answer.data
    token: str = answer.json["access_token"]
    return token


def read(client: FlaskClient, holder: Holder, token: str, path: str = "/resource/aaaa-2222.json", **query: str) -> Any:
    """One reading, to its end."""
    return client.get(path, headers=holder.headers(token, path), query_string=query, buffered=True)
