"""The token endpoint: what it gives, what it refuses, what it records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import OctKey
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from access.models import Client, Grant, Token
from access.oauth.metadata import issuer
from agreements.models import AgreementVersion
from exchange import clock
from exchange.db import db
from exchange.directory.models import Person, Role
from exchange.settings import Settings
from tests.makers.access import GRANTED, Holder, World, entries, make_grant, make_twin, new_key, signed, unsigned
from wsgi import create_app

URL = "http://localhost/oauth/token"


@pytest.fixture
def world(app: Flask) -> World:
    made = make_grant(db.session())
    db.session.commit()
    return made


@pytest.fixture
def holder(world: World) -> Holder:
    return Holder(world.client_id, world.key)


@pytest.fixture
def second(app: Flask, settings: Settings) -> Iterator[FlaskClient]:
    """Another process's application on the same database."""
    other = create_app(settings)
    other.testing = True
    yield other.test_client()
    other.extensions["ledger"].close()
    with other.app_context():
        db.engine.dispose()


def refusal(client: FlaskClient, request: dict[str, Any], code: str, status: int = 400) -> str:
    """The request is refused with this code, and the refusal is in the log; gives its words."""
    before = len(entries("token:access:refuse"))
    answer = client.post("/oauth/token", **request)
    assert answer.json is not None
    assert (answer.status_code, answer.json["error"]) == (status, code), answer.json
    assert len(entries("token:access:refuse")) == before + 1
    return str(answer.json.get("error_description", ""))


def change(model: type[Any], key: Any, **values: Any) -> None:
    row = db.session.get_one(model, key)
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()


def test_a_client_gets_a_token_for_one_grant(client: FlaskClient, world: World, holder: Holder) -> None:
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    assert answer.status_code == 200, answer.json
    assert answer.json is not None
    assert answer.json["token_type"] == "DPoP"
    assert answer.json["expires_in"] == 600
    assert answer.json["scope"] == "data.query"
    (details,) = answer.json["authorization_details"]
    assert details["grant_id"] == world.grant_id
    assert details["agreement_version"] == 1
    assert details["datasets"] == [{"id": world.dataset_id, "columns": list(GRANTED)}]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_token_is_recorded_and_kept_as_a_hash(client: FlaskClient, world: World, holder: Holder) -> None:
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    assert answer.json is not None
    (entry,) = entries("token:access:issue")
    assert (entry["grant"], entry["client"], entry["columns"]) == (world.grant_id, world.client_id, list(GRANTED))
    token = db.session.scalars(select(Token)).one()
    assert answer.json["access_token"] not in json.dumps(entry) + token.hash
    assert token.jkt == holder.dpop_key.thumbprint()


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "PS256"])
@pytest.mark.parametrize("dpop_algorithm", ["ES256", "Ed25519"])
def test_every_offered_algorithm_works(client: FlaskClient, algorithm: str, dpop_algorithm: str) -> None:
    world = make_grant(db.session(), algorithm=algorithm)
    db.session.commit()
    holder = Holder(world.client_id, world.key, dpop_key=new_key(dpop_algorithm))
    assert client.post("/oauth/token", **holder.token_request(world.details())).status_code == 200


def test_a_narrower_request_gets_a_narrower_token(client: FlaskClient, world: World, holder: Holder) -> None:
    soon = (clock.now() + timedelta(seconds=90)).isoformat()
    answer = client.post("/oauth/token", **holder.token_request(world.details(columns=["town"], not_after=soon)))
    assert answer.json is not None
    assert answer.json["authorization_details"][0]["datasets"][0]["columns"] == ["town"]
    assert 80 <= answer.json["expires_in"] <= 90
    assert db.session.scalars(select(Token)).one().columns == ["town"]


def test_a_token_never_outlives_its_grant(client: FlaskClient, world: World, holder: Holder) -> None:
    change(Grant, world.grant_id, not_after=clock.now() + timedelta(seconds=45))
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    assert answer.json is not None
    assert answer.json["expires_in"] <= 45


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"scope": "data.query everything"}, "invalid_scope"),
        ({"scope": "audit.read"}, "invalid_scope"),
        ({"client_id": "somebody-else"}, "invalid_client"),
        ({"client_assertion_type": "other"}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_client"),
        ({"resource": "https://elsewhere.example/"}, "invalid_target"),
        ({"resource": "http://localhost#x"}, "invalid_target"),
    ],
)
def test_a_wrong_request_is_refused(
    client: FlaskClient, world: World, holder: Holder, changes: dict[str, Any], code: str
) -> None:
    refusal(client, holder.token_request(world.details(), **changes), code)


