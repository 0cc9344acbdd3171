"""Invariant 6: what somebody may not know is nowhere: not on a page, in a list, a count, a feed, a search, an error.

Every GET address is asked by every kind of reader, with the ids of datasets in every state put in. The test knows who
may know what from the table below alone, not from the program's own rule.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
from werkzeug.routing import Map, Rule

from demo.browser import Browser, Page
from tests.conftest import make_settings
from tests.makers.server import Server
from wsgi import create_app

READERS = {
    "public": None,
    "analyst": "analyst",
    "another agency's officer": "dol_officer",
    "the agency's officer": "sde_officer",
    "drafter": "drafter",
    "auditor": "auditor",
    "CDO": "cdo",
}
"""Kinds of reader, and who of the demo is one."""

SIGNED_IN = frozenset(READERS) - {"public"}
SEE_ALL = frozenset({"auditor", "CDO"})
UNKNOWN = "zzzz-2222"
NOTHING = "xylophonist"
"""A word that is nowhere."""

FREE = frozenset({"static", "bootstrap.static", "operations.metrics"})
"""Addresses that take no part: files of ours, and figures about the process."""


@dataclass(frozen=True)
class Secret:
    """A dataset, words that give it away, and who may know of it."""

    state: str
    id: str
    words: tuple[str, ...]
    known_to: frozenset[str]


@pytest.fixture(scope="module")
def secrets(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Secret]:
    """Datasets of the Department of Education in states that hide them, beside the demo's own."""
    folder = tmp_path_factory.mktemp("secrets")
    agency = SEE_ALL | {"the agency's officer"}
    draft = _publish(server, folder, "Zephyrine draft ledger", "zephyrine_mark", "restricted", "draft")
    undecided = _publish(server, folder, "Quokka open draft", "quokka_mark", "open", "draft")
    retired = _publish(server, folder, "Vellichor retired table", "vellichor_mark", "open", "retired")
    restricted = server.credentials["datasets"]["attendance"]
    return [
        Secret("draft", draft, ("zephyrine",), agency),
        Secret("open, not agreed", undecided, ("quokka",), agency),
        Secret("retired", retired, ("vellichor",), agency),
        Secret("restricted", restricted["id"], ("student_key",), SIGNED_IN),
    ]


def _publish(server: Server, folder: Path, title: str, column: str, class_: str, state: str) -> str:
    path = folder / f"{column}.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([(column, "town"), ("one", "Hartford"), ("two", "Norwalk")])
    server.flask("publish", str(path), "--agency", "education", "--title", title, "--class", class_)
    with sqlite3.connect(server.data_dir / "charter-oak.db", timeout=30) as database:
        database.execute("UPDATE dataset SET state = ? WHERE title = ?", (state, title))
        (found,) = database.execute("SELECT id FROM dataset WHERE title = ?", (title,)).fetchone()
    return str(found)


@pytest.fixture(scope="module")
def browsers(server: Server) -> dict[str, Browser]:
    """A browser of each kind of reader."""
    found = {}
    for reader, key in READERS.items():
        found[reader] = browser = Browser(server.origin)
        if key:
            browser.submit(browser.get("/sign-in"), {}, action=f"/sign-in/demo/{key}")
            assert browser.get("/desk").status == 200
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    """Every GET address of the application."""
    app = create_app(make_settings(tmp_path_factory.mktemp("rules")))
    app.extensions["ledger"].close()
    routes: Map = app.url_map
    return [rule for rule in routes.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint not in FREE]


