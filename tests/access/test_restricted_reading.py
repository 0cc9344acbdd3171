"""The restricted door over HTTP: what leaves, what is refused, and that the log holds exactly what happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from access import watching
from access.models import Client, Grant, Token
from agreements.models import AgreementVersion
from exchange import clock, epoch
from exchange.db import db
from exchange.directory.models import Person, Role
from exchange.settings import Settings
from tests.makers.access import (
    Holder,
    World,
    change,
    entries,
    make_dataset,
    make_grant,
    new_key,
    store_rows,
)
from tests.makers.server import ROOT
from wsgi import create_app

PATH = "/resource/aaaa-2222.json"


@pytest.fixture
def world(app: Flask, settings: Settings) -> World:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    made = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    return made


@pytest.fixture
def holder(world: World) -> Holder:
    return Holder(world.client_id, world.key)


@pytest.fixture
def token(client: FlaskClient, world: World, holder: Holder) -> str:
    return get_token(client, world, holder)


@pytest.fixture
def second(app: Flask, settings: Settings) -> Iterator[FlaskClient]:
    """Another process's application on the same database."""
    other = create_app(settings)
    other.testing = True
    yield other.test_client()
    other.extensions["ledger"].close()
    with other.app_context():
        db.engine.dispose()


def get_token(client: FlaskClient, world: World, holder: Holder, **details: Any) -> str:
    answer = client.post("/oauth/token", **holder.token_request(world.details(**details)))
    assert answer.json is not None
    token: str = answer.json["access_token"]
    return token


def read(client: FlaskClient, holder: Holder, token: str, path: str = PATH, **query: str) -> Any:
    return client.get(path, headers=holder.headers(token, path), query_string=query, buffered=True)


def counts() -> tuple[int, int, int]:
    """Intents, outcomes and refusals in the log."""
    intents, outcomes, refusals = (entries(f"access:rows:{part}") for part in ("intent", "outcome", "refuse"))
    return len(intents), len(outcomes), len(refusals)


def test_granted_rows_leave_and_name_their_entry(client: FlaskClient, holder: Holder, token: str, world: World) -> None:
    answer = read(client, holder, token, **{"$select": "town, rate", "$where": "rate > 17", "$order": "rate"})
    assert answer.status_code == 200, answer.json
    assert [row["town"] for row in answer.json] == ["Town 5", "Town 6", "Town 7", "Town 8", "Town 9"]
    (intent,), (outcome,) = entries("access:rows:intent"), entries("access:rows:outcome")
    assert answer.headers["Audit-Id"] == intent["id"] == outcome["ref"]
    assert answer.headers["Link"].startswith(f"</audit/proof/{intent['id']}>")
    assert answer.headers["Cache-Control"] == "no-store"
    assert (intent["grant"], intent["purpose"], intent["columns"]) == (world.grant_id, "evaluation", ["rate", "town"])
    assert (outcome["outcome"], outcome["rows"], outcome["bytes"]) == ("done", 5, len(answer.data))
    assert intent["source"] == outcome["source"] == "education"
    assert "17" not in json.dumps({name: intent[name] for name in ("request", "columns", "because")})
    assert counts() == (1, 1, 0)


def test_star_means_what_is_granted(client: FlaskClient, holder: Holder, token: str) -> None:
    answer = read(client, holder, token, **{"$limit": "1"})
    assert set(answer.json[0]) == {"town", "year", "rate"}
    assert "ssn" not in answer.headers["X-SODA2-Fields"]
    csv = read(client, holder, token, "/resource/aaaa-2222.csv", **{"$limit": "1"})
    assert csv.data.splitlines()[0] == b'"town","year","rate"'


@pytest.mark.parametrize(
    "query",
    [
        {"$select": "ssn"},
        {"$select": "town, ssn"},
        {"$where": "ssn = '001-00-0000'"},
        {"$order": "ssn"},
        {"$select": "count(ssn)"},
        {"$select": "count(*)", "$group": "ssn"},
        {"$select": "max(ssn) as town"},
        {"ssn": "001-00-0000"},
        {"$query": "select town where ssn is not null"},
        {"$query": "select ssn |> select count(*)"},
        {"$select": "count(*)", "$having": "max(ssn) > '0'"},
        {"$select": "SSN"},
    ],
)
def test_invariant_2_a_column_that_is_not_granted_never_leaves_and_says_why(
    client: FlaskClient, holder: Holder, token: str, query: dict[str, str]
) -> None:
    answer = read(client, holder, token, **query)
    assert answer.status_code == 403, answer.json
    assert "“SSN” is not among the columns" in answer.json["message"]
    assert answer.json["because"] == ["C07@1"]
    assert b"00-0000" not in answer.data
    (refusal,) = entries("access:rows:refuse")
    assert answer.headers["Audit-Id"] == refusal["id"]
    assert refusal["reason"] == answer.json["message"]
    assert counts() == (0, 0, 1)


