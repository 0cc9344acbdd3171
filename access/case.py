"""One request at the restricted door with a token that we know: planned, decided, authorized or refused; recorded."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from access import traces
from access.budget import spend
from access.decision import Decision, decide, floor, readable
from access.disclosing import Disclosing
from access.models import Client, Grant, Token
from access.oauth.entries import token_name
from access.permit import permit_condition, permit_values
from access.presenting import NotGranted, Seen, Unproven
from access.reasons import why_not
from access.watching import Watch
from access.withholding import names_in, why_column
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.disclosures.manifest import Kind
from audit.entry import Entry
from audit.ledger import Ledger, LogUnavailable, Recorded
from audit.personal import Traces
from exchange import clock
from exchange.catalog.models import Dataset, DatasetClass
from exchange.errors import CharterError, Invalid, TooMany
from exchange.rows import plan as planning
from exchange.rows.door import Ask
from exchange.rows.plan import Plan
from exchange.rows.types import ColumnInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Matter:
    """The dataset that is asked for, if this asker may know of it: its current version, cut loose from the session.

    `subject` is the column that names the person each row is about, and the kind of its keys; None if none was named.
    """

    dataset_id: str
    number: int
    path: str
    sha256: str
    rows: int
    sealed_key: Mapping[str, Any]
    published_at: datetime
    columns: tuple[ColumnInfo, ...]
    subject: tuple[str, str] | None


@dataclass(frozen=True)
class Case:
    """One request with a known token: everything that it needs to be decided and recorded."""

    ask: Ask
    seen: Seen
    now: datetime
    ledger: Ledger
    database: Database
    known_epoch: int
    origin: str
    source: str | None
    """The agency that owns the dataset asked for; None if there is none."""
    traces: Traces
    """From where the request came; sealed in the intent and in refusals."""

    def plan(self, matter: Matter) -> tuple[Plan, Decision]:
        """The plan over the columns that exist for this reader, and the decision on it. Refuses by raising."""
        seen, ask = self.seen, self.ask
        if matter.dataset_id != seen.terms.dataset:
            self.refuse_decision(decide(seen.reader, matter.dataset_id, frozenset(), True, seen.terms, self.now))
        names = readable(seen.reader, seen.terms)
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
        decision = decide(seen.reader, matter.dataset_id, plan.columns_used, plan.totals_only, seen.terms, self.now)
        if not decision.allowed:
            self.refuse_decision(decision)
        return plan, decision

    def _refuse_query(self, matter: Matter, names: frozenset[str], error: Invalid) -> NoReturn:
        """A query that cannot be resolved: a column that is there and not granted says why, anything else is 400."""
        beyond = sorted(names_in(self.ask.query) & {c.name for c in matter.columns} - names)
        if beyond and error.code == "query.soql.no-such-column":
            reason, because = self._why_withheld(matter.dataset_id, beyond[0])
            self.refuse(Code.COLUMN_WITHHELD, reason, because, lambda headers: NotGranted(reason, because, headers))
        self.refuse(Code.QUERY, f"The query was not understood ({error.code}).", (), lambda _headers: error)

    def _why_withheld(self, dataset_id: str, column: str) -> tuple[str, tuple[str, ...]]:
        with Session(self.database) as session:
            return why_column(session, session.get_one(Dataset, dataset_id), self.seen.terms)[column]

    def refuse_decision(self, decision: Decision) -> NoReturn:
        """Record and raise a refusal that the decision gave."""
        reason, because = decision.reason, decision.because
        code = decision.code or Code.STANDING
        self.refuse(code, reason, because, lambda headers: NotGranted(reason, because, headers))

    def spend(self) -> None:
        """Count the query against the number a day that the agreement sets, if it sets one."""
        if self.seen.rate is None or spend(self.database, self.seen.terms.grant_id, self.seen.rate, self.now):
            return
        reason = f"The agreement allows {self.seen.rate} queries a day; the next day begins at midnight, New York time."
        self.refuse(Code.RATE, reason, self.seen.terms.because.get("rate", ()), lambda _headers: TooMany(reason))

    def authorize(self, plan: Plan, decision: Decision, matter: Matter, session: Session) -> Entry:
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
        intent = traces.into(self.database, self.traces, intent)
        values = permit_values(grant_id, token_hash, self.now)
        recorded = self.ledger.record(
            intent, only_if=permit_condition(), values=values, replay_key=self.seen.replay_key
        )
        if recorded is Recorded.REPLAYED:
            self.refuse_replay()
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
            refusal.code,
            refusal.reason,
            refusal.because,
            lambda headers: NotGranted(refusal.reason, refusal.because, headers),
            proof_used=True,
        )

    def refuse_replay(self) -> NoReturn:
        """A proof that was used before, here or on another worker."""
        reason = "The DPoP proof was used before; make a new one for every request."
        self.refuse(
            Code.PROOF_REPLAYED,
            reason,
            (),
            lambda _headers: Unproven("invalid_dpop_proof", reason, self.origin),
            proof_used=True,
        )

    def refuse(
        self,
        code: Code,
        reason: str,
        because: tuple[str, ...],
        error: Callable[[dict[str, str]], CharterError],
        *,
        proof_used: bool = False,
    ) -> NoReturn:
        """Record the refusal, durable, then raise it. `proof_used`: the proof's one-time key is spent already."""
        entry = replace(
            self.entry(Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED), code=code, reason=reason, because=because
        )
        entry = traces.into(self.database, self.traces, entry)
        key = None if proof_used else self.seen.replay_key
        if self.ledger.record(entry, replay_key=key) is Recorded.REPLAYED:
            self.refuse_replay()
        raise error(audit_headers(entry))

    def entry(self, action: Action, outcome: Outcome) -> Entry:
        """What every entry about this request says."""
        seen, ask = self.seen, self.ask
        return Entry(
            action,
            outcome,
            actor=seen.pseudonym,
            client=seen.reader.client_id,
            working_group=seen.reader.working_group,
            source=self.source,
            token=token_name(seen.token_hash),
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


class Finish:
    """Records once how a stream ended, and whose records left. A stream that was cut says so, whatever its reader made
    of it. `disclosing` is set once the reading has begun, if its dataset names the persons it is about."""

    def __init__(self, case: Case, intent: Entry, watch: Watch) -> None:
        self._case, self._intent, self._watch, self._done = case, intent, watch, False
        self.disclosing: Disclosing | None = None

    def __call__(self, rows: int, sent: int, outcome: str, reason: str | None) -> None:
        if self._done or sys.is_finalizing():  # an ending process can start no thread
            return
        self._done = True
        if self._watch.reason is not None:
            outcome, reason = Outcome.CUT, self._watch.reason
        entry = self._case.entry(Action.ACCESS_ROWS_OUTCOME, Outcome(outcome))
        entry = replace(entry, ref=self._intent.id, rows=rows, bytes=sent, reason=reason, at=clock.now())
        try:
            self._case.ledger.record(replace(entry, **self._disclosed()))
        except LogUnavailable:
            log.warning("the outcome of %s could not be recorded; its intent stands without one", self._intent.id)

    def _disclosed(self) -> dict[str, Any]:
        """What the outcome says of the persons: the manifest, and their number unless totals left."""
        if self.disclosing is None:
            return {}
        try:
            made = self.disclosing.finish()
        except OSError:
            log.warning("the manifest of %s could not be written; its draft is kept and found", self._intent.id)
            return {"details": {"manifest": "not written; the draft is kept"}}
        return {"manifest": made.sha256, "subjects": None if made.head.kind == Kind.TOTALS else made.subjects}


def audit_headers(entry: Entry) -> dict[str, str]:
    """How an answer names its entry in the log, and where its proof is."""
    return {"Audit-Id": entry.id, "Link": f'</audit/proof/{entry.id}>; rel="describedby"'}
