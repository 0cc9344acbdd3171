"""The log for programs: checkpoint, hash tiles, key and proofs. Public, since salted leaves say nothing of entries."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, abort, jsonify, render_template, url_for
from sqlalchemy import select

from audit import tables, verification
from audit.proving import Proof, prove, signed_head
from audit.published import engine, head, store
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
    return Response(found.text, content_type=TEXT)


def _prove(entry_id: str) -> Proof | None:
    """The proof; None while the entry waits for its index or the next checkpoint; 404 if there is no such entry."""
    index, body = _indexed(entry_id)
    files = store()
    signed = signed_head(files, index) if index is not None else None
    if index is None or body is None or signed is None:
        return None
    return prove(files, signed, index, body)


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
