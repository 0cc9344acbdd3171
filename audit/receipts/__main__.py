"""An agency's comparison as a program: `python -m audit.receipts FILE --with ADDRESS --key VKEY`.

For whoever keeps receipts, on a machine that the log's operator does not run. It needs no database and no settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.checkpoints import BadCheckpoint, Checkpoint, Verifier, open_with, parse_vkey
from audit.receipts import comparing
from audit.receipts.comparing import Compared, Differs
from audit.receipts.elsewhere import PublishedLog
from audit.receipts.receipt import BadReceipts
from audit.tiles import TileStore

AGREES = "the log agrees with the receipts"


class NotCompared(Exception):
    """There is no agreement. The message says whether the log, the file or the way to the log is at fault."""


@dataclass(frozen=True)
class Keys:
    """Keys of one log, any of which may have signed."""

    verifiers: tuple[Verifier, ...]

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note. Raises `BadCheckpoint` unless one of the keys signed it."""
        return open_with(self.verifiers, note)


def keys_of(vkeys: Sequence[str]) -> Keys:
    """Keys from their texts. Raises `NotCompared`."""
    if not vkeys:
        raise NotCompared("name the log's public key: --key 'data.example/audit/log+…'; not the one it shows")
    try:
        return Keys(tuple(parse_vkey(vkey) for vkey in vkeys))
    except BadCheckpoint as bad:
        raise NotCompared(f"--key is not the text of a key: {bad}") from bad


def with_other(file: Path, other: str, vkeys: Sequence[str]) -> Compared:
    """Compare with a log at an address or in a folder, which the first key must have signed. Raises `NotCompared`."""
    keys, remote = keys_of(vkeys), other.startswith(("https://", "http://"))
    now = keys.verifiers[0]
    try:
        with file.open("rb") as lines:
            return comparing.with_log(lines, keys, PublishedLog(other) if remote else TileStore(Path(other)), now)
    except (Differs, BadReceipts, OSError) as wrong:
        raise not_compared(wrong) from wrong


def not_compared(wrong: Exception) -> NotCompared:
    """What a failure says, and what it does not: a damaged file accuses nobody."""
    if isinstance(wrong, Differs):
        return NotCompared(f"the log does NOT agree with the receipts: {wrong}. Keep the file and tell the auditors")
    if isinstance(wrong, BadReceipts):
        return NotCompared(
            f"the file of receipts does not hold by itself, so it says nothing about the log: {wrong}. "
            "Take your first copy of the file, or fetch it again; if the log changed its key, name the older key too"
        )
    return NotCompared(f"nothing was compared: {wrong}")


def said(compared: Compared) -> str:
    """A comparison in four lines."""
    return (
        f"agency    {compared.agency}\n"
        f"receipts  {compared.receipts}, entries {compared.first} to before {compared.following}\n"
        f"then      {compared.kept.size} entries\n"
        f"now       {compared.stands.size} entries, which begin with those"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code, 0 only if the log agrees."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.receipts", description="Compare an agency's kept receipts with the log as it stands."
    )
    parser.add_argument("file", type=Path, help="the file of receipts")
    parser.add_argument(
        "--with", dest="other", required=True, help="the log's address (https://…/audit/log), or a copy of its folder"
    )
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        help="the log's public key, as you learnt it elsewhere; then older ones",
    )
    chosen = parser.parse_args(arguments)
    try:
        compared = with_other(chosen.file, chosen.other, chosen.key)
    except NotCompared as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    sys.stdout.write(f"{said(compared)}\n{AGREES}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
