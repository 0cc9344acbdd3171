"""`flask publish`: one dataset version from a file or a database, by the operator."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from exchange import clock
from exchange.catalog.datasets import CATEGORIES
from exchange.catalog.models import DatasetClass, DatasetState
from exchange.catalog.subjects import name_subject
from exchange.directory.identity import Identity
from exchange.directory.persons import agencies, find_agency
from exchange.errors import CharterError, Invalid
from exchange.hub import publishing, runs
from exchange.hub.arriving import Wanted, begin
from exchange.hub.demo_agreeing import agree_in_demo
from exchange.hub.merging import Merge
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.proposing import ProposedColumn
from exchange.hub.recipe import read_recipe
from exchange.hub.shipped import shipped_recipes
from exchange.hub.source import FileGiven, Given, SqlGiven
from exchange.hub.sql_source import checked, is_sql_url
from exchange.web import ledger, session, settings

STOPPED = 3
"""Exit code of a run that stopped to ask; every error's is 1."""


@click.command("publish")
@click.argument("source", metavar="FILE_OR_URL", required=False)
@click.option("--agency", help="The owner: key, name, acronym or another form of its name.")
@click.option("--title", help="The dataset's title. A dataset of this agency and title gets a new version.")
@click.option("--id", "four_by_four", metavar="4x4", help="The dataset's id; a new one is minted without it.")
@click.option("--row-id", metavar="COL", help="The column whose values name the rows.")
@click.option("--class", "class_", type=click.Choice([c.value for c in DatasetClass]), help="New datasets: restricted.")
@click.option("--category", type=click.Choice(CATEGORIES), default="Government", show_default=True)
@click.option("--description", default="", help="What the data is, for the catalogue.")
@click.option("--regime", "regimes", multiple=True, help="A law that binds the data: FERPA, HIPAA, … (repeatable).")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help=f"A recipe file (JSON, TOML; docs/recipes.md), or a shipped one: {', '.join(shipped_recipes())}.",
)
@click.option("--subject", metavar="COL", help="Restricted data: the column whose values name the person of a row.")
@click.option(
    "--key-kind", help="The kind of that key, such as student-id; datasets with one kind name the same persons."
)
@click.option("--table", help="For a database: the table, or schema.table.")
@click.option("--query", help="For a database: one SELECT.")
@click.option("--merge", type=click.Choice([m.value for m in Merge]), default=Merge.REPLACE.value, show_default=True)
@click.option("--type", "types", multiple=True, metavar="COL=TYPE", help="A column's type, against the proposal.")
@click.option("--yes", is_flag=True, help="Take the proposal; with --resume also accept what stopped the run.")
@click.option("--resume", metavar="RUN", help="Go on with a run that stopped, failed or was interrupted.")
@click.option("--no-agree", is_flag=True, help="Demo only: leave an open dataset waiting for the CDO.")
@click.option("--list-agencies", is_flag=True, help="Print every agency's key, and nothing else.")
@with_appcontext
def publish(
    source: str | None,
    resume: str | None,
    yes: bool,
    types: tuple[str, ...],
    no_agree: bool,
    list_agencies: bool,
    subject: str | None,
    key_kind: str | None,
    **given: Any,
) -> None:
    """Publish one version of a dataset from FILE_OR_URL.

    Files: CSV, or Socrata's RDF/XML. URLs: any SQLAlchemy database address, with --table or --query. In a terminal the
    proposed types are shown and you are asked; elsewhere they are shown and taken. A vanished or retyped column and a
    drop of more than 20 % in rows always stop the run.
    """
    if list_agencies:
        _list_agencies()
        return
    try:
        chosen = _types(types)
        run = _resumed(resume, source, given, chosen, yes) if resume else _begun(source, given, chosen)
        run = _confirmed(run, chosen, yes)
        _name_subject(run, subject, key_kind or "")
        cdo = None if no_agree else _agreed(run)
    except CharterError as error:
        session().rollback()
        raise click.ClickException(error.message) from error
    _tell(run, cdo)


def _list_agencies() -> None:
    for agency in agencies(session()):
        click.echo(
            f"{agency.id}  {agency.name} ({agency.acronym})" if agency.acronym else f"{agency.id}  {agency.name}"
        )


def _agreed(run: PublishingRun) -> Identity | None:
    if run.state != RunState.PUBLISHED or run.step != "done":
        return None
    cdo = agree_in_demo(session(), settings(), run, clock.now())
    session().commit()
    return cdo


def _name_subject(run: PublishingRun, column: str | None, namespace: str) -> None:
    """Once the version is there: before, nobody knows its columns."""
    if column is None or run.state != RunState.PUBLISHED:
        return
    named = name_subject(session(), None, run.dataset, column, namespace=namespace, now=clock.now())
    session().commit()
    click.echo(f"Rows are about the person in {named.column} (kind of key: {named.namespace}, {named.record} record).")


def _begun(source: str | None, given: dict[str, Any], types: Mapping[str, str]) -> PublishingRun:
    if not source:
        raise Invalid("Name the file or the database to publish.")
    wanted, chosen = _wanted(session(), given), _source(source, given)
    recipe = read_recipe(given["recipe"]) if given["recipe"] else None
    run = begin(
        session(),
        None,
        settings(),
        wanted,
        chosen,
        recipe=recipe,
        merge=given["merge"],
        types=types,
        now=clock.now(),
    )
    dataset = run.dataset
    click.echo(f"Dataset {dataset.id}: {dataset.title} ({dataset.class_}). Run {run.id}.")
    session().commit()
    return _advance(run.id, chosen)


