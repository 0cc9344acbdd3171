"""Time stamps of checkpoints by an authority that is not ours (RFC 3161), once a legal day, kept beside the log.

`stamps/<size>.checkpoint` is the note that was stamped, byte for byte, and `stamps/<size>.tsr` the authority's answer
over its SHA-256. `openssl ts -verify` checks the pair without any program of ours. A stamp that cannot be had holds up
nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit import merkle
from audit.checkpoints import BadCheckpoint, Opener, parse, split
from audit.days import legal_day
from audit.posting import NoAnswer, post
from audit.recovery import CHECKPOINT
from audit.signing.der import in_order
from audit.tiles import MissingTile, TileStore

FOLDER = "stamps"
STATE = f"{FOLDER}/state.json"
QUERY = "application/timestamp-query"
GRANTED = (0, 1)
PATIENCE_S = 15.0


class NotStamped(Exception):
    """There is no stamp, or it does not hold; the message says why."""


@dataclass(frozen=True)
class State:
    """How stamping stands: the legal day that has its stamp, the last attempt, and what went wrong with it."""

    day: str = ""
    tried: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Stamp:
    """A stamped checkpoint: its size, and when the authority says that it saw it."""

    size: int
    at: datetime


def stamp(store: TileStore, url: str, root: str, now: datetime) -> Stamp:
    """Have the present checkpoint stamped, unless it is. Raises `NotStamped`; either way the state says so."""
    try:
        made = _stamp(store, url, root)
    except NotStamped as failed:
        _remember(store, State(state(store).day, _spoken(now), str(failed)[:500]))
        raise
    _remember(store, State(legal_day(now).isoformat(), _spoken(now)))
    return made


def due(store: TileStore, now: datetime) -> bool:
    """Whether this legal day has no stamp yet."""
    return state(store).day != legal_day(now).isoformat()


def state(store: TileStore) -> State:
    """How stamping stands."""
    try:
        return State(**json.loads(store.read(STATE) or b"{}"))
    except (ValueError, TypeError):
        return State()


def stamps(store: TileStore) -> list[Stamp]:
    """The stamps that are kept, newest first. One that cannot be read is left out here; `check` names it."""
    found = []
    for size in _sizes(store):
        try:
            found.append(Stamp(size, _response(store, size).tst_info.gen_time))
        except NotStamped:
            continue
    return found


def check(store: TileStore, opener: Opener, root: str, size: int) -> int:
    """Check every stamp: by the authority, over a checkpoint of this log that the tree of `size` entries begins with.

    How many there are. Raises `NotStamped` naming the first that does not hold.
    """
    sizes = _sizes(store)
    for stamped in sizes:
        note = _file(store, stamped, "checkpoint")
        _verify(_response(store, stamped), note, root, stamped)
        try:
            head = opener.open(note.decode())
            if head.size != stamped or stamped > size:
                raise NotStamped(f"stamp {stamped} is of a checkpoint of {head.size} entries; the log has {size}")
            if merkle.range_root(0, head.size, store.node(size)) != head.root:
                raise NotStamped(f"stamp {stamped}: the log does not begin with the tree that was stamped")
        except (BadCheckpoint, UnicodeDecodeError, MissingTile) as wrong:
            raise NotStamped(f"stamp {stamped}: {wrong}") from wrong
    return len(sizes)


def _stamp(store: TileStore, url: str, root: str) -> Stamp:
    note = store.read(CHECKPOINT)
    if note is None:
        raise NotStamped("there is no checkpoint yet")
    size = parse(split(note.decode())[0]).size
    if store.read(f"{FOLDER}/{size}.tsr") is None:
        answer = _asked(url, note)
        _verify(_decoded(answer, f"stamp {size}"), note, root, size)
        store.write({f"{FOLDER}/{size}.checkpoint": note})
        store.write({f"{FOLDER}/{size}.tsr": answer})
    return Stamp(size, _response(store, size).tst_info.gen_time)


def _asked(url: str, note: bytes) -> bytes:
    request = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        status, answer = post(url, request.as_bytes(), QUERY, PATIENCE_S)
    except NoAnswer as away:
        raise NotStamped(f"the authority does not answer: {away}") from away
    if status != 200:
        raise NotStamped(f"the authority answered {status}")
    response = _decoded(answer, "the authority's answer")
    if response.status not in GRANTED or response.tst_info.nonce != request.nonce:
        raise NotStamped(f"the authority did not grant it, or answered another request (status {response.status})")
    return answer


def _verify(response: TimeStampResponse, note: bytes, root: str, size: int) -> None:
    """The stamp is over this note; with a root certificate, also that the authority made it."""
    if response.status not in GRANTED or response.tst_info.message_imprint.message != hashlib.sha256(note).digest():
        raise NotStamped(f"stamp {size} is not over {FOLDER}/{size}.checkpoint")
    if not root:
        return
    builder = VerifierBuilder()
    try:
        for certificate in x509.load_pem_x509_certificates(Path(root).read_bytes()):
            builder = builder.add_root_certificate(certificate)
        builder.build().verify_message(response, note)
    except (VerificationError, ValueError, OSError) as wrong:
        raise NotStamped(f"stamp {size} is not the authority's, whose root is {root}: {wrong}") from wrong


def _response(store: TileStore, size: int) -> TimeStampResponse:
    return _decoded(_file(store, size, "tsr"), f"stamp {size}")


def _decoded(answer: bytes, what: str) -> TimeStampResponse:
    try:
        return decode_timestamp_response(in_order(answer))
    except ValueError as wrong:
        raise NotStamped(f"{what} is not an RFC 3161 answer: {wrong}") from wrong


def _file(store: TileStore, size: int, kind: str) -> bytes:
    content = store.read(f"{FOLDER}/{size}.{kind}")
    if content is None:
        raise NotStamped(f"{FOLDER}/{size}.{kind} is missing")
    return content


def _sizes(store: TileStore) -> list[int]:
    names = (path.stem for path in (store.folder / FOLDER).glob("*.tsr"))
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _remember(store: TileStore, new: State) -> None:
    store.write({STATE: json.dumps(asdict(new)).encode()})


def _spoken(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
