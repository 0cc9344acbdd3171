"""What a client asks to read, and what it gets: `authorization_details` (RFC 9396) resolved to exactly one grant.

One object asks for one dataset under one grant (invariant 4). An unknown type, member or value refuses. Columns not
named are the granted ones; what is named and not granted refuses; the result is never wider than asked ∩ granted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from access.oauth.metadata import details_type, is_ours
from exchange.errors import Invalid
from exchange.values import is_four_by_four

MEMBERS = frozenset(
    {
        "type",
        "locations",
        "agreement",
        "working_group",
        "purpose",
        "grant_id",
        "actions",
        "datasets",
        "limits",
        "not_after",
    }
)
"""What a client may say; `grant_id` names the grant itself. `agreement_version` only the server says."""

DATASET_MEMBERS = frozenset({"id", "columns"})
LIMITS = frozenset({"min_cell"})
ACTIONS = {"query": "data.query", "export": "data.export"}
"""Action -> the scope without which it cannot be asked for."""

MAX_LENGTH = 16_384
MAX_COLUMNS = 500
MAX_MIN_CELL = 1_000_000


class BadDetails(Invalid):
    """`invalid_authorization_details` (RFC 9396 §5); the message says which member."""

    code = "invalid_authorization_details"


@dataclass(frozen=True)
class Asked:
    """A request for one dataset, read and checked by itself; `None` means that the client leaves it to the grant."""

    dataset: str
    columns: frozenset[str] | None
    agreement: str | None
    working_group: str | None
    purpose: str | None
    actions: frozenset[str]
    grant_id: str | None = None
    min_cell: int = 0
    not_after: datetime | None = None
    locations: tuple[str, ...] = field(default=())


def read(text: str | None, origin: str) -> Asked:
    """The one request in the parameter `authorization_details`. Raises `BadDetails`."""
    if not text:
        raise BadDetails("The parameter authorization_details is missing: say which dataset, under which agreement.")
    if len(text) > MAX_LENGTH:
        raise BadDetails(f"authorization_details is longer than {MAX_LENGTH} characters.")
    try:
        value = json.loads(text, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        raise BadDetails("authorization_details is not valid JSON, or has a member twice.") from error
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise BadDetails("authorization_details must be a list with exactly one object: one grant for one token.")
    return _read_object(value[0], origin)


def _no_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _read_object(details: Mapping[str, Any], origin: str) -> Asked:
    if details.get("type") != details_type(origin):
        raise BadDetails(f"The type of authorization_details must be {details_type(origin)}.")
    _only(details, MEMBERS, "authorization_details")
    dataset, columns = _dataset(details.get("datasets"))
    return Asked(
        dataset=dataset,
        columns=columns,
        agreement=_text(details, "agreement"),
        working_group=_text(details, "working_group"),
        purpose=_text(details, "purpose"),
        actions=_actions(details.get("actions", ["query"])),
        grant_id=_text(details, "grant_id"),
        min_cell=_min_cell(details.get("limits", {})),
        not_after=_instant(details.get("not_after")),
        locations=_locations(details.get("locations", []), origin),
    )


def _only(found: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise BadDetails(
            f"{where} has a member {unknown[0][:40]} that is not known here; known are {', '.join(sorted(known))}."
        )


def _text(details: Mapping[str, Any], name: str) -> str | None:
    value = details.get(name)
    if name in details and not (isinstance(value, str) and 0 < len(value) <= 200):
        raise BadDetails(f"The member {name} must be a text.")
    return value


def _texts(value: Any, name: str, at_most: int) -> frozenset[str]:
    if not isinstance(value, list) or not 0 < len(value) <= at_most or not all(isinstance(each, str) for each in value):
        raise BadDetails(f"The member {name} must be a list of 1 to {at_most} texts.")
    if len(set(value)) != len(value):
        raise BadDetails(f"The member {name} names something twice.")
    return frozenset(value)


def _dataset(value: Any) -> tuple[str, frozenset[str] | None]:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise BadDetails("The member datasets must be a list with exactly one object; ask for each dataset by itself.")
    _only(value[0], DATASET_MEMBERS, "A member of datasets")
    name = value[0].get("id")
    if not isinstance(name, str) or not is_four_by_four(name):
        raise BadDetails("A dataset is named by its id, such as abcd-2345.")
    columns = _texts(value[0]["columns"], "columns", MAX_COLUMNS) if "columns" in value[0] else None
    return name, columns


def _actions(value: Any) -> frozenset[str]:
    actions = _texts(value, "actions", len(ACTIONS))
    if actions - set(ACTIONS):
        raise BadDetails(f"The member actions may hold {', '.join(sorted(ACTIONS))}.")
    return actions


def _min_cell(value: Any) -> int:
    if not isinstance(value, dict):
        raise BadDetails("The member limits must be an object.")
    _only(value, LIMITS, "limits")
    floor = value.get("min_cell", 0)
    if isinstance(floor, bool) or not isinstance(floor, int) or not 0 <= floor <= MAX_MIN_CELL:
        raise BadDetails("The limit min_cell must be a whole number, 0 or more.")
    return floor


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadDetails("The member not_after must be an instant such as 2026-12-31T23:59:59Z.") from error
    if instant.tzinfo is None:
        raise BadDetails("The member not_after needs a zone, such as a final Z.")
    return instant.astimezone(UTC)


def _locations(value: Any, origin: str) -> tuple[str, ...]:
    if value == []:
        return ()
    locations = _texts(value, "locations", 8)
    if not all(is_ours(location, origin) for location in locations):
        raise BadDetails(f"Every location must be this server, {origin}.")
    return tuple(sorted(locations))


@dataclass(frozen=True)
class GrantSeen:
    """What this room needs to know of a grant; `access.oauth.resolving` reads it from the database."""

    id: str
    agreement: str
    agreement_version: int
    working_group: str
    dataset: str
    purpose: str
    columns: frozenset[str]
    min_cell: int
    not_after: datetime


def matches(asked: Asked, grant: GrantSeen) -> bool:
    """Whether the grant is one that the client may mean."""
    wanted = (asked.grant_id, asked.agreement, asked.working_group, asked.purpose)
    have = (grant.id, grant.agreement, grant.working_group, grant.purpose)
    return asked.dataset == grant.dataset and all(w is None or w == h for w, h in zip(wanted, have, strict=True))


def choose(asked: Asked, grants: Sequence[GrantSeen]) -> GrantSeen:
    """The one of these fitting grants that the client means: the only one, or the only one that covers its columns.

    Grants are never merged (invariant 4). Raises `BadDetails` with the ids to choose from.
    """
    wanted = asked.columns
    covering = grants if wanted is None else [grant for grant in grants if wanted <= grant.columns]
    if len(grants) == 1 or len(covering) == 1:
        return (grants if len(grants) == 1 else covering)[0]
    offered = "; ".join(f"{each.id} ({', '.join(sorted(each.columns))})" for each in covering or grants)
    raise BadDetails(
        f"More than one grant fits, and each token is for one grant. Name it by the member grant_id: {offered}."
    )


def narrow(asked: Asked, grant: GrantSeen, scope: str, now: datetime) -> tuple[tuple[str, ...], datetime]:
    """The columns and the last instant that the token gets: asked ∩ granted. Raises `BadDetails` for anything beyond.

    A column that does not exist and one that is not granted answer alike.
    """
    columns = grant.columns if asked.columns is None else asked.columns
    beyond = sorted(columns - grant.columns)
    if beyond:
        raise BadDetails(
            f"The column {beyond[0][:80]} is not granted. Granted are: {', '.join(sorted(grant.columns))}."
        )
    missing = sorted(ACTIONS[action] for action in asked.actions if ACTIONS[action] not in scope.split())
    if missing:
        raise BadDetails(f"The actions need the scope {missing[0]}.")
    ends = grant.not_after if asked.not_after is None else min(asked.not_after, grant.not_after)
    if ends <= now:
        raise BadDetails("The member not_after has passed.")
    return tuple(sorted(columns)), ends


def enriched(asked: Asked, grant: GrantSeen, columns: Sequence[str], ends: datetime, origin: str) -> dict[str, Any]:
    """What was granted, as the token response and introspection say it (RFC 9396 §7.1)."""
    return {
        "type": details_type(origin),
        "locations": list(asked.locations) or [f"{origin}/resource/{grant.dataset}"],
        "agreement": grant.agreement,
        "agreement_version": grant.agreement_version,
        "grant_id": grant.id,
        "working_group": grant.working_group,
        "purpose": grant.purpose,
        "actions": sorted(asked.actions),
        "datasets": [{"id": grant.dataset, "columns": list(columns)}],
        "limits": {"min_cell": max(asked.min_cell, grant.min_cell)},
        "not_after": ends.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
