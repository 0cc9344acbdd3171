"""`flask demo load` and `flask demo story`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from demo import loading
from demo.telling import tell
from exchange import clock
from exchange.db import db
from exchange.errors import CharterError
from exchange.portal import migrating
from exchange.web import settings

demo = AppGroup("demo", help="The demo: load its state, and tell the whole story over HTTP.")


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing if the demo is loaded already.")
def load(if_empty: bool) -> None:
    """Load the demo's state; a second time changes nothing. Writes demo/credentials.json in the data folder."""
    if not settings().demo:
        raise click.ClickException("This is not a demo installation; the demo is never loaded into a real one.")
    migrating.upgrade(db.engine)
    if not (if_empty and loading.is_loaded(settings())):
        click.echo("Loading the demo ...")
        loading.load(current_app._get_current_object(), clock.now())  # type: ignore[attr-defined]
    _show(loading.credentials(settings()))


@demo.command("story")
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV file; default: the demo's own."
)
@click.option("--url", default=None, help="Address of the running server; default: this installation's.")
def story(data: Path | None, url: str | None) -> None:
    """Walk the main job over HTTP against the running server, printing each step with its evidence."""
    try:
        tell(settings(), data, url or settings().origin)
    except CharterError as error:
        raise click.ClickException(error.message) from error


def _show(facts: dict[str, Any]) -> None:
    click.echo("\nDesks (one click each on the sign-in page; all persons are invented):")
    for account in facts["accounts"].values():
        if account["desk"]:
            click.echo(f"  {account['desk']:24} {account['name']:26} {account['email']}")
    count = len(facts["accounts"])
    click.echo(f"\nPasswords and one-time-code seeds of all {count} accounts, client keys and ids:")
    click.echo(f"  {settings().demo_credentials}")
