"""The log's key in another process: the sequencer asks it over a UNIX socket and never holds a private half.

The high-water mark lies on the other side too, and moves with each signature.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from audit.checkpoints import BadCheckpoint, Checkpoint, Verifier, open_with, parse_vkey
from audit.mark import WHAT_TO_DO, InconsistentLog
from audit.signing.guarded import LONGEST, PATIENCE_S


class RemoteSigner:
    """The signer behind a socket, and its mark. A socket that does not answer raises `OSError`: try again later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._verifiers: tuple[Verifier, ...] = ()
        self._statement = ""

    @property
    def verifier(self) -> Verifier:
        """The public half of the newest Ed25519 key."""
        return self._known()[0]

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that any key of this log signed."""
        return open_with(self._known(), note)

    def sign(self, text: str) -> tuple[str, ...]:
        """The lines of each key that signs now. Raises `InconsistentLog` if the signer refuses."""
        return tuple(self._ask({"sign": text})["lines"])

    def statement(self) -> str:
        """The public halves with their dates, as the signer said them last."""
        self._known()
        return self._statement

    def read(self) -> Checkpoint:
        """The largest tree that the signer signed."""
        note = self._ask({})["mark"]
        try:
            return self.open(str(note))
        except BadCheckpoint as bad:
            raise InconsistentLog(f"the signer's high-water mark is not its key's: {bad}. {WHAT_TO_DO}") from bad

    def advance(self, before: Checkpoint, after: Checkpoint, note: str) -> None:
        """The mark moved when the signer signed; check that it stands there. Raises `InconsistentLog`."""
        stands = self.read()
        if stands != after:
            raise InconsistentLog(
                f"the signer's high-water mark counts {stands.size} entries, not the {after.size} signed last; "
                f"another process signs with this key. {WHAT_TO_DO}"
            )

    def note(self) -> str | None:
        """The mark as the signer has it."""
        note = self._ask({})["mark"]
        return str(note) if note is not None else None

    def write(self, note: str) -> None:
        """Raises `InconsistentLog`: a signer's mark never goes back while it runs."""
        raise InconsistentLog(
            "the mark lies with the signer: stop it, and accept the restore where the key file is, with "
            "EXCHANGE_LOG_KEY_FILE set and EXCHANGE_LOG_SIGNER not"
        )

    def _known(self) -> tuple[Verifier, ...]:
        if not self._verifiers:
            self._ask({})
        return self._verifiers

    def _ask(self, asked: dict[str, str]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(str(self._path))
            connection.sendall(json.dumps(asked).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline(LONGEST)
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the signer at {self._path} ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise InconsistentLog(f"the signer refuses: {answer['refused']}. {WHAT_TO_DO}")
        if answer["keys"] != self._statement:
            self._statement = str(answer["keys"])
            self._verifiers = _verifiers(self._statement)
        return answer


def _verifiers(statement: str) -> tuple[Verifier, ...]:
    keys = json.loads(statement)["keys"]
    return tuple(parse_vkey(key[form]) for key in keys for form in ("ed25519", "ml_dsa_44") if key[form])
