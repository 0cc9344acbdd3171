"""The story's acts on paper: draft, review, sign, register."""

from __future__ import annotations

import hashlib
import re

from demo.browser import Browser, Page, PageError
from demo.plot import Plot
from demo.stage import Stage, expect

PURPOSE = "chronic-absence-planning"
ADDRESS = re.compile(r"/agreements/([A-Z]+-\d{4}-\d{4})/(\d+)")


def draft(stage: Stage, four_by_four: str, plot: Plot) -> str:
    """OPM drafts a data sharing agreement under the memorandum; returns its path."""
    stage.act(f"Draft: {stage.name('drafter')} starts a data sharing agreement under the OPM memorandum")
    drafter = stage.person("drafter")
    page = expect(drafter.get("/agreements/new"))
    values = {
        "memorandum": stage.facts["agreements"]["memorandum_education"]["id"],
        "recipient": "children-and-families",
        "working_group": "health-and-human-services",
        "title": f"Sharing of {plot.title}",
    }
    page = expect(drafter.submit(page, values, press="Start the data sharing agreement"))
    path = _path(page)
    persons = [stage.facts["accounts"][key]["person_id"] for key in ("analyst", "second_analyst")]
    _save(drafter, f"{path}/schedule/{four_by_four}", _line(plot))
    _save(drafter, f"{path}/persons", {"persons": persons})
    year = int(stage.facts["agreements"]["memorandum_education"]["id"].split("-")[1])
    _save(drafter, f"{path}/term", {"begins": f"{year}-01-01", "ends": f"{year + 1}-12-31"})
    for code, fields in CLAUSES.items():
        _save(drafter, f"{path}/clauses/{code}", fields)
    stage.say("schedule, row filter, named persons, term and clauses filled in", path)
    stage.say(
        "rows it covers",
        f"{plot.filter_column} is one of {len(plot.filter_values)} values" if plot.filter_column else "all",
    )
    page = drafter.get(path)
    stage.say(
        "the page says what is still missing, with the law",
        f"C11, 34 CFR 99.35: {page.says('C11') and page.says('99.35')}",
    )
    return path


def review(stage: Stage, path: str) -> None:
    """The source agency and counsel review; a missing clause blocks signature until it is there."""
    stage.act("Review: the source agency, its counsel and OPM's counsel")
    drafter = stage.person("drafter")
    _press(drafter, path, "submit_for_review")
    _press(stage.person("sde_officer"), path, "approve_as_source")
    stage.say(f"{stage.name('sde_officer')} approved for Education")
    for key in ("sde_counsel", "opm_counsel"):
        _press(stage.person(key), path, "approve_as_counsel")
        stage.say(f"{stage.name(key)} approved")
    blocked = _try(drafter, path, "open_for_signature")
    law = re.search(r"34 CFR 99\.35\(a\)\(3\)[^.]*\.", blocked.words)
    stage.say(
        "opening it for signature without the clause that FERPA wants",
        f"HTTP {blocked.status}: {law.group(0) if law else 'no law named'}",
    )
    if law is None:
        raise PageError(f"a missing clause did not block signature: {blocked.words[:600]}")
    _press(stage.person("opm_counsel"), path, "request_changes", {"note": "Designate the authorized representative."})
    _save(
        drafter,
        f"{path}/clauses/C11",
        {"representative": "the Department of Children and Families, by the persons named here"},
    )
    _press(drafter, path, "submit_for_review")
    _press(stage.person("sde_officer"), path, "approve_as_source")
    for key in ("sde_counsel", "opm_counsel"):
        _press(stage.person(key), path, "approve_as_counsel")
    page = _press(drafter, path, "open_for_signature")
    stage.say("clause C11 added, reviewed again; text, policy and hash are frozen", fingerprint(page))


def sign(stage: Stage, path: str) -> str:
    """All parties sign the same hash; returns it."""
    stage.act("Sign: the officials of all parties, over one hash")
    hashes = set()
    for key in ("sde_official", "dcf_official", "cdo"):
        page, took = stage.timed(lambda key=key: _sign(stage, stage.person(key), path))  # type: ignore[misc]
        hashes.add(fingerprint(page))
        stage.say(f"signed by {stage.name(key)}", f"{took:,.0f} ms")
    if len(hashes) != 1:
        raise PageError(f"the signers saw different hashes: {hashes}")
    sha256 = hashes.pop()
    pdf = stage.person("drafter").get(f"{path}.pdf")
    if not pdf.body.startswith(b"%PDF"):
        raise PageError(f"{path}.pdf answered {pdf.status}, and no PDF")
    stage.say("PDF of the frozen text", f"{len(pdf.body):,} bytes, SHA-256 {hashlib.sha256(pdf.body).hexdigest()}")
    number = path.split("/")[2]
    expect(stage.public().get(f"/register/{number}"), number)
    stage.say("in the public register, derived from live state", f"/register/{number}")
    return sha256


def terminate(stage: Stage, path: str) -> None:
    """The source agency ends the agreement for cause."""
    _press(stage.person("sde_officer"), path, "terminate", {"kind": "cause", "reason": "The story ends it."})


def fingerprint(page: Page) -> str:
    """The SHA-256 that an agreement's page shows."""
    found = re.search(r"\b[0-9a-f]{64}\b", page.words)
    if found is None:
        raise PageError(f"{page.url} shows no hash: {page.words[:600]}")
    return found.group(0)


CLAUSES = {
    "C03": {
        "purposes": PURPOSE,
        "purpose": "To plan supports for students who miss ten percent of school days or more.",
    },
    "C04": {
        "basis": "34 CFR 99.31(a)(3) and 99.35, audit and evaluation of education programs.",
        "ferpa_exception": "audit-evaluation",
    },
    "C07": {"granularity": "record"},
    "C17": {"onward": "no"},
    "C18": {"min_cell": "6", "rule": "SDE_LE5"},
}
"""What the story fills in. C11, which FERPA demands, is left out on purpose."""


def _line(plot: Plot) -> dict[str, str | list[str]]:
    line: dict[str, str | list[str]] = {"columns": list(plot.granted)}
    if plot.filter_column:
        line |= {"column_1": plot.filter_column, "op_1": "in", "values_1": "; ".join(plot.filter_values)}
    return line


def _path(page: Page) -> str:
    found = ADDRESS.search(page.url)
    if found is None:
        raise PageError(f"no agreement was started: {page.words[:800]}")
    return found.group(0)


def _save(
    browser: Browser, path: str, values: dict[str, str] | dict[str, str | list[str]] | dict[str, list[str]]
) -> Page:
    form = expect(browser.get(path))
    return expect(browser.submit(form, dict(values), press="Save"))


def _try(browser: Browser, path: str, command: str, values: dict[str, str] | None = None) -> Page:
    page = browser.get(f"{path}/act/{command}")
    if page.status != 200:
        return page
    return browser.submit(page, values or {}, action="" if not page.tree.xpath("//main//form[@action]") else command)


def _press(browser: Browser, path: str, command: str, values: dict[str, str] | None = None) -> Page:
    page = _try(browser, path, command, values)
    if page.status != 200 or "/act/" in page.url:
        raise PageError(f"{command} on {path} answered {page.status}: {page.words[:900]}")
    return page


def _sign(stage: Stage, browser: Browser, path: str) -> Page:
    page = expect(browser.get(f"{path}/sign"))
    return expect(
        browser.submit(
            page, {"read": "y"}, press="Sign", action="/sign" if page.tree.xpath("//main//form[@action]") else ""
        )
    )