def test_search_does_not_look_into_what_is_not_granted(client: FlaskClient, holder: Holder, token: str) -> None:
    assert read(client, holder, token, **{"$q": "001-00-0000"}).json == []


def test_the_tokens_own_columns_bound_it_too(client: FlaskClient, world: World, holder: Holder) -> None:
    token = get_token(client, world, holder, columns=["town"])
    assert set(read(client, holder, token, **{"$limit": "1"}).json[0]) == {"town"}
    answer = read(client, holder, token, **{"$select": "rate"})
    assert answer.status_code == 403
    assert "fewer columns" in answer.json["message"]


def test_the_row_filter_stands_below_everything(client: FlaskClient, world: World, holder: Holder, token: str) -> None:
    change(Grant, world.grant_id, rows={"op": "eq", "column": "ssn", "values": ["001-00-0000"]})
    assert read(client, holder, token, **{"$select": "count(*)"}).json == [{"count": "13"}]
    assert read(client, holder, token, **{"$select": "count(*)", "$where": "rate < 0 or 1 = 1"}).json == [
        {"count": "13"}
    ]


def test_a_floor_and_totals_only_hold(client: FlaskClient, world: World, holder: Holder, token: str) -> None:
    change(Grant, world.grant_id, granularity="aggregate", min_cell=5)
    assert read(client, holder, token, **{"$select": "town"}).status_code == 403
    by_town = read(client, holder, token, **{"$select": "town, count(*)", "$group": "town"})
    assert by_town.status_code == 200
    assert not any(row.get("count") == "4" for row in by_town.json)
    assert by_town.headers["X-Suppressed-Below"] == "5"


def test_a_query_that_cannot_be_understood_is_recorded_without_its_words(
    client: FlaskClient, holder: Holder, token: str
) -> None:
    answer = read(client, holder, token, **{"$select": "nonsense_column"})
    assert answer.status_code == 400
    assert answer.json["code"] == "query.soql.no-such-column"
    (refusal,) = entries("access:rows:refuse")
    assert "nonsense" not in json.dumps(refusal)


def test_without_a_token_an_unknown_and_a_restricted_dataset_answer_alike(client: FlaskClient, world: World) -> None:
    answers = [client.get(f"/resource/{each}.json") for each in ("aaaa-2222", "zzzz-9999")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].data.replace(b"aaaa-2222", b"zzzz-9999") == answers[1].data
    assert {name for name, _ in answers[0].headers} == {name for name, _ in answers[1].headers}
    assert counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "authorization", ["Bearer abc", "DPoP abc", "Basic YTpi", "DPoP", "nonsense", "dpop  ", "DPoP é"]
)
def test_a_token_that_is_none_answers_alike_too(client: FlaskClient, world: World, authorization: str) -> None:
    answers = [
        client.get(f"/resource/{each}.json", headers={"Authorization": authorization})
        for each in ("aaaa-2222", "zzzz-9999")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].data.replace(b"aaaa-2222", b"zzzz-9999") == answers[1].data
    assert answers[0].headers["WWW-Authenticate"].startswith("DPoP error=")
    assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"]
    assert counts() == (0, 0, 0)


def test_the_scheme_may_be_written_in_any_case(client: FlaskClient, holder: Holder, token: str) -> None:
    headers = holder.headers(token, PATH)
    headers["Authorization"] = headers["Authorization"].replace("DPoP", "DPOP")
    assert client.get(PATH, headers=headers).status_code == 200


