"""Entries as two years of a state's exchange would leave them: for the log at scale.

Each chunk is drawn by a seed of its own, so that a build that was broken off goes on with the same entries. Nobody here
is real: persons are random pseudonyms, datasets random names.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import canonical

CHUNK = 20_000
"""Entries that are made and queued together."""

BEGIN = datetime(2024, 7, 1, tzinfo=UTC)
HOURS = 2 * 365 * 24
HOUR_MS = 3_600_000

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
FIELDS = (
    "district", "town", "grade", "days_absent", "rate", "age_group", "sex", "county", "year", "month", "facility",
    "program", "provider", "service", "diagnosis_group", "discharge", "status", "income_band", "wage", "quarter",
)  # fmt: skip
PURPOSES = ("evaluation", "audit", "eligibility", "research", "reporting", "care coordination")
WHY = {
    Code.COLUMN_WITHHELD: "The column was not granted.",
    Code.TOTALS_ONLY: "The agreement gives totals only.",
    Code.AGREEMENT_SUSPENDED: "The agreement was suspended.",
    Code.WINDOW: "The grant's time is over.",
    Code.RATE: "The agreement allows 500 queries a day; the next day begins at midnight, New York time.",
    Code.PROOF_REPLAYED: "The DPoP proof was used before; make a new one for every request.",
    Code.QUERY: "The query was not understood (query.soql.no-such-column).",
}


@dataclass(frozen=True)
class World:
    """Who and what there is: drawn once, the same for every build."""

    people: tuple[tuple[str, str, str], ...]
    datasets: tuple[tuple[str, str], ...]
    agreements: tuple[str, ...]
    clients: tuple[str, ...]


def world(people: int = 2_000, datasets: int = 300) -> World:
    """Persons with group and agency, datasets with the agency whose they are, agreements, programs."""
    dice = random.Random(20_240_701)
    agencies = [f"agency-{number:02d}" for number in range(30)]
    groups = [(f"working-group-{number:02d}", dice.choice(agencies)) for number in range(40)]
    return World(
        tuple((_uuid(dice, 0, 4), *dice.choice(groups)) for _ in range(people)),
        tuple((_four_by_four(dice), dice.choice(agencies)) for _ in range(datasets)),
        tuple(f"DSA-{2024 + number % 3}-{number:04d}" for number in range(150)),
        tuple(f"client-{number:02d}" for number in range(60)),
    )


WEIGHTS = [  # of an hour of the week, Monday 00:00 UTC first: offices in Connecticut, a few night jobs
    (0.05 if day > 4 else 0.08) if not 12 <= hour < 22 else (0.1 if day > 4 else 1.0)
    for day in range(7)
    for hour in range(24)
]
REACHED = list(accumulate(WEIGHTS[number % 168] for number in range(HOURS)))
"""The share of all work that is done by the end of each hour of the two years."""


def moment(share: float) -> int:
    """The time, in milliseconds since 1970, by which this share of all work is done."""
    wanted = share * REACHED[-1]
    hour = min(bisect.bisect_left(REACHED, wanted), HOURS - 1)
    before = REACHED[hour - 1] if hour else 0.0
    return int(BEGIN.timestamp() * 1000 + (hour + (wanted - before) / (REACHED[hour] - before)) * HOUR_MS)


def chunk(number: int, of: int, size: int = CHUNK) -> list[tuple[str, bytes]]:
    """Id and bytes of the entries of one chunk of `of` chunks, in their order."""
    dice, everything = random.Random(number), world()
    made: list[tuple[str, bytes]] = []
    while len(made) < size:
        at = moment((number + len(made) / size) / of)
        made += [(members["id"], canonical(members)) for members in _act(dice, everything, at)]
    return made[:size]


def _act(dice: random.Random, world: World, at: int) -> Iterator[dict[str, Any]]:
    """One act with all its entries."""
    kind = dice.random()
    if kind < 0.80:
        yield from _read(dice, world, at)
    elif kind < 0.88:
        yield _refusal(dice, world, at)
    elif kind < 0.95:
        yield _signing_in(dice, world, at)
    elif kind < 0.985:
        yield _of(dice, world, Action.TOKEN_ACCESS_ISSUE, Outcome.DONE, at, grant=_uuid(dice, 0, 4))
    elif kind < 0.995:
        entry = _base(dice, Action.LOG_ENTRIES_READ, Outcome.DONE, at)
        yield entry | {"actor": _one(dice, world.people)[0], "details": {"question": "who-accessed"}, "rows": 100}
    else:
        action = dice.choice((Action.GRANT_ACCESS_GIVE, Action.GRANT_ACCESS_REVOKE, Action.DATASET_VERSION_PUBLISH))
        yield _of(dice, world, action, Outcome.DONE, at)


def _read(dice: random.Random, world: World, at: int) -> Iterator[dict[str, Any]]:
    """An intent and, if the process lived, its outcome."""
    intent = _of(dice, world, Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, at)
    intent |= {
        "columns": sorted(dice.sample(FIELDS, dice.randint(1, 5))),
        "dataset_version": dice.randint(1, 9),
        "filter_commit": f"{dice.getrandbits(256):064x}",
    }
    yield intent
    ended = dice.random()
    if ended < 0.004:
        return
    outcome = Outcome.FAILED if ended < 0.01 else Outcome.CUT if ended < 0.03 else Outcome.DONE
    rows = int(dice.lognormvariate(4.5, 2.2))
    kept = ("actor", "client", "working_group", "agency", "source", "agreement", "agreement_version", "dataset")
    yield (
        _base(dice, Action.ACCESS_ROWS_OUTCOME, outcome, at + dice.randint(5, 3_000))
        | {name: intent[name] for name in kept}
        | {"ref": intent["id"], "rows": rows, "bytes": rows * dice.randint(20, 90),
           "result_sha256": f"{dice.getrandbits(256):064x}"}
    )  # fmt: skip


def _refusal(dice: random.Random, world: World, at: int) -> dict[str, Any]:
    code, reason = dice.choice(list(WHY.items()))
    refused = _of(dice, world, Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED, at)
    return refused | {"code": str(code), "reason": reason, "because": ["scope-2"]}


def _signing_in(dice: random.Random, world: World, at: int) -> dict[str, Any]:
    wrong = dice.random() < 0.04
    action = Action.SESSION_REFUSE if wrong else Action.SESSION_SIGN_IN
    entry = _base(dice, action, Outcome.REFUSED if wrong else Outcome.DONE, at)
    actor, _, agency = _one(dice, world.people)
    return entry | {"actor": actor, "agency": agency} | ({"code": str(Code.SIGN_IN)} if wrong else {})


def _of(dice: random.Random, world: World, action: Action, outcome: Outcome, at: int, **more: Any) -> dict[str, Any]:
    """An entry about a dataset under an agreement."""
    actor, group, agency = _one(dice, world.people)
    dataset, source = _one(dice, world.datasets)
    agreement = _one(dice, world.agreements)
    return _base(dice, action, outcome, at) | more | {
        "actor": actor, "client": _one(dice, world.clients), "working_group": group, "agency": agency,
        "source": source, "dataset": dataset, "agreement": agreement,
        "agreement_version": 1 + dice.getrandbits(1), "purpose": dice.choice(PURPOSES),
    }  # fmt: skip


def _base(dice: random.Random, action: Action, outcome: Outcome, at: int) -> dict[str, Any]:
    return {
        "v": 1, "t": at, "id": _uuid(dice, at, 7), "salt": f"{dice.getrandbits(128):032x}",
        "action": str(action), "outcome": str(outcome),
    }  # fmt: skip


def _one(dice: random.Random, among: tuple[Any, ...]) -> Any:
    """One of many; the first are drawn far more often than the last, as people and datasets are."""
    return among[int(len(among) * dice.random() ** 3)]


def _uuid(dice: random.Random, at: int, version: int) -> str:
    high = at << 16 | version << 12 if version == 7 else dice.getrandbits(48) << 16 | version << 12
    text = f"{high | dice.getrandbits(12):016x}{0x8000 | dice.getrandbits(14):04x}{dice.getrandbits(48):012x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _four_by_four(dice: random.Random) -> str:
    return "-".join("".join(dice.choices(ALPHABET, k=4)) for _ in range(2))
