"""`flask access …`: what an operator does for persons, requests, grants and tokens from the command line."""

from __future__ import annotations

import click

from access import grants, tokens
from access.enrolling import enrol
from access.evidence import small_cells
from exchange import clock
from exchange.directory.agencies import load_agencies, load_working_groups
from exchange.directory.models import RoleKind
from exchange.errors import CharterError
from exchange.web import session, settings


@click.group("access")
def access() -> None:
    """Persons, grants and tokens."""


@access.command("set-up")
def set_up() -> None:
    """Load Connecticut's agencies and working groups into a new installation; a second time changes nothing."""
    agencies, groups = load_agencies(session()), load_working_groups(session())
    session().commit()
    click.echo(f"{len(agencies)} agencies and {len(groups)} working groups added")


@access.command("add-person")
@click.argument("name")
@click.argument("email")
@click.option("--agency", required=True, help="Key, name, or an acronym that only one agency has.")
@click.option("--title", default="", help="The person's office, in words.")
@click.option("--role", type=click.Choice([str(kind) for kind in RoleKind]), required=True)
@click.option("--group", default=None, help="Key of the working group, for members.")
@click.password_option(help="At least 15 characters; asked for when left out.")
def add_person(name: str, email: str, agency: str, title: str, role: str, group: str | None, password: str) -> None:
    """Give a person a role, a password and a second factor: the first administrator, above all."""
    try:
        enrolled = enrol(
            session(),
            name=name,
            email=email,
            agency=agency,
            title=title,
            role=RoleKind(role),
            group=group,
            password=password,
            now=clock.now(),
        )
    except CharterError as error:
        raise click.ClickException(error.message) from error
    session().commit()
    click.echo(f"{enrolled.person.name} can sign in. For the authenticator app, shown only now:")
    click.echo(f"  secret {enrolled.totp_secret}\n  {enrolled.uri}")


@access.command("give-waiting")
def give_waiting() -> None:
    """Give every approved request its grant where an agreement in force covers it; also after an amendment."""
    given = grants.give_waiting(session(), clock.now())
    session().commit()
    for grant in given:
        click.echo(f"granted {grant.id}: {grant.working_group_id} may read {grant.dataset_id} for {grant.purpose}")


@access.command("tidy")
def tidy() -> None:
    """Delete one-time client assertions that have ended and prove nothing any more."""
    deleted = tokens.forget_ended(session(), clock.now())
    session().commit()
    if deleted:
        click.echo(f"{deleted} used assertions deleted")


@access.command("scan-open")
def scan_open() -> None:
    """Look at the rows of public datasets for small counts; each version is looked at once. For every night."""
    store, missing = settings().data_dir / "open", 0
    for dataset in small_cells.not_looked_at(session()):
        try:
            scan = small_cells.scan(session(), store, dataset, clock.now())
        except FileNotFoundError:
            session().rollback()
            missing += 1
            continue
        session().commit()
        if scan is not None and scan.found:
            click.echo(f"{dataset.id}: small counts in {', '.join(found['column'] for found in scan.found)}")
    if missing:
        click.echo(f"{missing} datasets were left out: their rows are not on this machine")
