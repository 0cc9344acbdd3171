"""How a client proves itself: private_key_jwt on Authlib's class for RFC 7523, as strict as RFC 10070 and FAPI 2.0.

`aud` is our issuer and nothing else, as a text; `iss` = `sub` = the client; five minutes at most; each `jti` once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from access.oauth.jose import (
    ALGORITHMS,
    BadJose,
    algorithm_of,
    allowed,
    import_public,
    instant,
    is_signed_by,
    unverified,
)

METHOD = "private_key_jwt"
TYPES = (None, "JWT", "client-authentication+jwt")
"""RFC 10070 names the last; the first two are what older clients send. Any other type is another token's."""

LONGEST_S = 300
AHEAD_S = 15
MAX_JTI = 256

UseOnce = Callable[[str, datetime], bool]
"""Remember a key until an instant; False if it was used before."""


class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's client authentication method with our rules. `use_once` is asked last, after the signature held."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, issuer: Callable[[], str], clock: Callable[[], datetime], use_once: UseOnce) -> None:
        super().__init__(validate_jti=True, leeway=0)
        self._issuer, self._clock, self._use_once = issuer, clock, use_once

    def get_audiences(self) -> list[str]:
        """Exactly one audience: the issuer (RFC 10070 §3)."""
        return [self._issuer()]

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims, unverified; anything odd is refused as `invalid_client`."""
        try:
            return unverified(assertion)
        except BadJose as bad:
            raise refuse(bad.message) from bad

    def resolve_client_public_key(self, client: Any) -> KeySet:
        """The client's registered public keys."""
        return KeySet([import_public(jwk) for jwk in client.row.jwks["keys"]])

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> Mapping[str, Any]:
        """Check signature, then claims, then that it is new. Raises `InvalidClientError`."""
        try:
            header, claims = unverified(assertion)
            if header.get("typ") not in TYPES:
                raise BadJose("Its header member typ is that of another kind of token.")
            algorithm = allowed(header.get("alg"), ALGORITHMS)
            if not any(is_signed_by(assertion, key, algorithm) for key in _fitting(resolve_key, header, algorithm)):
                raise BadJose("Its signature does not fit a registered key of this client.")
            self.verify_claims(claims)
        except BadJose as bad:
            raise refuse(bad.message) from bad
        return claims

    def verify_claims(self, claims: Mapping[str, Any]) -> None:
        """RFC 7523 §3 with the narrower audience, age and identity rules of RFC 10070."""
        if claims.get("iss") != claims.get("sub"):
            raise BadJose("Its claims iss and sub must both be the client id.")
        if claims.get("aud") != self._issuer():
            raise BadJose("Its claim aud must be exactly the issuer of this server, as a text.")
        expires = self._check_time(claims)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
            raise BadJose(f"Its claim jti must be a text of 1 to {MAX_JTI} characters.")
        if not self._use_once(assertion_key(claims["sub"], jti), expires):
            raise BadJose("It was used before; make a new one for every request.")

    def _check_time(self, claims: Mapping[str, Any]) -> datetime:
        now = self._clock()
        expires, issued, begins = (instant(claims, name) for name in ("exp", "iat", "nbf"))
        if expires is None:
            raise BadJose("Its claim exp is missing.")
        if not now.timestamp() < expires <= now.timestamp() + LONGEST_S + AHEAD_S:
            raise BadJose(f"Its claim exp must lie ahead by {LONGEST_S} s at most.")
        if any(when is not None and when > now.timestamp() + AHEAD_S for when in (issued, begins)):
            raise BadJose("Its claim iat or nbf lies ahead. Check the clock.")
        return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=AHEAD_S)


def _fitting(keys: KeySet, header: Mapping[str, Any], algorithm: str) -> list[Any]:
    wanted = header.get("kid")
    return [
        key
        for key in keys
        if algorithm_of(key.as_dict(private=False)) == algorithm and (wanted is None or key.kid in (None, wanted))
    ]


def assertion_key(client_id: str, jti: str) -> str:
    """What is kept of a used assertion: SHA-256 over client and `jti`, hex."""
    return hashlib.sha256(f"{client_id}\x1f{jti}".encode()).hexdigest()


def refuse(reason: str) -> InvalidClientError:
    """`invalid_client` with a sentence (RFC 6749 §5.2)."""
    return InvalidClientError(description=f"The client assertion is not valid. {reason}")


__all__ = ["METHOD", "ClientAssertion", "JoseError", "assertion_key", "refuse"]
