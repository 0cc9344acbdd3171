"""The personal facts of a request: from which network address it came, and by which program; sealed in entries.

The log's plain members never hold them; what is done with them later is written in docs/retention.md.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app, request
from sqlalchemy import Engine

from audit.entry import Entry
from audit.master_key import MasterKeys
from audit.personal import KeyMissing, Sealer, Traces
from exchange.db import begin_reading_only, is_reading_only
from exchange.rows.limits import limits_here
from exchange.settings import Settings


def install(app: Flask) -> None:
    """Give this application the one who seals. The demo makes its key; a real installation has put it in place."""
    settings: Settings = app.config["SETTINGS"]
    app.extensions["sealer"] = Sealer(MasterKeys(settings.personal_key_file, create=settings.demo))


def of_request() -> Traces:
    """What the request that is being answered tells about the one who sent it."""
    facts = {"address": limits_here().peer_of(request.environ), "agent": request.headers.get("User-Agent", "")}
    return Traces(cast(Sealer, current_app.extensions["sealer"]), facts)


def of_reading() -> Traces:
    """The network address alone: a reading has a token, and its entry names the program that holds it."""
    told = of_request()
    return Traces(told.sealer, {"address": told.facts["address"]})


def into(engine: Engine, traces: Traces, entry: Entry) -> Entry:
    """The entry with its traces sealed, for an entry that is recorded by itself; a key made for it is durable first.

    Looks the key up without a write lock, since nearly always it is there. Raises `MasterKeyUnusable`.
    """
    before = is_reading_only()
    begin_reading_only(True)
    try:
        with engine.connect() as connection:
            return traces.into(connection, entry, make=False)
    except KeyMissing:
        begin_reading_only(False)
        with engine.begin() as connection:
            return traces.into(connection, entry)
    finally:
        begin_reading_only(before)