@pytest.fixture(scope="module")
def ids(server: Server) -> Mapping[str, list[str]]:
    """Real values for the blanks of addresses that do not name a dataset."""
    with sqlite3.connect(server.data_dir / "charter-oak.db", timeout=30) as database:

        def column(query: str) -> list[str]:
            return [str(value) for (value,) in database.execute(query)]

        return {
            "agreement_id": column("SELECT id FROM agreement LIMIT 4"),
            "number": ["1"],
            "command": ["submit_for_review", "terminate"],
            "code": ["C03", "C06"],
            "request_id": column("SELECT id FROM access_request LIMIT 2"),
            "grant_id": column("SELECT id FROM access_grant LIMIT 1"),
            "client_id": column("SELECT id FROM client LIMIT 1"),
            "person_id": column("SELECT id FROM person LIMIT 1"),
            "run_id": column("SELECT id FROM publishing_run ORDER BY started_at DESC LIMIT 4"),
            "entry_id": ["01a20058-d991-7db6-b793-6c4d5cc8b51a"],
            "kind": ["csv"],
            "level": ["0"],
            "path": ["x"],
            "rest": ["x"],
            "filename": ["x"],
            "category": ["Education"],
            "name": ["Any-name"],
            "view": ["data"],
            "asset_id": ["x"],
            "counted": ["domain_tags", "domain_categories"],
            "domain": ["127.0.0.1"],
            "extension": ["json", "csv"],
            "namespace": ["student-id"],
            "token": ["0" * 64],
            "register": ["incidents", "referrals"],
            "incident_id": column("SELECT id FROM incident LIMIT 1"),
            "agency": ["education"],
            "part": ["keys", "stamps"],
            "size": ["1"],
            "key": ["dataset", "resident", "public"],
            "id": ["1"],
        }


def _addresses(rules: Iterable[Rule], ids: Mapping[str, list[str]], secrets: list[Secret]) -> Iterator[str]:
    """Each address with each dataset in its blanks; lists and searches with words to look for."""
    datasets = [secret.id for secret in secrets]
    own = {"four_by_four": datasets, "dataset_id": datasets, "address": [f"{d}.json" for d in datasets]}
    for rule in rules:
        blanks = sorted(rule.arguments)
        known = {**ids, **own, **({"number": ["000"]} if "tile" in rule.rule else {})}
        for chosen in product(*(known[blank] for blank in blanks)):
            yield _filled(rule.rule, dict(zip(blanks, chosen, strict=True)))
    for secret in secrets:
        yield from _searches(secret)


def _filled(address: str, values: Mapping[str, str]) -> str:
    """`/data/<four_by_four>` with its blanks filled in."""
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda blank: values[blank[1]], address)


def _searches(secret: Secret) -> Iterator[str]:
    word = secret.words[0]
    catalogue = [
        f"/api/catalog/v1{rest}?q={{}}" for rest in ("", "/autocomplete", "/tags/autocomplete", "/domain_tags")
    ]
    for path in ("/data?q={}", "/register?q={}", "/directory/?q={}", "/agreements/new?q={}", *catalogue):
        yield path.format(word)
    yield from (f"/requests/new?dataset={secret.id}", f"/publish/new?dataset={secret.id}")
    yield f"/resource/{secret.id}.json?$select={word}_mark"
    yield f"/resource/{secret.id}.csv?$where={quote('nonsense = 1')}"
    yield from (f"/audit/who-read?dataset={secret.id}", f"/audit/entries?dataset={secret.id}")


def test_invariant_6_nothing_private_on_any_address(
    browsers: dict[str, Browser], rules: list[Rule], ids: Mapping[str, list[str]], secrets: list[Secret]
) -> None:
    shown = []
    for address in dict.fromkeys(_addresses(rules, ids, secrets)):
        for reader, browser in browsers.items():
            hidden = [secret for secret in secrets if reader not in secret.known_to]
            if hidden:
                page = browser.get(address)
                assert page.status < 500, f"{reader} {address}: {page.status}"
                shown += [f"{reader} {address}: {word}" for word in _given_away(page, address, hidden)]
    assert shown == []


