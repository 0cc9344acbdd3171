"""The counter that moves with every change of the catalogue, and the triggers that move it.

Revision 0004; follows 0003. Written out in full, since an old migration must not change when the code does
(today the same statements come from `exchange.catalog.state`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ('dataset', 'dataset_column', 'dataset_version', 'agency', 'agency_alias')
WAYS = ('insert', 'update', 'delete')

SQLITE = (
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_insert AFTER INSERT ON dataset BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_update AFTER UPDATE ON dataset BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_delete AFTER DELETE ON dataset BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_column_insert AFTER INSERT ON dataset_column BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_column_update AFTER UPDATE ON dataset_column BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_column_delete AFTER DELETE ON dataset_column BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_version_insert AFTER INSERT ON dataset_version BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_version_update AFTER UPDATE ON dataset_version BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_dataset_version_delete AFTER DELETE ON dataset_version BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_insert AFTER INSERT ON agency BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_update AFTER UPDATE ON agency BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_delete AFTER DELETE ON agency BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_alias_insert AFTER INSERT ON agency_alias BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_alias_update AFTER UPDATE ON agency_alias BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
    'CREATE TRIGGER IF NOT EXISTS catalogue_moves_agency_alias_delete AFTER DELETE ON agency_alias BEGIN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; END',
)

POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION catalogue_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF current_setting('charter_oak.catalogue_moved', true) IS DISTINCT FROM pg_current_xact_id()::text THEN UPDATE catalogue_state SET value = value + 1 WHERE id = 1; PERFORM set_config('charter_oak.catalogue_moved', pg_current_xact_id()::text, true); END IF; RETURN NULL; END $$",
    'DROP TRIGGER IF EXISTS catalogue_moves_dataset ON dataset',
    'CREATE CONSTRAINT TRIGGER catalogue_moves_dataset AFTER INSERT OR UPDATE OR DELETE ON dataset DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()',
    'DROP TRIGGER IF EXISTS catalogue_moves_dataset_column ON dataset_column',
    'CREATE CONSTRAINT TRIGGER catalogue_moves_dataset_column AFTER INSERT OR UPDATE OR DELETE ON dataset_column DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()',
    'DROP TRIGGER IF EXISTS catalogue_moves_dataset_version ON dataset_version',
    'CREATE CONSTRAINT TRIGGER catalogue_moves_dataset_version AFTER INSERT OR UPDATE OR DELETE ON dataset_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()',
    'DROP TRIGGER IF EXISTS catalogue_moves_agency ON agency',
    'CREATE CONSTRAINT TRIGGER catalogue_moves_agency AFTER INSERT OR UPDATE OR DELETE ON agency DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()',
    'DROP TRIGGER IF EXISTS catalogue_moves_agency_alias ON agency_alias',
    'CREATE CONSTRAINT TRIGGER catalogue_moves_agency_alias AFTER INSERT OR UPDATE OR DELETE ON agency_alias DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()',
)


def upgrade() -> None:
    op.create_table(
        "catalogue_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_state")),
    )
    op.execute("INSERT INTO catalogue_state (id, value) VALUES (1, 1)")
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        if not on_sqlite:
            op.execute(f"DROP TRIGGER IF EXISTS catalogue_moves_{table} ON {table}")
        for way in WAYS if on_sqlite else ():
            op.execute(f"DROP TRIGGER IF EXISTS catalogue_moves_{table}_{way}")
    if not on_sqlite:
        op.execute("DROP FUNCTION IF EXISTS catalogue_moves()")
    op.drop_table("catalogue_state")
