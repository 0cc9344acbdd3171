"""What the log says of tokens: issued, refused, revoked. A token appears by the first 16 digits of its hash only."""

from __future__ import annotations

from datetime import datetime

from access.models import Client, Token
from access.tokens import Bound
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry

PREFIX = 16


def token_name(token_hash: str) -> str:
    """How entries name a token: enough to tell tokens apart, nothing to use."""
    return token_hash[:PREFIX]


def issued(token: Token, bound: Bound, now: datetime) -> Entry:
    """A token was issued under a grant."""
    version = bound.grant.agreement_version
    return Entry(
        Action.TOKEN_ACCESS_ISSUE, Outcome.DONE,
        actor=bound.client.person.pseudonym, client=bound.client.id, working_group=bound.client.working_group_id,
        token=token_name(token.hash), grant=bound.grant.id, purpose=bound.grant.purpose, dataset=bound.grant.dataset_id,
        agreement=version.agreement_id, agreement_version=version.number, agreement_sha256=version.sha256,
        columns=bound.columns, at=now, details={"scope": token.scope, "jkt": token.jkt},
    )  # fmt: skip


def refused(client: Client | None, path: str, code: str, reason: str, now: datetime) -> Entry:
    """A request to the token, revocation or introspection endpoint was refused."""
    return Entry(
        Action.TOKEN_ACCESS_REFUSE, Outcome.REFUSED,
        actor=client.person.pseudonym if client else None, client=client.id if client else None,
        working_group=client.working_group_id if client else None, code=Code.TOKEN_REQUEST, reason=reason or code,
        at=now, request={"route": path}, details={"error": code},
    )  # fmt: skip


def refused_beyond(count: int, period_s: float, now: datetime) -> Entry:
    """So many more requests of clients that did not prove themselves were refused, and not recorded one by one."""
    reason = f"{count} more requests of clients that did not prove themselves were refused within {period_s:g} seconds."
    return Entry(
        Action.TOKEN_ACCESS_REFUSE,
        Outcome.REFUSED,
        code=Code.TOKEN_REQUEST,
        reason=reason,
        at=now,
        details={"error": "many", "count": count},
    )


def revoked(token: Token, client: Client, now: datetime) -> Entry:
    """A client gave its token back (RFC 7009)."""
    return Entry(
        Action.TOKEN_ACCESS_REVOKE, Outcome.DONE, actor=client.person.pseudonym, client=client.id,
        working_group=client.working_group_id, token=token_name(token.hash), grant=token.grant_id, at=now,
    )  # fmt: skip
