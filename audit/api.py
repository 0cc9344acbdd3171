"""The log for programs: checkpoint, hash tiles, key and proofs. Public, since salted leaves say nothing of entries."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, abort, jsonify, render_template, url_for
from sqlalchemy import select

from audit import merkle, tables, verification
from audit.published import Head, engine, head, head_cosigned, store
from audit.recovery import CHECKPOINT, KEY
from audit.tables import as_bytes, body_of
from audit.tiles import checked_path

log = Blueprint("log", __name__)

FOR_EVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=1"
TEXT = "text/plain; charset=utf-8"
RETRY_AFTER_S = "1"


@log.get("/log/checkpoint")
def checkpoint() -> Response:
    """The signed tree head (C2SP tlog-checkpoint)."""
    return _file(CHECKPOINT, TEXT, SHORT)


@log.get("/log/key")
def key() -> Response:
    """The log's public key as a note verifier key. Compare it with a copy that you had from elsewhere."""
    return _file(KEY, TEXT, SHORT)


@log.get("/log/verification.py")
def verifier() -> Response:
    """The offline verifier, one file, to read and to run elsewhere."""
    answer = Response(_program(), content_type="text/x-python; charset=utf-8")
    answer.headers["Repr-Digest"] = f"sha-256=:{_b64(hashlib.sha256(_program()).digest())}:"
    return answer


@log.get("/log/verification.py.sha256")
def verifier_checksum() -> Response:
    """Its SHA-256, as `sha256sum -c` reads it."""
    return Response(f"{hashlib.sha256(_program()).hexdigest()}  verification.py\n", content_type=TEXT)


@log.get("/verifier")
def verifier_page() -> str:
    """How to get the verifier, make sure that it is the released one, and use it."""
    signed = head(store())
    return render_template(
        "audit/verifier.html", digest=hashlib.sha256(_program()).hexdigest(),
        origin=signed.checkpoint.origin if signed else None, key=(store().read(KEY) or b"").decode().strip(),
    )  # fmt: skip


def _program() -> bytes:
    return Path(str(verification.__file__)).read_bytes()


@log.get("/log/tile/<int(max=63):level>/<path:number>")
def tile(level: int, number: str) -> Response:
    """A hash tile (C2SP tlog-tiles); entry bundles are for auditors and have their own entrance."""
    return _file(checked_path(str(level), number) or abort(404), "application/octet-stream", FOR_EVER)


def _file(name: str, kind: str, caching: str) -> Response:
    content = store().read(name)
    if content is None:
        abort(404)
    return Response(content, content_type=kind, headers={"Cache-Control": caching})


@log.get("/proof/<uuid:entry_id>")
def proof(entry_id: UUID) -> tuple[Response, int, dict[str, str]] | Response:
    """The inclusion proof of an entry as JSON: index, hashes from the leaf's sibling up, signed checkpoint."""
    found = _prove(str(entry_id))
    if found is None:
        return jsonify(id=str(entry_id), state="waiting for its index"), 202, {"Retry-After": RETRY_AFTER_S}
    return jsonify(
        id=str(entry_id),
        index=found.index,
        size=found.head.checkpoint.size,
        root=_b64(found.head.checkpoint.root),
        leaf=_b64(found.leaf),
        hashes=[_b64(value) for value in found.hashes],
        checkpoint=found.head.note,
        text=url_for("log.proof_text", entry_id=entry_id),
    )


@log.get("/proof/<uuid:entry_id>.tlog-proof")
def proof_text(entry_id: UUID) -> tuple[Response, int, dict[str, str]] | Response:
    """The same proof as text (C2SP tlog-proof), for `verification.py --proof`."""
    found = _prove(str(entry_id))
    if found is None:
        return Response("waiting for its index\n", content_type=TEXT), 202, {"Retry-After": RETRY_AFTER_S}
    lines = ["c2sp.org/tlog-proof@v1", f"index {found.index}", *(_b64(value) for value in found.hashes)]
    return Response("\n".join(lines) + "\n\n" + found.head.note, content_type=TEXT)


@dataclass(frozen=True)
class _Proof:
    index: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    head: Head


def _prove(entry_id: str) -> _Proof | None:
    """The proof; None while the entry waits for its index or the next checkpoint; 404 if there is no such entry."""
    index, body = _indexed(entry_id)
    files = store()
    signed = head_cosigned(files)
    if signed is None or index is None or index >= signed.checkpoint.size:
        signed = head(files)  # the witnesses are a moment behind
    if index is None or body is None or signed is None or index >= signed.checkpoint.size:
        return None
    size, leaf = signed.checkpoint.size, merkle.leaf_hash(body)
    hashes = merkle.inclusion_path(index, size, files.node(size))
    merkle.check_inclusion(leaf, index, size, hashes, signed.checkpoint.root)
    return _Proof(index, leaf, hashes, signed)


def _indexed(entry_id: str) -> tuple[int | None, bytes | None]:
    entry, queued = tables.entries.c, tables.queue.c
    with engine().connect() as connection:
        row = connection.execute(select(entry.idx, body_of(tables.entries)).where(entry.id == entry_id)).one_or_none()
        if row is not None:
            return row.idx, as_bytes(row.body)
        if connection.execute(select(queued.seq).where(queued.id == entry_id)).scalar() is not None:
            return None, None
        # Between the two looks the sequencer may have moved it.
        row = connection.execute(select(entry.idx, body_of(tables.entries)).where(entry.id == entry_id)).one_or_none()
    if row is None:
        abort(404)
    return row.idx, as_bytes(row.body)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
