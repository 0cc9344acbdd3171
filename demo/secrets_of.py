"""The demo's passwords, TOTP seeds and client keys: functions of one random secret of this installation.

So `flask demo load` gives the same ones each time on one machine, no two machines share them, and none is in
the repository.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _derive(secret: str, name: str) -> bytes:
    return hmac.digest(secret.encode(), name.encode(), hashlib.sha256)


def password(secret: str, key: str) -> str:
    """A password of 24 characters."""
    return base64.b32encode(_derive(secret, f"password {key}"))[:24].decode().lower()


def totp_seed(secret: str, key: str) -> str:
    """A TOTP seed of 160 bits in base 32 (RFC 6238)."""
    return base64.b32encode(_derive(secret, f"totp {key}")[:20]).decode()


def private_jwk(secret: str, key: str) -> dict[str, Any]:
    """A P-256 private key as a JWK (RFC 7517), with its thumbprint as `kid` (RFC 7638)."""
    scalar = (
        int.from_bytes(_derive(secret, f"client {key}") + _derive(secret, f"client more {key}"), "big")
        % (P256_ORDER - 1)
        + 1
    )
    jwk = ECKey.import_key(_pem(ec.derive_private_key(scalar, ec.SECP256R1())))
    return {**jwk.as_dict(private=True), "kid": jwk.thumbprint(), "alg": "ES256", "use": "sig"}


def public_jwk(private: dict[str, Any]) -> dict[str, Any]:
    """The public half of a private JWK."""
    return {name: value for name, value in private.items() if name != "d"}


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
