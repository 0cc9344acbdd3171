"""The restricted door: the only way by which restricted rows leave (DESIGN §3, §5; invariants 1 to 4).

Prove, decide, authorize-and-log in one statement, and only then open the store. Every answer to a known token has exactly
one intent or one refusal in the log; what cannot be recorded is answered 503 with zero bytes.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn, cast

from flask import Flask
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from access.budget import spend
from access.decision import Decision, decide, floor, readable
from access.models import Client, Grant, Token
from access.permit import permit_condition
from access.presenting import NotGranted, NothingHere, Seen, Unproven, origin_of, present
from access.reasons import why_not
from access.watching import Watch, current_epoch, watched
from access.withholding import why_column, withheld_names
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Ledger, LogUnavailable, Recorded
from exchange import clock
from exchange.catalog.datasets import current_version, get_dataset
from exchange.catalog.models import DatasetClass
from exchange.catalog.visibility import may_know
from exchange.db import db
from exchange.errors import CharterError, Invalid, TooMany
from exchange.rows import plan as planning
from exchange.rows.door import Answer, Ask
from exchange.rows.engine import DuckDBEngine, Engine
from exchange.rows.plan import Plan
from exchange.rows.store_restricted import open_version
from exchange.rows.types import ColumnInfo, columns_from_schema
from exchange.settings import Settings

DEADLINE_S = 60.0
"""How long the engine may work on one query."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Matter:
    """The dataset that is asked for, as far as this asker may know it: its current version, cut loose from the session."""

    dataset_id: str
    number: int
    path: str
    sha256: str
    rows: int
    sealed_key: Mapping[str, Any]
    published_at: datetime
    columns: tuple[ColumnInfo, ...]
    withheld: Mapping[str, tuple[str, tuple[str, ...]]]


class RestrictedDoor:
    """The door, one for each process; see `exchange.rows.door.Door`."""

    def __init__(self, app: Flask) -> None:
        self._settings: Settings = app.config["SETTINGS"]
        self._ledger: Ledger = app.extensions["ledger"]
        self._engine: Engine = DuckDBEngine(None)

    def open(self, ask: Ask) -> Answer:
        """Answer, or raise with a reason. When this returns, the intent is durable."""
        now = clock.now()
        session = cast(Session, db.session())
        database = cast(Database, session.get_bind())
        known_epoch = current_epoch(database)
        try:
            seen = present(session, self._settings, ask.credentials, now)
            matter = None if seen.problem else _matter(session, seen, ask.dataset_id)
        finally:
            session.rollback()
        case = _Case(ask, seen, now, self._ledger, database, known_epoch)
        if seen.problem:
            case.refuse(seen.problem.message, (), lambda _headers: cast(Unproven, seen.problem))
        if matter is None:
            case.refuse("There is no such dataset for this reader.", (), lambda _headers: NothingHere())
        plan, decision = case.plan(matter)
        case.spend()
        intent = case.authorize(plan, decision, matter, session, origin_of(self._settings, ask.credentials))
        return self._answer(case, plan, matter, intent)

    def _answer(self, case: _Case, plan: Plan, matter: Matter, intent: Entry) -> Answer:
        """Open the store, and hand the rows on under watch. A failure from here on is an outcome, not a refusal."""
        watch = Watch(case.database, case.seen.terms.grant_id, case.seen.token_hash, case.known_epoch)
        finish = _Finish(case, intent, watch)
        cancel = threading.Event()
        try:
            source = self._source(matter)
            batches = self._engine.run(plan, source, deadline_s=DEADLINE_S, max_rows=None, cancel=cancel)
        except Exception as error:
            finish(0, 0, Outcome.FAILED, getattr(error, "code", type(error).__name__))
            raise
        return Answer(
            fields=plan.fields,
            batches=watched(batches, watch, cancel, getattr(batches, "close", lambda: None)),
            version=matter.number,
            last_modified=matter.published_at,
            etag=None,
            headers=_audit_headers(intent) | {"Cache-Control": "private, no-store"},
            finish=finish,
        )

    def _source(self, matter: Matter) -> Any:
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
        withheld=why_column(session, dataset, seen.terms),
    )


