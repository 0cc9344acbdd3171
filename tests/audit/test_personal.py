"""Personal fields: sealed for one entry, one field, one subject; gone when their key is; never opened by a copy of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update

import audit.retention.tables as kept
from audit import tables, verification
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import append
from audit.master_key import MasterKeys, MasterKeyUnusable
from audit.personal import FIELDS, LONGEST, KeyMissing, Sealer, Traces, unknown_on
from audit.retention import destruction
from tests.audit.conftest import make_engine
from tests.makers.audit import make_signer, sequence

JUNE = datetime(2018, 6, 15, 16, 0, tzinfo=UTC)
WHO, OTHER = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
FACTS = {"address": "203.0.113.7", "agent": "Mozilla/5.0 (a browser)"}
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    """The one who seals, with a master key of its own."""
    return Sealer(MasterKeys(tmp_path / "keys" / "personal.key", create=True))


@pytest.fixture
def connection(database: Engine) -> Iterator[Connection]:
    """A transaction on each kind of database."""
    with database.begin() as connection:
        yield connection


@pytest.fixture(scope="module")
def memory() -> Iterator[Connection]:
    """A database in memory, for properties that are asked often."""
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def signed_in(**members: object) -> Entry:
    """An entry of a person who signed in."""
    given: dict[str, object] = {"actor": WHO, "at": JUNE}
    return Entry(Action.SESSION_SIGN_IN, Outcome.DONE, **(given | members))  # type: ignore[arg-type]


def texts(sealer: Sealer, connection: Connection, entry: Entry) -> dict[str, str | None]:
    return {one.field: one.text for one in sealer.open(connection, entry.id, entry.sealed)}


def test_what_was_sealed_opens_and_the_entry_holds_none_of_it(connection: Connection, sealer: Sealer) -> None:
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    assert texts(sealer, connection, entry) == FACTS
    for told in FACTS.values():
        assert told.encode() not in entry.canonical()
    assert all(text.startswith("k1.") for text in json.loads(entry.canonical())["sealed"].values())


@SLOW
@given(text=st.text(min_size=1, max_size=400), field=st.sampled_from(sorted(FIELDS)))
def test_any_text_comes_back_as_it_was_cut_to_its_length(
    memory: Connection, tmp_path: Path, text: str, field: str
) -> None:
    sealer = Sealer(MasterKeys(tmp_path / "personal.key", create=True))
    who = base64.b32encode(str(tmp_path).encode()).decode()[-60:]
    entry = sealer.seal(memory, signed_in(), who, {field: text})
    wanted = text[: LONGEST[field]].encode("utf-8", "replace").decode()
    assert texts(sealer, memory, entry) == {field: wanted}


def test_it_opens_under_no_other_entry_field_or_key(connection: Connection, sealer: Sealer) -> None:
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    other = sealer.seal(connection, signed_in(), OTHER, FACTS)
    id_of = {one.subject: one.id for one in connection.execute(select(kept.subject_keys))}
    moved = {"agent": entry.sealed["address"], "address": entry.sealed["agent"]}
    swapped = {name: text.replace(id_of[WHO], id_of[OTHER]) for name, text in entry.sealed.items()}
    for id, sealed in ((other.id, entry.sealed), (entry.id, moved), (entry.id, swapped)):
        opened = sealer.open(connection, id, sealed)
        assert [(one.text, one.alarm) for one in opened] == [(None, True)] * 2


def test_a_key_opens_under_no_other_subject_or_year(connection: Connection, sealer: Sealer) -> None:
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    for change in ({"subject": OTHER}, {"year": 2019}):
        connection.execute(update(kept.subject_keys).values(**change))
        assert set(texts(sealer, connection, entry).values()) == {None}
        connection.execute(update(kept.subject_keys).values(subject=WHO, year=2018))
    assert texts(sealer, connection, entry) == FACTS


@SLOW
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_opens_nothing(memory: Connection, tmp_path: Path, at: int, bit: int) -> None:
    sealer = Sealer(MasterKeys(tmp_path / "personal.key", create=True))
    who = base64.b32encode(str(tmp_path).encode()).decode()[-60:]
    entry = sealer.seal(memory, signed_in(), who, {"address": "203.0.113.7"})
    form, key, text = entry.sealed["address"].split(".")
    raw = bytearray(base64.b64decode(text))
    raw[at % len(raw)] ^= 1 << bit
    broken = f"{form}.{key}.{base64.b64encode(raw).decode()}"
    [opened] = sealer.open(memory, entry.id, {"address": broken})
    assert opened.text is None
    assert opened.alarm


def test_one_key_for_a_subject_and_a_year(connection: Connection, sealer: Sealer) -> None:
    for at in (JUNE, JUNE + timedelta(days=100), JUNE + timedelta(days=400)):
        sealer.seal(connection, signed_in(at=at), WHO, FACTS)
    years = connection.execute(select(kept.subject_keys.c.year).order_by(kept.subject_keys.c.year)).scalars().all()
    assert years == [2018, 2019]


def test_the_year_is_connecticuts(connection: Connection, sealer: Sealer) -> None:
    sealer.seal(connection, signed_in(at=datetime(2019, 1, 1, 4, 59, tzinfo=UTC)), WHO, FACTS)
    assert connection.execute(select(kept.subject_keys.c.year)).scalars().all() == [2018]


def test_nobody_known_is_a_subject_of_the_day(connection: Connection, sealer: Sealer) -> None:
    traces = Traces(sealer, FACTS).plus(email="nobody@example.ct.gov")
    entry = traces.into(connection, signed_in(actor=None))
    assert texts(sealer, connection, entry)["email"] == "nobody@example.ct.gov"
    assert connection.execute(select(kept.subject_keys.c.subject)).scalars().all() == [unknown_on(JUNE)]


def test_without_a_sealer_nothing_is_kept(connection: Connection) -> None:
    assert Traces(None, FACTS).into(connection, signed_in()).sealed == {}


def test_no_key_is_made_where_none_may_be(connection: Connection, sealer: Sealer) -> None:
    with pytest.raises(KeyMissing):
        sealer.seal(connection, signed_in(), WHO, FACTS, make=False)


def test_a_field_that_is_not_in_the_list_is_a_mistake(connection: Connection, sealer: Sealer) -> None:
    with pytest.raises(ValueError, match="not a personal field"):
        sealer.seal(connection, signed_in(), WHO, {"shoe size": "44"})


def test_a_destroyed_key_opens_nothing_others_do_and_the_log_still_verifies(
    database: Engine, sealer: Sealer, tmp_path: Path
) -> None:
    with database.begin() as connection:
        mine, other = (sealer.seal(connection, signed_in(actor=who), who, FACTS) for who in (WHO, OTHER))
        append(connection, mine)
        append(connection, other)
    destroy(database, WHO)
    sequence(database, tmp_path)
    with database.connect() as connection:
        assert {one.why_not for one in sealer.open(connection, mine.id, mine.sealed)} == {
            "Its key was destroyed on 2026-06-15 under request ER-0001."
        }
        assert texts(sealer, connection, other) == FACTS
        row = connection.execute(select(kept.subject_keys).where(kept.subject_keys.c.subject == WHO)).one()
    assert (row.wrapped, row.destroyed_by) == (None, "ER-0001")
    assert verification.verify(tmp_path / "log", make_signer(tmp_path).verifier.vkey()).size == 3


def test_after_destruction_a_new_key_is_made(database: Engine, sealer: Sealer) -> None:
    with database.begin() as connection:
        sealer.seal(connection, signed_in(), WHO, FACTS)
    destroy(database, WHO)
    with database.begin() as connection:
        assert texts(sealer, connection, sealer.seal(connection, signed_in(), WHO, FACTS)) == FACTS


@pytest.mark.parametrize("sequenced", [True, False])
def test_a_key_that_comes_back_from_a_backup_opens_and_seals_nothing(
    database: Engine, sealer: Sealer, tmp_path: Path, sequenced: bool
) -> None:
    with database.begin() as connection:
        entry = sealer.seal(connection, signed_in(), WHO, FACTS)
        backup = connection.execute(select(kept.subject_keys)).one()._asdict()
    destroy(database, WHO)
    if sequenced:
        sequence(database, tmp_path)
    with database.begin() as connection:
        connection.execute(update(kept.subject_keys).values(**backup))
    with database.begin() as connection:
        assert [(one.text, one.alarm) for one in sealer.open(connection, entry.id, entry.sealed)] == [(None, True)] * 2
        assert list(destruction.revived(connection)) == [backup["id"]]
        anew = Sealer(sealer.master).seal(connection, signed_in(), WHO, FACTS)
        assert backup["id"] not in anew.sealed["address"]
        assert destruction.revived(connection) == {}


def test_what_came_back_is_destroyed_again(database: Engine, sealer: Sealer) -> None:
    with database.begin() as connection:
        sealer.seal(connection, signed_in(), WHO, FACTS)
        backup = connection.execute(select(kept.subject_keys)).one()._asdict()
    destroy(database, WHO)
    with database.begin() as connection:
        connection.execute(update(kept.subject_keys).values(**backup))
        assert destruction.destroy_again(connection) == [backup["id"]]
        row = connection.execute(select(kept.subject_keys)).one()
    assert (row.wrapped, row.destroyed_by) == (None, "ER-0001")


def test_another_key_put_in_its_place_opens_nothing(connection: Connection, sealer: Sealer, tmp_path: Path) -> None:
    """The key's id commits to the key: whoever owns the database cannot make a sealed text say something else."""
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    row = connection.execute(select(kept.subject_keys)).one()._asdict()
    forged = sealer.master.present().wrap(bytes(32), f"charter-oak/personal/{row['id']}/{WHO}/2018".encode())
    connection.execute(update(kept.subject_keys).values(wrapped=forged))
    aad, nonce = "\n".join(("k1", entry.id, "address", row["id"])).encode(), bytes(12)
    raw = nonce + AESGCM(bytes(32)).encrypt(nonce, b"another address\x80", aad)
    other = {"address": f"k1.{row['id']}.{base64.b64encode(raw).decode()}"}
    assert sealer.open(connection, entry.id, other)[0].text is None