def test_our_own_resources_are_accepted(client: FlaskClient, world: World, holder: Holder) -> None:
    request = holder.token_request(world.details())
    request["data"] = MultiDict(
        [
            *request["data"].items(),
            ("resource", "http://localhost"),
            ("resource", "http://localhost/resource/aaaa-2222"),
        ]
    )
    assert client.post("/oauth/token", **request).status_code == 200


def test_nothing_comes_twice_and_nothing_in_the_address(client: FlaskClient, world: World, holder: Holder) -> None:
    request = holder.token_request(world.details())
    request["data"] = MultiDict([*request["data"].items(), ("scope", "data.query")])
    refusal(client, request, "invalid_request")
    refusal(
        client, holder.token_request(world.details()) | {"query_string": {"scope": "data.query"}}, "invalid_request"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["http://localhost"]},
        {"aud": URL},
        {"aud": "http://localhost/"},
        {"aud": None},
        {"iss": "somebody-else"},
        {"iss": None},
        {"sub": None},
        {"sub": ["absence-study"]},
        {"sub": "unknown", "iss": "unknown"},
        {"jti": None},
        {"jti": 5},
        {"exp": None},
        {"exp": "soon"},
        {"exp_shift": -1},
        {"exp_shift": 400},
        {"iat_shift": 90},
        {"nbf_shift": 90},
    ],
)
def test_an_assertion_that_does_not_fit_is_refused(
    client: FlaskClient, world: World, holder: Holder, claims: dict[str, Any]
) -> None:
    now = int(clock.now().timestamp())
    given = {n.removesuffix("_shift"): now + v if n.endswith("_shift") else v for n, v in claims.items()}
    refusal(client, holder.token_request(world.details(), assertion=holder.assertion(**given)), "invalid_client")


def test_small_clock_differences_pass(client: FlaskClient, world: World, holder: Holder) -> None:
    now = int(clock.now().timestamp())
    assertion = holder.assertion(iat=now + 8, nbf=now + 8, header={"typ": None})
    assert client.post("/oauth/token", **holder.token_request(world.details(), assertion=assertion)).status_code == 200


def test_only_registered_keys_and_strong_algorithms_authenticate(
    client: FlaskClient, world: World, holder: Holder
) -> None:
    now = int(clock.now().timestamp())
    claims = {"iss": holder.client_id, "sub": holder.client_id, "aud": "http://localhost", "jti": "1", "exp": now + 60}
    public_as_secret = OctKey.import_key(json.dumps(holder.key.as_dict(private=False)).encode())
    rsa, stranger = new_key("RS256"), new_key()
    for assertion in (
        holder.assertion(key=stranger),
        holder.assertion(key=stranger, header={"jwk": stranger.as_dict(private=False)}),
        holder.assertion(key=rsa, header={"alg": "RS256"}),
        signed({"alg": "HS256", "typ": "JWT"}, claims, public_as_secret),
        unsigned({"alg": "HS256"}, claims) + "AAAA",
        unsigned({"alg": "none", "typ": "JWT"}, claims),
        holder.assertion(header={"typ": "dpop+jwt"}),
        holder.assertion(header={"kid": "another"}),
        holder.assertion(header={"jku": "https://example.org/keys"}),
        "not.a.token",
        "",
    ):
        refusal(client, holder.token_request(world.details(), assertion=assertion or "x"), "invalid_client")


def test_basic_authentication_and_secrets_are_refused(client: FlaskClient, world: World, holder: Holder) -> None:
    request = holder.token_request(world.details(), client_assertion_type=None)
    request["headers"]["Authorization"] = "Basic YWJzZW5jZS1zdHVkeTpzZWNyZXQ="
    refusal(client, request, "invalid_client")
    refusal(
        client,
        holder.token_request(world.details(), client_assertion_type=None, client_id=world.client_id, client_secret="x"),
        "invalid_client",
    )


def test_an_assertion_works_once_on_all_workers(
    client: FlaskClient, second: FlaskClient, world: World, holder: Holder
) -> None:
    assertion = holder.assertion()
    assert client.post("/oauth/token", **holder.token_request(world.details(), assertion=assertion)).status_code == 200
    for each in (client, second):
        words = refusal(each, holder.token_request(world.details(), assertion=assertion), "invalid_client")
        assert "used before" in words


def test_an_assertion_of_a_refused_request_is_spent_too(client: FlaskClient, world: World, holder: Holder) -> None:
    assertion = holder.assertion()
    refusal(client, holder.token_request(None, assertion=assertion), "invalid_authorization_details")
    refusal(client, holder.token_request(world.details(), assertion=assertion), "invalid_client")


def test_a_proof_works_once_on_all_workers(
    client: FlaskClient, second: FlaskClient, world: World, holder: Holder
) -> None:
    proof = holder.proof("POST", URL)
    assert client.post("/oauth/token", **holder.token_request(world.details(), proof=proof)).status_code == 200
    for each in (client, second):
        refusal(each, holder.token_request(world.details(), proof=proof), "invalid_dpop_proof")
    assert len(db.session.scalars(select(Token)).all()) == 1


