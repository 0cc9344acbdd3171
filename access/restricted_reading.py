"""The restricted door: the only way by which restricted rows leave (DESIGN §3, §5; invariants 1 to 4).

Prove, decide, authorize-and-log in one statement, and only then open the store. Every answer to a known token has
exactly one intent or one refusal in the log; what cannot be recorded is answered 503 with zero bytes.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import cast

from flask import Flask
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from access.case import Case, Finish, Matter, audit_headers
from access.decision import GrantTerms, floor
from access.disclosing import SUBJECT, Disclosing, Handed, Listed, Persons, kind_of, subjects_of
from access.own_order import own_cut
from access.presenting import NotGranted, NothingHere, Seen, Unproven, origin_of, present
from access.sentry import Sentry
from access.suppression import suppression_headers
from access.traces import of_reading
from access.watching import CutStream, Watch, Watched, current_epoch
from audit.actions import Outcome
from audit.codes import Code
from audit.disclosures.keeping import Store
from audit.disclosures.manifest import Head
from audit.entry import Entry
from audit.ledger import Ledger
from exchange import clock
from exchange.catalog.datasets import current_version, get_dataset
from exchange.catalog.models import DatasetClass
from exchange.catalog.subjects import subject_of
from exchange.catalog.visibility import may_know
from exchange.db import db
from exchange.rows.door import Answer, Ask
from exchange.rows.door import Finish as Finishing
from exchange.rows.engine import Batches, Engine, Stopped
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.lanes import Lanes
from exchange.rows.plan import Plan
from exchange.rows.predicate import columns_of
from exchange.rows.source import Source
from exchange.rows.store_restricted import open_version
from exchange.rows.types import columns_from_schema
from exchange.settings import Settings

DEADLINE_S = 60.0
"""How long the engine may work on one query."""


class RestrictedDoor:
    """The door, one for each process; see `exchange.rows.door.Door`."""

    def __init__(self, app: Flask) -> None:
        self._settings: Settings = app.config["SETTINGS"]
        self._ledger: Ledger = app.extensions["ledger"]
        engine = DuckDBEngine(None)
        self._engine: Engine = Lanes(engine, engine)  # rows in memory are held once; costly statements are few at once
        self._sentry = Sentry()
        self._manifests = Store(self._settings.data_dir / "disclosures")
        self._listed = Listed()

    def open(self, ask: Ask) -> Answer:
        """Answer, or raise with a reason. When this returns, the intent is durable."""
        now = clock.now()
        session = cast(Session, db.session())
        database = cast(Database, session.get_bind())
        known_epoch = current_epoch(database)
        try:
            seen = present(session, self._settings, ask.credentials, now)
            matter = None if seen.problem else _matter(session, seen, ask.dataset_id)
            source = _source_of(session, ask.dataset_id)
        finally:
            session.rollback()
        origin = origin_of(self._settings, ask.credentials)
        case = Case(ask, seen, now, self._ledger, database, known_epoch, origin, source, of_reading())
        if seen.problem:
            code = Code.TOKEN if seen.problem.code == "invalid_token" else Code.PROOF
            case.refuse(code, seen.problem.message, (), lambda _headers: cast(Unproven, seen.problem))
        if matter is None:
            case.refuse(Code.DATASET, "There is no such dataset for this reader.", (), lambda _headers: NothingHere())
        plan, decision = case.plan(matter)
        case.spend()
        intent = case.authorize(plan, decision, matter, session)
        return self._answer(case, plan, matter, intent)

    def _answer(self, case: Case, plan: Plan, matter: Matter, intent: Entry) -> Answer:
        """Open the store, and hand the rows on under watch. A failure from here on is an outcome, not a refusal."""
        watch = Watch(case.database, case.seen.terms.grant_id, case.seen.token_hash, case.known_epoch)
        record = Finish(case, intent, watch)

        def finish(rows: int, sent: int, outcome: str, reason: str | None) -> None:
            self._sentry.let_go(watch)
            record(rows, sent, outcome, reason)

        self._sentry.look_after(watch, case.ask.break_off)
        cancel = case.ask.cancel
        try:
            whole = self._version(matter)
            persons = self._persons(matter, whole)
            record.disclosing = disclosing = self._disclosing(case, plan, matter, intent, persons)
            batches = self._rows(plan, self._cut(whole, persons, matter, case.seen.terms), disclosing, cancel)
        except Exception as error:
            finish(0, 0, *_outcome_of(error))
            raise
        rows = Watched(batches, watch, cancel)
        self._look_once_more(watch, rows, finish, intent)
        return Answer(
            fields=plan.fields,
            batches=rows if disclosing is None else Handed(rows, disclosing),
            version=matter.number,
            last_modified=matter.published_at,
            etag=None,
            headers=audit_headers(intent)
            | suppression_headers(plan.grouped, floor(case.seen.reader, case.seen.terms))
            | {"Cache-Control": "no-store"},
            finish=finish,
        )

    def _look_once_more(self, watch: Watch, rows: Watched, finish: Finishing, intent: Entry) -> None:
        """If the engine took its time and the right ended meanwhile, say 403 while that can still be said."""
        try:
            watch.check()
        except CutStream as cut:
            rows.close()
            finish(0, 0, Outcome.CUT, cut.message)
            raise NotGranted(cut.message, (), audit_headers(intent)) from cut

    def _persons(self, matter: Matter, whole: Source) -> Persons | None:
        """The version with the persons of its rows, if the dataset names them."""
        if matter.subject is None:
            return None
        return Persons(whole, subjects_of(self._settings, *matter.subject), self._listed)

    def _disclosing(
        self, case: Case, plan: Plan, matter: Matter, intent: Entry, persons: Persons | None
    ) -> Disclosing | None:
        """The manifest of this reading, if the dataset names its persons."""
        if persons is None:
            return None
        named = persons.subjects
        kind = kind_of(plan, floor(case.seen.reader, case.seen.terms), named.column)
        head = Head(intent.id, matter.dataset_id, matter.number, named.namespace, named.secret.id, kind)
        return Disclosing(self._manifests, head, persons)

    def _rows(self, plan: Plan, source: Source, disclosing: Disclosing | None, cancel: threading.Event) -> Batches:
        def run(chosen: Plan) -> Batches:
            return self._engine.run(chosen, source, deadline_s=DEADLINE_S, max_rows=None, cancel=cancel)

        return run(plan) if disclosing is None else disclosing.batches(plan, run)

    def _version(self, matter: Matter) -> Source:
        return open_version(
            self._settings.data_dir / "restricted",
            matter.path,
            dataset_id=matter.dataset_id,
            number=matter.number,
            sha256=matter.sha256,
            rows=matter.rows,
            sealed_key=matter.sealed_key,
            published_at=matter.published_at,
            key_file=self._settings.store_key_file,
        )

    def _cut(self, whole: Source, persons: Persons | None, matter: Matter, terms: GrantTerms) -> Source:
        """The version as this grant may see it, with the persons' numbers beside it."""
        wanted, secret = terms.columns | columns_of(terms.rows), self._settings.secret_key
        if persons is None:
            return own_cut(whole, matter.columns, wanted, secret, terms.grant_id)
        cut = own_cut(persons.source, matter.columns, wanted, secret, terms.grant_id, (SUBJECT,))
        return replace(cut, key=f"{cut.key}/{persons.subjects.key}")