def test_a_token_does_not_work_as_bearer_nor_with_another_key(client: FlaskClient, holder: Holder, token: str) -> None:
    headers = holder.headers(token, PATH)
    assert client.get(PATH, headers=headers | {"Authorization": f"Bearer {token}"}).status_code == 401
    thief = Holder(holder.client_id, holder.key, dpop_key=new_key())
    answer = read(client, thief, token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert counts() == (0, 0, 1)


@pytest.mark.parametrize(
    "changes",
    [{"ath": None}, {"ath": "x"}, {"htm": "POST"}, {"htu": "http://localhost/resource/bbbb-3333.json"}, {"iat": 5}],
)
def test_a_proof_that_does_not_fit_is_refused(
    client: FlaskClient, holder: Holder, token: str, changes: dict[str, Any]
) -> None:
    answer = client.get(PATH, headers=holder.headers(token, PATH, **changes))
    assert answer.status_code == 401
    assert 'error="invalid_dpop_proof"' in answer.headers["WWW-Authenticate"]
    assert counts() == (0, 0, 1)


def test_a_proof_with_the_query_in_its_address_passes(client: FlaskClient, holder: Holder, token: str) -> None:
    headers = holder.headers(token, PATH + "?$limit=1")
    assert client.get(PATH, headers=headers, query_string={"$limit": "1"}).status_code == 200


def test_a_proof_works_once_on_all_workers(
    client: FlaskClient, second: FlaskClient, holder: Holder, token: str
) -> None:
    headers = holder.headers(token, PATH)
    assert client.get(PATH, headers=headers, buffered=True).status_code == 200
    for each in (client, second):
        answer = each.get(PATH, headers=headers)
        assert answer.status_code == 401
        assert "used before" in answer.json["message"]  # type: ignore[index]
    assert counts() == (1, 1, 2)


def test_a_proof_of_a_refused_request_is_spent_too(client: FlaskClient, holder: Holder, token: str) -> None:
    headers = holder.headers(token, PATH)
    assert client.get(PATH, headers=headers, query_string={"$select": "ssn"}).status_code == 403
    assert client.get(PATH, headers=headers).status_code == 401
    assert counts() == (0, 0, 2)


def test_another_dataset_needs_another_token(
    client: FlaskClient, holder: Holder, token: str, settings: Settings
) -> None:
    store_rows(db.session(), settings, make_dataset(db.session(), "bbbb-3333"))
    store_rows(db.session(), settings, make_dataset(db.session(), "cccc-4444", state="draft"))
    db.session.commit()
    known = read(client, holder, token, "/resource/bbbb-3333.json")
    assert (known.status_code, known.json["message"]) == (
        403,
        "The token is for another dataset; ask for a token for this one.",
    )
    hidden, unknown = (read(client, holder, token, f"/resource/{each}.json") for each in ("cccc-4444", "dddd-5555"))
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.data.replace(b"cccc-4444", b"dddd-5555") == unknown.data
    assert counts() == (0, 0, 3)


ENDS = [
    (AgreementVersion, "version_id", {"state": "terminated"}, "DSA-2026-0001 (version 1) was terminated"),
    (AgreementVersion, "version_id", {"state": "suspended"}, "was suspended"),
    (AgreementVersion, "version_id", {"ends_at": clock.now() - timedelta(hours=1)}, "expired on"),
    (AgreementVersion, "emou_version_id", {"state": "terminated"}, "EMOU-2026-0001"),
    (Grant, "grant_id", {"state": "revoked"}, "The grant was revoked"),
    (Grant, "grant_id", {"number": 2}, "changed after the token was issued"),
    (Grant, "grant_id", {"persons": []}, "roster"),
    (Client, "client_id", {"disabled_at": clock.now()}, "disabled on"),
    (Person, "person_id", {"left_at": clock.now()}, "left on"),
]


@pytest.mark.parametrize(("model", "key", "values", "words"), ENDS)
def test_invariant_3_an_ended_right_refuses_the_next_request_on_every_worker(
    client: FlaskClient, second: FlaskClient, world: World, holder: Holder, token: str, model: Any, key: str,
    values: dict[str, Any], words: str,
) -> None:  # fmt: skip
    assert read(client, holder, token).status_code == read(second, holder, token).status_code == 200
    change(model, getattr(world, key), **values)
    for each in (client, second):
        answer = read(each, holder, token)
        assert answer.status_code == 403, answer.json
        assert words in answer.json["message"]
    assert counts() == (2, 2, 2)
    assert all(words in str(refusal["reason"]) for refusal in entries("access:rows:refuse"))


def test_invariant_3_a_membership_that_ended_refuses(
    client: FlaskClient, world: World, holder: Holder, token: str
) -> None:
    role = db.session.scalars(select(Role).where(Role.person_id == world.person_id)).one()
    change(Role, role.id, ends=clock.legal_day(clock.now()) - timedelta(days=1))
    assert "not a member of the working group" in read(client, holder, token).json["message"]


def test_an_ended_token_is_401_and_recorded(client: FlaskClient, holder: Holder, token: str) -> None:
    hash_ = db.session.scalars(select(Token.hash)).one()
    change(Token, hash_, expires_at=clock.now() - timedelta(seconds=1))
    assert "expired" in read(client, holder, token).json["message"]
    change(Token, hash_, expires_at=clock.now() + timedelta(seconds=60), revoked_at=clock.now())
    assert "revoked" in read(client, holder, token).json["message"]
    assert counts() == (0, 0, 2)


def test_queries_a_day_are_counted_across_workers(
    client: FlaskClient, second: FlaskClient, world: World, holder: Holder, token: str
) -> None:
    change(Grant, world.grant_id, rate=3)
    answers = [read(each, holder, token).status_code for each in (client, second, client, second)]
    assert answers == [200, 200, 200, 429]
    assert counts() == (3, 3, 1)


def test_invariant_1_a_log_that_cannot_write_means_503_and_no_byte(
    client: FlaskClient, holder: Holder, token: str, world: World
) -> None:
    with db.engine.connect() as connection:
        connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_queue BEGIN SELECT RAISE(ABORT, 'full'); END")
        )
        connection.commit()
    answer = read(client, holder, token)
    assert answer.status_code == 503
    assert b"Town" not in answer.data
    refused = read(client, holder, token, **{"$select": "ssn"})
    assert refused.status_code == 503
    assert counts() == (0, 0, 0)