def test_no_proof_no_token(client: FlaskClient, world: World, holder: Holder) -> None:
    request = holder.token_request(world.details())
    request["headers"] = {}
    refusal(client, request, "invalid_dpop_proof")
    for wrong in (holder.proof("GET", URL), holder.proof("POST", "http://localhost/oauth/revoke")):
        refusal(client, holder.token_request(world.details(), proof=wrong), "invalid_dpop_proof")


def test_two_proofs_are_refused(client: FlaskClient, world: World, holder: Holder) -> None:
    request = holder.token_request(world.details())
    request["headers"] = [("DPoP", holder.proof("POST", URL)), ("DPoP", holder.proof("POST", URL))]
    refusal(client, request, "invalid_dpop_proof")


def test_a_column_that_is_not_granted_and_one_that_is_not_there_read_alike(
    client: FlaskClient, world: World, holder: Holder
) -> None:
    words = [
        refusal(client, holder.token_request(world.details(columns=[name])), "invalid_authorization_details")
        for name in ("ssn", "xyz")
    ]
    assert words[0].replace("ssn", "xyz") == words[1]


def test_two_grants_that_fit_are_not_merged(client: FlaskClient, world: World, holder: Holder) -> None:
    person = db.session.get_one(Person, world.person_id)
    dataset = db.session.get_one(Grant, world.grant_id).dataset
    other = make_grant(
        db.session(), dataset=dataset, columns=["ssn"], purpose="audit", agreement_id="DSA-2026-0002", number="0002",
        client_id="second", person=person,
    )  # fmt: skip
    db.session.commit()
    details = world.details()
    del details[0]["agreement"], details[0]["purpose"]
    assert "More than one" in refusal(client, holder.token_request(details), "invalid_authorization_details")
    answer = client.post("/oauth/token", **holder.token_request(other.details()))
    assert answer.json is not None
    assert answer.json["authorization_details"][0]["datasets"][0]["columns"] == ["ssn"]


def test_of_two_grants_alike_the_client_names_one_by_its_id(client: FlaskClient, world: World, holder: Holder) -> None:
    twin = make_twin(db.session(), world.grant_id, ["ssn", "town"]).id
    db.session.commit()
    words = refusal(client, holder.token_request(world.details()), "invalid_authorization_details")
    assert f"{world.grant_id} (rate, town, year)" in words and f"{twin} (ssn, town)" in words
    for changes, meant in (
        ({"grant_id": twin}, twin),
        ({"grant_id": world.grant_id}, world.grant_id),
        ({"columns": ["ssn"]}, twin),
        ({"columns": ["year"]}, world.grant_id),
    ):
        answer = client.post("/oauth/token", **holder.token_request(world.details(**changes)))
        assert answer.json is not None
        assert answer.json["authorization_details"][0]["grant_id"] == meant
    both = world.details(columns=["ssn", "year"])
    assert "More than one" in refusal(client, holder.token_request(both), "invalid_authorization_details")
    wrong = world.details(grant_id="11111111-2222-3333-4444-555555555555")
    assert "fits" in refusal(client, holder.token_request(wrong), "invalid_authorization_details")


def test_another_groups_grant_does_not_exist(client: FlaskClient, world: World, holder: Holder) -> None:
    words = refusal(
        client, holder.token_request(world.details(agreement="DSA-2026-0777")), "invalid_authorization_details"
    )
    assert "fits" in words


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (AgreementVersion, {"state": "terminated"}, "terminated"),
        (AgreementVersion, {"state": "suspended"}, "suspended"),
        (Grant, {"state": "revoked"}, "revoked"),
        (Grant, {"persons": []}, "roster"),
    ],
)
def test_a_right_that_ended_gives_no_token_and_says_why(
    client: FlaskClient, world: World, holder: Holder, model: type[Any], values: dict[str, Any], words: str
) -> None:
    change(model, world.version_id if model is AgreementVersion else world.grant_id, **values)
    assert words in refusal(client, holder.token_request(world.details()), "invalid_authorization_details")


def test_the_memorandum_above_ends_it_too(client: FlaskClient, world: World, holder: Holder) -> None:
    change(AgreementVersion, world.emou_version_id, state="suspended")
    words = refusal(client, holder.token_request(world.details()), "invalid_authorization_details")
    assert "EMOU-2026-0001" in words


