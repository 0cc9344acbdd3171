"""What the log holds stays: triggers that refuse a change of its tables.

Revision 0003; follows 0002. Written out in full, since an old migration must not change when the code does
(today the same statements come from `audit.kept`).
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS audit_entry_kept_update BEFORE UPDATE ON audit_entry WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_entry is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_entry_kept_delete BEFORE DELETE ON audit_entry WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_entry is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_kept_update BEFORE UPDATE ON audit_checkpoint WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_kept_delete BEFORE DELETE ON audit_checkpoint WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_queue_kept_update BEFORE UPDATE ON audit_queue WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_queue is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_replay_kept_update BEFORE UPDATE ON audit_replay WHEN 1 BEGIN SELECT RAISE(ABORT, 'audit_replay is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_queue_kept_delete BEFORE DELETE ON audit_queue WHEN NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = OLD.id AND CAST(e.body AS BLOB) = CAST(OLD.body AS BLOB)) BEGIN SELECT RAISE(ABORT, 'audit_queue is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_replay_kept_delete BEFORE DELETE ON audit_replay WHEN OLD.at > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - 600000 BEGIN SELECT RAISE(ABORT, 'audit_replay is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_entry_kept_insert BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry x WHERE x.idx = NEW.idx OR x.id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_entry is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_kept_insert BEFORE INSERT ON audit_checkpoint WHEN EXISTS (SELECT 1 FROM audit_checkpoint x WHERE x.size = NEW.size) BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is kept'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_queue_kept_insert BEFORE INSERT ON audit_queue WHEN EXISTS (SELECT 1 FROM audit_queue x WHERE x.seq = NEW.seq OR x.id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_queue is kept'); END",
    'CREATE TRIGGER IF NOT EXISTS audit_replay_kept_insert BEFORE INSERT ON audit_replay WHEN EXISTS (SELECT 1 FROM audit_replay x WHERE x.key = NEW.key) BEGIN SELECT RAISE(IGNORE); END',
)

POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION refuse_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF true THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is kept'; END IF; RETURN OLD; END $$",
    "CREATE OR REPLACE FUNCTION refuse_kept_audit_queue() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = OLD.id AND e.body = OLD.body) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is kept'; END IF; RETURN OLD; END $$",
    "CREATE OR REPLACE FUNCTION refuse_kept_audit_replay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.at > extract(epoch FROM clock_timestamp()) * 1000 - 600000 THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is kept'; END IF; RETURN OLD; END $$",
    'CREATE OR REPLACE TRIGGER audit_entry_kept_update BEFORE UPDATE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_entry_kept_delete BEFORE DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_checkpoint_kept_update BEFORE UPDATE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_checkpoint_kept_delete BEFORE DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_queue_kept_update BEFORE UPDATE ON audit_queue FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_replay_kept_update BEFORE UPDATE ON audit_replay FOR EACH ROW EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_entry_kept_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_checkpoint_kept_truncate BEFORE TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_queue_kept_truncate BEFORE TRUNCATE ON audit_queue FOR EACH STATEMENT EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_replay_kept_truncate BEFORE TRUNCATE ON audit_replay FOR EACH STATEMENT EXECUTE FUNCTION refuse_kept()',
    'CREATE OR REPLACE TRIGGER audit_queue_kept_delete BEFORE DELETE ON audit_queue FOR EACH ROW EXECUTE FUNCTION refuse_kept_audit_queue()',
    'CREATE OR REPLACE TRIGGER audit_replay_kept_delete BEFORE DELETE ON audit_replay FOR EACH ROW EXECUTE FUNCTION refuse_kept_audit_replay()',
)

SQLITE_TRIGGERS = [('audit_checkpoint_kept_delete', 'audit_checkpoint'), ('audit_checkpoint_kept_insert', 'audit_checkpoint'), ('audit_checkpoint_kept_update', 'audit_checkpoint'), ('audit_entry_kept_delete', 'audit_entry'), ('audit_entry_kept_insert', 'audit_entry'), ('audit_entry_kept_update', 'audit_entry'), ('audit_queue_kept_delete', 'audit_queue'), ('audit_queue_kept_insert', 'audit_queue'), ('audit_queue_kept_update', 'audit_queue'), ('audit_replay_kept_delete', 'audit_replay'), ('audit_replay_kept_insert', 'audit_replay'), ('audit_replay_kept_update', 'audit_replay')]
POSTGRESQL_TRIGGERS = [('audit_checkpoint_kept_delete', 'audit_checkpoint'), ('audit_checkpoint_kept_truncate', 'audit_checkpoint'), ('audit_checkpoint_kept_update', 'audit_checkpoint'), ('audit_entry_kept_delete', 'audit_entry'), ('audit_entry_kept_truncate', 'audit_entry'), ('audit_entry_kept_update', 'audit_entry'), ('audit_queue_kept_delete', 'audit_queue'), ('audit_queue_kept_truncate', 'audit_queue'), ('audit_queue_kept_update', 'audit_queue'), ('audit_replay_kept_delete', 'audit_replay'), ('audit_replay_kept_truncate', 'audit_replay'), ('audit_replay_kept_update', 'audit_replay')]
FUNCTIONS = ['refuse_kept', 'refuse_kept_audit_queue', 'refuse_kept_audit_replay']


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger, table in SQLITE_TRIGGERS if on_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}" + ("" if on_sqlite else f" ON {table}"))
    for function in () if on_sqlite else FUNCTIONS:
        op.execute(f"DROP FUNCTION IF EXISTS {function}()")
