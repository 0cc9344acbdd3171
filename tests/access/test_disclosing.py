"""Whose records left: the manifests of the restricted door, and that their hashes are nowhere in an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.disclosures import subjects
from audit.disclosures.keeping import Draft, Store, Unkept
from audit.disclosures.manifest import Ended, Kind, Manifest
from exchange import clock
from exchange.catalog.models import Dataset
from exchange.catalog.subjects import name_subject
from exchange.db import db
from exchange.errors import Unavailable
from exchange.settings import Settings
from tests.makers.access import Holder, World, entries, make_dataset, make_grant, store_rows
from tests.makers.disclosures import ROWS, person, read, subject_hash, token_of

HIDDEN = b"_subject"


@pytest.fixture
def world(app: Flask, settings: Settings) -> World:
    """Forty rows about persons 000 to 002, a third each; the key is not granted."""
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", now=clock.now())
    made = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    return made


@pytest.fixture
def holder(world: World) -> Holder:
    return Holder(world.client_id, world.key)


@pytest.fixture
def token(client: FlaskClient, world: World, holder: Holder) -> str:
    return token_of(client, world, holder)


def listed(settings: Settings) -> tuple[Manifest, set[int]]:
    """The manifest that the last outcome names, and which persons it lists."""
    outcome = entries("access:rows:outcome")[-1]
    made = Store(settings.data_dir / "disclosures").read(outcome["manifest"])
    assert (made.head.intent, made.head.dataset, made.head.version) == (outcome["ref"], "aaaa-2222", 1)
    assert (made.head.namespace, made.sha256) == ("person-id", outcome["manifest"])
    assert outcome.get("subjects") == (None if made.head.kind == Kind.TOTALS else made.subjects)
    return made, {n for n in range(3) if made.lists(subject_hash(settings, "person-id", person(n)))}


LEFT: Sequence[tuple[dict[str, str], Kind, set[int]]] = [
    ({"$select": "town", "$where": "rate = 0"}, Kind.RECORDS, {0}),
    ({"$select": "rate", "$where": "rate <= 0.5", "$order": "town desc"}, Kind.RECORDS, {0, 1}),
    ({"$where": "rate < 0"}, Kind.RECORDS, set()),
    ({"$limit": "1", "$order": "rate desc"}, Kind.RECORDS, {0}),
    ({"$limit": "1", "$order": "rate", "$offset": "2"}, Kind.RECORDS, {2}),
    ({"$q": "Town 1", "$where": "rate = 0.5"}, Kind.RECORDS, {1}),
    ({"$query": "select town, rate order by rate limit 2 |> select upper(town) where rate > 0"}, Kind.RECORDS, {1}),
    ({"$query": "select distinct on (year) year, rate order by year, rate limit 1"}, Kind.RECORDS, {0}),
    ({"$query": "select distinct town where rate < 1 limit 1"}, Kind.DERIVED, {0, 1}),
    ({"$select": "town, count(*)", "$group": "town", "$where": "rate = 1"}, Kind.DERIVED, {2}),
    ({"$select": "max(rate)"}, Kind.DERIVED, {0, 1, 2}),
    ({"$query": "select lead(rate) over (order by rate) as other where rate <= 0.5 limit 1"}, Kind.DERIVED, {0, 1}),
    ({"$query": "select town where rate = 0 union select town where rate = 1"}, Kind.DERIVED, {0, 1, 2}),
    ({"$query": "select distinct town where rate < 0"}, Kind.DERIVED, set()),
]
"""Queries, what left by them, and whose it was."""


def test_exactly_the_persons_whose_records_left_are_listed(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    for query, kind, persons in LEFT:
        answer = read(client, holder, token, **query)
        assert answer.status_code == 200, answer.json
        made, found = listed(settings)
        assert (made.head.kind, found, made.subjects) == (kind, persons, len(persons)), query
        assert (made.ended, made.unnamed) == (Ended.WHOLE, 0)


def test_the_hidden_column_is_nowhere_in_an_answer(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    for extension in ("json", "csv", "tsv", "xml"):
        check_hidden(client, settings, holder, token, extension)


def check_hidden(client: FlaskClient, settings: Settings, holder: Holder, token: str, extension: str) -> None:
    path = f"/resource/aaaa-2222.{extension}"
    answer = read(client, holder, token, path, **{"$select": "town", "$where": "rate < 5"})
    assert answer.status_code == 200
    everything = answer.data + str(answer.headers).encode()
    hashes = [subject_hash(settings, "person-id", person(n)) for n in range(3)]
    assert HIDDEN not in everything
    assert b"00-0000" not in everything
    assert not any(
        mark in everything for value in hashes for mark in (value, value.hex().encode(), value.hex()[:16].encode())
    )
    assert "ETag" not in answer.headers
    assert json.loads(answer.headers["X-SODA2-Fields"]) == ["town"]
    assert listed(settings)[1] == {0, 1, 2}


SAYING = [
    {"$select": "_subject"},
    {"$select": "t._subject"},
    {"$where": "_subject is not null"},
    {"$order": "_subject"},
    {"$group": "_subject", "$select": "count(*)"},
    {"_subject": "x"},
    {"$query": "select town |> select _subject"},
    {"$query": "select town |> select c1"},
]


def test_no_query_can_say_the_hidden_column(client: FlaskClient, holder: Holder, token: str) -> None:
    for query in SAYING:
        answer = read(client, holder, token, **query)
        other = {n.replace("_subject", "_nothing"): v.replace("_subject", "_nothing") for n, v in query.items()}
        same = read(client, holder, token, **other)
        assert answer.status_code == same.status_code == 400, query
        assert answer.data.replace(b"_subject", b"_nothing") == same.data


def test_search_does_not_look_into_the_hidden_column(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    value = subject_hash(settings, "person-id", person(0)).hex()
    assert read(client, holder, token, **{"$q": value}).json == []


def test_a_star_of_a_granted_key_still_gives_the_key_alone(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", now=clock.now())
    world = make_grant(db.session(), dataset=dataset, columns=("rate", "ssn"))
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    answer = read(client, holder, token_of(client, world, holder), **{"$limit": "2", "$order": "rate"})
    assert answer.json == [{"rate": "0", "ssn": person(0)}, {"rate": "0.5", "ssn": person(1)}]
    assert listed(settings)[1] == {0, 1}


def test_the_row_filter_bounds_what_a_set_operation_lists(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", now=clock.now())
    world = make_grant(db.session(), dataset=dataset, rows={"op": "le", "column": "rate", "values": [0.5]})
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    read(client, holder, token, **{"$query": "select town union all select town limit 1"})
    assert listed(settings)[1] == {0, 1}
    read(client, holder, token, **{"$select": "rate"})
    made, found = listed(settings)
    assert (made.head.kind, found) == (Kind.RECORDS, {0, 1})


@pytest.mark.parametrize(("cell", "kind"), [(0, Kind.DERIVED), (1, Kind.DERIVED), (5, Kind.TOTALS)])
def test_totals_name_nobody_only_under_a_floor(
    app: Flask, client: FlaskClient, settings: Settings, cell: int, kind: Kind
) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", now=clock.now())
    world = make_grant(db.session(), dataset=dataset, min_cell=cell)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    answer = read(client, holder, token_of(client, world, holder), **{"$select": "avg(rate)"})
    assert answer.status_code == 200, answer.json
    made, found = listed(settings)
    assert (made.head.kind, found) == (kind, set() if kind == Kind.TOTALS else {0, 1, 2})


ONE_RECORDS: Sequence[tuple[dict[str, str], Kind, set[int]]] = [
    ({"$select": "avg(rate)", "$where": "rate < 1"}, Kind.TOTALS, set()),
    ({"$select": "max(rate)"}, Kind.DERIVED, {0, 1, 2}),
    ({"$select": "median(rate)", "$where": "rate >= 19"}, Kind.DERIVED, {0, 2}),
    ({"$query": "select rate order by rate desc limit 5 |> select sum(rate)"}, Kind.DERIVED, {0, 1, 2}),
    ({"$select": "ssn, count(*)", "$group": "ssn"}, Kind.DERIVED, {0, 1, 2}),
    ({"$select": "sum(rate)", "$where": f"ssn = '{person(1)}'"}, Kind.DERIVED, {1}),
]
"""Aggregates under a floor, and whose they can be."""


def test_what_can_be_one_persons_value_is_no_total_whatever_the_floor(
    app: Flask, client: FlaskClient, settings: Settings
) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", now=clock.now())
    world = make_grant(db.session(), dataset=dataset, columns=("rate", "ssn"), min_cell=2)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    for query, kind, persons in ONE_RECORDS:
        answer = read(client, holder, token, **query)
        assert answer.status_code == 200, answer.json
        made, found = listed(settings)
        assert (made.head.kind, found) == (kind, persons), query


def test_rows_without_a_key_are_counted(app: Flask, client: FlaskClient, settings: Settings, world: World) -> None:
    store_rows(
        db.session(),
        settings,
        db.session.get_one(Dataset, world.dataset_id),
        keys=[None, " \u200b ", person(1)],
        number=2,
    )
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    read(client, holder, token_of(client, world, holder))
    outcome = entries("access:rows:outcome")[-1]
    made = Store(settings.data_dir / "disclosures").read(outcome["manifest"])
    assert (outcome["rows"], made.subjects, made.unnamed, made.head.version) == (3, 1, 2, 2)


def test_head_alone_discloses_nothing(client: FlaskClient, settings: Settings, holder: Holder, token: str) -> None:
    path = "/resource/aaaa-2222.json"
    assert client.head(path, headers=holder.headers(token, path, "HEAD")).status_code == 200
    assert listed(settings)[1] == set()


def test_a_dataset_that_names_nobody_has_no_manifest(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    world = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    assert read(client, holder, token_of(client, world, holder)).status_code == 200
    (outcome,) = entries("access:rows:outcome")
    assert "manifest" not in outcome
    assert "subjects" not in outcome
    assert not (settings.data_dir / "disclosures").exists()


def test_the_log_does_not_hold_the_person(client: FlaskClient, settings: Settings, holder: Holder, token: str) -> None:
    read(client, holder, token, **{"$select": "town"})
    for action in ("access:rows:intent", "access:rows:outcome"):
        (entry,) = entries(action)
        assert "00-0000" not in json.dumps(entry)
        assert not any(subject_hash(settings, "person-id", person(n)).hex() in json.dumps(entry) for n in range(3))


def test_without_the_secret_no_row_leaves(
    client: FlaskClient, settings: Settings, holder: Holder, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.subject_key_file.parent.mkdir(parents=True, exist_ok=True)
    settings.subject_key_file.write_text("not a secret")
    settings.subject_key_file.chmod(0o600)
    answer = read(client, holder, token)
    assert answer.status_code == 503
    assert "Town" not in answer.get_data(as_text=True)
    assert entries("access:rows:outcome")[-1]["outcome"] == "failed"


def test_a_draft_that_cannot_be_begun_is_503(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    (settings.data_dir / "disclosures").write_text("in the way")
    answer = read(client, holder, token)
    assert answer.status_code == 503
    assert "whose records" in answer.json["message"]
    (outcome,) = entries("access:rows:outcome")
    assert (outcome["outcome"], outcome["rows"], outcome["bytes"]) == ("failed", 0, 0)


class _FullDisk:
    """Lets so many batches be recorded; then the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
        self.left, self.real = batches, Draft.add
        monkeypatch.setattr(Draft, "add", lambda draft, found: self.add(draft, found))  # noqa: PLW0108 (a method of ours)

    def add(self, draft: Draft, found: bytes) -> None:
        if self.left == 0:
            raise Unkept(28, "No space left on device")
        self.left -= 1
        self.real(draft, found)


