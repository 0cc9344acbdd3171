"""The main job of each of the five users, and of the public, by clicking what they would click; no script runs.

Everything is found as a screen reader names it: by role and label. The tests are one story in order: a later desk takes
up what an earlier one left.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.makers.desks import DESKS, Desks, sign_in
from tests.makers.server import Server

pytestmark = pytest.mark.browser

TITLE = "School breakfasts by school"
DSA = "Sharing of student attendance for after-school programs"
ROWS = [("S01", "Hartford", "Arch Street School", 120), ("S02", "Norwalk", "Bow Street School", 80)]

CLAUSES: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    ("C03", {"Purpose codes": "after-school-programs", "Purpose in words": "To place after-school programs."}, {}),
    ("C04", {"Authority for each dataset": "34 CFR 99.31(a)(3) and 99.35."}, {"FERPA exception": "audit-evaluation"}),
    ("C07", {}, {"Level of detail": "record"}),
    ("C11", {"Authorized representative": "the Department of Children and Families, by the persons named here"}, {}),
    ("C17", {}, {"May the data be passed on?": "no"}),
    ("C18", {"Smallest count that may be shown": "6"}, {"Suppression rule": "SDE_LE5"}),
)
"""Clauses that the drafter fills in: code, texts and choices by their labels."""


@dataclass
class Job:
    """What one desk leaves for the next."""

    agreement: str = ""
    dataset: str = ""


@pytest.fixture(scope="module")
def job() -> Job:
    """Shared by the tests of this module, in order."""
    return Job()


@pytest.fixture
def breakfasts(tmp_path: Path) -> Path:
    """A small file as a steward would have it."""
    path = tmp_path / "breakfasts.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([("School Code", "Town", "School", "Breakfasts"), *ROWS])
    return path


@pytest.mark.parametrize("who", DESKS)
def test_one_click_opens_each_desk(desks: Desks, who: str) -> None:
    page = desks.browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, desks.origin, who)
    expect(heading(page)).to_have_text("Your desk")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Desk")).to_be_visible()
    press(page, "Sign out")
    expect(page.get_by_role("status")).to_contain_text("You have signed out")
    page.context.close()


def test_the_drafter_drafts_an_agreement_and_submits_it(desks: Desks, job: Job) -> None:
    page = at_desk(desks, "drafter")
    follow(page, "Draft an agreement")
    page.get_by_label("Memorandum it stands under").select_option(label=re_label(page, "Memorandum", "Education"))
    page.get_by_label("Receiving agency").select_option("children-and-families")
    page.get_by_label("Working group whose members").select_option("health-and-human-services")
    page.get_by_label("Title").fill(DSA)
    press(page, "Start the data sharing agreement")
    expect(heading(page)).to_have_text(DSA)
    job.agreement = page.url.removeprefix(desks.origin)
    _schedule(page)
    _persons_and_term(page)
    for code, texts, choices in CLAUSES:
        _clause(page, job, code, texts, choices)
    follow(page, "Submit for review")
    press(page, "Submit for review")
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_text("It waits on")).to_contain_text("Education")


def _schedule(page: Page) -> None:
    follow(page, "Datasets, columns, rows")
    page.get_by_role("row", name=re.compile("^Student attendance [a-z0-9]")).get_by_role("link").click()
    for label in ("School Year", "District", "Grade", "Days Absent"):
        page.get_by_role("checkbox", name=re.compile(f"^{label}")).check()
    comparison = page.get_by_role("group", name="Comparison 1")
    comparison.get_by_label("Column").select_option("school_year")
    comparison.get_by_label("Values").fill("2018-2019")
    press(page, "Save this dataset")
    follow(page, "Back to the draft")


def _clause(page: Page, job: Job, code: str, texts: dict[str, str], choices: dict[str, str]) -> None:
    follow(page, "All clauses")
    page.get_by_role("row", name=re.compile(rf"^{code}\.")).get_by_role("link").click()
    for label, value in texts.items():
        page.get_by_label(label).fill(value)
    for label, value in choices.items():
        page.get_by_label(label).select_option(value)
    press(page, "Save the clause")
    expect(page).to_have_url(re.compile(re.escape(job.agreement) + "$"))


def _persons_and_term(page: Page) -> None:
    follow(page, "Named persons")
    page.get_by_role("checkbox", name="Jasper Lindqvist-Moore").check()
    press(page, "Save the persons")
    follow(page, "Term")
    page.get_by_label("First day").fill("2026-01-01")
    page.get_by_label("Last day").fill("2027-12-31")
    press(page, "Save the term")


def test_source_agency_and_counsel_review_it(desks: Desks, job: Job) -> None:
    for who, words in (
        ("officer", "Approve"), ("sde_counsel", "Approve"), ("opm_counsel", "Approve"), ("drafter", "Open for signature")
    ):  # fmt: skip
        page = at_desk(desks, who)
        page.get_by_role("listitem").filter(has_text=DSA).get_by_role("link").first.click()
        expect(page.get_by_text("Your turn.")).to_be_visible()
        page.get_by_role("main").get_by_role("link", name=re.compile(words)).first.click()
        page.get_by_role("main").get_by_role("button").first.click()
        expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_text("Fingerprint (SHA-256)").first).to_be_visible()


def test_the_agency_data_officer_publishes_and_classifies(desks: Desks, job: Job, breakfasts: Path) -> None:
    page = at_desk(desks, "officer")
    page.get_by_role("main").get_by_role("link", name="Publish data").click()
    follow(page, "Publish something")
    page.get_by_label("Agency", exact=True).select_option("education")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Description").fill("Breakfasts served by school.")
    page.get_by_label("File", exact=True).set_input_files(breakfasts)
    press(page, "Read it")
    expect(page.get_by_label("Type of School Code")).to_have_value("text")
    expect(page.get_by_label("Type of Breakfasts")).to_have_value("number")
    press(page, "Confirm and publish")
    follow(page, "Classify its columns")
    press(page, "Begin")
    for label in ("School Code", "Town", "Breakfasts"):
        decision(page, label, "Open").check()
    decision(page, "School", "Restricted").check()
    column(page, "School").get_by_label("Exemption basis").select_option("FERPA")
    press(page, "Save these decisions")
    press(page, "Propose to the CDO")
    expect(page.get_by_role("status")).to_contain_text("Proposed")
    job.dataset = re.findall(r"[a-z0-9]{4}-[a-z0-9]{4}$", page.url.partition("?")[0])[0]


def test_the_public_does_not_know_of_it_yet(desks: Desks, job: Job) -> None:
    page = desks.page()
    page.goto(f"{desks.origin}/data/{job.dataset}")
    expect(heading(page)).to_have_text("Not found")
    search(page, desks, "breakfasts")
    expect(page.get_by_role("heading", name=re.compile("^0 datasets"))).to_be_visible()


def test_the_cdo_agrees_decides_and_signs(desks: Desks, job: Job) -> None:
    page = at_desk(desks, "cdo")
    waiting(page, f"Classify {TITLE}").click()
    press(page, "Agree")
    once_more(page, "Agree")
    expect(page.get_by_role("status")).to_contain_text("in force")
    expect(page.get_by_role("main").get_by_role("link", name=re.compile(TITLE))).to_be_visible()
    page.goto(f"{desks.origin}/desk")
    waiting(page, "asks for 4 columns").click()
    page.get_by_label("Reason").fill("Within the agreement in force.")
    press(page, "Approve")
    expect(page.get_by_text("Approved by the Chief Data Officer")).to_be_visible()
    for who in ("sde_official", "dcf_official", "cdo"):
        _sign(at_desk(desks, who))
    page.goto(desks.origin + job.agreement)
    expect(page.get_by_text("In force", exact=False).first).to_be_visible()


def _sign(page: Page) -> None:
    waiting(page, DSA).click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Sign")).first.click()
    page.get_by_role("checkbox", name=re.compile("I have read")).check()
    press(page, "Sign")
    if "/sign-in/again" in page.url:
        page.get_by_role("button", name=re.compile("^Confirm as")).click()
        page.get_by_role("checkbox", name=re.compile("I have read")).check()
        press(page, "Sign")
    expect(page.get_by_role("status")).to_be_visible()


def test_the_analyst_asks_and_sees_what_may_be_read(desks: Desks) -> None:
    page = at_desk(desks, "analyst")
    page.get_by_role("main").get_by_role("link", name="Find data").click()
    page.get_by_label("Search titles").fill("attendance")
    press(page, "Search")
    page.get_by_role("main").get_by_role("link", name="Student attendance", exact=True).click()
    follow(page, "Ask for access")
    expect(page.get_by_text("columns are open already")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Days Absent"))).to_contain_text("Granted to your group")
    for label in ("School Year", "Grade", "Days Absent"):
        page.get_by_role("checkbox", name=label).check()
    page.get_by_label("Purpose code").fill("after-school-programs")
    page.get_by_label("Why these columns are needed").fill("To place programs where absence is high.")
    press(page, "Ask for access")
    expect(page.get_by_text("Submitted")).to_be_visible()
    at_grants = at_desk(desks, "analyst")
    at_grants.get_by_role("main").get_by_role("link", name="Grants").click()
    at_grants.get_by_role("link", name="Student attendance").first.click()
    expect(at_grants.get_by_role("table", name=re.compile("What is granted"))).to_contain_text("Days Absent")
    expect(at_grants.get_by_role("region", name="Python program")).to_contain_text("urllib.request")


def test_officer_and_cdo_grant_it_under_the_new_agreement(desks: Desks) -> None:
    for who in ("officer", "cdo"):
        page = at_desk(desks, who)
        waiting(page, "asks for 3 columns of Student attendance").click()
        press(page, "Approve")
    expect(page.get_by_text("Granted", exact=True).first).to_be_visible()


def test_the_auditor_asks_and_exports(desks: Desks, server: Server) -> None:
    page = at_desk(desks, "auditor")
    page.get_by_role("main").get_by_role("link", name="Audit desk").click()
    follow(page, "Who read a dataset?")
    ask = page.get_by_role("search", name="Who read a dataset?")
    ask.get_by_label("Dataset").fill("Student attendance")
    ask.get_by_role("button").click()
    if page.get_by_role("heading", name="Which one?").is_visible():
        page.get_by_role("main").get_by_role("link", name="Student attendance", exact=True).click()
    expect(page.get_by_role("definition").first).to_have_text("Student attendance")
    page.goto(f"{desks.origin}/audit")
    follow(page, "What did a person do?")
    person = page.get_by_role("search", name="What did a person do?")
    person.get_by_label("Person").fill("Jasper Lindqvist-Moore")
    person.get_by_role("button").click()
    expect(page.get_by_role("main")).to_contain_text("Jasper Lindqvist-Moore")
    assert "Jasper" not in page.url
    page.goto(f"{desks.origin}/audit")
    follow(page, "All entries")
    with page.expect_download() as download:
        follow(page, "CSV for a spreadsheet")
    with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as handle:
        lines = list(csv.DictReader(handle))
    assert len(lines) > 20
    page.get_by_role("link", name="Audit desk").first.click()
    follow(page, "Check the whole log now")
    expect(page.get_by_role("main")).to_contain_text("root", ignore_case=True)


def test_the_public_searches_reads_why_and_takes_the_file(desks: Desks, job: Job) -> None:
    page = desks.page()
    search(page, desks, "breakfasts")
    page.get_by_role("main").get_by_role("link", name=re.compile(TITLE)).click()
    expect(page.get_by_role("note")).to_contain_text("1 column is withheld")
    expect(page.get_by_role("main")).to_contain_text("FERPA")
    with page.expect_download() as download:
        follow(page, "All rows as CSV")
    with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    assert sorted(tuple(row) for row in rows) == [("school_code", "town", "breakfasts")] * len(ROWS)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Register").click()
    page.get_by_label("Search by agency").fill("after-school")
    press(page, "Search")
    page.get_by_role("row", name=re.compile(DSA)).get_by_role("link").first.click()
    expect(heading(page)).to_have_text(DSA)
    expect(page.get_by_role("main")).to_contain_text("34 CFR 99.31(a)(3)")
    answer = page.request.get(f"{desks.origin}/data.json")
    assert TITLE in json.dumps(answer.json())


def at_desk(desks: Desks, who: str) -> Page:
    """This person's desk, without scripts."""
    page = desks.page(who)
    page.goto(f"{desks.origin}/desk")
    return page


