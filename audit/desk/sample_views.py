"""Samples: drawn with a seed, shown, and given as files. The address alone says how to draw the same again."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit import asking, export
from audit.actions import Action
from audit.desk import evidence, sampling
from audit.desk.entries_asked import EntriesAsked, read
from audit.desk.entries_shown import naming
from audit.desk.filtering import Filter
from audit.desk.recording import KINDS, attachment, record
from audit.desk.searching import highest
from audit.lookup import Line, lines_at
from audit.published import engine, store

audit_samples = Blueprint("audit_samples", __name__)

SEED = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
SIZE = 25


@dataclass(frozen=True)
class Sample:
    """What an address asks to draw. `errors` by field."""

    filter: Filter
    seed: str
    size: int
    through: int
    method: str
    errors: dict[str, str] = field(default_factory=dict)

    def address(self, kind: str = "") -> str:
        """The address that draws the same again."""
        asked = {"filter": str(self.filter), "seed": self.seed, "size": self.size, "through": self.through}
        return f"{url_for('audit_samples.sample')}{kind}?{urlencode({**asked, 'method': self.method})}"

    def facts(self) -> dict[str, Any]:
        """How it was drawn, for the record of it and for the folder."""
        shown = str(self.filter.without_words())
        return {"filter": shown, "seed": self.seed, "size": self.size, "through": self.through, "method": self.method}


@audit_samples.get("/sample")
def sample() -> str | AnyResponse | tuple[str, int]:
    """The form; or the sample. What the address leaves out is chosen first, so that it says all."""
    asked = read(request.args)
    if asked.filter is None or not asked.ready:
        return _page(asked, None), 400
    if not request.args:
        return _page(asked, None)
    chosen = _sample(asked.filter)
    if chosen.errors:
        return _page(asked, chosen), 400
    if asked.moved or not {"seed", "size", "through", "method"} <= request.args.keys():
        return redirect(chosen.address(), 303)
    drawn, lines = _draw(chosen)
    record(Action.LOG_ENTRIES_READ, {"question": "sample", **chosen.facts()})
    return _page(asked, chosen, drawn, lines)


@audit_samples.get("/sample.<any(csv, jsonl, zip):kind>")
def sample_file(kind: str) -> Response:
    """The same sample as CSV, as the exact bytes, or as a folder with a proof of each entry."""
    asked = read(request.args)
    if asked.filter is None or not asked.ready or asked.moved or "through" not in request.args:
        abort(400, "Draw the sample on its page first; the links to the files are beside it.")
    chosen = _sample(asked.filter)
    if chosen.errors:
        abort(400, " ".join(chosen.errors.values()))
    drawn, lines = _draw(chosen)
    record(Action.LOG_ENTRIES_EXPORT, {"question": "sample", "format": kind, **chosen.facts()})
    return Response(
        _content(kind, chosen, drawn, lines), content_type=_KINDS[kind], headers=attachment(f"sample.{kind}")
    )


_KINDS = {**KINDS, "zip": "application/zip"}


def _content(kind: str, chosen: Sample, drawn: sampling.Drawn, lines: tuple[Line, ...]) -> bytes:
    if kind == "csv":
        return "".join(export.as_csv(lines, asking.names_of)).encode()
    if kind == "jsonl":
        return b"".join(line.body + b"\n" for line in lines)
    return evidence.folder(lines, {**chosen.facts(), "population": drawn.population, "tried": drawn.tried}, store())


def _draw(chosen: Sample) -> tuple[sampling.Drawn, tuple[Line, ...]]:
    with engine().connect() as connection:
        drawn = sampling.draw(connection, chosen.filter, chosen.seed, chosen.size, chosen.through, chosen.method)
        return drawn, lines_at(connection, drawn.indexes)


def _sample(found: Filter) -> Sample:
    args, errors = request.args, {}
    seed = args.get("seed", "").strip() or secrets.token_hex(8)
    if not SEED.match(seed):
        errors["seed"] = "A seed is up to 64 letters, digits, dots and hyphens."
    size = _number("size", SIZE)
    if size is None or not 1 <= size <= sampling.MOST:
        errors["size"] = f"A sample has 1 to {sampling.MOST} entries."
    with engine().connect() as connection:
        top = highest(connection)
        through = _number("through", top)
        if through is None or through > top:
            errors["through"] = f"The log’s last entry is {top}."
        method = args.get("method") or ("" if errors else sampling.method_for(connection, found, through or 0))
    if not errors and method not in sampling.METHODS:
        errors["method"] = f"A method is one of: {', '.join(sampling.METHODS)}."
    return Sample(found, seed, size or SIZE, top if through is None else through, method, errors)


def _number(name: str, otherwise: int) -> int | None:
    text = request.args.get(name, "").strip()
    if not text:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _page(
    asked: EntriesAsked, chosen: Sample | None, drawn: sampling.Drawn | None = None, lines: tuple[Line, ...] = ()
) -> str:
    files = {kind: chosen.address(f".{kind}") for kind in _KINDS} if chosen and drawn else {}
    limits = {"listed": sampling.LISTED, "looked": sampling.LOOKED, "most": sampling.MOST}
    return render_template(
        "audit/sample.html", asked=asked, chosen=chosen, drawn=drawn, lines=lines, files=files, limits=limits,
        size=SIZE, **naming(lines),
    )  # fmt: skip
