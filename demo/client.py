"""A registered client as a working group would write one: private_key_jwt, DPoP, authorization_details.

It shares no code with the server; it knows only the RFCs (7523, 9449, 9396) and the server's metadata document.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import secrets
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

ASSERTION_LIFE_S = 60
TIMEOUT_S = 60
SMALL_BUFFER = 8 * 1024


@dataclass(frozen=True)
class Reply:
    """An answer of the API: status, headers and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class ApiClient:
    """One client with its key; the same key signs assertions and DPoP proofs."""

    origin: str
    client_id: str
    private_jwk: Mapping[str, Any]
    token: str = ""
    _key: ECKey = field(init=False)

    def __post_init__(self) -> None:
        self._key = ECKey.import_key(dict(self.private_jwk))

    def metadata(self) -> Mapping[str, Any]:
        """The authorization server's metadata (RFC 8414)."""
        answer: Mapping[str, Any] = self._send("GET", f"{self.origin}/.well-known/oauth-authorization-server").json
        return answer

    def ask_for_token(self, details: list[dict[str, Any]], scope: str = "data.query") -> Reply:
        """Ask for a token with these authorization_details; a success is kept for `read`."""
        metadata = self.metadata()
        endpoint = metadata["token_endpoint"]
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "authorization_details": json.dumps(details),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(metadata["issuer"]),
        }
        headers = {"DPoP": self.proof("POST", endpoint), "Content-Type": "application/x-www-form-urlencoded"}
        reply = self._send("POST", endpoint, headers, urllib.parse.urlencode(form).encode())
        if reply.status == 200:
            self.token = reply.json["access_token"]
        return reply

    def read(self, path: str, *, proof: str | None = None) -> Reply:
        """Read rows at a path of the resource server, with a fresh proof unless one is given."""
        url = self.origin + path
        return self._send("GET", url, self._authorization(url, proof))

    def stream(self, path: str, size: int = 16_384) -> Iterator[bytes]:
        """Read rows as they come; ends with `http.client.IncompleteRead` if the server cut the transfer.

        The receive buffer is small, so that what the reader has not taken is still with the server.
        """
        url = urllib.parse.urlsplit(self.origin)
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=TIMEOUT_S)
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        connection.sock.connect((connection.host, connection.port))
        with contextlib.closing(connection):
            connection.request("GET", path, headers=self._authorization(self.origin + path, None))
            answer = connection.getresponse()
            while piece := answer.read1(size):
                yield piece

    def assertion(self, issuer: str) -> str:
        """A client assertion for this issuer, good once (RFC 7523 §3)."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
            "jti": secrets.token_urlsafe(16),
        }
        header = {"alg": "ES256", "kid": self.private_jwk["kid"], "typ": "client-authentication+jwt"}
        return jws.serialize_compact(header, json.dumps(claims), self._key)

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """A DPoP proof for one request (RFC 9449 §4.2)."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url.split("?", maxsplit=1)[0],
            "iat": int(time.time()),
        }
        if token:
            claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        public = {name: self.private_jwk[name] for name in ("kty", "crv", "x", "y")}
        return jws.serialize_compact({"alg": "ES256", "typ": "dpop+jwt", "jwk": public}, json.dumps(claims), self._key)

    def _authorization(self, url: str, proof: str | None) -> dict[str, str]:
        return {"Authorization": f"DPoP {self.token}", "DPoP": proof or self.proof("GET", url, self.token)}

    def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return Reply(answer.status, dict(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers.items()), error.read())
