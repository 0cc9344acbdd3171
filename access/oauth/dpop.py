"""Proof of possession: one DPoP proof checked (RFC 9449 §4.3). Pure; that it works once is the log's business.

A proof says: the holder of this key makes this request, now, with this token. Only ES256 and Ed25519 keys are taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from access.oauth.jose import BadJose, allowed, import_public, instant, is_signed_by, unverified
from exchange.errors import Unauthenticated

ALGORITHMS = frozenset({"ES256", "Ed25519"})
TYPE = "dpop+jwt"
OLDEST_S = 60
"""How old `iat` may be, seconds."""

AHEAD_S = 15
"""How far ahead of us `iat` may be; clocks of honest clients differ (OIDF FAPI 2.0 tests send +10 s)."""

MAX_JTI = 256
DEFAULT_PORTS = {"https": 443, "http": 80}


class BadProof(Unauthenticated):
    """The DPoP proof is missing or does not fit this request; the message says where."""

    code = "invalid_dpop_proof"


@dataclass(frozen=True)
class Proof:
    """A proof that holds: the thumbprint of its key (RFC 7638) and its one-time name."""

    jkt: str
    jti: str

    @property
    def replay_key(self) -> str:
        """What the log's replay table keeps: SHA-256 over key thumbprint and `jti`, hex."""
        return hashlib.sha256(f"{self.jkt}\x1f{self.jti}".encode()).hexdigest()


def check(proofs: Sequence[str], *, method: str, url: str, now: datetime, token: str | None = None) -> Proof:
    """The proof of this request, or raise `BadProof`.

    `url` is the address as the client sees it (its query is ignored). With `token` the proof must name it by `ath`,
    and the caller compares `jkt` with the key to which the token is bound.
    """
    try:
        compact = _only_one(proofs)
        header, claims = unverified(compact)
        jwk, algorithm = _key_of(header)
        key = import_public(jwk)
        _check_request(claims, method, url)
        _check_time(claims, now)
        _check_token(claims, token)
        if not is_signed_by(compact, key, algorithm):
            raise BadJose("Its signature does not fit its key.")
        return Proof(key.thumbprint(), _jti(claims))
    except BadJose as bad:
        raise BadProof(f"The DPoP proof is not valid. {bad.message}") from bad


def token_digest(token: str) -> str:
    """`ath`: base64url of the token's SHA-256, without padding (RFC 9449 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _only_one(proofs: Sequence[str]) -> str:
    if not proofs:
        raise BadJose("There is none: send one in the header DPoP.")
    if len(proofs) > 1 or "," in proofs[0]:
        raise BadJose("There is more than one; send exactly one.")
    return proofs[0].strip()


def _key_of(header: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    if header.get("typ") != TYPE:
        raise BadJose(f"Its header member typ must be {TYPE}.")
    algorithm = allowed(header.get("alg"), ALGORITHMS)
    jwk = header.get("jwk")
    if not isinstance(jwk, Mapping):
        raise BadJose("Its header must hold the public key as jwk.")
    return jwk, algorithm


def _check_request(claims: Mapping[str, Any], method: str, url: str) -> None:
    if claims.get("htm") != method:
        raise BadJose(f"Its claim htm must be {method}.")
    htu = claims.get("htu")
    if not isinstance(htu, str) or normal(htu) != normal(url):
        raise BadJose("Its claim htu must be this address, without query.")


def _check_time(claims: Mapping[str, Any], now: datetime) -> None:
    clock = now.timestamp()
    issued, begins, ends = (instant(claims, name) for name in ("iat", "nbf", "exp"))
    if issued is None:
        raise BadJose("Its claim iat is missing.")
    if not clock - OLDEST_S <= issued <= clock + AHEAD_S:
        raise BadJose(f"Its claim iat must be between {OLDEST_S} s ago and {AHEAD_S} s ahead. Check the clock.")
    if begins is not None and begins > clock + AHEAD_S:
        raise BadJose("Its claim nbf lies ahead.")
    if ends is not None and ends < clock - AHEAD_S:
        raise BadJose("Its claim exp has passed.")


def _check_token(claims: Mapping[str, Any], token: str | None) -> None:
    ath = claims.get("ath")
    if token is None:
        return
    if not isinstance(ath, str) or not hmac.compare_digest(ath.encode(), token_digest(token).encode()):
        raise BadJose("Its claim ath must be the digest of the access token.")


def _jti(claims: Mapping[str, Any]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise BadJose(f"Its claim jti must be a text of 1 to {MAX_JTI} characters.")
    return jti


def normal(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path in normal form (RFC 3986 §6.2.2, §6.2.3); query and fragment are left out."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", "", None, "")
    scheme = parts.scheme.lower()
    path = quote(unquote(parts.path or "/"), safe="/:@!$&'()*+,;=-._~")
    user = f"{parts.username}@" if parts.username is not None else ""
    return (scheme, user + (parts.hostname or ""), port or DEFAULT_PORTS.get(scheme), path)
