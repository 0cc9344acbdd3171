"""What was written to the log's tables stays: triggers that refuse a change, on SQLite and PostgreSQL.

They stop a slip and a stolen database password. They do not stop somebody who may drop them; that is what the tree,
the mark and `flask audit verify` are for. The same statements stand in migration 0003.

Entries and checkpoints are never changed or removed. A queued entry may go once `audit_entry` holds the same bytes.
A one-time key may go when it is older than ten minutes by the database's clock. SQLite's INSERT OR REPLACE removes rows
without asking a DELETE trigger, so there an insert over an existing row is refused too.
"""

from __future__ import annotations

from sqlalchemy import Connection

NEVER = {"audit_entry": ("update", "delete"), "audit_checkpoint": ("update", "delete"), "audit_queue": ("update",),
         "audit_replay": ("update",)}  # fmt: skip
"""The acts that no row allows, by table."""

INDEXED = "EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = OLD.id AND {entry} = {queued})"
REPLAY_KEEP_MS = 600_000
"""The youngest age at which a one-time key may be forgotten."""


def create_triggers(connection: Connection) -> None:
    """Make the triggers in this database; doing it twice changes nothing."""
    for statement in _for_sqlite() if connection.dialect.name == "sqlite" else _for_postgresql():
        connection.exec_driver_sql(statement)


def _for_sqlite() -> list[str]:
    bytes_of = {"entry": "CAST(e.body AS BLOB)", "queued": "CAST(OLD.body AS BLOB)"}
    young = f"OLD.at > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - {REPLAY_KEEP_MS}"
    return [
        *(_sqlite(table, act, "1") for table, acts in NEVER.items() for act in acts),
        _sqlite("audit_queue", "delete", f"NOT {INDEXED.format(**bytes_of)}"),
        _sqlite("audit_replay", "delete", young),
        _sqlite("audit_entry", "insert", _there("audit_entry", "idx", "id")),
        _sqlite("audit_checkpoint", "insert", _there("audit_checkpoint", "size")),
        _sqlite("audit_queue", "insert", _there("audit_queue", "seq", "id")),
        # A used key is passed over in silence, as the ledger's ON CONFLICT DO NOTHING wants it.
        "CREATE TRIGGER IF NOT EXISTS audit_replay_kept_insert BEFORE INSERT ON audit_replay "
        f"WHEN {_there('audit_replay', 'key')} BEGIN SELECT RAISE(IGNORE); END",
    ]


def _there(table: str, *columns: str) -> str:
    """The new row would take the place of another."""
    same = " OR ".join(f"x.{column} = NEW.{column}" for column in columns)
    return f"EXISTS (SELECT 1 FROM {table} x WHERE {same})"  # noqa: S608


def _sqlite(table: str, act: str, when: str) -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table}_kept_{act} BEFORE {act.upper()} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is kept'); END"
    )


def _for_postgresql() -> list[str]:
    young = f"OLD.at > extract(epoch FROM clock_timestamp()) * 1000 - {REPLAY_KEEP_MS}"
    return [
        _function("refuse_kept", "true"),
        # A trigger's WHEN may not ask another table on PostgreSQL, so the function asks.
        _function("refuse_kept_audit_queue", f"NOT {INDEXED.format(entry='e.body', queued='OLD.body')}"),
        _function("refuse_kept_audit_replay", young),
        *(_postgresql(table, act, "refuse_kept") for table, acts in NEVER.items() for act in acts),
        *(_postgresql(table, "truncate", "refuse_kept", "STATEMENT") for table in NEVER),
        _postgresql("audit_queue", "delete", "refuse_kept_audit_queue"),
        _postgresql("audit_replay", "delete", "refuse_kept_audit_replay"),
    ]


def _function(name: str, refused: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {refused} THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is kept'; END IF; RETURN OLD; END $$"
    )


def _postgresql(table: str, act: str, function: str, each: str = "ROW") -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {table}_kept_{act} BEFORE {act.upper()} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {function}()"
    )
