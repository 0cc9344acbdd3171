"""The story's acts on data: publish, classify, read what is public."""

from __future__ import annotations

import re
from typing import Any

import orjson

from demo.browser import Page, PageError, Value
from demo.plot import Plot
from demo.stage import Stage, expect
from exchange.values import FOUR_BY_FOUR_ALPHABET

ID = re.compile(rf"/data/([{FOUR_BY_FOUR_ALPHABET}lo01]{{4}}-[{FOUR_BY_FOUR_ALPHABET}lo01]{{4}})")


def publish(stage: Stage, plot: Plot) -> str:
    """The steward brings the file in as a restricted dataset; returns its 4x4."""
    stage.act(f"Publish: {stage.name('sde_steward')} brings in {plot.file.name}")
    browser = stage.person("sde_steward")
    form = expect(browser.get("/publish/new"))
    values: dict[str, Value] = {"title": plot.title, "agency": "education", "class_": "restricted", "file": plot.file}
    page, took = stage.timed(lambda: browser.submit(form, values, press="Read it"))
    expect(page)
    stage.say("types are proposed, text unless certain, with the evidence for each", f"{took:,.0f} ms")
    page, took = stage.timed(lambda: browser.submit(page, {}, action="/confirm"))
    expect(page, "published")
    four_by_four = id_on(page)
    for words in re.findall(
        r"(?:read|added|changed|removed|refused)\s+[\d,]+|[\d,]+\s+(?:rows )?(?:read|added|changed|removed|refused)",
        page.words,
    ):
        stage.say(words)
    stage.say("version 1 published, all or nothing", f"{four_by_four} in {took:,.0f} ms")
    return four_by_four


def classify(stage: Stage, four_by_four: str, plot: Plot) -> str:
    """The data officer decides every column, the CDO agrees; returns the open cut's 4x4."""
    stage.act("Classify: every column is decided; the Chief Data Officer, another person, agrees")
    officer, cdo = stage.person("sde_officer"), stage.person("cdo")
    page = expect(officer.get(f"/classification/{four_by_four}"))
    page = expect(officer.submit(page, {}, action="/start"))
    number = 1
    while True:
        page = expect(officer.submit(page, _decisions(page, plot), action="/decisions"))
        number += 1
        following = officer.get(f"/classification/{four_by_four}?page={number}")
        if f"page={number}" not in page.body.decode() or following.status != 200:
            break
        page = following
    if plot.subject is not None:
        named = officer.get(f"/subjects/{four_by_four}")
        expect(officer.submit(named, {"column": plot.never, "namespace": "student-id"}), "Named.")
        stage.say("each reading will record whose records leave, by", plot.never)
    early = stage.public().get(f"/data/{four_by_four}")
    stage.say("before anybody agreed, the public asked for the page", f"HTTP {early.status}")
    page = expect(officer.submit(page, {}, action="/propose"))
    stage.say(f"{len(plot.withheld)} of {len(plot.names)} columns restricted", ", ".join(plot.withheld))
    page = expect(cdo.submit(cdo.get(f"/classification/{four_by_four}"), {}, action="/agree"), "agreed")
    cut = next(found for found in _ids(page) if found != four_by_four)
    stage.say(f"{stage.name('cdo')} agreed; the open cut is derived", cut)
    return cut


def _decisions(page: Page, plot: Plot) -> dict[str, str]:
    """The decisions for the columns that this page of the form shows."""
    fields = {str(e.get("name")): e for e in page.tree.xpath("//*[@name]")}
    decisions: dict[str, str] = {}
    for name, element in fields.items():
        if re.fullmatch(r"columns-\d+-column", name):
            prefix, withheld = name.removesuffix("column"), element.get("value") in plot.withheld
            decisions[f"{prefix}decision"] = "restricted" if withheld else "open"
            if withheld:
                decisions[f"{prefix}code"] = "FERPA"
    return decisions


def read_open(stage: Stage, cut: str, plot: Plot) -> None:
    """Anybody reads the open cut, and sees why each column is withheld."""
    stage.act("Read what is public: no token, no account")
    page = expect(stage.public().get(f"/data/{cut}"))
    rows, answer = read_json(stage, f"/resource/{cut}.json?$limit=3")
    count, _ = read_json(stage, f"/resource/{cut}.json?$select=count(*) as n")
    seen = set().union(*(row.keys() for row in rows))
    stage.say(
        "rows of the open cut, with the columns of the first three", f"{count[0]['n']} rows; {', '.join(sorted(seen))}"
    )
    leaked = seen & set(plot.withheld)
    if leaked:
        raise PageError(f"the open cut shows withheld columns: {leaked}")
    refused = stage.public().get(f"/resource/{cut}.json?$select={plot.never}")
    stage.say(f"asking it for {plot.never}", f"HTTP {refused.status} {orjson.loads(refused.body).get('code')}")
    stage.say("the page says why", f"FERPA named: {page.says('FERPA')}")
    stage.say("strong ETag of this version and query", answer.headers.get("ETag", "none"))


def read_json(stage: Stage, path: str) -> tuple[list[dict[str, Any]], Page]:
    """Open rows as the public reads them. Raises `PageError` unless the answer is 200."""
    page = stage.public().get(path.replace(" ", "%20"))
    if page.status != 200:
        raise PageError(f"{path} answered {page.status}: {page.body[:300]!r}")
    rows: list[dict[str, Any]] = orjson.loads(page.body)
    return rows, page


def id_on(page: Page) -> str:
    """The first dataset id among a page's links."""
    found = _ids(page)
    if not found:
        raise PageError(f"{page.url} links to no dataset: {page.words[:800]}")
    return found[0]


def _ids(page: Page) -> list[str]:
    return list(dict.fromkeys(ID.findall(" ".join(page.tree.xpath("//main//a/@href")))))
