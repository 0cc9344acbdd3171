"""One DPoP proof: the cases of RFC 9449 §4.3 and of the OIDF FAPI 2.0 plan."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from access.oauth import dpop
from exchange import clock
from tests.makers.access import Holder, new_key, unsigned

URL = "http://localhost/oauth/token"
TOKEN = "an opaque token"


@pytest.fixture
def holder() -> Holder:
    return Holder("any", new_key())


def check(*proofs: str, method: str = "POST", url: str = URL, token: str | None = None) -> dpop.Proof:
    return dpop.check(proofs, method=method, url=url, now=clock.now(), token=token)


def seconds(shift: int) -> int:
    return int(clock.now().timestamp()) + shift


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519"])
def test_a_good_proof_gives_the_thumbprint_of_its_key(algorithm: str) -> None:
    holder = Holder("any", new_key(), dpop_key=new_key(algorithm))
    assert check(holder.proof("POST", URL)).jkt == holder.dpop_key.thumbprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"iat_shift": -10},
        {"iat_shift": 10},
        {"htu": URL + "?a=b"},
        {"htu": "HTTP://LOCALHOST:80/oauth/token"},
        {"htu": "http://localhost/oauth/%74oken"},
        {"exp_shift": 60},
        {"nbf_shift": -1},
    ],
)
def test_what_honest_clients_vary_passes(holder: Holder, changes: dict[str, Any]) -> None:
    claims = {name.removesuffix("_shift"): seconds(v) if name.endswith("_shift") else v for name, v in changes.items()}
    check(holder.proof("POST", URL, **claims))


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 300},
        {"htm": None},
        {"htm": "GET"},
        {"htu": None},
        {"htu": "http://localhost/oauth/revoke"},
        {"htu": "https://localhost/oauth/token"},
        {"htu": "http://localhost:8001/oauth/token"},
        {"htu": "http://localhost.example/oauth/token"},
        {"htu": ["http://localhost/oauth/token"]},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": float("inf")},
        {"iat_shift": -3600},
        {"iat_shift": 3600},
        {"iat_shift": -61},
        {"iat_shift": 17},
        {"exp_shift": -60},
        {"nbf_shift": 60},
    ],
)
def test_claims_that_do_not_fit_are_refused(holder: Holder, changes: dict[str, Any]) -> None:
    claims = {name.removesuffix("_shift"): seconds(v) if name.endswith("_shift") else v for name, v in changes.items()}
    with pytest.raises(dpop.BadProof) as refused:
        check(holder.proof("POST", URL, **claims))
    assert refused.value.code == "invalid_dpop_proof"
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"jwk": None},
        {"jwk": {}},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"jku": "https://example.org/keys"},
        {"x5u": "https://example.org/cert"},
        {"x5c": []},
    ],
)
def test_headers_that_do_not_fit_are_refused(holder: Holder, header: dict[str, Any]) -> None:
    with pytest.raises(dpop.BadProof):
        check(holder.proof("POST", URL, header=header))


def test_a_private_key_in_the_header_is_refused(holder: Holder) -> None:
    with pytest.raises(dpop.BadProof, match="private"):
        check(holder.proof("POST", URL, header={"jwk": holder.dpop_key.as_dict(private=True)}))


def test_a_symmetric_key_is_refused(holder: Holder) -> None:
    secret = OctKey.generate_key(256)
    header = {"alg": "HS256", "jwk": secret.as_dict(private=True)}
    with pytest.raises(dpop.BadProof):
        check(holder.proof("POST", URL, header=header, signer=secret))


def test_none_is_no_algorithm(holder: Holder) -> None:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": holder.dpop_key.as_dict(private=False)}
    claims = {"jti": "1", "htm": "POST", "htu": URL, "iat": seconds(0)}
    with pytest.raises(dpop.BadProof):
        check(unsigned(header, claims))


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_rsa_keys_are_refused(algorithm: str) -> None:
    key = new_key(algorithm)
    holder = Holder("any", new_key(), dpop_key=key)
    with pytest.raises(dpop.BadProof):
        check(holder.proof("POST", URL, header={"alg": algorithm}))


def test_another_curve_is_refused() -> None:
    holder = Holder("any", new_key())
    key = ECKey.generate_key("P-384")
    with pytest.raises(dpop.BadProof):
        check(holder.proof("POST", URL, header={"jwk": key.as_dict(private=False)}))


def test_a_signature_by_another_key_is_refused(holder: Holder) -> None:
    with pytest.raises(dpop.BadProof, match="signature"):
        check(holder.proof("POST", URL, signer=new_key()))


@pytest.mark.parametrize("broken", ["", "a.b", "a.b.c", "....", "é.é.é", "x" * 9000])
def test_what_is_no_jws_is_refused(broken: str) -> None:
    with pytest.raises(dpop.BadProof):
        check(broken)


def test_there_must_be_exactly_one(holder: Holder) -> None:
    proof = holder.proof("POST", URL)
    for proofs in ((), (proof, proof), (f"{proof}, {proof}",)):
        with pytest.raises(dpop.BadProof):
            check(*proofs)


def test_with_a_token_the_proof_names_it(holder: Holder) -> None:
    check(holder.proof("GET", URL, TOKEN), method="GET", token=TOKEN)
    for changes in ({"ath": None}, {"ath": "wrong"}, {"ath": 5}):
        with pytest.raises(dpop.BadProof, match="ath"):
            check(holder.proof("GET", URL, TOKEN, **changes), method="GET", token=TOKEN)
    with pytest.raises(dpop.BadProof, match="ath"):
        check(holder.proof("GET", URL, "another token"), method="GET", token=TOKEN)


def test_the_replay_key_tells_keys_and_names_apart(holder: Holder) -> None:
    first, again = check(holder.proof("POST", URL, jti="a")), check(holder.proof("POST", URL, jti="a"))
    assert first.replay_key == again.replay_key
    assert first.replay_key != check(holder.proof("POST", URL, jti="b")).replay_key
    assert first.replay_key != check(holder.proof("POST", URL, jti="a", key=new_key())).replay_key


def test_credentials_in_the_address_are_another_address() -> None:
    assert dpop.normal("http://a@localhost/x") != dpop.normal("http://localhost/x")
    assert dpop.normal("http://localhost:notaport/") == ("", "", None, "")
