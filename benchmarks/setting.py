"""The restricted side of the benchmarks: a table that the demo's cast agrees on and grants, a client, its requests."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from access import requests
from agreements.editing import Line
from benchmarks import table
from demo.cast import HHS_GROUP, SDE
from demo.client import ApiClient
from demo.contracts import Purpose, Sharing, carry_through, draft_dsa
from demo.holdings import classify
from demo.people import acting
from exchange import clock
from exchange.catalog.datasets import get_dataset
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.settings import from_environment
from exchange.values import derived_four_by_four
from tests.makers.server import Server
from wsgi import create_app

RESTRICTED = derived_four_by_four("bench", "restricted")
WITHHELD = {"case_number": "FERPA", "amount": "FERPA"}
GRANTED = ("id", "opened", "town", "category", "amount", "count", "flag")
CATEGORIES_GRANTED = ("Education", "Health", "Labor", "Housing")
PURPOSE = Purpose("bench", "To measure what a reading costs.")
MOST_PER_SECOND = 900
"""Requests a second for which one-time proofs are made before a round; more than the server answers on two cores."""


@dataclass(frozen=True)
class Workload:
    """One kind of request. `floor` is the floor server's path; `prepare` runs before each round and is not measured."""

    path: str
    floor: str
    clients: int = 8
    method: str = "GET"
    headers: Callable[[], dict[str, str]] = dict
    body: Callable[[], bytes | None] = lambda: None
    prepare: Callable[[float], None] = lambda seconds: None


@dataclass
class Scene:
    """The client with its grant on the restricted table."""

    client: ApiClient
    details: list[dict[str, Any]]


def prepare(server: Server, folder: Path, rows: int) -> Scene:
    """Publish the table, and let the demo's cast classify, agree, ask and grant; the server runs meanwhile."""
    file = table.write_csv(folder / "table.csv", rows)
    named = ("--agency", SDE, "--title", "Benchmark, restricted", "--row-id", "id", "--class", "restricted")
    server.flask("publish", str(file), "--id", RESTRICTED, *named, "--yes")
    app = create_app(from_environment(server.environment))
    with app.app_context():
        agreement = _agree(db.session(), app, clock.now())
        scene = _scene(server, agreement)
        app.extensions["ledger"].close()
        db.engine.dispose()
    return scene


def _agree(session: Session, app: Flask, now: datetime) -> str:
    """Classification, agreement, request and grant, by the same functions as the pages use; the agreement's number."""
    settings = app.config["SETTINGS"]
    classify(session, settings, _dataset(session, RESTRICTED), "sde_steward", WITHHELD, now)
    session.commit()
    rows = {"op": "in", "column": "category", "values": list(CATEGORIES_GRANTED)}
    sharing = Sharing(
        "Benchmark", SDE, PURPOSE, [Line(RESTRICTED, frozenset(GRANTED), rows)],
        "34 CFR 99.31(a)(3) and 99.35.", "audit-evaluation",
        {"C11": {"representative": "the Department of Children and Families, by the persons named in this agreement"}},
    )  # fmt: skip
    version = draft_dsa(session, sharing, now)
    carry_through(session, version, now)
    analyst, dataset = acting(session, "analyst", now), _dataset(session, RESTRICTED)
    request = requests.submit(
        session, analyst, group=HHS_GROUP, dataset=dataset, columns=GRANTED, purpose=PURPOSE.code, reason="Measuring.",
        now=now,
    )  # fmt: skip
    for key in ("sde_officer", "cdo"):
        requests.decide(session, acting(session, key, now), request, True, "Within the agreement in force.", now)
    session.commit()
    return version.agreement_id


def _dataset(session: Session, id: str) -> Dataset:
    found = get_dataset(session, id)
    if found is None:
        raise LookupError(f"the benchmark's table {id} was not published")
    return found


def _scene(server: Server, agreement: str) -> Scene:
    facts = server.credentials
    known = facts["clients"][facts["grants"]["attendance"]["client_id"]]
    client = ApiClient(server.origin, known["client_id"], known["private_jwk"])
    details = {
        "type": client.metadata()["authorization_details_types_supported"][0],
        "agreement": agreement,
        "working_group": HHS_GROUP,
        "purpose": PURPOSE.code,
        "actions": ["query"],
        "datasets": [{"id": RESTRICTED}],
    }
    return Scene(client, [details])


def workloads(scene: Scene) -> dict[str, Workload]:
    """Requests that prove themselves, by the words of the report."""
    restricted = Signed(scene, f"/resource/{RESTRICTED}.json?$limit=100")
    tokens = TokenRequests(scene)
    return {
        "restricted page of 100 rows, a fresh proof and a durable entry each": Workload(
            restricted.path, "/same/restricted-100", headers=restricted.headers, prepare=restricted.prepare
        ),
        "token, a fresh assertion and proof each": Workload(
            "/oauth/token",
            "/same/token",
            method="POST",
            headers=tokens.headers,
            body=tokens.body,
            prepare=tokens.prepare,
        ),
    }


class Signed:
    """Headers for requests at the restricted door, each with its own proof, made before they are needed."""

    def __init__(self, scene: Scene, path: str) -> None:
        self.path, self._scene = path, scene
        self._made: deque[dict[str, str]] = deque()

    def prepare(self, seconds: float) -> None:
        """A new token, and proofs for a round of so many seconds; a proof is good for a minute."""
        reply = self._scene.client.ask_for_token(self._scene.details)
        if reply.status != 200:
            raise RuntimeError(f"no token: {reply.status} {reply.body[:300]!r}")
        self._made = deque(self._one() for _ in range(int(MOST_PER_SECOND * seconds)))

    def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        return self._made.popleft() if self._made else self._one()

    def _one(self) -> dict[str, str]:
        client = self._scene.client
        proof = client.proof("GET", client.origin + self.path, client.token)
        return {"Authorization": f"DPoP {client.token}", "DPoP": proof}


class TokenRequests:
    """Bodies and proofs for the token endpoint, made before they are needed."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._issuer = scene.client.metadata()["issuer"]
        self._bodies: deque[bytes] = deque()
        self._proofs: deque[str] = deque()

    def prepare(self, seconds: float) -> None:
        """Assertions and proofs for a round of so many seconds; both are good for a minute."""
        count = range(int(MOST_PER_SECOND // 2 * seconds))
        self._bodies = deque(self._body() for _ in count)
        self._proofs = deque(self._proof() for _ in count)

    def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        proof = self._proofs.popleft() if self._proofs else self._proof()
        return {"DPoP": proof, "Content-Type": "application/x-www-form-urlencoded"}

    def body(self) -> bytes:
        """The body of the next request."""
        return self._bodies.popleft() if self._bodies else self._body()

    def _proof(self) -> str:
        return self._scene.client.proof("POST", f"{self._scene.client.origin}/oauth/token")

    def _body(self) -> bytes:
        form = {
            "grant_type": "client_credentials",
            "scope": "data.query",
            "authorization_details": json.dumps(self._scene.details),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._scene.client.assertion(self._issuer),
        }
        return urllib.parse.urlencode(form).encode()


def save_bodies(server: Server, scene: Scene, folder: Path) -> Path:
    """Ask once for each workload and keep the answers, so that the floor sends the very same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for workload in workloads(scene).values():
        workload.prepare(0.01)
        asked = urllib.request.Request(
            server.origin + workload.path, data=workload.body(), headers=workload.headers(), method=workload.method
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            (folder / f"{Path(workload.floor).name}.json").write_bytes(answer.read())
    return folder
