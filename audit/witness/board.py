"""What the witnesses said: the checkpoint they work on, the newest that a quorum cosigned, and how each of them stands.

Kept beside the log as `checkpoint.cosigned` and `witnesses.json`, so that every web worker can show it.
"""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from audit.checkpoints import Checkpoint, parse, split
from audit.recovery import COSIGNED
from audit.tiles import TileStore
from audit.witness.policy import Policy, Witness

WITNESSES = "witnesses.json"

AT_MOST = timedelta(seconds=10)
"""How long witnesses work on one checkpoint; then on the newest, so that one that is away holds up nobody."""


class State(enum.StrEnum):
    """How a witness stands."""

    NEVER = "never asked"
    COSIGNED = "cosigned"
    AWAY = "away"
    ALARM = "alarm"


@dataclass(frozen=True)
class Standing:
    """A witness: how it stands, the last size it cosigned and when (seconds since 1970), and what it said otherwise."""

    name: str
    key_name: str
    url: str
    state: State = State.NEVER
    size: int = 0
    at: int = 0
    said: str = ""
    since: str = ""


@dataclass(frozen=True)
class Target:
    """The checkpoint that witnesses are asked to cosign, and the lines they gave."""

    note: str
    head: Checkpoint
    begun: datetime
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Board:
    """The standing of all witnesses of a policy; safe between threads."""

    def __init__(self, store: TileStore, policy: Policy) -> None:
        self._store, self._policy = store, policy
        self._lock = threading.Lock()
        known = {standing.name: standing for standing in standings(store)}
        self._standings = {name: _standing(witness, known.get(name)) for name, witness in policy.witnesses.items()}
        self._target: Target | None = None
        self._write()

    def target(self, newest: Callable[[], str | None], now: datetime) -> Target | None:
        """What to cosign now; None before the first checkpoint."""
        with self._lock:
            target = self._target
            if target is None or now - target.begun > AT_MOST or len(target.lines) == len(self._asked()):
                note = newest()
                if note is not None and (target is None or split(note)[0] != split(target.note)[0]):
                    self._target = Target(note, parse(split(note)[0]), now)
            return self._target

    def drop_target(self) -> None:
        """Work on the newest checkpoint from now on."""
        with self._lock:
            self._target = None

    def size_of(self, witness: Witness) -> int:
        """The last size it cosigned, as far as is known here."""
        return self._standings[witness.name].size

    def cosigned(self, witness: Witness, target: Target, lines: tuple[str, ...], at: int) -> None:
        """It cosigned; publish the checkpoint once the quorum is there."""
        with self._lock:
            target.lines[witness.name] = lines
            before = self._standings[witness.name]
            self._standings[witness.name] = replace(
                before, state=State.COSIGNED, size=target.head.size, at=at, said="", since=""
            )
            self._write()
            if self._policy.met(target.lines) and target.head.size >= _published(self._store):
                note = target.note + "".join(line for name in sorted(target.lines) for line in target.lines[name])
                self._store.write({COSIGNED: note.encode()})

    def say(self, witness: Witness, state: State, said: str, now: datetime) -> None:
        """It did not cosign, and why. An alarm stays until it cosigns again, however often it is away meanwhile."""
        with self._lock:
            before = self._standings[witness.name]
            if before.state == State.ALARM and state == State.AWAY:
                return
            since = before.since if before.state == state else now.isoformat(timespec="seconds")
            after = replace(before, state=state, said=said[:500], since=since)
            if after != before:
                self._standings[witness.name] = after
                self._write()

    def _asked(self) -> list[str]:
        return [name for name, witness in self._policy.witnesses.items() if witness.url]

    def _write(self) -> None:
        content = json.dumps([asdict(standing) for standing in self._standings.values()], indent=1)
        if self._store.read(WITNESSES) != content.encode():
            self._store.write({WITNESSES: content.encode()})


def standings(store: TileStore) -> tuple[Standing, ...]:
    """How the witnesses stood when something last changed; none where nobody asks witnesses."""
    content = store.read(WITNESSES)
    try:
        found = json.loads(content or b"[]")
        return tuple(Standing(**{**known, "state": State(known["state"])}) for known in found)
    except (ValueError, TypeError, KeyError):
        return ()


def alarms(store: TileStore) -> tuple[Standing, ...]:
    """The witnesses that saw another log than this one."""
    return tuple(standing for standing in standings(store) if standing.state == State.ALARM)


def _standing(witness: Witness, known: Standing | None) -> Standing:
    new = Standing(witness.name, witness.verifier.name, witness.url)
    same = known is not None and known.key_name == new.key_name
    return replace(known, url=new.url) if known and same else new


def _published(store: TileStore) -> int:
    note = store.read(COSIGNED)
    return parse(split(note.decode())[0]).size if note is not None else 0
