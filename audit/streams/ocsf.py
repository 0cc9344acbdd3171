"""Entries as events of the Open Cybersecurity Schema Framework, version 1.3.0 (schema.ocsf.io).

Sign-ins are Authentication (3002), reading rows is Datastore Activity (6005), all else API Activity (6003). `raw_data`
holds the entry's exact bytes: SHA-256 of 0x00 and those is the leaf, so an event can still be verified where it lies.
"""

from __future__ import annotations

import json
from typing import Any

from audit.streams.sequenced import Sequenced

VERSION = "1.3.0"
PRODUCT = {"name": "Charter Oak", "vendor_name": "State of Connecticut"}
LOG_NAME = "audit"

AUTHENTICATION, API, DATASTORE = 3002, 6003, 6005
_CATEGORY = {AUTHENTICATION: 3, API: 6, DATASTORE: 6}
OTHER = 99
_LOGON = {"sign-in": 1, "refuse": 1, "step-up": 1, "end": 2}
_QUERY = 4
_API_VERBS = {
    1: {"add", "draft", "give", "issue", "publish", "build", "submit", "propose", "record", "load", "place"},
    2: {"read", "export", "stream", "open", "intent", "outcome"},
    3: {"edit", "change", "agree", "decide", "activate", "sign", "review", "return", "freeze", "resume", "accept",
        "supersede", "suspend", "rotate"},
    4: {"revoke", "end", "terminate", "withdraw", "retire", "disable", "expire", "destroy", "lift"},
}  # fmt: skip
"""The last word of an act, by the API Activity that it is; any other is "other" (99)."""

_STATUS = {"done": (1, "Success"), "refused": (2, "Failure"), "failed": (2, "Failure"), "cut": (2, "Failure")}
_SEVERITY = {"refused": 2, "cut": 3, "failed": 3}
_MAPPED = frozenset({"v", "id", "t", "action", "outcome", "actor", "client", "dataset", "reason", "request", "columns"})


def event(entry: Sequenced) -> dict[str, Any]:
    """The event of one entry. Members without a place in the schema are under `unmapped`."""
    kind = _class_of(entry)
    activity = _activity(kind, entry)
    outcome = entry.text("outcome")
    status_id, status = _STATUS.get(outcome, (OTHER, outcome or "unknown"))
    found: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": entry.text("action"),
        "category_uid": _CATEGORY[kind],
        "class_uid": kind,
        "type_uid": kind * 100 + activity,
        "time": entry.time_ms,
        "severity_id": _SEVERITY.get(outcome, 1),
        "status_id": status_id,
        "status": status,
        "metadata": _metadata(entry),
        "actor": _actor(entry),
        "src_endpoint": {"name": entry.text("client") or "web page or command"},
        "raw_data": entry.body.decode("utf-8", "replace"),
        **_of_its_class(kind, entry),
    }
    if entry.text("reason"):
        found["status_detail"] = entry.text("reason")
    unmapped = {name: value for name, value in entry.members.items() if name not in _MAPPED}
    return {**found, "unmapped": unmapped} if unmapped else found


def line(entry: Sequenced) -> bytes:
    """The event as one line of ASCII JSON, without its line end."""
    return json.dumps(event(entry), separators=(",", ":")).encode()


def _class_of(entry: Sequenced) -> int:
    resource = entry.text("action").partition(":")[0]
    return {"session": AUTHENTICATION, "access": DATASTORE}.get(resource, API)


def _activity(kind: int, entry: Sequenced) -> int:
    verb = entry.text("action").rpartition(":")[2]
    if kind == AUTHENTICATION:
        return _LOGON.get(verb, OTHER)
    if kind == DATASTORE:
        return _QUERY
    return next((number for number, verbs in _API_VERBS.items() if verb in verbs), OTHER)


def _metadata(entry: Sequenced) -> dict[str, Any]:
    found: dict[str, Any] = {
        "version": VERSION,
        "product": PRODUCT,
        "log_name": LOG_NAME,
        "uid": entry.text("id"),
        "event_code": entry.text("action"),
        "sequence": entry.index,
    }
    if entry.text("ref"):
        found["correlation_uid"] = entry.text("ref")
    return found


def _actor(entry: Sequenced) -> dict[str, Any]:
    """A person by pseudonym; what no person did was done by a program or on the command line."""
    found: dict[str, Any] = {"user": {"uid": entry.text("actor")}} if entry.text("actor") else {}
    found["app_name"] = entry.text("client") or PRODUCT["name"]
    return found


def _of_its_class(kind: int, entry: Sequenced) -> dict[str, Any]:
    if kind == AUTHENTICATION:
        return {"user": {"uid": entry.text("actor") or "unknown"}, "service": {"name": PRODUCT["name"]}}
    if kind == DATASTORE:
        columns = entry.members.get("columns")
        names = ", ".join(map(str, columns)) if isinstance(columns, list) else ""
        table = {"uid": entry.text("dataset") or "unknown", "name": entry.text("dataset") or "unknown"}
        return {"table": {**table, "desc": names} if names else table, "type": "Table", "type_id": 3}
    found: dict[str, Any] = {"api": {"operation": entry.text("action"), "service": {"name": PRODUCT["name"]}}}
    if entry.text("dataset"):
        found["resources"] = [{"uid": entry.text("dataset"), "type": "dataset"}]
    return found