def test_a_manifest_that_cannot_be_written_stops_before_the_first_byte(
    client: FlaskClient, settings: Settings, holder: Holder, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _FullDisk(monkeypatch, 0)
    answer = read(client, holder, token)
    assert answer.status_code == 503
    assert b"Town" not in answer.data
    assert entries("access:rows:outcome")[-1]["rows"] == 0
    assert listed(settings)[1] == set()


def test_a_manifest_that_cannot_be_written_cuts_between_chunks(
    app: Flask, client: FlaskClient, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 3 * ROWS
    keys = [f"{n:06}" for n in range(count)]
    store_rows(db.session(), settings, db.session.get_one(Dataset, world.dataset_id), count, keys=keys, number=2)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    _FullDisk(monkeypatch, 1)
    path = "/resource/aaaa-2222.csv"
    sent: list[bytes] = []
    answer = client.get(path, headers=holder.headers(token, path), query_string={"$limit": str(count)})
    with pytest.raises(Unavailable):
        sent.extend(iter(cast(Any, answer.response)))
    answer.close()
    (outcome,) = entries("access:rows:outcome")
    assert outcome["outcome"] == "failed"
    left = b"".join(sent).count(b"Town")
    assert 0 < left <= ROWS
    made = Store(settings.data_dir / "disclosures").read(outcome["manifest"])
    assert left <= made.subjects <= ROWS


def test_what_leaves_is_durable_before_it_leaves(
    app: Flask, client: FlaskClient, settings: Settings, world: World
) -> None:
    """In the middle of a stream the draft lists every person whose row is out already; a crash would leave it so."""
    count = 2 * ROWS
    keys = [f"{n:06}" for n in range(count)]
    store_rows(db.session(), settings, db.session.get_one(Dataset, world.dataset_id), count, keys=keys, number=2)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    path = "/resource/aaaa-2222.csv"
    answer = client.get(path, headers=holder.headers(token, path), query_string={"$limit": str(count)})
    stream = iter(answer.response)
    sent = [next(stream), next(stream)]
    store = Store(settings.data_dir / "disclosures")
    (draft,) = store.unfinished()
    (intent,) = entries("access:rows:intent")
    assert (draft.head.intent, draft.ended, draft.subjects) == (intent["id"], Ended.BROKEN, ROWS)
    assert entries("access:rows:outcome") == []
    assert store.salvage() == 0  # its process lives
    sent.extend(stream)
    answer.close()
    assert list(store.unfinished()) == []
    (outcome,) = entries("access:rows:outcome")
    assert (outcome["rows"], outcome["subjects"]) == (count, count)


def test_a_reader_who_leaves_is_listed_as_far_as_rows_were_handed_on(
    app: Flask, client: FlaskClient, settings: Settings, world: World
) -> None:
    count = 2 * ROWS
    keys = [f"{n:06}" for n in range(count)]
    store_rows(db.session(), settings, db.session.get_one(Dataset, world.dataset_id), count, keys=keys, number=2)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    path = "/resource/aaaa-2222.csv"
    headers = holder.headers(token_of(client, world, holder), path)
    answer = client.get(path, headers=headers, query_string={"$limit": str(count)})
    next(iter(answer.response))
    answer.close()
    (outcome,) = entries("access:rows:outcome")
    made = Store(settings.data_dir / "disclosures").read(outcome["manifest"])
    assert outcome["outcome"] == "cut"
    assert outcome["rows"] <= made.subjects < ROWS


def test_a_new_secret_changes_the_hashes_and_the_old_one_still_finds(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    read(client, holder, token, **{"$where": "rate = 0"})
    first, _ = listed(settings)
    subjects.add(settings.subject_key_file)
    read(client, holder, token, **{"$where": "rate = 0"})
    outcome = entries("access:rows:outcome")[-1]
    second = Store(settings.data_dir / "disclosures").read(outcome["manifest"])
    newer, older = subjects.subjects(subjects.load(settings.subject_key_file), "person-id", person(0))
    assert (first.lists(older), first.lists(newer), second.lists(older), second.lists(newer)) == (
        True,
        False,
        False,
        True,
    )


def test_the_order_of_rows_does_not_depend_on_naming(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    world = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    before: Any = read(client, holder, token, **{"$select": ":id, rate"}).json
    name_subject(db.session(), None, db.session.get_one(Dataset, world.dataset_id), "ssn", now=clock.now())
    db.session.commit()
    assert read(client, holder, token, **{"$select": ":id, rate"}).json == before


def test_a_version_without_the_column_does_not_leave(
    client: FlaskClient, settings: Settings, world: World, holder: Holder, token: str
) -> None:
    store_rows(db.session(), settings, db.session.get_one(Dataset, world.dataset_id), keys=[], number=2, without="ssn")
    db.session.commit()
    answer = read(client, holder, token)
    assert answer.status_code == 503
    assert "names the persons" in answer.json["message"]


def test_the_folder_is_for_the_program_alone(
    client: FlaskClient, settings: Settings, holder: Holder, token: str
) -> None:
    read(client, holder, token)
    every = [path for path in (settings.data_dir / "disclosures").rglob("*") if path.is_file()]
    assert every
    assert not any(path.stat().st_mode & 0o077 for path in every)
    assert Path(settings.subject_key_file).stat().st_mode & 0o777 == 0o600
