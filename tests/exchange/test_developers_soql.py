"""The page of the language: every function of the table is on it, and its links answer."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient

from exchange.db import db
from exchange.portal.language import form, sections, words
from exchange.rows.functions import TABLE
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset


def page(client: FlaskClient) -> str:
    answer = client.get("/developers/soql")
    assert answer.status_code == 200
    return html.unescape(answer.get_data(as_text=True))


def test_every_function_is_there_with_its_types_and_an_example(app: Flask, client: FlaskClient) -> None:
    text = page(client)
    assert text.count("<h1") == 1
    for function in TABLE:
        assert f"<code>{form(function)}</code>" in text, function.name
        assert function.doc in text
        assert function.example
    assert "run over any dataset" in text and "/resource/" not in text


def test_examples_link_to_rows_of_an_open_dataset(app: Flask, client: FlaskClient, settings: Settings) -> None:
    make_open_dataset(db.session(), settings.data_dir, NOON)
    db.session().commit()
    links = re.findall(r'href="(/resource/abcd-1234\.json\?[^"]+)"', page(client))
    assert len(links) == sum(len(section.entries) for section in sections("abcd-1234")) > 200
    for link in links[::40]:
        answer = client.get(urlsplit(link).path, query_string=parse_qs(urlsplit(link).query))
        assert answer.status_code == 200, link
        assert "X-SODA2-Types" in answer.headers


def test_how_functions_are_written() -> None:
    forms = {(function.name, function.parameters): form(function) for function in TABLE}
    assert forms["||", ("as_text", "as_text")] == "any || any"
    assert forms["within_circle", ("geo", "real", "real", "real")] == "within_circle(shape, number, number, number)"
    assert forms[".year", ("calendar_date",)] == "floating_timestamp.year"
    assert forms["::checkbox", ("text",)] == "text::boolean"
    assert forms["row_number", ()] == "row_number() OVER (…)"
    assert forms["coalesce", ("same",)] == "coalesce(value, …)"
    assert words("checkbox") == "boolean" and words("calendar_date") == "floating_timestamp"
