"""What is signed stays: triggers that refuse a change of frozen agreement rows.

Revision 0002; follows 0001. Written out in full, since an old migration must not change when the code does
(today the same statements come from `agreements.frozen`).
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS agreement_version_frozen_update BEFORE UPDATE ON agreement_version WHEN OLD.frozen_at IS NOT NULL AND (NEW.agreement_id IS NOT OLD.agreement_id OR NEW.number IS NOT OLD.number OR NEW.begins IS NOT OLD.begins OR NEW.ends IS NOT OLD.ends OR NEW.begins_at IS NOT OLD.begins_at OR NEW.ends_at IS NOT OLD.ends_at OR NEW.document IS NOT OLD.document OR NEW.terms IS NOT OLD.terms OR NEW.sha256 IS NOT OLD.sha256 OR NEW.frozen_at IS NOT OLD.frozen_at OR NEW.round IS NOT OLD.round) BEGIN SELECT RAISE(ABORT, 'agreement_version is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_version_frozen_delete BEFORE DELETE ON agreement_version WHEN OLD.frozen_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'agreement_version is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS signature_frozen_update BEFORE UPDATE ON signature WHEN 1 BEGIN SELECT RAISE(ABORT, 'signature is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS signature_frozen_delete BEFORE DELETE ON signature WHEN 1 BEGIN SELECT RAISE(ABORT, 'signature is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS review_frozen_update BEFORE UPDATE ON review WHEN 1 BEGIN SELECT RAISE(ABORT, 'review is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS review_frozen_delete BEFORE DELETE ON review WHEN 1 BEGIN SELECT RAISE(ABORT, 'review is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_event_frozen_update BEFORE UPDATE ON agreement_event WHEN 1 BEGIN SELECT RAISE(ABORT, 'agreement_event is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_event_frozen_delete BEFORE DELETE ON agreement_event WHEN 1 BEGIN SELECT RAISE(ABORT, 'agreement_event is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS party_frozen_insert BEFORE INSERT ON party WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'party is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS party_frozen_update BEFORE UPDATE ON party WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) OR EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'party is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS party_frozen_delete BEFORE DELETE ON party WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'party is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_clause_frozen_insert BEFORE INSERT ON agreement_clause WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'agreement_clause is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_clause_frozen_update BEFORE UPDATE ON agreement_clause WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) OR EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'agreement_clause is frozen'); END",
    "CREATE TRIGGER IF NOT EXISTS agreement_clause_frozen_delete BEFORE DELETE ON agreement_clause WHEN EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'agreement_clause is frozen'); END",
)

POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION refuse_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END $$",
    'CREATE OR REPLACE TRIGGER agreement_version_frozen_update BEFORE UPDATE ON agreement_version FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL AND (NEW.agreement_id::text IS DISTINCT FROM OLD.agreement_id::text OR NEW.number::text IS DISTINCT FROM OLD.number::text OR NEW.begins::text IS DISTINCT FROM OLD.begins::text OR NEW.ends::text IS DISTINCT FROM OLD.ends::text OR NEW.begins_at::text IS DISTINCT FROM OLD.begins_at::text OR NEW.ends_at::text IS DISTINCT FROM OLD.ends_at::text OR NEW.document::text IS DISTINCT FROM OLD.document::text OR NEW.terms::text IS DISTINCT FROM OLD.terms::text OR NEW.sha256::text IS DISTINCT FROM OLD.sha256::text OR NEW.frozen_at::text IS DISTINCT FROM OLD.frozen_at::text OR NEW.round::text IS DISTINCT FROM OLD.round::text)) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER agreement_version_frozen_delete BEFORE DELETE ON agreement_version FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER signature_frozen_update BEFORE UPDATE ON signature FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER signature_frozen_delete BEFORE DELETE ON signature FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER review_frozen_update BEFORE UPDATE ON review FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER review_frozen_delete BEFORE DELETE ON review FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER agreement_event_frozen_update BEFORE UPDATE ON agreement_event FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    'CREATE OR REPLACE TRIGGER agreement_event_frozen_delete BEFORE DELETE ON agreement_event FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_party_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN NEW; END $$",
    'CREATE OR REPLACE TRIGGER party_frozen_insert BEFORE INSERT ON party FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_party_insert()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_party_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) OR EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN NEW; END $$",
    'CREATE OR REPLACE TRIGGER party_frozen_update BEFORE UPDATE ON party FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_party_update()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_party_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN OLD; END $$",
    'CREATE OR REPLACE TRIGGER party_frozen_delete BEFORE DELETE ON party FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_party_delete()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_agreement_clause_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN NEW; END $$",
    'CREATE OR REPLACE TRIGGER agreement_clause_frozen_insert BEFORE INSERT ON agreement_clause FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_agreement_clause_insert()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_agreement_clause_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) OR EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = NEW.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN NEW; END $$",
    'CREATE OR REPLACE TRIGGER agreement_clause_frozen_update BEFORE UPDATE ON agreement_clause FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_agreement_clause_update()',
    "CREATE OR REPLACE FUNCTION refuse_frozen_agreement_clause_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM agreement_version v WHERE v.id = OLD.version_id AND v.frozen_at IS NOT NULL) THEN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is frozen'; END IF; RETURN OLD; END $$",
    'CREATE OR REPLACE TRIGGER agreement_clause_frozen_delete BEFORE DELETE ON agreement_clause FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_frozen_agreement_clause_delete()',
)

TRIGGERS = [('agreement_clause_frozen_delete', 'agreement_clause'), ('agreement_clause_frozen_insert', 'agreement_clause'), ('agreement_clause_frozen_update', 'agreement_clause'), ('agreement_event_frozen_delete', 'agreement_event'), ('agreement_event_frozen_update', 'agreement_event'), ('agreement_version_frozen_delete', 'agreement_version'), ('agreement_version_frozen_update', 'agreement_version'), ('party_frozen_delete', 'party'), ('party_frozen_insert', 'party'), ('party_frozen_update', 'party'), ('review_frozen_delete', 'review'), ('review_frozen_update', 'review'), ('signature_frozen_delete', 'signature'), ('signature_frozen_update', 'signature')]
FUNCTIONS = ['refuse_frozen', 'refuse_frozen_agreement_clause_delete', 'refuse_frozen_agreement_clause_insert', 'refuse_frozen_agreement_clause_update', 'refuse_frozen_party_delete', 'refuse_frozen_party_insert', 'refuse_frozen_party_update']


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger, table in TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}" + ("" if on_sqlite else f" ON {table}"))
    for function in () if on_sqlite else FUNCTIONS:
        op.execute(f"DROP FUNCTION IF EXISTS {function}()")