def _given_away(page: Page, address: str, hidden: list[Secret]) -> list[str]:
    """Words of hidden datasets in an answer, but for those that the asker typed."""
    text = (page.body.decode("utf-8", "replace") + json.dumps(dict(page.headers))).lower()
    typed = unquote_plus(address).lower()
    words = [word for secret in hidden for word in (secret.id, *secret.words)]
    return [word for word in words if word in text and word not in typed]


PATHS = ("/data/{}", "/api/views/{}.json", "/resource/{}.json", "/resource/{}.csv?$select=town", "/resource/{}/row-1.json",
         "/classification/{}", "/requests/new?dataset={}", "/publish/new?dataset={}", "/d/{}",
         "/Education/Any-name/{}", "/api/geospatial/{}?format=GeoJSON", "/api/views/{}/columns.json",
         "/api/views/metadata/v1/{}", "/api/v3/views/{}/query.json")  # fmt: skip


def test_invariant_6_the_hidden_and_the_absent_look_the_same(
    browsers: dict[str, Browser], secrets: list[Secret]
) -> None:
    different = []
    for (reader, browser), path in product(browsers.items(), PATHS):
        absent = _shape(browser.get(path.format(UNKNOWN)), UNKNOWN)
        hidden = [secret for secret in secrets if reader not in secret.known_to]
        different += [
            f"{reader} {path.format(secret.id)} ({secret.state})"
            for secret in hidden
            if _shape(browser.get(path.format(secret.id)), secret.id) != absent
        ]
    assert different == []


def _shape(page: Page, id_: str) -> tuple[int, str, Any]:
    """An answer without what differs every time: the id asked for, tokens, audit ids."""
    body = re.sub(r'(csrf_token"[^>]*value=")[^"]*', r"\1", page.body.decode("utf-8", "replace"))
    headers = {name.lower(): value for name, value in page.headers.items()}
    kept = {name: headers.get(name) for name in ("content-type", "cache-control", "etag", "link", "www-authenticate")}
    return page.status, body.replace(id_, "the id"), kept


def test_invariant_6_a_search_for_what_is_hidden_counts_as_one_for_nothing(
    browsers: dict[str, Browser], secrets: list[Secret]
) -> None:
    for reader, browser in browsers.items():
        nothing = browser.get(f"/data?q={NOTHING}").words.replace(NOTHING, "")
        for secret in secrets:
            word = secret.words[0]
            found = browser.get(f"/data?q={word}").words.replace(word, "")
            assert (found == nothing) == (reader not in secret.known_to), f"{reader} searched {word}"
            size = json.loads(browser.get(f"/api/catalog/v1?q={word}").body)["resultSetSize"]
            assert (size == 0) == (reader not in secret.known_to), f"{reader} asked the catalogue for {word}"


def test_invariant_6_a_withheld_column_is_not_in_its_open_cut(browsers: dict[str, Browser], server: Server) -> None:
    cut = server.credentials["datasets"]["attendance"]["open_cut"]
    public = browsers["public"]
    for path in (
        f"/api/views/{cut}.json",
        f"/resource/{cut}.json?$limit=5",
        f"/resource/{cut}.csv?$limit=5",
        "/data.json",
    ):
        page = public.get(path)
        assert page.status == 200
        assert b"student_key" not in page.body and b"days_absent" not in page.body, path
    refused = public.get(f"/resource/{cut}.json?$select=student_key")
    absent = public.get(f"/resource/{cut}.json?$select={NOTHING}")
    assert refused.status == absent.status == 400
    assert refused.body.replace(b"student_key", b"") == absent.body.replace(NOTHING.encode(), b"")


def test_invariant_6_who_may_know_does_see_it(browsers: dict[str, Browser], secrets: list[Secret]) -> None:
    """So that the tests above are no tests of an empty house."""
    for secret, reader in product(secrets, READERS):
        status = browsers[reader].get(f"/data/{secret.id}").status
        assert status == (200 if reader in secret.known_to else 404), f"{reader} {secret.state}"