def _outcome_of(error: Exception) -> tuple[str, str]:
    """What became of a reading that sent nothing: its reader went away, or it failed."""
    if isinstance(error, Stopped):
        return Outcome.CUT, error.message
    return Outcome.FAILED, getattr(error, "code", type(error).__name__)


def _source_of(session: Session, dataset_id: str) -> str | None:
    """Whose data was asked for. It stands in the log alone: the asker does not learn that the dataset exists."""
    dataset = get_dataset(session, dataset_id)
    return dataset.agency_id if dataset is not None else None


def _matter(session: Session, seen: Seen, dataset_id: str) -> Matter | None:
    """The dataset, if it is restricted, has rows, and this asker holds a grant on it or may know of it."""
    dataset = get_dataset(session, dataset_id)
    if dataset is None or dataset.class_ != DatasetClass.RESTRICTED:
        return None
    if seen.terms.dataset != dataset.id and not may_know(seen.identity, dataset):
        return None
    version = current_version(session, dataset)
    if version is None:
        return None
    return Matter(
        dataset_id=dataset.id,
        number=version.number,
        path=version.path,
        sha256=version.sha256,
        rows=version.rows,
        sealed_key=version.sealed_key or {},
        published_at=version.published_at,
        columns=columns_from_schema(version.schema),
        subject=subject_of(session, dataset.id),
    )
