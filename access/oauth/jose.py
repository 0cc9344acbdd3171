"""What both proofs of this server have in common: compact JWS with a closed list of algorithms and public keys.

Only ES256, Ed25519 and (for client assertions) PS256 exist here. joserfc does the cryptography; this room adds what
it leaves open: no private or symmetric key, no key by reference, one algorithm per key type.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from exchange.errors import Invalid

ALGORITHMS = {"ES256": ("EC", "P-256"), "Ed25519": ("OKP", "Ed25519"), "PS256": ("RSA", None)}
"""JWS algorithm -> (key type, curve). RFC 7518 §3.1, RFC 9864 §2.1."""

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""JWK members that only a private or symmetric key has (RFC 7518 §6)."""

KEY_BY_REFERENCE = frozenset({"jku", "x5u", "x5c", "crit", "b64"})
"""Header members that would let the sender choose the key or the rules; always refused (ASVS V9.1.3)."""

MIN_RSA_BITS = 2048
MAX_COMPACT = 8192


class BadJose(Invalid):
    """A JWS or JWK that this server does not accept; the message says what is wrong with it."""

    code = "bad_jose"


def algorithm_of(jwk: Mapping[str, Any]) -> str:
    """The one algorithm this public key signs with here. Raises `BadJose` for any key of another kind."""
    found = PRIVATE_MEMBERS & set(jwk)
    if found:
        raise BadJose("The key holds private or secret parts. Send the public key only, and treat that key as lost.")
    for algorithm, (kind, curve) in ALGORITHMS.items():
        if jwk.get("kty") == kind and (curve is None or jwk.get("crv") == curve):
            if jwk.get("alg", algorithm) != algorithm:
                raise BadJose(f"The key says alg {jwk['alg']}; a key of this kind is used with {algorithm} here.")
            return algorithm
    raise BadJose("The key must be EC P-256 (ES256), OKP Ed25519 (Ed25519) or RSA (PS256).")


def import_public(jwk: Mapping[str, Any]) -> Key:
    """The public key as joserfc holds it. Raises `BadJose`."""
    algorithm_of(jwk)
    if jwk.get("use", "sig") != "sig":
        raise BadJose("The key is meant for encryption; a signing key is needed.")
    if jwk["kty"] == "RSA":
        _check_modulus(jwk.get("n"))
    try:
        key = JWKRegistry.import_key({str(name): value for name, value in jwk.items()})
        key.thumbprint()
        if key.public_key is None:
            raise BadJose("The key has no public part.")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadJose("The key cannot be read as a JSON Web Key (RFC 7517).") from error
    return key


def _check_modulus(modulus: object) -> None:
    try:
        bits = int.from_bytes(urlsafe_b64decode(str(modulus) + "==")).bit_length()
    except ValueError as error:
        raise BadJose("The key cannot be read as a JSON Web Key (RFC 7517).") from error
    if bits < MIN_RSA_BITS:
        raise BadJose(f"The RSA key has {bits} bits; at least {MIN_RSA_BITS} are needed.")


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The key's SHA-256 thumbprint, base64url (RFC 7638)."""
    return import_public(jwk).thumbprint()


def unverified(compact: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, before any signature was checked. Raises `BadJose`."""
    if len(compact) > MAX_COMPACT:
        raise BadJose(f"It is longer than {MAX_COMPACT} characters.")
    try:
        found = jws.extract_compact(compact.encode())
        claims = json.loads(found.payload or b"")
    except (JoseError, ValueError, TypeError) as error:
        raise BadJose("It is not a signed JSON Web Token in compact form.") from error
    header = found.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadJose("Header and claims must be JSON objects.")
    refused = sorted(KEY_BY_REFERENCE & set(header))
    if refused:
        raise BadJose(f"The header member {refused[0]} is not accepted.")
    return header, claims


def is_signed_by(compact: str, key: Key, algorithm: str) -> bool:
    """Whether the signature holds under exactly this algorithm and key."""
    try:
        jws.deserialize_compact(compact, key, algorithms=[algorithm], registry=_registry(algorithm))
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _registry(algorithm: str) -> jws.JWSRegistry:
    """Unknown header members are ignored, as RFC 7515 §4 says; those that matter were refused before."""
    return jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)


def allowed(algorithm: object, algorithms: Collection[str]) -> str:
    """The header's `alg` if it is one of these. Raises `BadJose`: never `none`, HS256 or RS256."""
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadJose(f"The header member alg must be one of {', '.join(sorted(algorithms))}.")
    return algorithm


def instant(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate claim in seconds (RFC 7519 §2), None if absent. Raises `BadJose` if it is anything else."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise BadJose(f"The claim {name} must be a number of seconds.")
    return float(value)
