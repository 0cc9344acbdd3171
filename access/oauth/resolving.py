"""From what a client asks to the one grant that its token is bound to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.models import Client, Grant
from access.oauth.rar import Asked, BadDetails, GrantSeen, choose, enriched, matches, narrow
from access.permit import instants, standing
from access.reasons import why_not
from access.tokens import Bound
from exchange.directory.models import Person


def resolve(session: Session, client: Client, asked: Asked, scope: str, jkt: str, origin: str, now: datetime) -> Bound:
    """The binding of a new token. Raises `BadDetails` if no grant, or more than one, fits; the message says why."""
    grant = _the_one(session, client, asked, now)
    seen = seen_of(grant)
    columns, ends = narrow(asked, seen, scope, now)
    return Bound(client, grant, jkt, scope, columns, enriched(asked, seen, columns, ends, origin), ends)


def seen_of(grant: Grant) -> GrantSeen:
    """The grant as the pure room reads it."""
    return GrantSeen(
        id=grant.id,
        agreement=grant.agreement_version.agreement_id,
        agreement_version=grant.agreement_version.number,
        working_group=grant.working_group_id,
        dataset=grant.dataset_id,
        purpose=grant.purpose,
        columns=frozenset(grant.columns),
        min_cell=grant.min_cell,
        not_after=grant.not_after,
    )


def _the_one(session: Session, client: Client, asked: Asked, now: datetime) -> Grant:
    group = select(Grant).where(Grant.dataset_id == asked.dataset, Grant.working_group_id == client.working_group_id)
    usable = group.join(Client, Client.id == client.id).join(Person, Person.id == Client.person_id).where(standing())
    ordered = session.scalars(usable.order_by(Grant.created_at, Grant.id), instants(now))
    found = {grant.id: grant for grant in ordered if matches(asked, seen_of(grant))}
    if found:
        return found[choose(asked, [seen_of(grant) for grant in found.values()]).id]
    ended = [
        grant for grant in session.scalars(group.order_by(Grant.created_at.desc())) if matches(asked, seen_of(grant))
    ]
    if not ended:
        raise BadDetails(
            "No grant of this client's working group fits. Check dataset, agreement, purpose and grant_id."
        )
    refusal = why_not(session, ended[0], client, now)
    raise BadDetails(refusal.reason, because=refusal.because)