def _resumed(run_id: str, source: str | None, given: dict[str, Any], types: dict[str, str], yes: bool) -> PublishingRun:
    _refuse_beside_resume(given)
    run = runs.get_run(session(), None, run_id)
    if types or given["row_id"]:
        runs.confirm(session(), settings(), None, run, types=types, row_id=given["row_id"])
    elif run.state == RunState.STOPPED and yes:
        runs.accept(session(), None, run)
    return _advance(run.id, _source(source, given) if source else None)


def _refuse_beside_resume(given: Mapping[str, Any]) -> None:
    """A run keeps what it began with; an option that would be ignored is refused instead."""
    kept = {"agency": "agency", "title": "title", "four_by_four": "id", "class_": "class", "description": "description",
            "regimes": "regime", "recipe": "recipe"}  # fmt: skip
    named = [f"--{option}" for name, option in kept.items() if given[name]]
    if named:
        raise Invalid(
            f"{', '.join(named)} cannot change in a run that has begun. Leave it out, or begin a new run: "
            "flask publish FILE_OR_URL with the options you want."
        )


def _advance(run_id: str, given: Given | None = None) -> PublishingRun:
    return publishing.advance(
        session(), ledger(), settings(), run_id, given=given, on_step=_show_step, now=clock.now()
    )  # fmt: skip


def _show_step(step: str, point: str) -> None:
    if point == "begins":
        click.echo(f"  {step} …")


def _confirmed(run: PublishingRun, types: dict[str, str], yes: bool) -> PublishingRun:
    if run.state != RunState.WAITING:
        return run
    columns = [
        column.changed(type_=types.get(column.name) or types.get(column.label)) for column in runs.columns_of_run(run)
    ]
    _show_proposal(columns)
    session().commit()
    if not yes and sys.stdin.isatty() and not click.confirm("Publish with these types?", default=True):
        click.echo(f"Nothing was published. To change types: flask publish --resume {run.id} --type COL=TYPE")
        sys.exit(STOPPED)
    runs.confirm(session(), settings(), None, run, types=types)
    return _advance(run.id)


def _show_proposal(columns: Sequence[ProposedColumn]) -> None:
    width = max(len(column.name) for column in columns)
    for column in columns:
        reason = " ".join(column.evidence) if column.type == column.proposed else "Chosen by you."
        click.echo(f"    {column.name:<{width}}  {column.type:<13}  {reason}")


def _source(source: str, given: dict[str, Any]) -> Given:
    if is_sql_url(source):
        sql = SqlGiven(source, given["table"], given["query"])
        checked(sql)
        return sql
    if source.startswith(("http://", "https://")):
        raise Invalid("Feeds are not read over HTTP yet. Fetch the file and give its name.")
    path = Path(source)
    if not path.is_file():
        raise Invalid(f"There is no file {source}.")
    return FileGiven(path, path.name)


def _wanted(session: Session, given: dict[str, Any]) -> Wanted:
    return Wanted(
        agency_id=_agency(session, given["agency"]) if given["agency"] else None,
        title=given["title"] or "",
        class_=given["class_"],
        id=given["four_by_four"],
        description=given["description"],
        category=given["category"],
        regimes=given["regimes"],
        row_id=given["row_id"],
    )


def _agency(session: Session, text: str) -> str:
    found = find_agency(session, text)
    if len(found) == 1:
        return found[0].id
    if not found:
        raise Invalid(f"No agency is known as {text!r}. To see every key: flask publish --list-agencies")
    names = "; ".join(f"{agency.id} ({agency.name})" for agency in found)
    raise Invalid(f"{text!r} may be several agencies: {names}. Give the key.")


def _types(pairs: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not COL=TYPE.", param_hint="--type")
    types = {name: type_ for name, _, type_ in (pair.rpartition("=") for pair in pairs)}
    runs.require_types(types)
    return types


def _tell(run: PublishingRun, cdo: Identity | None) -> None:
    """Say how it ended; leave with an exit code that a script understands."""
    click.echo(
        f"read {run.rows_read:,}, added {run.rows_added:,}, changed {run.rows_changed:,}, "
        f"removed {run.rows_removed:,}, refused {run.rows_refused:,}"
    )
    if run.state == RunState.PUBLISHED and run.step == "done":
        address = f"{settings().origin}/data/{run.dataset_id}"
        click.echo(f"{run.message}\n{address}")
        if cdo is not None:
            click.echo(f"Demo: agreed for {cdo.name}, Chief Data Officer; public at {address}")
        if run.dataset.state == DatasetState.DRAFT:
            click.echo(f"Waiting for the CDO: {settings().origin}/classification/{run.dataset_id}")
        return
    _leave(run)


def _leave(run: PublishingRun) -> NoReturn:
    for finding in run.problems[:10]:
        click.echo(f"  {finding['words']}", err=True)
    if run.state == RunState.STOPPED:
        click.echo(f"Stopped: {run.message}\nTo go on all the same: flask publish --resume {run.id} --yes", err=True)
        sys.exit(STOPPED)
    click.echo(f"Error: {run.message}\n{_how_to_go_on(run)}", err=True)
    sys.exit(1)


def _how_to_go_on(run: PublishingRun) -> str:
    """What would help: other choices once the rows are read; before that the source again, if it is not kept."""
    again = f"flask publish --resume {run.id}"
    if run.step == "" and run.source["kind"] == "sql":
        asked = f"--table {run.source['table']}" if run.source["table"] else '--query "SELECT …"'
        return f"To try again, give the address with its password: {again} URL {asked}"
    if run.step in ("extract", "conform"):
        return f"To try again with other choices: {again} --type COL=TYPE --row-id COL"
    return f"To try again: {again}"