def heading(page: Page) -> Locator:
    """The page's title."""
    return page.get_by_role("heading", level=1)


def follow(page: Page, words: str) -> None:
    """Click a link of the page."""
    page.get_by_role("main").get_by_role("link", name=words, exact=True).first.click()


def press(page: Page, words: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=words, exact=True).click()


def search(page: Page, desks: Desks, words: str) -> None:
    """Search from the front page."""
    page.goto(desks.origin)
    page.get_by_role("searchbox").fill(words)
    press(page, "Search")


def waiting(page: Page, words: str) -> Locator:
    """The link of a thing that waits for this person."""
    section = page.get_by_role("region", name=re.compile("^Waiting for you"))
    return section.get_by_role("listitem").filter(has_text=words).get_by_role("link").first


def once_more(page: Page, words: str) -> None:
    """Prove who one is if the page asks for it, and press again."""
    if "/sign-in/again" in page.url:
        page.get_by_role("button", name=re.compile("^Confirm as")).click()
        press(page, words)


def column(page: Page, label: str) -> Locator:
    """The fields of one column on the classification page."""
    return page.get_by_role("group", name=re.compile(rf"^{label} [a-z_]+"))


def decision(page: Page, label: str, choice: str) -> Locator:
    """Open or restricted, for one column."""
    return column(page, label).get_by_role("radio", name=choice)


def re_label(page: Page, field: str, words: str) -> str:
    """The whole label of the option that says these words."""
    options = page.get_by_label(re.compile(f"^{field}")).locator("option").all_text_contents()
    return next(option for option in options if words in option)
