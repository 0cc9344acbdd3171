"""The authorization server: Authlib's, with private_key_jwt, DPoP and one grant per token (RFC 9449, 9396, 8707).

One is made for each request, with that request's database session, issuer and instant. Everything it writes (the used
assertion, the token, the entry) stands in that session's transaction; the caller commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from flask import Request, Response, jsonify
from sqlalchemy.orm import Session

from access import tokens
from access.models import Client
from access.oauth import dpop, rar
from access.oauth.assertions import METHOD, ClientAssertion, refuse
from access.oauth.entries import issued, refused
from access.oauth.metadata import SCOPES, is_ours, unknown_scopes
from access.oauth.refusals import RefusalBudget
from access.oauth.resolving import resolve
from audit import ledger
from audit.entry import Entry
from audit.ledger import Recorded
from audit.personal import NO_TRACES, Traces
from exchange import clock
from exchange.errors import CharterError, TooMany

T = TypeVar("T")

CLIENT_CREDENTIALS = "client_credentials"
DEFAULT_SCOPE = "data.query"
REPEATABLE = frozenset({"resource"})
"""Parameters that may come more than once (RFC 8707 §2); any other double is refused (RFC 6749 §3.2)."""

MAX_SCOPE = 200
ASCII = str.maketrans(
    {"“": "'", "”": "'", '"': "'", "‘": "'", "’": "'", "§": "section ", "–": "-", "—": "-", "\\": "/", "≤": "<="}
)


@dataclass(frozen=True)
class Context:
    """What a request brings: its database session, who we are to it, the instant, its DPoP headers, its path.

    `budget` says how many refusals of clients that did not prove themselves are recorded one by one; `traces` are the
    personal facts that an entry keeps sealed.
    """

    session: Session
    origin: str
    now: datetime
    proofs: tuple[str, ...]
    path: str
    budget: RefusalBudget
    traces: Traces = NO_TRACES

    @property
    def url(self) -> str:
        """The endpoint's address as the client knows it."""
        return self.origin + self.path

    def record(self, entry: Entry, replay_key: str | None = None) -> Recorded:
        """Append an entry, with where the request came from sealed in it, to the request's transaction."""
        connection = self.session.connection()
        return ledger.append(connection, self.traces.into(connection, entry), replay_key=replay_key)


class KnownClient(ClientMixin):  # type: ignore[misc]
    """A registered client as Authlib asks about it."""

    def __init__(self, row: Client) -> None:
        self.row = row

    def get_client_id(self) -> str:
        """Its public id."""
        return self.row.id

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Only private_key_jwt, at every endpoint."""
        return method == METHOD

    def check_grant_type(self, grant_type: str) -> bool:
        """Machines use client_credentials; people's flow comes through PAR."""
        return grant_type == CLIENT_CREDENTIALS


class PublicRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """A request under the address that the client used, whatever a proxy made of it."""

    def __init__(self, request: Request, url: str) -> None:
        OAuth2Request.__init__(self, method=request.method, uri=url, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """The token endpoint for one request; other endpoints are registered by `access.oauth.endpoints`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.scopes_supported = sorted(SCOPES)
        self.acting: Client | None = None
        self.proven = False
        self.register_client_auth_method(METHOD, self._authentication())
        self.register_grant(ClientCredentials)

    def _authentication(self) -> Callable[..., Any]:
        def use_once(key: str, expires_at: datetime) -> bool:
            return tokens.use_assertion(self.context.session, key, expires_at)

        check = ClientAssertion(lambda: self.context.origin, lambda: self.context.now, use_once)

        def authenticate(query_client: Callable[[str], Any], request: Any) -> Any:
            client = check(query_client, request)
            return client and self._admit(client, request)

        return authenticate

    def _admit(self, client: KnownClient, request: Any) -> KnownClient:
        self.proven = True
        named = request.form.get("client_id")
        if named is not None and named != client.row.id:
            raise refuse("The parameter client_id names another client.")
        if client.row.disabled_at is not None:
            raise refuse(f"This client was disabled on {clock.legal_day(client.row.disabled_at)}.")
        return client

    def query_client(self, client_id: str) -> KnownClient | None:
        """The registered client of this id, disabled or not; kept for the record of a refusal."""
        row = self.context.session.get(Client, client_id)
        self.acting = row
        return KnownClient(row) if row else None

    def create_oauth2_request(self, request: Request) -> OAuth2Request:
        """The request as Authlib sees it."""
        return PublicRequest(request, self.context.url)

    def answer(self, request: Request, make: Callable[[], Response]) -> Response:
        """The answer, after the checks that hold at every endpoint: no query, no double parameter."""
        try:
            check_parameters(request)
        except OAuth2Error as error:
            answer: Response = self.handle_error_response(None, error)
            return answer
        return make()

    def token(self, request: Request) -> Response:
        """Answer the token endpoint."""
        return self.answer(request, lambda: self.create_token_response(request))

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        """Every refusal is recorded, with the client if it is known (RFC 6749 §5.2); strangers' within a budget."""
        wait_s = 0 if self.proven else self.context.budget.wait_s(self.context.now)
        if wait_s:
            return too_many(wait_s)
        entry = refused(self.acting, self.context.path, error.error, error.description or "", self.context.now)
        self.context.record(entry)
        response: Response = super().handle_error_response(request, error)
        return response


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials with private_key_jwt, a DPoP key, and `authorization_details` that name one grant."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)
    server: TokenServer

    def validate_token_request(self) -> None:
        """Client, scope, proof, then grant; the first that fails answers."""
        super().validate_token_request()
        self.bound, self.proof = in_oauth_words(self._bind)

    def _bind(self) -> tuple[tokens.Bound, dpop.Proof]:
        context, client, form = self.server.context, self.request.client.row, self.request.form
        scope = _scope(form.get("scope"), client)
        _check_resources(form.getlist("resource"), context.origin)
        proof = dpop.check(context.proofs, method=self.request.method, url=context.url, now=context.now)
        asked = rar.read(form.get("authorization_details"), context.origin)
        return resolve(context.session, client, asked, scope, proof.jkt, context.origin, context.now), proof

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """The token response (RFC 6749 §5.1, RFC 9449 §5, RFC 9396 §7), once its entry is in the transaction."""
        context = self.server.context
        value, token = tokens.issue(context.session, self.bound, context.now)
        written = context.record(issued(token, self.bound, context.now), self.proof.replay_key)
        if written is Recorded.REPLAYED:
            context.session.delete(token)
            raise OAuth2Error(error="invalid_dpop_proof", description="The DPoP proof was used before.")
        return {
            "access_token": value,
            "token_type": "DPoP",
            "expires_in": int((token.expires_at - context.now).total_seconds()),
            "scope": token.scope,
            "authorization_details": token.authorization_details,
        }

    def save_token(self, _token: Mapping[str, Any]) -> None:
        """It is saved with its entry, in `generate_token`."""


def too_many(wait_s: int) -> Response:
    """429 to a client that did not prove itself, after too many such (RFC 6585 §4)."""
    words = (
        "Too many requests here failed to prove their client. Wait, then check the client id, the key and the clock."
    )
    answer = jsonify(error="temporarily_unavailable", error_description=words)
    answer.status_code = TooMany.status
    answer.headers["Retry-After"], answer.headers["Cache-Control"] = str(wait_s), "no-store"
    return answer


def check_parameters(request: Request) -> None:
    """Nothing in the query, nothing twice (RFC 6749 §3.2, ASVS V14.2.1, V15.3.7)."""
    if request.args:
        raise InvalidRequestError(description="Send the parameters in the body, none in the address.")
    doubled = sorted(name for name, values in request.form.lists() if len(values) > 1 and name not in REPEATABLE)
    if doubled:
        raise InvalidRequestError(description="A parameter is there more than once.")
    if request.path.endswith("/token") and not request.form.get("grant_type"):
        raise InvalidRequestError(description="The parameter grant_type is missing.")


def _scope(asked: str | None, client: Client) -> str:
    scope = " ".join(sorted(set((asked or DEFAULT_SCOPE).split())))
    if len(scope) > MAX_SCOPE or unknown_scopes(scope, client.scopes):
        raise InvalidScopeError(description=f"This client may ask for: {' '.join(sorted(client.scopes))}.")
    return scope


def _check_resources(resources: list[str], origin: str) -> None:
    if not all(is_ours(resource, origin) for resource in resources):
        raise OAuth2Error(
            error="invalid_target", description=f"The parameter resource must be {origin} or an address under it."
        )


def in_oauth_words(act: Callable[[], T]) -> T:
    """Do it; our errors become OAuth errors of the same code, in the ASCII that RFC 6749 §5.2 allows."""
    try:
        return act()
    except CharterError as error:
        raise OAuth2Error(error=error.code, description=ascii_only(error.message)) from error


def ascii_only(text: str) -> str:
    """The sentence in the characters that `error_description` may hold (RFC 6749 §5.2)."""
    return text.translate(ASCII).encode("ascii", "replace").decode().replace("\n", " ")
