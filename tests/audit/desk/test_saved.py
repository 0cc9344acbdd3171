"""Saved searches: kept, shared, run, deleted by their owner alone; recorded without their name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from audit.desk import saved
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.browser import make_browser
from tests.makers.directory import make_person, sign_in


def keep(client: FlaskClient, **fields: str) -> str:
    """Save a search; the list's page after it."""
    given = {"name": "Night reads", "question": "entries", "asked": "filter=outcome:refused&after=5.6", **fields}
    return post(client, "/audit/searches", given, follow_redirects=True).text


def post(client: FlaskClient, path: str, data: dict[str, str], **more: Any) -> Any:
    """Post as the forms on the entries page do."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/audit/entries").text)
    return client.post(path, data={**data, "csrf_token": token.group(1) if token else ""}, **more)


def test_a_search_is_saved_run_and_deleted(auditor: FlaskClient, recorded: Callable[[], list[dict[str, Any]]]) -> None:
    page = keep(auditor)
    assert "Night reads" in page
    assert 'href="/audit/entries?filter=outcome%3Arefused"' in page
    id_ = page.split("/audit/searches/")[1].split("/delete")[0]
    assert "No search is saved yet" in post(auditor, f"/audit/searches/{id_}/delete", {}, follow_redirects=True).text
    assert post(auditor, f"/audit/searches/{id_}/delete", {}).status_code == 404
    kept = [entry for entry in recorded() if entry["action"].startswith("log:search:")]
    assert [entry["action"] for entry in kept] == ["log:search:save", "log:search:delete"]
    assert kept[0]["details"] == {"search": id_, "question": "entries", "shared": False}
    assert "Night" not in json.dumps(kept)


def test_others_see_what_is_shared_and_delete_nothing(app: Flask, auditor: FlaskClient) -> None:
    keep(auditor)
    page = keep(auditor, name="For all of us", shared="yes", question="denials", asked="since=2026-01-01")
    mine = page.split("/audit/searches/")[1:]
    other = make_browser(app)  # with a context of its own, where a token of its own is kept
    sign_in(other, make_person(db.session, "Ivo Tarn", roles=[RoleKind.AUDITOR]))
    seen = other.get("/audit/searches").text
    assert "For all of us" in seen
    assert "Perpetua Lund" in seen
    assert "Night reads" not in seen
    paths = [f"/audit/searches/{each.split('/delete')[0]}/delete" for each in mine]
    assert [post(other, path, {}).status_code for path in paths] == [404, 404]
    assert other.post(paths[0]).status_code == 400


def test_only_what_can_be_asked_is_saved(app: Flask, auditor: FlaskClient) -> None:
    app.extensions["find_pseudonyms"] = lambda _session, _text: ["7c1f0a52-5d1e-4f0a-9a53-0f6f0a6f3b11"]
    for question, asked in (
        ("entries", "filter=nonsense"),
        ("entries", 'filter=person:"Hollis Quimby"'),
        ("person", "person=Hollis"),
        ("nothing", ""),
    ):
        answer = post(auditor, "/audit/searches", {"name": "x", "question": question, "asked": asked})
        assert answer.status_code == 400


def test_a_name_is_needed_and_a_number_is_kept(auditor: FlaskClient, monkeypatch: Any) -> None:
    assert "Give the search a name" in keep(auditor, name="  ")
    assert "&lt;U+202E&gt;" in keep(auditor, name="a\u202eb")
    monkeypatch.setattr(saved, "MOST", 1)
    assert "delete one first" in keep(auditor)