def test_a_key_whose_row_is_gone_is_an_alarm(connection: Connection, sealer: Sealer) -> None:
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    connection.execute(kept.subject_keys.delete())
    assert {one.alarm for one in sealer.open(connection, entry.id, entry.sealed)} == {True}


def test_destroyed_bytes_leave_the_files_of_sqlite(tmp_path: Path, sealer: Sealer) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'log.db'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete=OFF"))
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        sealer.seal(connection, signed_in(), WHO, FACTS)
        wrapped = connection.execute(select(kept.subject_keys.c.wrapped)).scalar_one().encode()
    assert any(wrapped in path.read_bytes() for path in tmp_path.glob("log.db*"))
    destroy(engine, WHO)
    destruction.scrub(engine)
    assert not any(wrapped in path.read_bytes() for path in tmp_path.glob("log.db*"))
    engine.dispose()


def test_scrubbing_works_on_each_database(database: Engine) -> None:
    destruction.scrub(database)
    with database.begin() as connection:
        connection.execute(insert(kept.holds).values(scope="all", matter="m", reason="r", placed_by=WHO, placed_at=0))


def test_very_many_keys_are_recorded_in_entries_that_fit(database: Engine) -> None:
    ids = [f"{number:032x}" for number in range(2_500)]
    with database.begin() as connection:
        destruction.destroy(connection, ids, "ER-0002", Entry(Action.LOG_ERASURE_EXECUTE, Outcome.DONE, actor=WHO))
    with database.connect() as connection:
        assert set(destruction.destroyed_by_the_log(connection)) == set(ids)