@dataclass(frozen=True)
class _Case:
    """One request with a known token: everything that it needs to be decided and recorded."""

    ask: Ask
    seen: Seen
    now: datetime
    ledger: Ledger
    database: Database
    known_epoch: int

    def plan(self, matter: Matter) -> tuple[Plan, Decision]:
        """The plan over the columns that exist for this reader, and the decision on it. Refuses by raising."""
        seen, ask = self.seen, self.ask
        names = readable(seen.reader, seen.terms) if matter.dataset_id == seen.terms.dataset else frozenset()
        if not names:
            self.refuse_decision(decide(seen.reader, matter.dataset_id, frozenset(), True, seen.terms, self.now))
        columns = [column for column in matter.columns if column.name in names]
        try:
            plan = planning.resolve(
                ask.query,
                columns,
                row_filter=seen.terms.rows,
                min_cell=floor(seen.reader, seen.terms),
                filter_columns=matter.columns,
            )
        except Invalid as error:
            self._refuse_query(matter, names, error)
        decision = decide(seen.reader, matter.dataset_id, plan.columns_used, plan.grouped, seen.terms, self.now)
        if not decision.allowed:
            self.refuse_decision(decision)
        return plan, decision

    def _refuse_query(self, matter: Matter, names: frozenset[str], error: Invalid) -> NoReturn:
        """A query that cannot be resolved: a column of the dataset that is not granted says why, anything else is 400."""
        beyond = sorted(withheld_names(self.ask.query) & {c.name for c in matter.columns} - names)
        if beyond and error.code == "query.soql.no-such-column":
            reason, because = matter.withheld[beyond[0]]
            self.refuse(reason, because, lambda headers: NotGranted(reason, because, headers))
        self.refuse(f"The query was not understood ({error.code}).", (), lambda _headers: error)

    def refuse_decision(self, decision: Decision) -> NoReturn:
        """Record and raise a refusal that the decision gave."""
        self.refuse(
            decision.reason, decision.because, lambda headers: NotGranted(decision.reason, decision.because, headers)
        )

    def spend(self) -> None:
        """Count the query against the number a day that the agreement sets, if it sets one."""
        if self.seen.rate is None or spend(self.database, self.seen.terms.grant_id, self.seen.rate, self.now):
            return
        reason = f"The agreement allows {self.seen.rate} queries a day; the next day begins at midnight, New York time."
        self.refuse(reason, self.seen.terms.because.get("rate", ()), lambda _headers: TooMany(reason))

    def authorize(self, plan: Plan, decision: Decision, matter: Matter, session: Session, origin: str) -> Entry:
        """Authorize and log in one statement; the intent, durable. Anything else refuses by raising."""
        grant_id, token_hash = self.seen.terms.grant_id, self.seen.token_hash
        intent = self.entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED)
        intent = replace(
            intent,
            columns=tuple(sorted(plan.columns_used)),
            dataset_version=matter.number,
            filter_commit=hashlib.sha256(f"{intent.salt}{self.ask.query_text}".encode()).hexdigest(),
            because=decision.because,
        )
        permit = permit_condition(grant_id, token_hash, self.now)
        recorded = self.ledger.record(intent, only_if=permit, replay_key=self.seen.replay_key)
        if recorded is Recorded.REPLAYED:
            self.refuse_replay(origin)
        if recorded is Recorded.NOT_PERMITTED:
            self._refuse_standing(session)
        return intent

    def _refuse_standing(self, session: Session) -> NoReturn:
        """The database said no: find out why, and say it."""
        try:
            grant, token = (
                session.get_one(Grant, self.seen.terms.grant_id),
                session.get_one(Token, self.seen.token_hash),
            )
            refusal = why_not(session, grant, session.get_one(Client, token.client_id), self.now, token)
        finally:
            session.rollback()
        self.refuse(
            refusal.reason,
            refusal.because,
            lambda headers: NotGranted(refusal.reason, refusal.because, headers),
            proof_used=True,
        )

    def refuse_replay(self, origin: str) -> NoReturn:
        """A proof that was used before, here or on another worker."""
        reason = "The DPoP proof was used before; make a new one for every request."
        self.refuse(reason, (), lambda _headers: Unproven("invalid_dpop_proof", reason, origin), proof_used=True)

    def refuse(
        self,
        reason: str,
        because: tuple[str, ...],
        error: Callable[[dict[str, str]], CharterError],
        *,
        proof_used: bool = False,
    ) -> NoReturn:
        """Record the refusal, durable, then raise it. `proof_used`: the proof's one-time key is spent already."""
        entry = replace(self.entry(Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED), reason=reason, because=because)
        key = None if proof_used else self.seen.replay_key
        if self.ledger.record(entry, replay_key=key) is Recorded.REPLAYED:
            origin = self.ask.credentials.url.partition(self.ask.credentials.url.split("/", 3)[-1])[0].rstrip("/")
            self.refuse_replay(origin)
        raise error(_audit_headers(entry))

    def entry(self, action: Action, outcome: Outcome) -> Entry:
        """What every entry about this request says."""
        seen, ask = self.seen, self.ask
        return Entry(
            action,
            outcome,
            actor=seen.pseudonym,
            client=seen.reader.client_id,
            working_group=seen.reader.working_group,
            token=seen.token_hash[:16],
            grant=seen.terms.grant_id,
            agreement=seen.agreement,
            agreement_version=seen.agreement_version,
            agreement_sha256=seen.agreement_sha256,
            purpose=seen.terms.purpose,
            dataset=ask.dataset_id,
            dataset_class=DatasetClass.RESTRICTED.value,
            request={"method": ask.credentials.method, "route": "/resource", "format": ask.format},
            at=self.now,
        )


class _Finish:
    """Records once how a stream ended. A stream that was cut says so, whatever its reader made of it."""

    def __init__(self, case: _Case, intent: Entry, watch: Watch) -> None:
        self._case, self._intent, self._watch, self._done = case, intent, watch, False

    def __call__(self, rows: int, sent: int, outcome: str, reason: str | None) -> None:
        if self._done:
            return
        self._done = True
        if self._watch.reason is not None:
            outcome, reason = Outcome.CUT, self._watch.reason
        entry = self._case.entry(Action.ACCESS_ROWS_OUTCOME, Outcome(outcome))
        entry = replace(entry, ref=self._intent.id, rows=rows, bytes=sent, reason=reason, at=clock.now())
        try:
            self._case.ledger.record(entry)
        except LogUnavailable:
            log.warning("the outcome of %s could not be recorded; its intent stands without one", self._intent.id)


def _audit_headers(entry: Entry) -> dict[str, str]:
    return {"Audit-Id": entry.id, "Link": f'</audit/proof/{entry.id}>; rel="describedby"'}
