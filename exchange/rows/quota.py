"""How many requests a minute somebody made: counted in memory, shared with the other workers once a second.

A request costs one look into a dictionary. Only who used more than a hundredth of a quota is worth telling the others
about: a thread of this process then writes its own numbers into `request_count` and reads theirs, about once a second,
for as long as that lasts (docs/decisions/0007). The minute rolls: of the minute before, the part that still overlaps
counts.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from exchange.rows.models import RequestCount

WINDOW_S = 60
SHARE_EVERY_S = 1.0
WORTH_SHARING = 100
"""Who used less than this part (1/100) of a quota is not shared: so much may the count be wrong, for each process."""

MAX_KEYS = 50_000
"""Addresses and tokens that one process tells apart in a minute; further ones pass uncounted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spent:
    """What came of asking: `left` requests in this window; `wait_s` seconds until there is room (again)."""

    allowed: bool
    limit: int
    left: int
    wait_s: int


class Counters:
    """Requests of this minute and the last, by key; thread-safe. `shared` merges them with other processes' counts."""

    def __init__(self, shared: SharedCounts | None = None) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._here: dict[str, int] = {}
        self._elsewhere: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._telling: set[str] = set()
        self._shared = shared
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None

    def spend(self, key: str, limit: int, now_s: float) -> Spent:
        """Count one request at this time (seconds since 1970), unless the quota is used up."""
        with self._lock:
            self._roll(int(now_s // WINDOW_S))
            here, passed_s = self._here.get(key, 0), now_s % WINDOW_S
            before, now_used = self._before.get(key, 0), here + self._elsewhere.get(key, 0)
            used = before * (1 - passed_s / WINDOW_S) + now_used
            if used + 1 > limit:
                return Spent(False, limit, 0, _wait_s(before, now_used, limit, passed_s))
            if here or len(self._here) < MAX_KEYS:
                self._here[key] = here + 1
            if self._shared is not None and (here + 1) * WORTH_SHARING > limit:
                self._tell(key)
        return Spent(True, limit, int(limit - used - 1), max(1, int(WINDOW_S - passed_s)))

    def share(self) -> None:
        """Tell the other processes what was counted here, and learn what they counted."""
        with self._lock:
            minute, mine = self._minute, {key: self._here.get(key, 0) for key in self._telling}
        if self._shared is None or not mine:
            return
        theirs = self._shared.exchange(minute, mine)
        with self._lock:
            if self._minute == minute:
                self._elsewhere.update(theirs)

    def _roll(self, minute: int) -> None:
        if minute == self._minute:
            return
        follows = minute == self._minute + 1
        keys = self._here.keys() | self._elsewhere.keys() if follows else ()
        self._before = {key: self._here.get(key, 0) + self._elsewhere.get(key, 0) for key in keys}
        self._here, self._elsewhere, self._telling, self._minute = {}, {}, set(), minute

    def _tell(self, key: str) -> None:
        self._telling.add(key)
        if not self._busy.is_set():
            self._busy.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_sharing, name="quota", daemon=True)
            self._thread.start()

    def _keep_sharing(self) -> None:
        pause = threading.Event()
        while self._busy.wait():
            self._busy.clear()
            try:
                self.share()
            except SQLAlchemyError:
                _log.warning("request counts could not be shared; each process counts alone", exc_info=True)
            pause.wait(SHARE_EVERY_S)


def _wait_s(before: int, now_used: int, limit: int, passed_s: float) -> int:
    """Seconds until one request fits: the minute before fades, and after this minute this one does."""
    room = limit - 1 - now_used
    if room >= 0 and before:
        return max(1, int(WINDOW_S * (1 - room / before) - passed_s) + 1)
    fades_s = WINDOW_S * (1 - (limit - 1) / now_used) if now_used else 0.0
    return max(1, int(WINDOW_S - passed_s + max(0.0, fades_s)) + 1)


class SharedCounts:
    """The table by which processes tell each other. Keys are stored as keyed hashes and go after two minutes."""

    def __init__(self, engine: Engine, secret: str) -> None:
        self._engine = engine
        self._secret = secret.encode()
        self._process = secrets.token_hex(16)

    def exchange(self, minute: int, mine: Mapping[str, int]) -> dict[str, int]:
        """Write this process's counts of the minute, and return the sum of all others' for the same keys."""
        hidden = {keyed_hash(self._secret, key): key for key in mine}
        rows = [
            {"key": hash_, "minute": minute, "process": self._process, "requests": mine[key]}
            for hash_, key in hidden.items()
        ]
        dialect: Any = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        first = dialect.insert(RequestCount.__table__)
        again = first.on_conflict_do_update(
            index_elements=[RequestCount.key, RequestCount.minute, RequestCount.process],
            set_={"requests": first.excluded.requests},
        )
        others = (
            select(RequestCount.key, func.sum(RequestCount.requests))
            .where(RequestCount.minute == minute, RequestCount.process != self._process)
            .group_by(RequestCount.key)
        )
        with self._engine.begin() as connection:
            connection.execute(delete(RequestCount).where(RequestCount.minute < minute - 1))
            connection.execute(again, rows)
            return {hidden[key]: int(count) for key, count in connection.execute(others) if key in hidden}


def keyed_hash(secret: bytes, text: str) -> str:
    """32 hex characters that only this installation can make of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]