def test_the_key_file_must_be_there_closed_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "personal.key"
    with pytest.raises(MasterKeyUnusable, match="put it in place"):
        MasterKeys(path).present()
    MasterKeys(path, create=True).present()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(MasterKeyUnusable, match="chmod 600"):
        MasterKeys(path).present()
    path.write_text("c2hvcnQ=\n")
    path.chmod(0o600)
    with pytest.raises(MasterKeyUnusable):
        MasterKeys(path).present()


def test_with_another_master_key_nothing_is_sealed_or_opened(
    connection: Connection, sealer: Sealer, tmp_path: Path
) -> None:
    entry = sealer.seal(connection, signed_in(), WHO, FACTS)
    stranger = Sealer(MasterKeys(tmp_path / "other.key", create=True))
    assert set(texts(stranger, connection, entry).values()) == {None}
    with pytest.raises(MasterKeyUnusable):
        stranger.seal(connection, replace(entry, sealed={}), WHO, FACTS)


def destroy(engine: Engine, subject: str) -> None:
    """Destroy the keys of a subject, as an executed request does."""
    of_subject = (kept.subject_keys.c.subject == subject) & kept.subject_keys.c.wrapped.is_not(None)
    with engine.begin() as connection:
        ids = list(connection.execute(select(kept.subject_keys.c.id).where(of_subject)).scalars())
        entry = Entry(Action.LOG_ERASURE_EXECUTE, Outcome.DONE, actor=OTHER, at=JUNE.replace(year=2026))
        destruction.destroy(connection, ids, "ER-0001", entry)
