"""Commands of the operator: what the clock does to agreements."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from agreements import lifecycle, signing
from exchange import clock
from exchange.web import session


@click.group("agreements")
def agreements() -> None:
    """Agreements: what is due by the calendar."""


@agreements.command("expire")
@with_appcontext
def expire() -> None:
    """End what has run out, and activate what was signed and begins. Run it every minute or so; twice does no harm.

    Readers are refused at the very second without it: this only writes down the state that the dates imply.
    """
    now = clock.now()
    ended = lifecycle.expire_due(session(), now)
    session().commit()
    begun = signing.activate_due(session(), now)
    session().commit()
    for version in ended:
        click.echo(f"{version.agreement_id} version {version.number}: {version.state}")
    for version in begun:
        click.echo(f"{version.agreement_id} version {version.number}: active")
    click.echo(f"{len(ended)} ended, {len(begun)} begun")
