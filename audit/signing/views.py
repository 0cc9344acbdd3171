"""Public: which keys sign the log, which witnesses saw it, when it was stamped; and the files that prove each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, abort, render_template

from audit import installed
from audit.export import row
from audit.published import store
from audit.recovery import COSIGNED, KEYS
from audit.signing import stamps
from audit.signing.vouching import SHOWN, Trouble, Vouchers, log_keys, seen_at, vouchers
from audit.witness.policy import BadPolicy, Policy, without_witnesses
from audit.witness.witnessing import policy_of

vouching = Blueprint("vouching", __name__)

TEXT = "text/plain; charset=utf-8"
SHORT = {"Cache-Control": "public, max-age=1"}
EVERY = 100_000


@vouching.get("/keys")
def keys() -> str:
    """The page: keys, witnesses, stamps, and what to do about what is wrong."""
    facts = {"found": _vouchers(SHOWN), "policy": _policy()[0], "authority": installed.settings().time_stamp}
    return render_template("audit/vouching/keys.html", troubles=log_troubles(), seen_at=seen_at, **facts)


@vouching.get("/keys/<any(keys, witnesses, stamps):part>.csv")
def table(part: str) -> Response:
    """One of the page's tables as a file."""
    lines = {"keys": _key_lines, "witnesses": _witness_lines, "stamps": _stamp_lines}[part](_vouchers(EVERY))
    disposition = {"Content-Disposition": f'attachment; filename="log-{part}.csv"'}
    return Response("".join(lines), content_type="text/csv; charset=utf-8", headers=disposition)


@vouching.get("/log/keys")
def statement() -> Response:
    """The log's keys with their dates, as the log states them. Compare them with copies that you had from elsewhere."""
    return _file(KEYS, "application/json")


@vouching.get("/log/checkpoint.cosigned")
def cosigned() -> Response:
    """The newest checkpoint that a quorum of witnesses cosigned, with their lines (C2SP tlog-cosignature)."""
    return _file(COSIGNED, TEXT)


@vouching.get("/log/policy")
def policy() -> Response:
    """Whom to trust to have seen this log (C2SP tlog-policy): the operator's file, or that nobody witnesses it."""
    path = installed.settings().witness_policy
    text = Path(path).read_bytes() if path else without_witnesses(log_keys(store())).encode()
    return Response(text, content_type=TEXT, headers=SHORT)


@vouching.get("/log/stamps/<int:size>.<any(tsr, checkpoint):kind>")
def stamp(size: int, kind: str) -> Response:
    """A stamped checkpoint, or the authority's answer over it (RFC 3161)."""
    return _file(f"{stamps.FOLDER}/{size}.{kind}", TEXT if kind == "checkpoint" else "application/timestamp-reply")


@vouching.app_template_global("log_troubles")
def log_troubles() -> tuple[Trouble, ...]:
    """For the desk's front page: what is wrong with keys, witnesses and stamps."""
    wrong = _policy()[1]
    return (*([wrong] if wrong else []), *_vouchers(SHOWN).troubles)


def _file(name: str, kind: str) -> Response:
    content = store().read(name)
    if content is None:
        abort(404)
    return Response(content, content_type=kind, headers=SHORT)


def _policy() -> tuple[Policy | None, Trouble | None]:
    try:
        return policy_of(installed.settings()), None
    except (BadPolicy, OSError) as bad:
        return None, Trouble(
            f"The policy cannot be read: {bad}", "Mend the file of EXCHANGE_WITNESS_POLICY, and restart the sequencer."
        )


def _vouchers(most: int) -> Vouchers:
    return vouchers(store(), _policy()[0], bool(installed.settings().time_stamp), installed.now(), most)


def _key_lines(found: Vouchers) -> Iterator[str]:
    yield row(("form", "key", "since", "until", "state"))
    for key in found.keys:
        yield row((key.form, key.vkey, key.since, key.until, key.state))


def _witness_lines(found: Vouchers) -> Iterator[str]:
    yield row(("name", "key_name", "address", "state", "size", "cosigned_at", "since", "said"))
    for it in found.witnesses:
        yield row((it.name, it.key_name, it.url, it.state, it.size, seen_at(it), it.since, it.said))


def _stamp_lines(found: Vouchers) -> Iterator[str]:
    yield row(("size", "stamped_at"))
    for made in found.stamps:
        yield row((made.size, made.at))
