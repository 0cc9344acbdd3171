"""Who may know of which dataset: every state for every kind of person, in lists, counts, facets, pages and feeds."""

from __future__ import annotations

import itertools

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, Version
from exchange.catalog.search import Search, find, newest
from exchange.catalog.visibility import may_know, visible
from exchange.db import db
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from tests.conftest import NOON
from tests.makers.classification import make_dataset
from tests.makers.directory import make_identity, make_person, sign_in

CLASSES = ("open", "restricted")
STATES = ("draft", "published", "retired")
KINDS = [(class_, state, rows) for class_, state in itertools.product(CLASSES, STATES) for rows in (True, False)]

PEOPLE = {
    "public": None,
    "nobody yet": (),
    "member": (RoleKind.MEMBER,),
    "steward of another agency": ((RoleKind.STEWARD, "labor"),),
    "counsel of the agency": ((RoleKind.COUNSEL, "education"),),
    "steward of the agency": ((RoleKind.STEWARD, "education"),),
    "data officer of the agency": ((RoleKind.DATA_OFFICER, "education"),),
    "cdo": (RoleKind.CDO,),
    "administrator": (RoleKind.ADMINISTRATOR,),
    "auditor": (RoleKind.AUDITOR,),
}
INSIDERS = {"steward of the agency", "data officer of the agency", "cdo", "administrator", "auditor"}
WITHOUT_ROLE = {"public", "nobody yet"}


def expected(person: str, class_: str, state: str, rows: bool) -> bool:
    """The rule, said a second time."""
    if person in INSIDERS:
        return True
    if state != "published":
        return False
    return rows if class_ == "open" else person not in WITHOUT_ROLE


def make_all(session: Session) -> dict[str, tuple[str, str, bool]]:
    """One dataset of every kind; their title names a word of its own."""
    made = {}
    for number, (class_, state, rows) in enumerate(KINDS):
        word = f"Quokka{number:02d}x"
        dataset = make_dataset(
            session, class_=class_, state=state, title=f"{word} report", tags=[f"tag{word}"], category=f"Cat {word}"
        )
        if rows:
            version = Version(
                dataset_id=dataset.id, number=1, class_=class_, path="none", sha256="0" * 64, rows=0, bytes=0,
                schema=[], published_at=NOON,
            )  # fmt: skip
            session.add(version)
            session.flush()
            dataset.current_version_id = version.id
        made[dataset.id] = (class_, state, rows)
    session.flush()
    return made


def identity_of(session: Session, person: str) -> Identity | None:
    roles = PEOPLE[person]
    return None if roles is None else make_identity(session, *roles, now=NOON)


@pytest.mark.parametrize("person", PEOPLE)
def test_invariant_6_one_rule_in_sql_and_in_hand(session: Session, person: str) -> None:
    made = make_all(session)
    identity = identity_of(session, person)
    listed = set(session.scalars(select(Dataset.id).where(visible(identity))))
    for id_, kind in made.items():
        assert (id_ in listed) is expected(person, *kind), kind
        assert may_know(identity, session.get_one(Dataset, id_)) is expected(person, *kind), kind


@pytest.mark.parametrize("person", PEOPLE)
def test_invariant_6_search_counts_and_facets_know_no_more(session: Session, person: str) -> None:
    made = make_all(session)
    identity = identity_of(session, person)
    allowed = {id_ for id_, kind in made.items() if expected(person, *kind)}
    found = find(session, identity, Search())
    assert {dataset.id for dataset in found.datasets} == allowed
    assert found.total == len(allowed)
    for choices in found.facets.values():
        assert sum(choice.count for choice in choices) == len(allowed)
    assert {dataset.id for dataset in newest(session, identity, 100)} == allowed
    for id_ in made:
        word = session.get_one(Dataset, id_).title.split()[0].lower()
        for text in (word, f"tag{word}", id_):
            assert find(session, identity, Search(text)).total == (1 if id_ in allowed else 0)


def pages(client: FlaskClient, ids: list[str]) -> dict[str, str]:
    """Every public page of the portal as text."""
    addresses = ["/", "/data", "/data?class=restricted", "/data?q=quokka", "/developers", "/data.json"]
    texts = {address: client.get(address).get_data(as_text=True) for address in addresses}
    return texts | {f"/data/{id_}": client.get(f"/data/{id_}").get_data(as_text=True) for id_ in ids}


def test_invariant_6_no_public_page_names_what_is_not_public(app: Flask, client: FlaskClient) -> None:
    made = make_all(db.session())
    db.session.commit()
    hidden = [id_ for id_, kind in made.items() if not expected("public", *kind)]
    words = {id_: db.session.get_one(Dataset, id_).title.split()[0] for id_ in made}
    texts = pages(client, hidden)
    for address, text in texts.items():
        for id_ in hidden:
            assert words[id_] not in text, (address, made[id_])
            assert id_ not in text or address == f"/data/{id_}", (address, made[id_])
    public = next(id_ for id_ in made if id_ not in hidden)
    assert words[public] in texts["/data"] and words[public] in texts["/"] and words[public] in texts["/data.json"]
    assert ">1 dataset<" in texts["/data"] or "1 dataset" in texts["/data"]


def test_invariant_6_invisible_and_unknown_answer_alike(app: Flask, client: FlaskClient) -> None:
    made = make_all(db.session())
    db.session.commit()
    unknown = client.get("/data/zzzz-zzzz")
    assert unknown.status_code == 404
    for id_ in (id_ for id_, kind in made.items() if not expected("public", *kind)):
        answer = client.get(f"/data/{id_}")
        assert answer.status_code == 404
        assert answer.get_data(as_text=True).replace(id_, "zzzz-zzzz") == unknown.get_data(as_text=True)
        assert client.get(f"/d/{id_}").status_code == client.get("/d/zzzz-zzzz").status_code == 404


def test_a_member_sees_restricted_ones_listed(app: Flask, client: FlaskClient) -> None:
    made = make_all(db.session())
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    listed = client.get("/data").get_data(as_text=True)
    for id_, kind in made.items():
        assert (f"/data/{id_}" in listed) is expected("member", *kind)
        assert client.get(f"/data/{id_}").status_code == (200 if expected("member", *kind) else 404)
