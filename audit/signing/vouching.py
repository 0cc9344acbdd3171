"""Who vouches for the log, as everybody may know it: its keys, its witnesses, its time stamps, and what is wrong.

Everything is read from the log's folder, so that web workers need neither a key nor the sequencer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.checkpoints import BadCheckpoint, Verifier, parse_vkey
from audit.published import Head, head, head_cosigned
from audit.recovery import KEYS
from audit.signing import stamps
from audit.signing.stamps import Stamp
from audit.signing.stamps import State as Stamping
from audit.tiles import TileStore
from audit.witness.board import Standing, State, standings
from audit.witness.policy import Policy

SLOW = timedelta(hours=1)
"""How long the quorum may lag, or a witness be away, before somebody should look."""

SHOWN = 31
"""Stamps on the page, newest first; all are in the file."""


@dataclass(frozen=True)
class KeyRow:
    """One public key of the log: its form, as text, since when and until when it signs, and where that stands."""

    form: str
    vkey: str
    since: datetime | None
    until: datetime | None
    state: str


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong: what, and what to do next. An alarm is a sign that history may have been rewritten."""

    what: str
    do: str
    alarm: bool = False


@dataclass(frozen=True)
class Vouchers:
    """All of it."""

    head: Head | None
    cosigned: Head | None
    keys: tuple[KeyRow, ...]
    witnesses: tuple[Standing, ...]
    stamps: tuple[Stamp, ...]
    stamping: Stamping
    troubles: tuple[Trouble, ...]


def vouchers(store: TileStore, policy: Policy | None, stamped: bool, now: datetime, most: int = SHOWN) -> Vouchers:
    """Who vouches, and how that stands now. `stamped` says that an authority is set up."""
    keys, (signed, wrong) = tuple(_keys(store, now)), _head(store)
    whole = Vouchers(
        signed, head_cosigned(store), keys, standings(store), tuple(stamps.stamps(store)[:most]),
        stamps.state(store), (),
    )  # fmt: skip
    found = (*wrong, *_of_witnesses(whole, now), *_of_policy(whole, policy), *_of_stamps(whole, stamped, now))
    return Vouchers(**{**vars(whole), "troubles": found})


def _head(store: TileStore) -> tuple[Head | None, tuple[Trouble, ...]]:
    """The signed head, or what is wrong with the one that is published."""
    try:
        return head(store), ()
    except (BadCheckpoint, UnicodeDecodeError) as bad:
        what = f"The published checkpoint is not signed by the key that lies beside it: {bad}"
        do = "Change nothing. Copy the log’s folder, and run: flask audit verify. It says what does not fit."
        return None, (Trouble(what, do, alarm=True),)


def since_of(standing: Standing) -> datetime | None:
    """Since when a witness stands as it does, where that is known."""
    return datetime.fromisoformat(standing.since) if standing.since else None


def seen_at(standing: Standing) -> datetime | None:
    """When a witness last cosigned, by its own clock."""
    return datetime.fromtimestamp(standing.at, UTC) if standing.at else None


def log_keys(store: TileStore) -> list[Verifier]:
    """The public keys of the log that sign, or signed, newest first."""
    return [parse_vkey(row.vkey) for row in _keys(store, datetime.max.replace(tzinfo=UTC))]


def _keys(store: TileStore, now: datetime) -> Iterator[KeyRow]:
    for key in json.loads(store.read(KEYS) or b'{"keys": []}')["keys"]:
        since, until = (datetime.fromisoformat(key[name]) if key[name] else None for name in ("since", "until"))
        state = "signs" if until is None else "ends" if now < until else "retired"
        for form, words in (("ed25519", "Ed25519"), ("ml_dsa_44", "ML-DSA-44")):
            if key[form]:
                yield KeyRow(words, key[form], since, until, state)


def _of_witnesses(found: Vouchers, now: datetime) -> Iterator[Trouble]:
    for it in found.witnesses:
        since = since_of(it)
        if it.state == State.ALARM:
            yield Trouble(
                f"The witness {it.key_name} saw another log than this one: {it.said}",
                "Change nothing. Copy the log’s folder and the database, ask the witness’s operator for the files in "
                "its evidence folder, and run: flask audit verify. If a restore was accepted since, the log’s entry "
                "log:restore:accept says so; the witness’s operator then decides whether to watch the log anew.",
                alarm=True,
            )
        elif it.state == State.AWAY and since and now - since > SLOW:
            yield Trouble(
                f"The witness {it.key_name} has not cosigned since {since:%Y-%m-%d %H:%M} UTC: {it.said}",
                "Ask its operator whether it runs and can be reached. Nothing is lost: it catches up when it is back.",
            )
    if found.witnesses and found.head and _lags(found, now):
        yield Trouble(
            "The newest checkpoint that a quorum of witnesses cosigned is more than an hour behind the log.",
            "See which witnesses are away below, and ask their operators.",
        )


def _lags(found: Vouchers, now: datetime) -> bool:
    if found.head is None or (found.cosigned and found.cosigned.checkpoint.size >= found.head.checkpoint.size):
        return False
    last = max((at for at in map(seen_at, found.witnesses) if at), default=None)
    return last is None or now - last > SLOW


def _of_policy(found: Vouchers, policy: Policy | None) -> Iterator[Trouble]:
    signing = [row.vkey for row in found.keys if row.state == "signs"]
    if policy and signing and not any(policy.knows(verifier) for verifier in _read(signing)):
        yield Trouble(
            "The published policy does not list the newest key that the log signs with.",
            "Add a line to the file of EXCHANGE_WITNESS_POLICY: log, a blank, and the key below; and give the key to "
            "the witnesses’ operators.",
        )
    if found.keys and not any(row.form == "ML-DSA-44" for row in found.keys if row.state == "signs"):
        yield Trouble(
            "The log signs with Ed25519 alone, which a quantum computer could forge.",
            "Give the key its second half: flask audit make-key --add-ml-dsa",
        )


def _of_stamps(found: Vouchers, stamped: bool, now: datetime) -> Iterator[Trouble]:
    if stamped and found.stamping.problem:
        yield Trouble(
            f"The last attempt to have the checkpoint stamped failed: {found.stamping.problem}",
            "It is tried again every five minutes. To try now: flask audit stamp",
        )
    elif stamped and found.stamps and now - found.stamps[0].at > 48 * SLOW and _grew(found):
        yield Trouble(
            "The newest time stamp is more than two days old.",
            "See that flask serve runs, and try now: flask audit stamp",
        )


def _grew(found: Vouchers) -> bool:
    return found.head is not None and found.head.checkpoint.size > found.stamps[0].size


def _read(vkeys: list[str]) -> Iterator[Verifier]:
    for vkey in vkeys:
        try:
            yield parse_vkey(vkey)
        except BadCheckpoint:
            continue
