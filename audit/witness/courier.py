"""Brings the log's checkpoints to its witnesses and their cosignatures back, beside the sequencer.

Nothing here holds up a checkpoint: the sequencer publishes first, this reads what it published. All witnesses work on
one checkpoint until the quorum is there or its time is over, so that under load they do not each sign another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from audit import merkle
from audit.checkpoints import BadCheckpoint, b64, parse, split
from audit.posting import NoAnswer, post
from audit.recovery import CHECKPOINT
from audit.tiles import MissingTile, TileStore
from audit.witness.board import Board, State, Target
from audit.witness.policy import Witness

PATIENCE_S = 5.0
"""How long a witness may take to answer."""

PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
TRIES = 3
"""A witness says where it stands (409), then agrees; a third time is for one that moved meanwhile."""


class Alarm(Exception):
    """A witness saw something else than this log shows now."""


class Away(Exception):
    """A witness did not answer, or not as it should; it is asked again later."""


class Moved(Exception):
    """A witness stands beyond the checkpoint it was asked for; a newer one is there."""


@dataclass
class Courier:
    """Serves one witness."""

    witness: Witness
    store: TileStore
    board: Board
    now: Callable[[], datetime]

    def follow(self, stop: threading.Event, leading: Callable[[], bool]) -> None:
        """Ask for cosignatures until told to stop; one that is away less and less often, up to a minute."""
        pause = PAUSE_S
        while not stop.wait(pause):
            if leading():
                pause = PAUSE_S if self.step() else min(pause * 2, LONGEST_PAUSE_S)

    def step(self) -> bool:
        """Ask once if there is anything to ask; False if the witness has to be asked again."""
        target = self.board.target(self._newest, self.now())
        if target is None or self.witness.name in target.lines:
            return True
        try:
            lines, at = self._ask(target)
        except Moved:
            self.board.drop_target()
            return True
        except Alarm as alarm:
            self.board.say(self.witness, State.ALARM, str(alarm), self.now())
            return False
        except (Away, NoAnswer, BadCheckpoint, MissingTile) as away:
            self.board.say(self.witness, State.AWAY, f"{type(away).__name__}: {away}", self.now())
            return False
        self.board.cosigned(self.witness, target, lines, at)
        return True

    def _newest(self) -> str | None:
        note = self.store.read(CHECKPOINT)
        return note.decode() if note is not None else None

    def _ask(self, target: Target) -> tuple[tuple[str, ...], int]:
        """Its signature lines for a checkpoint, and the time in them."""
        old = self.board.size_of(self.witness)
        for _ in range(TRIES):
            status, body = self._post(self._request(target, min(old, target.head.size)))
            if status == 200:
                return self._checked(target, body)
            if status != 409:
                raise _refusal(status, body)
            old = _size(body)
            if old > target.head.size:
                self._compare_with_newest(old)
        raise Away("it said another size each time")

    def _compare_with_newest(self, seen: int) -> None:
        """It stands beyond this checkpoint: then a newer one must be published, or the log was rewound."""
        newest = self._newest()
        size = parse(split(newest)[0]).size if newest else 0
        if seen > size:
            raise Alarm(
                f"it has cosigned {seen} entries of this log, which shows {size} now: the end of the log is gone"
            )
        raise Moved

    def _request(self, target: Target, old: int) -> bytes:
        head = target.head
        proof = merkle.consistency_path(old, head.size, self.store.node(head.size))
        return ("\n".join((f"old {old}", *(b64(value) for value in proof))) + "\n\n" + target.note).encode()

    def _post(self, body: bytes) -> tuple[int, str]:
        status, answer = post(self.witness.url.rstrip("/") + "/add-checkpoint", body, "text/plain", PATIENCE_S)
        return status, answer.decode("utf-8", "replace")

    def _checked(self, target: Target, body: str) -> tuple[tuple[str, ...], int]:
        text, _ = split(target.note)
        verifier = self.witness.verifier
        at = verifier.signed_at(f"{text}\n{body}")
        if not at:
            raise Away(f"its answer has no cosignature by {verifier.name} ({verifier.key_id.hex()}), the policy's key")
        mine = [line for line in body.split("\n") if line and _is_by(self.witness, text, line)]
        return tuple(f"{line}\n" for line in mine), at


def _is_by(witness: Witness, text: str, line: str) -> bool:
    try:
        return witness.verifier.signed_at(f"{text}\n{line}\n") is not None
    except BadCheckpoint:
        return False


def _refusal(status: int, body: str) -> Exception:
    said = body.strip()[:300]
    if status == 422:
        return Alarm(f"it does not accept that the log goes on from what it saw (422): {said}")
    if status == 404:
        return Away(f"it does not watch this log (404); give its operator the log's key: {said}")
    if status == 403:
        return Away(f"it does not have the key that signs now (403); give its operator the log's key: {said}")
    return Away(f"it answered {status}: {said}")


def _size(body: str) -> int:
    text = body.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Away("it answered 409 without a size")
    return int(text)
