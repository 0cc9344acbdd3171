"""API keys: made and ended by their person, worth what their person may do now, and nothing else counts."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from access import api_keys
from access.login import RECENT
from access.models import ApiKey
from exchange import clock
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.directory.identity import Identity
from exchange.directory.models import Person, Role, RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.directory import make_identity, make_person, sign_in
from tests.makers.writing import AGENCY, Key, counts, make_writer, make_written, send

ROW = [{"case_id": "1"}]


@pytest.fixture
def steward(session: Session) -> Identity:
    return make_identity(session, (RoleKind.STEWARD, AGENCY), now=NOON)


def make(session: Session, by: Identity, **more: Any) -> api_keys.Made:
    return api_keys.make_key(session, by, **{"name": "Nightly", "days": 90, "now": NOON, **more})


def test_only_a_fingerprint_of_the_secret_is_kept(session: Session, steward: Identity) -> None:
    made = make(session, steward)
    assert len(made.secret) >= 43
    assert made.secret not in repr(vars(made.key))
    assert made.key.expires_at == NOON + timedelta(days=90)
    (entry,) = recorded(session, "key:registration:add")
    assert (entry["client"], entry["actor"]) == (made.key.id, steward.pseudonym)
    assert made.secret not in repr(entry)


def test_who_may_not_make_one(session: Session, steward: Identity) -> None:
    with pytest.raises(Refused, match="Only stewards"):
        make(session, make_identity(session, RoleKind.MEMBER, now=NOON))
    with pytest.raises(Refused) as refused:
        make(session, steward, now=NOON + RECENT + timedelta(seconds=1))
    assert refused.value.code == "step_up_required"
    with pytest.raises(Invalid):
        make(session, steward, name=" ")
    with pytest.raises(Invalid):
        make(session, steward, days=367)


def test_a_key_is_ended_by_its_person_or_an_administrator_once(session: Session, steward: Identity) -> None:
    made = make(session, steward)
    with pytest.raises(NotFound):
        api_keys.end_key(session, make_identity(session, (RoleKind.STEWARD, AGENCY), now=NOON), made.key.id, NOON)
    api_keys.end_key(session, make_identity(session, RoleKind.ADMINISTRATOR, now=NOON), made.key.id, NOON)
    with pytest.raises(Conflict):
        api_keys.end_key(session, steward, made.key.id, NOON)
    assert len(recorded(session, "key:registration:end")) == 1


@pytest.fixture
def key(app: Flask) -> Key:
    made = make_writer(db.session())
    db.session.commit()
    return made


@pytest.fixture
def path(key: Key) -> str:
    dataset = make_written(db.session())
    db.session.commit()
    return f"/resource/{dataset.id}.json"


def test_every_way_to_present_a_key(client: FlaskClient, key: Key, path: str) -> None:
    ways = (
        key.basic,
        key.token,
        {"Authorization": f"Bearer {key.secret}"},
        {"Authorization": f"bearer  {key.secret} "},
    )
    for number, headers in enumerate(ways):
        answer = client.post(path, json=[{"case_id": str(number)}], headers=headers)
        assert (answer.status_code, answer.json) == (200, counts(created=1))
    assert db.session.get_one(ApiKey, key.id).last_used_at is not None
    entries = recorded(db.session(), "dataset:version:publish")
    assert {entry["client"] for entry in entries} == {key.id}
    assert entries[0]["details"]["request"].startswith("POST rows of ")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic " + b64encode(b"nobody:nothing").decode()},
        {"Authorization": "Basic %%%"},
        {"Authorization": "OAuth wrong"},
        {"Authorization": "DPoP wrong"},
        {"Authorization": "Basic"},
    ],
)
def test_without_a_key_nothing_is_written(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, json=ROW, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "authentication_required")
    assert answer.json["error"] is True and "/developers/keys" in answer.json["message"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert len(recorded(db.session(), "key:write:refuse")) == ("Authorization" in headers)


def test_a_right_id_with_a_wrong_secret_is_as_unknown_as_any(client: FlaskClient, key: Key, path: str) -> None:
    wrong = Key(key.id, key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B"), key.person_id)
    assert send(client, wrong, "POST", path, ROW).status_code == 401


def test_guessing_meets_a_pause_and_one_entry_in_the_end(client: FlaskClient, key: Key, path: str) -> None:
    wrong = {"Authorization": "OAuth guess"}
    statuses = [client.post(path, json=ROW, headers=wrong).status_code for _ in range(62)]
    assert statuses == [401] * 60 + [429] * 2
    assert len(recorded(db.session(), "key:write:refuse")) == 60
    assert send(client, key, "POST", path, ROW).status_code == 200


def test_a_session_and_a_page_of_another_site_count_for_nothing(client: FlaskClient, key: Key, path: str) -> None:
    sign_in(client, db.session.get_one(Person, key.person_id))
    assert client.post(path, json=ROW).status_code == 401
    assert client.put(path.replace("resource", "api/views"), json={"name": "x"}).status_code == 401
    assert send(client, key, "POST", path, ROW, Origin="https://elsewhere.example").status_code == 403
    answer = send(client, key, "POST", path, ROW, Origin="http://localhost")
    assert answer.status_code == 401 and "web pages" in answer.json["message"]


def end_it(session: Session, key: Key, end: str) -> None:
    now = clock.now()
    if end == "role":
        yesterday = date.today() - timedelta(days=2)  # noqa: DTZ011
        session.execute(update(Role).where(Role.person_id == key.person_id).values(ends=yesterday))
    elif end == "departure":
        session.get_one(Person, key.person_id).left_at = now
    else:
        name = {"key": "ended_at", "expiry": "expires_at"}[end]
        setattr(session.get_one(ApiKey, key.id), name, now - timedelta(seconds=1))
    session.commit()


ENDS = ["key", "expiry", "departure", "role"]


@pytest.mark.parametrize("end", ENDS)
def test_invariant_3_what_ends_a_right_ends_it_at_the_next_request(
    client: FlaskClient, key: Key, path: str, end: str
) -> None:
    assert send(client, key, "POST", path, ROW).status_code == 200
    end_it(db.session(), key, end)
    answer = send(client, key, "POST", path, [{"case_id": "2"}])
    assert answer.status_code == (404 if end == "role" else 401)
    (entry,) = recorded(db.session(), "key:write:refuse")
    assert (entry["client"], entry["outcome"]) == (key.id, "refused")


@pytest.mark.parametrize(
    ("end", "method", "place"),
    [*((end, "POST", "/resource/{}") for end in ENDS), ("role", "PUT", "/api/views/{}"), ("key", "POST", "/api/views")],
)
def test_invariant_3_what_ends_a_right_while_the_body_comes_in_ends_it_for_this_write(
    client: FlaskClient, key: Key, path: str, end: str, method: str, place: str
) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if not self.tell():
                with Session(db.engine) as session:
                    end_it(session, key, end)
            return super().read(size)

        def readinto(self, room: Any) -> int:
            given = self.read(len(room))
            room[: len(given)] = given
            return len(given)

    body = b'{"case_id": "1", "name": "Mine"}' if "views" in place else json.dumps(ROW).encode()
    headers = {**key.basic, "Content-Length": str(len(body)), "Content-Type": "application/json"}
    answer = client.open(place.format(path[10:19]), method=method, input_stream=Slow(body), headers=headers)
    assert answer.status_code == (404 if end == "role" else 401)
    (entry,) = recorded(db.session(), "key:write:refuse")
    assert (entry["client"], entry["outcome"]) == (key.id, "refused")
    (dataset,) = db.session.query(Dataset).all()
    assert (dataset.current_version_id, dataset.title) == (None, "Cases")


def test_another_agencys_dataset_is_refused_on_record(client: FlaskClient, key: Key, path: str) -> None:
    dataset = db.session.get_one(Dataset, path[10:19])
    make_person(db.session(), "Any", agency="policy-and-management")
    db.session.execute(update(Role).where(Role.person_id == key.person_id).values(agency_id="policy-and-management"))
    dataset.state, dataset.current_version_id = "published", 1
    db.session.commit()
    answer = send(client, key, "POST", path, ROW)
    assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")
    (entry,) = recorded(db.session(), "key:write:refuse")
    assert (entry["dataset"], entry["client"]) == (dataset.id, key.id)


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_the_page_makes_shows_once_and_ends(client: FlaskClient, key: Key) -> None:
    person = db.session.get_one(Person, key.person_id)
    sign_in(client, person)
    page = client.get("/developers/keys").text
    assert "nightly job" in page and "API keys" in client.get("/publish/").text
    form = {"csrf_token": token_of(page), "name": "Hourly", "days": "30"}
    made = client.post("/developers/keys", data=form)
    assert made.status_code == 200 and made.headers["Cache-Control"] == "no-store"
    fresh = db.session.query(ApiKey).filter_by(name="Hourly").one()
    secret = re.search(r"[A-Za-z0-9_-]{43}", unescape(made.text).split("Secret", 2)[-1])
    assert secret is not None
    assert secret.group() not in client.get("/developers/keys").text
    ended = client.post(
        f"/developers/keys/{fresh.id}/end", data={"csrf_token": form["csrf_token"]}, follow_redirects=True
    )
    assert "The key has ended" in ended.text
    assert client.post("/developers/keys", data={**form, "days": "9999"}).status_code == 400


def test_an_old_proof_of_identity_leads_to_a_new_one(client: FlaskClient, key: Key) -> None:
    sign_in(client, db.session.get_one(Person, key.person_id), at=clock.now() - timedelta(minutes=6))
    page = client.get("/developers/keys").text
    answer = client.post("/developers/keys", data={"csrf_token": token_of(page), "name": "x", "days": "30"})
    assert answer.status_code == 303 and "/sign-in/again" in answer.location