def test_who_left_or_is_no_member_gets_no_token(client: FlaskClient, world: World, holder: Holder) -> None:
    role = db.session.scalars(select(Role).where(Role.person_id == world.person_id)).one()
    change(Role, role.id, ends=clock.legal_day(clock.now()) - timedelta(days=1))
    assert "not a member" in refusal(client, holder.token_request(world.details()), "invalid_authorization_details")
    change(Role, role.id, ends=None)
    change(Person, world.person_id, left_at=clock.now())
    assert " left on" in refusal(client, holder.token_request(world.details()), "invalid_authorization_details")


def test_a_disabled_client_is_refused(client: FlaskClient, world: World, holder: Holder) -> None:
    change(Client, world.client_id, disabled_at=clock.now())
    assert "disabled" in refusal(client, holder.token_request(world.details()), "invalid_client")


def test_a_refusal_names_its_client_and_code(client: FlaskClient, world: World, holder: Holder) -> None:
    client.post("/oauth/token", **holder.token_request(None))
    (entry,) = entries("token:access:refuse")
    assert entry["client"] == world.client_id
    assert entry["details"] == {"error": "invalid_authorization_details"}
    assert entry["outcome"] == "refused"


def test_introspection_tells_the_owner_what_its_token_allows(client: FlaskClient, world: World, holder: Holder) -> None:
    token = get_token(client, world, holder)
    answer = client.post("/oauth/introspect", **holder.endpoint_request(token=token)).json
    assert answer is not None
    assert answer["active"] is True
    assert answer["cnf"] == {"jkt": holder.dpop_key.thumbprint()}
    assert answer["authorization_details"][0]["grant_id"] == world.grant_id
    change(AgreementVersion, world.version_id, state="terminated")
    assert client.post("/oauth/introspect", **holder.endpoint_request(token=token)).json == {"active": False}


def get_token(client: FlaskClient, world: World, holder: Holder) -> str:
    answer = client.post("/oauth/token", **holder.token_request(world.details())).json
    assert answer is not None
    token: str = answer["access_token"]
    return token


def test_others_learn_nothing_of_a_token(client: FlaskClient, world: World, holder: Holder) -> None:
    token = get_token(client, world, holder)
    dataset = db.session.get_one(Grant, world.grant_id).dataset
    other = make_grant(db.session(), dataset=dataset, agreement_id="DSA-2026-0002", number="0002", client_id="other")
    db.session.commit()
    stranger = Holder(other.client_id, other.key)
    assert client.post("/oauth/introspect", **stranger.endpoint_request(token=token)).json == {"active": False}
    assert client.post("/oauth/revoke", **stranger.endpoint_request(token=token)).status_code == 400
    assert db.session.scalars(select(Token)).one().revoked_at is None


def test_a_revoked_token_is_dead_and_recorded(client: FlaskClient, world: World, holder: Holder) -> None:
    token = get_token(client, world, holder)
    for _ in range(2):
        assert client.post("/oauth/revoke", **holder.endpoint_request(token=token)).status_code == 200
    assert client.post("/oauth/revoke", **holder.endpoint_request(token="unknown")).status_code == 200
    assert client.post("/oauth/introspect", **holder.endpoint_request(token=token)).json == {"active": False}
    assert len(entries("token:access:revoke")) == 1


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_both_endpoints_want_authentication_and_a_token(
    client: FlaskClient, world: World, holder: Holder, path: str
) -> None:
    assert client.post(path, data={"token": "x"}).json["error"] == "invalid_client"  # type: ignore[index]
    assert client.post(path, **holder.endpoint_request()).json["error"] == "invalid_request"  # type: ignore[index]
    spent = holder.endpoint_request(token="x")
    client.post(path, **spent)
    assert client.post(path, **spent).json["error"] == "invalid_client"  # type: ignore[index]


def test_the_metadata_names_this_server(client: FlaskClient) -> None:
    server = client.get("/.well-known/oauth-authorization-server").json
    resource = client.get("/.well-known/oauth-protected-resource").json
    assert server is not None
    assert resource is not None
    assert server["issuer"] == "http://localhost"
    assert server["token_endpoint"] == URL
    assert server["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert resource["authorization_servers"] == ["http://localhost"]
    assert resource["dpop_bound_access_tokens_required"] is True


def test_outside_the_demo_the_issuer_is_the_configured_origin(settings: Settings) -> None:
    public = replace(settings, demo=False, origin="https://exchange.example.ct.gov")
    assert issuer(public, "http://127.0.0.1:9000/") == "https://exchange.example.ct.gov"
    assert issuer(settings, "http://127.0.0.1:9000/") == "http://127.0.0.1:9000"
    assert issuer(settings, "http://elsewhere.example/") == settings.origin


def test_a_browsers_session_and_csrf_count_for_nothing_here(client: FlaskClient, world: World, holder: Holder) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = True
    assert client.post("/oauth/token", **holder.token_request(world.details())).status_code == 200
    assert client.get("/oauth/token").status_code == 405
