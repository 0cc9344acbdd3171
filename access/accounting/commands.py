"""`flask disclosures`: the secrets under which persons' keys are hashed, and the index of manifests."""

from __future__ import annotations

from typing import cast

import click
from flask.cli import AppGroup
from sqlalchemy import Engine

from access.accounting.asking import store_of
from audit.disclosures import checking, index
from audit.disclosures import subjects as secrets_of
from audit.disclosures.manifest import NotAManifest
from exchange.web import session, settings

SHOWN = 50
"""Most faults that are shown one by one."""

disclosures = AppGroup("disclosures", help="Disclosures by person: secrets, manifests and their index.")


@disclosures.command("make-secret")
@click.option("--rotate", is_flag=True, help="Put a new secret before those that are there.")
def make_secret(rotate: bool) -> None:
    """Make the secret under which persons' keys are hashed. Keep the file with the store's key, and back it up.

    Without it no record of a dataset that names its persons leaves, and nobody is found.
    """
    path = settings().subject_key_file
    if path.exists() and not rotate:
        raise click.ClickException(f"{path.name} is there. To put a new secret before it: --rotate")
    made = secrets_of.add(path)
    click.echo(f"Secret {made.id} is the newest in {path}. Back the file up apart from the database.")


@disclosures.command("index")
def catch_up() -> None:
    """Take in the manifests that have arrived, and those of readings that broke off. Run it daily."""
    count = index.catch_up(_engine(), store_of(settings()))
    with _engine().connect() as connection:
        manifests, persons = index.counted(connection)
    click.echo(f"Took in {count:,}. The index holds {manifests:,} manifests with {persons:,} persons' disclosures.")


@disclosures.command("rebuild")
def rebuild() -> None:
    """Make the index again from the manifests, which are checked on the way."""
    try:
        count = index.rebuild(_engine(), store_of(settings()))
    except NotAManifest as wrong:
        raise click.ClickException(
            f"{wrong}. Restore the folder of manifests from its backup, then try again."
        ) from wrong
    click.echo(f"The index was made again from {count:,} manifests.")


@disclosures.command("verify")
def verify() -> None:
    """Compare log, manifests and index; exit 0 only if whoever is asked for is found in every reading that the log
    names. What waits for its index is passed over; take it in first with: flask disclosures index."""
    with _engine().connect() as connection:
        checked = checking.check(connection, store_of(settings()))
    for fault in checked.faults[:SHOWN]:
        click.echo(f"- {fault}")
    click.echo(f"{checked.readings:,} readings with a manifest in the log, {checked.manifests:,} in the index")
    if checked.faults:
        raise click.ClickException(f"{len(checked.faults):,} faults")
    click.echo("the index holds")


def _engine() -> Engine:
    return cast(Engine, session().get_bind())
