"""Revocation (RFC 7009) and introspection (RFC 7662), on Authlib's endpoints; both only for the client's own tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, TokenMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Request, Response
from sqlalchemy import select

from access import tokens
from access.models import Token
from access.oauth.assertions import METHOD
from access.oauth.entries import revoked
from access.oauth.server import Context, KnownClient, TokenServer
from access.permit import permit_condition, permit_values
from exchange import epoch


class KnownToken(TokenMixin):  # type: ignore[misc]
    """A token as Authlib asks about it."""

    def __init__(self, row: Token, now: datetime) -> None:
        self.row, self._now = row, now

    def check_client(self, client: KnownClient) -> bool:
        """Whether it was issued to this client."""
        return bool(self.row.client_id == client.row.id)

    def is_expired(self) -> bool:
        """Whether its end has come."""
        return self.row.expires_at <= self._now

    def is_revoked(self) -> bool:
        """Whether it was given back."""
        return self.row.revoked_at is not None


class _OwnTokens:
    """What both endpoints share."""

    CLIENT_AUTH_METHODS = (METHOD,)
    server: TokenServer

    def check_params(self, request: Any, _client: KnownClient) -> None:
        """`token` must be there; `token_type_hint` is only a hint (RFC 7009 §2.1) and there is one type."""
        if not request.form.get("token"):
            raise InvalidRequestError(description="The parameter token is missing.")

    def query_token(self, text: str, _hint: str | None) -> KnownToken | None:
        """The token with this text."""
        context = self.server.context
        row = tokens.find(context.session, text)
        return KnownToken(row, context.now) if row else None


class Revocation(_OwnTokens, RevocationEndpoint):  # type: ignore[misc]
    """A client gives a token back; streams that run on it stop within a second."""

    def revoke_token(self, token: KnownToken, request: Any) -> None:
        """End it, once, with its entry."""
        context = self.server.context
        if tokens.revoke(context.session, token.row, context.now):
            epoch.bump(context.session)
            context.record(revoked(token.row, request.client.row, context.now))


class Introspection(_OwnTokens, IntrospectionEndpoint):  # type: ignore[misc]
    """What a token allows now. A token whose grant is not in force is not active, whatever its own end says."""

    def check_permission(self, token: KnownToken, client: KnownClient, _request: Any) -> bool:
        """Only one's own: whoever else asks learns `active: false`."""
        return token.check_client(client)

    def introspect_token(self, token: KnownToken) -> dict[str, Any]:
        """RFC 7662 §2.2 with `cnf` (RFC 9449 §6.2) and `authorization_details` (RFC 9396 §9.2)."""
        context, row = self.server.context, token.row
        values = permit_values(row.grant_id, row.hash, context.now)
        permitted = context.session.scalar(select(permit_condition()), values)
        if not permitted:
            return {"active": False}
        return {
            "active": True,
            "iss": context.origin,
            "aud": context.origin,
            "sub": row.client_id,
            "client_id": row.client_id,
            "token_type": "DPoP",
            "scope": row.scope,
            "iat": int(row.issued_at.timestamp()),
            "exp": int(row.expires_at.timestamp()),
            "cnf": {"jkt": row.jkt},
            "authorization_details": row.authorization_details,
        }


class FullServer(TokenServer):
    """The token server with revocation and introspection."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def revocation(self, request: Request) -> Response:
        """Answer `/oauth/revoke`."""
        return self.answer(request, lambda: self.create_endpoint_response(Revocation.ENDPOINT_NAME, request))

    def introspection(self, request: Request) -> Response:
        """Answer `/oauth/introspect`."""
        return self.answer(request, lambda: self.create_endpoint_response(Introspection.ENDPOINT_NAME, request))
