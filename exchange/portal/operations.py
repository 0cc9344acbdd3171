"""For the operator's monitoring: alive, ready, and figures in Prometheus' text format."""

from __future__ import annotations

import os

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy import func, select

from audit import lag, tables
from audit.published import store
from audit.witness import board
from exchange import clock
from exchange.catalog.models import Version
from exchange.rows import routing
from exchange.web import session, settings

operations = Blueprint("operations", __name__)


@operations.get("/healthz")
def healthz() -> Response:
    """Alive: this process answers. Says nothing about what it needs."""
    return jsonify(status="alive")


@operations.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: database, log, store and, if set up, Spark can be used; 503 and the name of what cannot otherwise.

    `alarms` are witnesses that saw another log; they say nothing about readiness, and want a person.
    """
    checks = {"database": _database_answers(), "log": _log_is_kept_up(), "store": _store_is_writable()}
    checks |= routing.health(current_app)
    ready = all(checks.values())
    alarms = {f"witness {it.key_name}": it.said for it in board.alarms(store())}
    return jsonify(status="ready" if ready else "not ready", checks=checks, alarms=alarms), 200 if ready else 503


@operations.get("/metrics")
def metrics() -> Response:
    """Counters of this installation; holds nothing about any person or private dataset."""
    figures = {
        "charter_oak_log_entries": session().scalar(select(func.count()).select_from(tables.entries)),
        "charter_oak_log_waiting": lag.waiting(session().connection()),
        "charter_oak_log_behind_seconds": lag.behind_s(session().connection(), clock.milliseconds(clock.now())),
        "charter_oak_dataset_versions": session().scalar(select(func.count(Version.id))),
    }
    lines = [f"# TYPE {name} gauge\n{name} {value}\n" for name, value in figures.items()]
    return Response("".join(lines), content_type="text/plain; version=0.0.4; charset=utf-8")


def _database_answers() -> bool:
    return session().scalar(select(1)) == 1


def _log_is_kept_up() -> bool:
    """Entries wait about a second for a checkpoint. Beyond these bounds nothing restricted leaves (`audit.lag`)."""
    connection, bounds = session().connection(), lag.BOUNDS
    behind_s = lag.behind_s(connection, clock.milliseconds(clock.now()))
    return lag.waiting(connection) <= bounds.most_waiting and behind_s <= bounds.longest_s


def _store_is_writable() -> bool:
    return os.access(settings().data_dir, os.W_OK)
