"""The catalogue for programs: search, filters, order, paging, shape; and what nobody may see there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.discovery.index import words_needed
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.conftest import NOON
from tests.makers.catalogue import make_listed
from tests.makers.directory import make_person, sign_in

ROOT = "/api/catalog/v1"


@pytest.fixture
def catalogue(app: Flask) -> None:
    """Four public datasets, one restricted, one draft."""
    session = db.session()
    make_listed(
        session, "aaaa-0001", "School Directory", category="Education", tags=("schools", "grades"),
        description="Every school of the State with its address.", row_label="A school",
    )  # fmt: skip
    make_listed(
        session, "aaaa-0002", "Mill Rates", agency="policy-and-management", category="Tax and Revenue",
        tags=("tax",), description="Property taxes by town and school district.", now=NOON + timedelta(days=1),
    )  # fmt: skip
    make_listed(
        session, "aaaa-0003", "Élection results", agency="state", category="Government", licence="CC BY 4.0",
        columns=(("votes", "Votes counted", "number", "Ballots of a precinct"),), now=NOON - timedelta(days=1),
        attribution="Office of Elections", update_frequency="Annually",
    )  # fmt: skip
    make_listed(session, "aaaa-0004", "Air quality", agency="energy", category="Environment and Natural Resources")
    make_listed(session, "rrrr-0001", "Absence by school", class_="restricted", category="Education", tags=("secret",))
    make_listed(session, "dddd-0001", "School draft", state="draft", category="Education", tags=("secret",))
    session.commit()


def ask(client: FlaskClient, query: str = "", path: str = "") -> dict[str, Any]:
    answer = client.get(f"{ROOT}{path}?{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def ids(client: FlaskClient, query: str = "") -> list[str]:
    answer = ask(client, query)
    found = [one["resource"]["id"] for one in answer["results"]]
    assert len(found) == answer["resultSetSize"]
    return found


ALL = ["aaaa-0004", "aaaa-0002", "aaaa-0001", "aaaa-0003"]


FILTERED: list[tuple[str, list[str]]] = [
    ("", ALL),
    ("ids=aaaa-0001&ids=aaaa-0002", ["aaaa-0002", "aaaa-0001"]),
    ("ids=aaaa-0001,aaaa-0002&categories=education", ["aaaa-0001"]),
    ("categories[]=Education&categories[]=Government", ["aaaa-0001", "aaaa-0003"]),
    ("names=mill rates", ["aaaa-0002"]),
    ("tags=tax&tags=grades", ["aaaa-0002", "aaaa-0001"]),
    ("only=datasets", ALL),
    ("only=charts", []),
    ("attribution=Office of Elections", ["aaaa-0003"]),
    ("attribution=office of elections", []),
    ("license=CC BY 4.0", ["aaaa-0003"]),
    ("column_names=Mill rate&column_names=votes", ALL),
    ("column_names=votes", ["aaaa-0003"]),
    ("for_user=energy", ["aaaa-0004"]),
    ("provenance=official", ALL),
    ("provenance=community", []),
    ("public=True&published=True&explicitly_hidden=False&derived=False", ALL),
    ("public=False", []),
    ("audience=public&visibility=open&approval_status=approved", ALL),
    ("visibility=internal", []),
    ("parent_ids=rrrr-0001", []),
    ("shared_to=site", []),
    ("domains=localhost", ALL),
    ("domains=127.0.0.1:8000", ALL),
    ("domains=data.example.com", []),
    ("search_context=data.example.com", ALL),
    ("Publication_Update-Frequency=Annually", ["aaaa-0003"]),
    ("Publication_Update-Frequency=Annually&Publication_Update-Frequency=As needed&tags=tax", ["aaaa-0002"]),
    ("No-Such_Set=x", []),
    ("$$exclude_system_fields=x", ALL),
    ("order=name DESC", ALL[::-1]),
    ("order=createdAt", ["aaaa-0002", "aaaa-0004", "aaaa-0001", "aaaa-0003"]),
    ("order=updatedAt ASC", ["aaaa-0003", "aaaa-0004", "aaaa-0001", "aaaa-0002"]),
    ("order=dataset_id", sorted(ALL)),
    ("order=owner DESC", ["aaaa-0003", "aaaa-0002", "aaaa-0004", "aaaa-0001"]),
    ("order=domain_category", ["aaaa-0001", "aaaa-0004", "aaaa-0003", "aaaa-0002"]),
    ("order=page_views_total", ALL),
    ("order=datatype&order=name", ALL),
]

SEARCHED = [
    ("q=schools", ["aaaa-0001", "aaaa-0002"]),
    ("q=school tax", ["aaaa-0002"]),
    ("q=ELECTIONS", ["aaaa-0003"]),
    ("q=ballot", ["aaaa-0003"]),
    ("q=nosuchword", []),
    ("q=school nosuchword", []),
    ("q=school nosuchword&min_should_match=1", ["aaaa-0001", "aaaa-0002"]),
    ("q=school directory address nosuchword", ["aaaa-0001"]),
    ("q=!!!", ALL),
]


def test_filters_intersect_and_repeated_ones_are_a_union(catalogue: None, client: FlaskClient) -> None:
    for query, found in FILTERED:
        assert ids(client, query) == found, query


def test_words_are_stemmed_and_ranked(catalogue: None, client: FlaskClient) -> None:
    for query, found in SEARCHED:
        assert ids(client, query) == found, query
    assert ids(client, "q=aaaa-0004&min_should_match=1")[0] == "aaaa-0004"


@pytest.mark.parametrize(
    ("number", "rule", "needed"),
    [(3, "3<60%", 3), (5, "3<60%", 3), (5, "2", 2), (5, "-1", 4), (4, "75%", 3), (4, "-25%", 3), (1, "9", 1),
     (10, "2<-25% 9<-3", 7), (8, "2<-25% 9<-3", 6), (2, "2<-25% 9<-3", 2), (3, "0", 1)],
)  # fmt: skip
def test_how_many_words_have_to_match(number: int, rule: str, needed: int) -> None:
    assert words_needed(number, rule) == needed


def test_the_shape_of_a_result(catalogue: None, client: FlaskClient) -> None:
    one = ask(client, "ids=aaaa-0003&show_visibility=true")["results"][0]
    resource = one["resource"]
    assert resource["name"] == "Élection results" and resource["type"] == "dataset"
    assert resource["updatedAt"] == "2026-06-14T16:00:00.000Z"
    assert resource["columns_name"] == ["Votes counted"] and resource["columns_datatype"] == ["Number"]
    assert resource["page_views"]["page_views_total"] == 0 and resource["contact_email"] is None
    assert one["classification"]["domain_category"] == "Government"
    assert {"key": "Publication_Update-Frequency", "value": "Annually"} in one["classification"]["domain_metadata"]
    assert one["owner"]["display_name"] == one["owner"]["displayName"] == "Department of State"
    assert one["permalink"] == "http://127.0.0.1:8000/d/aaaa-0003"
    assert one["link"] == "http://127.0.0.1:8000/Government/%C3%89lection-results/aaaa-0003"
    assert one["metadata"]["domain"] == "127.0.0.1:8000" and one["metadata"]["is_public"] is True
    assert "is_public" not in ask(client, "ids=aaaa-0003")["results"][0]["metadata"]


def test_paging_yields_each_once_and_as_many_as_it_says(app: Flask, client: FlaskClient) -> None:
    for number in range(250):
        make_listed(db.session(), f"{number:04}-page", f"Same title {number % 3}")
    db.session.commit()
    pages = [ask(client, f"offset={offset}") for offset in (0, 100, 200, 300)]
    assert [len(page["results"]) for page in pages] == [100, 100, 50, 0]
    assert {page["resultSetSize"] for page in pages} == {250}
    seen = [one["resource"]["id"] for page in pages for one in page["results"]]
    assert len(set(seen)) == 250
    scrolled: list[str] = []
    while page := ask(client, f"limit=90&scroll_id={scrolled[-1] if scrolled else ''}")["results"]:
        scrolled += [one["resource"]["id"] for one in page]
    assert scrolled == sorted(seen)


MISTAKES = (
    "limit=9999&offset=2", "limit=-1", "offset=x", "order=nosuch", "order=name sideways", "public=perhaps",
    "only=nosuch", "min_should_match=many", "scroll_id=x&order=name",
)  # fmt: skip


def test_mistakes_are_said(catalogue: None, client: FlaskClient) -> None:
    for query in MISTAKES:
        answer = client.get(f"{ROOT}?{query}")
        assert answer.status_code == 400, query
        assert isinstance(answer.get_json()["error"], str) and len(answer.get_json()["error"]) > 20


def test_completion_marks_titles_and_escapes_them(catalogue: None, client: FlaskClient) -> None:
    make_listed(db.session(), "aaaa-0005", "<b>Schooling</b>")
    db.session.commit()
    found = ask(client, "q=scho", "/autocomplete")
    assert found["resultSetSize"] == 2
    assert {"title": "School Directory", "display_title": "<span class=highlight>Scho</span>ol Directory"} in found[
        "results"
    ]
    assert "&lt;b&gt;<span class=highlight>Scho</span>oling&lt;/b&gt;" in [
        one["display_title"] for one in found["results"]
    ]
    assert ask(client, "q=scho&deduplicate=false&ids=aaaa-0001", "/autocomplete")["results"][0]["id"] == "aaaa-0001"
    assert ask(client, "q=", "/autocomplete")["results"] == []
    tags = ask(client, "q=gra", "/tags/autocomplete")["results"]
    assert tags == [{"tag_text": "grades", "matches": [{"start": 0, "length": 3}]}]


def test_counts(catalogue: None, client: FlaskClient) -> None:
    assert ask(client, "", "/domains")["results"] == [{"domain": "127.0.0.1:8000", "count": 4}]
    assert ask(client, "", "/domain_categories")["results"][0] == {"domain_category": "Education", "count": 1}
    assert ask(client, "q=school", "/domain_tags")["results"] == [
        {"domain_tag": "grades", "count": 1}, {"domain_tag": "schools", "count": 1}, {"domain_tag": "tax", "count": 1},
    ]  # fmt: skip
    assert {"tag": "tax", "count": 1} in ask(client, "", "/tags")["results"]
    assert {"category": "Government", "count": 1} in ask(client, "", "/categories")["results"]
    facets = client.get(f"{ROOT}/domains/localhost/facets").get_json()
    assert [one["facet"] for one in facets][:4] == ["categories", "tags", "datatypes", "provenance"]
    assert client.get(f"{ROOT}/domains/elsewhere.example/facets").get_json()[0]["values"] == []
    pair = {"key": "Publication_Update-Frequency", "value": "Annually", "count": 1}
    assert pair in ask(client, "", "/domain_metadata")["results"]
    assert client.get(f"{ROOT}/nosuch").status_code == 404


PATHS = ("", "/autocomplete", "/tags/autocomplete", "/domains", "/domain_categories", "/domain_tags", "/tags",
         "/categories", "/domain_metadata", "/domains/localhost/facets")  # fmt: skip


HIDDEN = ("rrrr-0001", "dddd-0001", "Absence", "School draft", "secret")


def test_what_the_public_may_not_know_is_nowhere(catalogue: None, client: FlaskClient) -> None:
    for path in PATHS:
        for query in ("", "q=absence", "q=school", "ids=rrrr-0001", "q=secret", "tags=secret", "public=false", "q=a"):
            text = client.get(f"{ROOT}{path}?{query}").get_data(as_text=True)
            assert not any(word in text for word in HIDDEN), (path, query)


def test_who_holds_a_role_finds_the_restricted_and_nobody_keeps_that_answer(
    catalogue: None, client: FlaskClient
) -> None:
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    answer = client.get(f"{ROOT}?q=absence")
    assert [one["resource"]["id"] for one in answer.get_json()["results"]] == ["rrrr-0001"]
    assert answer.headers["Cache-Control"] == "no-store" and "Access-Control-Allow-Origin" not in answer.headers
    assert ids(client, "public=False") == ["rrrr-0001"]


def test_a_change_is_seen_at_once_and_unchanged_answers_are_not_sent_again(
    catalogue: None, client: FlaskClient
) -> None:
    first = client.get(f"{ROOT}?q=school")
    etag = first.headers["ETag"]
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get(f"{ROOT}?q=school", headers={"If-None-Match": etag}).status_code == 304
    make_listed(db.session(), "aaaa-0009", "School meals")
    db.session.commit()
    again = client.get(f"{ROOT}?q=school", headers={"If-None-Match": etag})
    assert again.status_code == 200 and again.get_json()["resultSetSize"] == 3


def test_the_search_before_this_one_leads_here(client: FlaskClient) -> None:
    assert client.get("/api/search/views.json?q=a%20b").headers["Location"] == f"{ROOT}?q=a%20b"
    assert client.get("/browse?q=x").headers["Location"] == "/data?q=x"
    assert json.loads(client.get(ROOT).data)["results"] == []
