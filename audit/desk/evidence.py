"""A sample as a folder that checks offline: the exact entries, a proof of each, and how it was drawn."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from audit.lookup import Line
from audit.proving import prove, signed_head
from audit.tiles import TileStore

README = """A sample of the log, drawn so that anybody can draw it again.

sample.json            seed, filter, method, and the entries in the order in which they were drawn
entries.jsonl          each entry's exact bytes, one a line, in that order
entries/<id>.json      the same bytes, one file each
proofs/<id>.tlog-proof its proof under the log's signed head (C2SP tlog-proof)

To check one, with verification.py from the log's own page and the public key that you keep:

    python verification.py --proof proofs/ID.tlog-proof --entry entries/ID.json --key 'KEY'

An entry without a proof was not under a signed head when the folder was made; ask again a second later.
"""


def folder(lines: Iterable[Line], facts: Mapping[str, Any], files: TileStore) -> bytes:
    """The ZIP file. The same sample under the same head gives the same bytes."""
    buffer, lines = io.BytesIO(), tuple(lines)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "README.txt", README.encode())
        _put(archive, "entries.jsonl", b"".join(line.body + b"\n" for line in lines))
        for line in lines:
            _put(archive, f"entries/{line.id}.json", line.body)
            signed = signed_head(files, line.index)
            if signed is not None:
                _put(archive, f"proofs/{line.id}.tlog-proof", prove(files, signed, line.index, line.body).text.encode())
        drawn = {**facts, "entries": [{"index": line.index, "id": line.id} for line in lines]}
        _put(archive, "sample.json", json.dumps(drawn, indent=2, sort_keys=True).encode() + b"\n")
    return buffer.getvalue()


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """With a date of its own, so that the file depends on nothing but what is in it."""
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
