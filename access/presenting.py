"""Who presents a token at the restricted door: scheme, token and proof checked, and everything about them read once.

`Seen` is frozen: the database session is given back before anything is recorded, so that a slow reader holds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from access import tokens
from access.decision import GrantTerms, Reader
from access.grants import grant_terms
from access.models import Token
from access.oauth import dpop
from access.oauth.metadata import issuer
from exchange.clock import legal_day
from exchange.directory.identity import Identity, identify
from exchange.errors import NotFound, Refused, Unauthenticated
from exchange.rows.door import Credentials
from exchange.settings import Settings

SCHEME = "DPoP"
NOTHING_HERE = (
    "There is nothing at this address, or you may not know of it. Restricted rows need a token; see /clients."
)


class Unproven(Unauthenticated):
    """401 with the challenge that tells a client what to do (RFC 9449 §7.1, RFC 9728 §5.1)."""

    def __init__(self, code: str, message: str, origin: str) -> None:
        super().__init__(message, code=code)
        algorithms = " ".join(sorted(dpop.ALGORITHMS))
        metadata = f"{origin}/.well-known/oauth-protected-resource"
        challenge = f'{SCHEME} error="{code}", algs="{algorithms}", resource_metadata="{metadata}"'
        self.headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}


class NotGranted(Refused):
    """403 with its reason, what caused it, and the id of its entry."""

    def __init__(self, message: str, because: tuple[str, ...], headers: dict[str, str]) -> None:
        super().__init__(message, because=because)
        self.headers = headers


class NothingHere(NotFound):
    """404: there is no such dataset, or the asker may not know of it; both read the same."""

    code = "soda.dataset.not-found"

    def __init__(self) -> None:
        super().__init__(NOTHING_HERE)
        self.headers = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Seen:
    """A token that we know, and what stands behind it. `proof` None means that the proof did not hold."""

    token_hash: str
    pseudonym: str
    reader: Reader
    terms: GrantTerms
    agreement: str
    agreement_version: int
    agreement_sha256: str | None
    rate: int | None
    identity: Identity
    proof: dpop.Proof | None
    problem: Unproven | None

    @property
    def replay_key(self) -> str | None:
        """The one-time key of the proof, as the log's replay table keeps it."""
        return self.proof.replay_key if self.proof else None


def origin_of(settings: Settings, credentials: Credentials) -> str:
    """Who we are to this client."""
    parts = urlsplit(credentials.url)
    return issuer(settings, f"{parts.scheme}://{parts.netloc}/")


def present(session: Session, settings: Settings, credentials: Credentials, now: datetime) -> Seen:
    """What these credentials show. Raises `NothingHere` without any, `Unproven` when nothing known was presented.

    A known token with a problem (expired, revoked, a proof that does not hold) comes back with it, to be recorded.
    """
    if not credentials.authorization:
        raise NothingHere
    origin = origin_of(settings, credentials)
    value = _token_text(credentials.authorization, origin)
    proof, problem = _proof(credentials, origin, value, now)
    token = tokens.find(session, value)
    if token is None or (problem is not None and not tokens.is_live(token, now)):
        raise problem or Unproven("invalid_token", "The token is not known here. Ask for a new one.", origin)
    return _seen(session, token, proof, problem or _problem(token, proof, origin, now), now)


def _token_text(authorization: str, origin: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != SCHEME.lower():
        raise Unproven("invalid_token", "Send the token as Authorization: DPoP <token>, with a proof in DPoP.", origin)
    return value.strip()


def _proof(
    credentials: Credentials, origin: str, value: str, now: datetime
) -> tuple[dpop.Proof | None, Unproven | None]:
    url = origin + urlsplit(credentials.url).path
    try:
        return dpop.check(credentials.proofs, method=credentials.method, url=url, now=now, token=value), None
    except dpop.BadProof as bad:
        return None, Unproven(bad.code, bad.message, origin)


def _problem(token: Token, proof: dpop.Proof | None, origin: str, now: datetime) -> Unproven | None:
    if proof is None or proof.jkt != token.jkt:
        return Unproven("invalid_token", "The token is bound to another key than the one that made the proof.", origin)
    if token.revoked_at is not None:
        return Unproven("invalid_token", "The token was revoked. Ask for a new one.", origin)
    if token.expires_at <= now:
        return Unproven("invalid_token", "The token has expired. Ask for a new one.", origin)
    return None


def _seen(session: Session, token: Token, proof: dpop.Proof | None, problem: Unproven | None, now: datetime) -> Seen:
    grant, client = token.grant, token.client
    version = grant.agreement_version
    limits = token.authorization_details[0].get("limits", {})
    return Seen(
        token_hash=token.hash,
        pseudonym=client.person.pseudonym,
        reader=Reader(
            person_id=client.person_id,
            client_id=client.id,
            working_group=client.working_group_id,
            grant_id=grant.id,
            scopes=frozenset(token.scope.split()),
            columns=frozenset(token.columns),
            min_cell=int(limits.get("min_cell", 0)),
        ),
        terms=grant_terms(grant),
        agreement=version.agreement_id,
        agreement_version=version.number,
        agreement_sha256=version.sha256,
        rate=grant.rate,
        identity=identify(session, client.person, legal_day(now), token.issued_at, "client"),
        proof=proof,
        problem=problem,
    )
