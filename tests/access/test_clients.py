"""Registering and disabling programs: public signing keys only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy.orm import Session

from access import clients
from access.models import Client
from exchange import epoch
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import GROUP, new_key, recorded
from tests.makers.directory import make_identity


@pytest.fixture
def member(session: Session) -> Identity:
    return make_identity(session, (RoleKind.MEMBER, GROUP), now=NOON)


def register(
    session: Session, by: Identity | None, jwks: Any = None, name: str = "Absence study", **more: Any
) -> Client:
    keys = jwks or {"keys": [new_key().as_dict(private=False)]}
    return clients.register_client(session, by, name=name, working_group_id=GROUP, jwks=keys, now=NOON, **more)


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "PS256"])
def test_a_member_registers_a_program_by_its_public_key(session: Session, member: Identity, algorithm: str) -> None:
    key = new_key(algorithm)
    client = register(session, member, {"keys": [key.as_dict(private=False)]})
    assert client.id == "absence-study"
    assert client.person_id == member.person_id
    (kept,) = client.jwks["keys"]
    assert (kept["alg"], kept["kid"]) == (algorithm, key.thumbprint())
    assert "d" not in kept
    (entry,) = recorded(session, "client:registration:add")
    assert entry["details"]["keys"] == [key.thumbprint()]


@pytest.mark.parametrize(
    "jwk",
    [
        ECKey.generate_key("P-256").as_dict(private=True),
        OKPKey.generate_key("Ed25519").as_dict(private=True),
        OctKey.generate_key(256).as_dict(private=True),
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("X25519").as_dict(private=False),
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "alg": "RS256"},
        {**ECKey.generate_key("P-256").as_dict(private=False), "use": "enc"},
        {"kty": "none"},
        {},
        "text",
    ],
)
def test_any_other_key_is_refused(session: Session, member: Identity, jwk: Any) -> None:
    with pytest.raises(Invalid):
        register(session, member, {"keys": [jwk]})


def test_a_short_rsa_key_is_refused(session: Session, member: Identity) -> None:
    with pytest.raises(Invalid, match="1024 bits|1026 bits"):
        register(session, member, {"keys": [{"kty": "RSA", "n": "_" * 171, "e": "AQAB"}]})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"keys": []}', '{"keys": {}}', "5"])
def test_a_paste_that_is_no_key_set_says_so(text: str) -> None:
    with pytest.raises(Invalid):
        clients.read_jwks(text)


def test_one_key_may_be_pasted_alone() -> None:
    key = new_key()
    assert clients.read_jwks(json.dumps(key.as_dict(private=False)))["keys"][0]["kid"] == key.thumbprint()


def test_only_a_member_registers_and_only_a_member_answers(session: Session, member: Identity) -> None:
    outsider = make_identity(session, RoleKind.CDO, name="Otto Outside", now=NOON)
    with pytest.raises(Refused):
        register(session, outsider)
    with pytest.raises(Refused, match="must be a member"):
        register(session, member, person_id=outsider.person_id)
    with pytest.raises(Invalid):
        register(session, None)


@pytest.mark.parametrize("more", [{"name": " "}, {"name": "x" * 201}, {"scopes": ("everything",)}])
def test_name_and_scopes_are_checked(session: Session, member: Identity, more: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        register(session, member, **more)


def test_an_id_is_taken_once(session: Session, member: Identity) -> None:
    register(session, member)
    with pytest.raises(Conflict):
        register(session, member)


def test_disabling_is_for_good_recorded_and_moves_the_epoch(session: Session, member: Identity) -> None:
    client = register(session, member)
    before = epoch.current(session.connection())
    clients.disable_client(session, member, client.id, NOON)
    assert client.disabled_at == NOON
    assert epoch.current(session.connection()) == before + 1
    with pytest.raises(Conflict):
        clients.disable_client(session, member, client.id, NOON)
    assert len(recorded(session, "client:registration:disable")) == 1


def test_others_do_not_know_of_a_client(session: Session, member: Identity) -> None:
    client = register(session, member)
    stranger = make_identity(session, (RoleKind.MEMBER, "economic-development"), name="Una Other", now=NOON)
    office = make_identity(session, RoleKind.CDO, name="Otto Office", now=NOON)
    assert clients.clients_of(session, stranger) == []
    assert clients.clients_of(session, office) == clients.clients_of(session, member) == [client]
    for act in (
        lambda: clients.find(session, stranger, client.id),
        lambda: clients.disable_client(session, stranger, client.id, NOON),
    ):
        with pytest.raises(NotFound):
            act()
