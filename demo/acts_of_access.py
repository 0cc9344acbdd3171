"""The story's acts on access: ask, decide, register a client, read, be refused."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from demo import secrets_of
from demo.acts_of_agreement import PURPOSE
from demo.browser import PageError
from demo.client import ApiClient, Reply
from demo.plot import Plot
from demo.stage import Stage, expect

REASON_SHOWN = 230
GROUP = "health-and-human-services"
REQUEST = re.compile(r"/requests/([0-9a-f-]{36})")


@dataclass
class Reading:
    """What the acts after the first reading need: the client, and the audit ids seen so far."""

    client: ApiClient
    four_by_four: str
    audit_ids: list[str] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)

    def read(self, query: str = "", proof: str | None = None) -> Reply:
        """Read restricted rows, keeping the audit id."""
        reply = self.client.read(f"/resource/{self.four_by_four}.json{query}", proof=proof)
        if "Audit-Id" in reply.headers:
            self.audit_ids.append(reply.headers["Audit-Id"])
        return reply


def ask(stage: Stage, four_by_four: str, cut: str, plot: Plot) -> None:
    """A member asks; the system first says what needs no asking; source agency and CDO decide."""
    stage.act(f"Ask: {stage.name('analyst')} asks for {len(plot.granted)} columns")
    analyst = stage.person("analyst")
    page = expect(analyst.get(f"/requests/new?dataset={four_by_four}"))
    stage.say("before asking, the page says what is open already", f"{cut} named: {cut in page.body.decode()}")
    values = {
        "columns": list(plot.granted),
        "group": GROUP,
        "purpose": PURPOSE,
        "reason": "We match the figures to the supports that our programs offer in each place.",
    }
    page = expect(analyst.submit(page, values, press="Ask for access"))
    found = REQUEST.search(page.url)
    if found is None:
        raise PageError(f"the request was not taken: {page.words[:800]}")
    for key in ("sde_officer", "cdo"):
        browser = stage.person(key)
        page = expect(
            browser.submit(
                browser.get(f"/requests/{found.group(1)}"),
                {"reason": "Within the agreement in force."},
                press="Approve",
            )
        )
        stage.say(f"approved by {stage.name(key)}")
    expect(page, "granted")
    stage.say("the grant follows the agreement in force", f"request {found.group(1)}")


def register_client(stage: Stage, four_by_four: str) -> Reading:
    """The analyst registers a program by its public key; the private one never leaves it."""
    stage.act("Register a client: public key only")
    analyst, label = stage.person("analyst"), f"Story notebook {secrets.token_hex(3)}"
    private = secrets_of.private_jwk(secrets.token_hex(32), "story")
    form = expect(analyst.get("/clients"))
    values = {"name": label, "group": GROUP, "jwks": json.dumps({"keys": [secrets_of.public_jwk(private)]})}
    page = expect(analyst.submit(form, values, press="Register the client"))
    client_id = page.url.rstrip("/").split("/")[-1]
    stage.say("registered", client_id)
    return Reading(ApiClient(stage.origin, client_id, private), four_by_four)


def get_token(stage: Stage, reading: Reading, agreement: str, plot: Plot) -> None:
    """A token by client_credentials with private_key_jwt, authorization_details and DPoP; wider is refused."""
    stage.act("Get a token: private_key_jwt, authorization_details, DPoP")
    wide = reading.client.ask_for_token(_details(stage, reading, agreement, [*plot.granted, plot.never]))
    stage.say(f"asking for {plot.never} too", f"HTTP {wide.status} {wide.json.get('error')}")
    reading.details = _details(stage, reading, agreement, None)
    reply, took = stage.timed(lambda: reading.client.ask_for_token(reading.details))
    if reply.status != 200:
        raise PageError(f"no token: {reply.status} {reply.body[:600]!r}")
    granted = reply.json["authorization_details"][0]
    stage.say(f"a {reply.json['token_type']} token for {reply.json['expires_in']} s", f"{took:,.0f} ms")
    stage.say(
        "the server says under what", f"grant {granted['grant_id']}, {agreement} version {granted['agreement_version']}"
    )


def read_restricted(stage: Stage, reading: Reading, plot: Plot) -> None:
    """Granted columns and rows only; everything else refused with its reason; proofs work once."""
    stage.act("Read restricted rows: recorded first, then sent")
    reply, took = stage.timed(lambda: reading.read("?$limit=50000"))
    if reply.status != 200:
        raise PageError(f"no rows: {reply.status} {reply.body[:600]!r}")
    rows = reply.json
    columns = set().union(*(row.keys() for row in rows)) if rows else set()
    outside = [row for row in rows if plot.filter_column and row.get(plot.filter_column) not in plot.filter_values]
    if outside or columns - set(plot.granted):
        raise PageError(f"rows or columns outside the grant: {len(outside)} rows, {columns - set(plot.granted)}")
    stage.say(f"{len(rows):,} rows of {plot.rows:,} with {len(columns)} columns", f"{took:,.0f} ms")
    stage.say("rows outside the agreement's filter among them", len(outside))
    stage.say("its entry in the log, durable before the first byte", reading.audit_ids[-1])
    for words, reply in _refusals(stage, reading, plot).items():
        stage.say(words, f"HTTP {reply.status} {_reason(reply)}")


def _refusals(stage: Stage, reading: Reading, plot: Plot) -> dict[str, Reply]:
    url = f"{stage.origin}/resource/{reading.four_by_four}.json"
    once = reading.client.proof("GET", url, reading.client.token)
    reading.read("?$limit=1", proof=once)
    other = reading.client.proof("GET", f"{stage.origin}/resource/aaaa-2222.json", reading.client.token)
    return {
        f"asking for {plot.never}, which nobody granted": reading.read(f"?$select={plot.never}"),
        "the same proof a second time": reading.read("?$limit=1", proof=once),
        "a proof made for another address": reading.read("?$limit=1", proof=other),
        "a hostile $where": reading.read("?$where=1=1);%20DROP%20TABLE%20grants;--"),
        "the same address without a token": _without_token(stage, reading),
    }


def _without_token(stage: Stage, reading: Reading) -> Reply:
    page = stage.public().get(f"/resource/{reading.four_by_four}.json")
    return Reply(page.status, page.headers, page.body)


def _reason(reply: Reply) -> str:
    try:
        body: dict[str, Any] = reply.json
    except ValueError:
        return reply.body[:120].decode(errors="replace")
    words = str(body.get("message") or body.get("error_description") or "")
    return f"{body.get('code') or body.get('error')}: {words[:REASON_SHOWN]}"


def _details(stage: Stage, reading: Reading, agreement: str, columns: list[str] | None) -> list[dict[str, Any]]:
    dataset: dict[str, Any] = {"id": reading.four_by_four}
    if columns is not None:
        dataset["columns"] = columns
    kind = reading.client.metadata()["authorization_details_types_supported"][0]
    return [
        {
            "type": kind,
            "agreement": agreement,
            "working_group": GROUP,
            "purpose": PURPOSE,
            "actions": ["query"],
            "datasets": [dataset],
        }
    ]
