"""Commands of the operator: `flask migrate`, `flask serve`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from exchange.db import db
from exchange.portal import migrating, serving
from exchange.settings import SettingsError
from exchange.web import settings


@click.command("migrate")
@click.option("--write", "message", default=None, help="Write a new migration with this name instead of running them.")
@with_appcontext
def migrate(message: str | None) -> None:
    """Bring the database to the schema of this release."""
    if message:
        count = len(list((migrating.FOLDER / "versions").glob("[0-9]*.py")))
        migrating.write(db.engine, message, f"{count + 1:04d}")
        return
    migrating.upgrade(db.engine)


@click.command("serve")
@click.option("--workers", default=2, show_default=True, help="Web worker processes.")
@click.option("--threads", default=8, show_default=True, help="Threads in each web worker.")
@with_appcontext
def serve(workers: int, threads: int) -> None:
    """Serve pages and API, and keep the log's sequencer and the clock running beside them, until interrupted."""
    try:
        raise SystemExit(serving.serve(settings(), workers, threads))
    except SettingsError as problem:
        raise click.ClickException(problem.message) from problem
