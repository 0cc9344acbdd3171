"""OAuth clients: a program of one working group, for which one named member answers. Only public keys are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.models import Client
from access.oauth.jose import BadJose, algorithm_of, import_public
from access.oauth.metadata import SCOPES
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange import clock, epoch
from exchange.directory.identity import Identity, RoleHeld, roles_on
from exchange.directory.models import Person, RoleKind, WorkingGroup
from exchange.errors import Conflict, Invalid, NotFound, Refused
from exchange.values import slug

DEFAULT_SCOPES = ("catalog.read", "data.query")
MAX_KEYS = 8
MAX_ID = 80
MAX_NAME = 200


def read_jwks(text: str) -> dict[str, Any]:
    """The public key set in a pasted text: a JWK Set, or one JWK. Raises `Invalid`."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Invalid("The keys are not JSON. Paste the whole JWK Set, from { to }.") from error
    if isinstance(value, dict) and "kty" in value:
        value = {"keys": [value]}
    return check_jwks(value)


def check_jwks(jwks: Any) -> dict[str, Any]:
    """The key set as it will be kept: signing public keys only, each with its `alg` and `kid`. Raises `Invalid`."""
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise Invalid(f'A JWK Set has a list "keys" with 1 to {MAX_KEYS} public keys (RFC 7517 §5).')
    return {"keys": [_check_key(number, key) for number, key in enumerate(keys, 1)]}


def _check_key(number: int, jwk: Any) -> dict[str, Any]:
    if not isinstance(jwk, dict):
        raise Invalid(f"Key {number} is not a JSON object.")
    try:
        key = import_public(jwk)
    except BadJose as bad:
        raise Invalid(f"Key {number} cannot be registered. {bad.message}") from bad
    key.ensure_kid()
    return {**key.as_dict(private=False), "alg": algorithm_of(jwk), "kid": str(jwk.get("kid") or key.thumbprint())}


def register_client(
    session: Session,
    by: Identity | None,
    *,
    name: str,
    working_group_id: str,
    jwks: Mapping[str, Any],
    now: datetime,
    id: str | None = None,
    person_id: str | None = None,
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
) -> Client:
    """Register a program of a working group. `person_id` answers for it; without one `by` does, who must be a member.

    Raises `Refused` unless both are members today, `Invalid` for keys that are not public signing keys, `Conflict` if
    the id is taken. `by` None is the loader of a new installation. The caller commits.
    """
    if by is not None and not by.holds(RoleKind.MEMBER, group=working_group_id):
        raise Refused("Only a member of the working group registers its clients. Ask a member, or become one.")
    person = _answering(session, person_id or (by.person_id if by else ""), working_group_id, now)
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not name.strip() or len(name) > MAX_NAME:
        raise Invalid(
            f"Unknown scope {unknown[0]}." if unknown else "Give the client a name that its group will recognise."
        )
    client = Client(
        id=_free_id(session, id or slug(name)),
        name=name.strip(),
        working_group_id=working_group_id,
        person_id=person.id,
        jwks=check_jwks(jwks),
        scopes=sorted(scopes),
        created_at=now,
    )
    session.add(client)
    session.flush()
    _record(session, Action.CLIENT_REGISTRATION_ADD, client, person.pseudonym if by is None else by.pseudonym, now)
    return client


def _answering(session: Session, person_id: str, working_group_id: str, now: datetime) -> Person:
    person = session.get(Person, person_id)
    if person is None or session.get(WorkingGroup, working_group_id) is None:
        raise Invalid("A client needs a working group and a member who answers for it.")
    if RoleHeld(RoleKind.MEMBER, None, working_group_id) not in _memberships(session, person, now):
        raise Refused("The person who answers for a client must be a member of its working group today.")
    return person


def _memberships(session: Session, person: Person, now: datetime) -> set[RoleHeld]:
    held = roles_on(session, person.id, clock.legal_day(now))
    return {RoleHeld(role.kind, None, role.working_group_id) for role in held}


def _free_id(session: Session, wanted: str) -> str:
    if not wanted or len(wanted) > MAX_ID:
        raise Invalid(f"The client id must have 1 to {MAX_ID} letters, digits and hyphens.")
    if session.get(Client, wanted) is not None:
        raise Conflict(f"There is a client {wanted} already. Choose another name.")
    return wanted


def disable_client(session: Session, by: Identity, client_id: str, now: datetime) -> Client:
    """Disable a client for good: its tokens stop with the next request, its streams within a second.

    A member of its group, the CDO or an administrator may. Raises `NotFound` for others: they may not know of it. The
    caller commits.
    """
    client = find(session, by, client_id)
    if client.disabled_at is not None:
        raise Conflict("This client is disabled already.")
    client.disabled_at = now
    epoch.bump(session)
    _record(session, Action.CLIENT_REGISTRATION_DISABLE, client, by.pseudonym, now)
    return client


def find(session: Session, identity: Identity, client_id: str) -> Client:
    """A client that this person may see and disable. Raises `NotFound`."""
    client = session.get(Client, client_id)
    office = identity.holds(RoleKind.CDO, RoleKind.ADMINISTRATOR)
    if client is None or not (office or identity.holds(RoleKind.MEMBER, group=client.working_group_id)):
        raise NotFound("There is no such client.")
    return client


def clients_of(session: Session, identity: Identity) -> list[Client]:
    """The clients of the person's working groups, newest first; all of them for the CDO and administrators."""
    statement = select(Client).order_by(Client.created_at.desc(), Client.id)
    if not identity.holds(RoleKind.CDO, RoleKind.ADMINISTRATOR):
        statement = statement.where(Client.working_group_id.in_(sorted(identity.groups())))
    return list(session.scalars(statement))


def _record(session: Session, action: Action, client: Client, actor: str, now: datetime) -> None:
    keys = [key["kid"] for key in client.jwks["keys"]]
    ledger.append(
        session.connection(),
        Entry(
            action,
            Outcome.DONE,
            actor=actor,
            client=client.id,
            working_group=client.working_group_id,
            at=now,
            details={"keys": keys, "scopes": list(client.scopes)},
        ),
    )