def test_invariant_1_the_intent_is_durable_before_the_store_is_opened(
    client: FlaskClient, holder: Holder, token: str, settings: Settings
) -> None:
    for sealed in (settings.data_dir / "restricted").rglob("*.sealed"):
        sealed.unlink()
    answer = read(client, holder, token)
    assert answer.status_code == 503
    (outcome,) = entries("access:rows:outcome")
    assert outcome["outcome"] == "failed"
    assert counts() == (1, 1, 0)


def stream(client: FlaskClient, holder: Holder, token: str) -> Any:
    """An answer whose body is not read yet."""
    query = {"$select": "town, rate", "$limit": "50000"}
    return client.get(PATH, headers=holder.headers(token, PATH), query_string=query, buffered=False)


@pytest.fixture
def long_world(app: Flask, settings: Settings) -> World:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset, 50_000)
    made = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    return made


@pytest.mark.parametrize(("model", "key", "values", "words"), ENDS)
def test_invariant_3_a_running_stream_is_cut_and_says_so(
    client: FlaskClient, long_world: World, monkeypatch: pytest.MonkeyPatch, model: Any, key: str, values: dict[str, Any],
    words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(watching, "GLANCE_MS", 0)
    holder = Holder(long_world.client_id, long_world.key)
    answer = stream(client, holder, get_token(client, long_world, holder))
    body = answer.iter_encoded()
    next(body)
    change(model, getattr(long_world, key), **values)
    epoch.bump(db.session())
    db.session.commit()
    with pytest.raises(watching.CutStream):
        list(body)
    answer.close()
    (outcome,) = entries("access:rows:outcome")
    assert outcome["outcome"] == "cut"
    assert words in str(outcome["reason"])
    assert int(str(outcome["rows"])) < 50_000
    assert counts() == (1, 1, 0)


def test_a_stream_outlives_its_token_but_not_a_change_of_other_rights(
    client: FlaskClient, long_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "GLANCE_MS", 0)
    holder = Holder(long_world.client_id, long_world.key)
    answer = stream(client, holder, get_token(client, long_world, holder))
    body = answer.iter_encoded()
    next(body)
    row = db.session.scalars(select(Token)).one()
    change(Token, row.hash, expires_at=clock.now() - timedelta(seconds=1))
    epoch.bump(db.session())
    db.session.commit()
    list(body)
    answer.close()
    (outcome,) = entries("access:rows:outcome")
    assert (outcome["outcome"], outcome["rows"]) == ("done", 50_000)


def test_a_reader_that_leaves_is_an_outcome_too(client: FlaskClient, long_world: World) -> None:
    holder = Holder(long_world.client_id, long_world.key)
    answer = stream(client, holder, get_token(client, long_world, holder))
    answer.close()
    (outcome,) = entries("access:rows:outcome")
    assert outcome["outcome"] == "cut"
    head = client.head(PATH, headers=holder.headers(get_token(client, long_world, holder), PATH, "HEAD"))
    assert head.status_code == 200
    assert counts() == (2, 2, 0)


LEAVES_A_STREAM_OPEN = """
import sys
from pathlib import Path
from tests.conftest import create_tables, make_settings
from tests.makers.access import Holder, make_dataset, make_grant, store_rows
from exchange.db import db
from wsgi import create_app

settings = make_settings(Path(sys.argv[1]))
app = create_app(settings)
with app.app_context():
    create_tables(db.engine)
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    world = make_grant(db.session(), dataset=dataset)
    db.session.commit()
client, holder, path = app.test_client(), Holder(world.client_id, world.key), "/resource/aaaa-2222.json"
token = client.post("/oauth/token", **holder.token_request(world.details())).json["access_token"]
unread = client.get(path, headers=holder.headers(token, path))
app.extensions["ledger"].close()
print(unread.status_code, flush=True)
"""


def test_a_process_that_ends_with_a_stream_open_ends_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES_A_STREAM_OPEN, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "200\n"
        try:
            assert process.wait(timeout=8) == 0
        finally:
            process.kill()
