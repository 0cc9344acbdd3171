"""Signed is frozen (invariant 5): what may never change, held twice, here and in the database.

The session refuses first, with a sentence; triggers refuse whatever goes around the session. From `frozen_at` on a
version keeps its text, policy, hash, term, parties and clauses; reviews, signatures and events are kept from the moment
they are written. Only the state and what explains it may move on.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, event, inspect, text
from sqlalchemy.orm import Session

from agreements.models import (
    AgreementClause,
    AgreementEvent,
    AgreementVersion,
    Party,
    Review,
    Signature,
)
from exchange.db import Model
from exchange.errors import Conflict

KEPT = (Signature, Review, AgreementEvent)
"""Written once; never updated or deleted."""

PARTS = (Party, AgreementClause)
"""Part of the text: fixed together with their version."""

MAY_MOVE = frozenset({"state", "state_since", "reason", "terminates_at", "pdf_sha256", "signatures", "events"})
"""What may still change on a frozen version."""

FIXED_COLUMNS = (
    "agreement_id",
    "number",
    "begins",
    "ends",
    "begins_at",
    "ends_at",
    "document",
    "terms",
    "sha256",
    "frozen_at",
    "round",
)


class Frozen(Conflict):
    """Somebody tried to change what was signed or recorded."""

    code = "frozen"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is frozen and is never changed or deleted; draft an amendment, which is a new version."
        )


@event.listens_for(Session, "before_flush")
def refuse_changes(session: Session, _context: Any, _instances: Any) -> None:
    """Refuse, before anything is sent to the database, a change of what is frozen. Raises `Frozen`."""
    for row in (*session.dirty, *session.deleted):
        deleted = row in session.deleted
        if isinstance(row, KEPT) and (deleted or session.is_modified(row)):
            raise Frozen(f"A recorded {type(row).__name__.lower()}")
        if isinstance(row, AgreementVersion) and _was_frozen(row) and (deleted or _changed(row) - MAY_MOVE):
            raise Frozen(f"Version {row.number} of {row.agreement_id}")
    for part in (*session.new, *session.dirty, *session.deleted):
        if isinstance(part, PARTS) and part.version_id and _version_frozen(session, part.version_id):
            if part in session.dirty and not session.is_modified(part):
                continue
            raise Frozen(f"A {type(part).__name__.lower()} of a frozen version")


def _was_frozen(version: AgreementVersion) -> bool:
    """Whether it is frozen in the database, whatever the change in hand says; expired attributes are read again."""
    with inspect(version).session.no_autoflush:  # type: ignore[union-attr]
        history = inspect(version).attrs.frozen_at.load_history()
    return any(value is not None for value in (*history.unchanged, *history.deleted))


def _changed(version: AgreementVersion) -> set[str]:
    return {attribute.key for attribute in inspect(version).attrs if attribute.history.has_changes()}


def _version_frozen(session: Session, version_id: int) -> bool:
    with session.no_autoflush:
        version = session.get(AgreementVersion, version_id)
    return version is not None and _was_frozen(version)


def create_triggers(connection: Connection) -> None:
    """Make the triggers in this database, SQLite or PostgreSQL; doing it twice changes nothing. For migrations too."""
    make = _for_sqlite if connection.dialect.name == "sqlite" else _for_postgresql
    for statement in make():
        connection.execute(text(statement))


def _for_sqlite() -> list[str]:
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED_COLUMNS)
    made = [
        _sqlite("agreement_version", "UPDATE", f"OLD.frozen_at IS NOT NULL AND ({changed})"),
        _sqlite("agreement_version", "DELETE", "OLD.frozen_at IS NOT NULL"),
    ]
    made += [_sqlite(kept.__tablename__, act, "1") for kept in KEPT for act in ("UPDATE", "DELETE")]
    for part in PARTS:
        for act, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
            made.append(_sqlite(part.__tablename__, act, " OR ".join(_frozen_sql(row) for row in rows)))
    return made


def _sqlite(table: str, act: str, when: str) -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table}_frozen_{act.lower()} BEFORE {act} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is frozen'); END"
    )


def _frozen_sql(row: str) -> str:
    return f"EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = {row}.version_id AND v.frozen_at IS NOT NULL)"  # noqa: S608


def _for_postgresql() -> list[str]:
    changed = " OR ".join(f"NEW.{column}::text IS DISTINCT FROM OLD.{column}::text" for column in FIXED_COLUMNS)
    made = [
        "CREATE OR REPLACE FUNCTION refuse_frozen() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END $$",
        _postgresql("agreement_version", "UPDATE", f"OLD.frozen_at IS NOT NULL AND ({changed})"),
        _postgresql("agreement_version", "DELETE", "OLD.frozen_at IS NOT NULL"),
    ]
    made += [_postgresql(kept.__tablename__, act, "true") for kept in KEPT for act in ("UPDATE", "DELETE")]
    for part in PARTS:
        made += _postgresql_part(part.__tablename__)
    return made


def _postgresql(table: str, act: str, when: str, function: str = "refuse_frozen") -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {table}_frozen_{act.lower()} BEFORE {act} ON {table} "
        f"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {function}()"
    )


def _postgresql_part(table: str) -> list[str]:
    """A trigger's WHEN may not ask another table on PostgreSQL, so the function of a part asks."""
    made = []
    for act, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        function = f"refuse_frozen_{table}_{act.lower()}"
        frozen = " OR ".join(_frozen_sql(row) for row in rows)
        made.append(
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {frozen} THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; "
            f"RETURN {'OLD' if act == 'DELETE' else 'NEW'}; END $$"
        )
        made.append(_postgresql(table, act, "true", function))
    return made


@event.listens_for(Model.metadata, "after_create")
def _with_tables(_metadata: MetaData, connection: Connection, **made: Any) -> None:
    if AgreementVersion.__table__ in (made.get("tables") or ()):
        create_triggers(connection)
