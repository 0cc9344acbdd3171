"""`flask access …`: what an operator does for requests, grants and tokens from the command line."""

from __future__ import annotations

import click

from access import grants, tokens
from exchange import clock
from exchange.web import session


@click.group("access")
def access() -> None:
    """Grants and tokens."""


@access.command("give-waiting")
def give_waiting() -> None:
    """Give every approved request its grant where an agreement in force covers it; also after an amendment."""
    given = grants.give_waiting(session(), clock.now())
    session().commit()
    for grant in given:
        click.echo(f"granted {grant.id}: {grant.working_group_id} may read {grant.dataset_id} for {grant.purpose}")
    click.echo(f"{len(given)} grants given")


@access.command("tidy")
def tidy() -> None:
    """Delete one-time client assertions that have ended and prove nothing any more."""
    deleted = tokens.forget_ended(session(), clock.now())
    session().commit()
    click.echo(f"{deleted} used assertions deleted")
