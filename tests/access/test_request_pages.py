"""The pages of requests, grants and clients, walked through HTTP; the program that they show really runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from access.models import AccessRequest, Client, Grant
from access.snippets import MAKE_KEY
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.settings import Settings
from tests.makers.access import GROUP, World, change, make_dataset, make_grant, new_key, store_rows
from tests.makers.agreements import ATTENDANCE, make_active_dsa, make_cast
from tests.makers.directory import make_person, sign_in


@pytest.fixture
def world(app: Flask, settings: Settings) -> World:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    made = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    return made


def person(id: str) -> Person:
    return db.session.get_one(Person, id)


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def post(client: FlaskClient, path: str, source: str | None = None, **fields: object) -> tuple[int, str]:
    """Send a form as a browser does: with the page's own CSRF field, following the redirect."""
    page = client.get(source or path).get_data(as_text=True)
    answer = client.post(path, data={"csrf_token": token_of(page), **fields}, follow_redirects=True)
    return answer.status_code, unescape(answer.get_data(as_text=True))


def test_the_journey_from_asking_to_the_grant(app: Flask, client: FlaskClient) -> None:
    cast = make_cast(db.session())
    make_active_dsa(db.session(), cast)
    db.session.commit()
    title = db.session.get_one(Dataset, ATTENDANCE).title
    sign_in(client, person(cast.analyst.person_id))
    form = client.get(f"/requests/new?dataset={ATTENDANCE}").get_data(as_text=True)
    assert "FERPA" in form
    status, page = post(
        client, f"/requests/new?dataset={ATTENDANCE}", dataset=ATTENDANCE, columns=["student_id", "year"], group=GROUP,
        purpose="chronic-absence-planning", reason="To plan support.",
    )  # fmt: skip
    assert status == 200, page
    assert "Answer of the source agency" in page
    asked = db.session.scalars(select(AccessRequest)).one().id
    for officer in (cast.sde_officer, cast.cdo):
        sign_in(client, person(officer.person_id))
        assert title in client.get("/desk").get_data(as_text=True)
        status, page = post(client, f"/requests/{asked}/decide", f"/requests/{asked}", answer="approve", reason="")
        assert status == 200, page


def test_whether_an_agreement_covers_it_is_said_before_asking_and_to_who_answers(
    app: Flask, client: FlaskClient
) -> None:
    cast = make_cast(db.session())
    version = make_active_dsa(db.session(), cast)
    agreement = version.agreement_id
    db.session.commit()
    sign_in(client, person(cast.analyst.person_id))
    path, purpose = f"/requests/new?dataset={ATTENDANCE}", "chronic-absence-planning"
    asked = {"dataset": ATTENDANCE, "group": GROUP, "reason": "To plan support.", "columns": ["student_id", "year"]}
    status, page = post(client, path, **asked, purpose=purpose, check="See what covers it")
    assert (status, f"An agreement in force covers this: {agreement}, version 1" in page) == (200, True)
    assert "Hartford School District" in page and "FERPA" in page and "Nothing has been sent yet" in page
    status, page = post(client, path, **asked, purpose="marketing", check="See what covers it")
    assert (status, "does not cover this purpose" in page) == (200, True)
    assert db.session.scalars(select(AccessRequest)).all() == []
    assert post(client, path, **asked, purpose=purpose)[0] == 200
    request = db.session.scalars(select(AccessRequest)).one().id
    sign_in(client, person(cast.sde_officer.person_id))
    page = unescape(client.get(f"/requests/{request}").get_data(as_text=True))
    for words in (agreement, "Hartford School District", "FERPA", "Until", "may read nothing of this dataset yet"):
        assert words in page


def test_an_approved_request_without_agreement_leads_a_drafter_to_draft(app: Flask, client: FlaskClient) -> None:
    cast = make_cast(db.session())
    make_active_dsa(db.session(), cast)
    drafter = make_person(
        db.session(), "Rosa Hale", agency="policy-and-management", roles=[(RoleKind.DRAFTER, "policy-and-management")]
    )
    db.session.commit()
    sign_in(client, person(cast.analyst.person_id))
    post(
        client, f"/requests/new?dataset={ATTENDANCE}", dataset=ATTENDANCE, columns=["year"], group=GROUP,
        purpose="another-purpose", reason="To plan support.",
    )  # fmt: skip
    asked = db.session.scalars(select(AccessRequest)).one().id
    for officer in (cast.sde_officer, cast.cdo):
        sign_in(client, person(officer.person_id))
        post(client, f"/requests/{asked}/decide", f"/requests/{asked}", answer="approve", reason="")
    sign_in(client, drafter)
    assert "Draft or amend an agreement" in client.get("/desk").get_data(as_text=True)
    page = client.get(f"/requests/{asked}").get_data(as_text=True)
    assert "does not cover this purpose" in page and "/agreements/new" in page


def test_a_refusal_without_a_reason_is_sent_back(client: FlaskClient, world: World) -> None:
    officer = make_person(db.session(), "Marguerite Adeyemi", agency="education", roles=[RoleKind.DATA_OFFICER])
    request = db.session.scalars(select(AccessRequest)).one()
    request.state = "submitted"
    db.session.commit()
    asked = request.id
    sign_in(client, officer)
    status, page = post(client, f"/requests/{asked}/decide", f"/requests/{asked}", answer="refuse", reason="")
    assert status == 400
    assert "needs a reason" in page and "Your answer, for the source agency" in page
    status, page = post(client, f"/requests/{asked}/decide", f"/requests/{asked}", answer="refuse", reason="Too much.")
    assert status == 200
    assert "Refused by the source agency" in page


def test_a_wrong_form_says_what_is_wrong(client: FlaskClient, world: World) -> None:
    sign_in(client, person(world.person_id))
    path = f"/requests/new?dataset={world.dataset_id}"
    status, page = post(client, path, dataset=world.dataset_id, group=GROUP, purpose="x", reason="y")
    assert status == 400
    assert "Choose at least one column" in page
    status, page = post(
        client, path, dataset=world.dataset_id, columns=["town"], group=GROUP, purpose="evaluation", reason="y"
    )
    assert (status, "may read all these columns already" in page) == (409, True)
    assert post(client, path, dataset=world.dataset_id, colour="red")[0] == 400
    assert client.get("/requests/new?dataset=zzzz-9999").status_code == 404


def test_a_grant_reads_in_words_and_can_be_ended(client: FlaskClient, world: World) -> None:
    sign_in(client, person(world.person_id))
    assert "DSA-2026-0001, version 1" in client.get("/grants").get_data(as_text=True)
    page = unescape(client.get(f"/grants/{world.grant_id}").get_data(as_text=True))
    for words in ("Town (<code>town</code>)", "C07@1", "all rows", "Ada Field", f'CLIENT = "{world.client_id}"'):
        assert words in page
    assert "End this grant" not in page
    officer = make_person(db.session(), "Marguerite Adeyemi", agency="education", roles=[RoleKind.DATA_OFFICER])
    db.session.commit()
    sign_in(client, officer)
    path = f"/grants/{world.grant_id}"
    status, page = post(client, f"{path}/revoke", path, reason="The study is over.")
    assert status == 200
    assert "The study is over." in page
    assert db.session.get_one(Grant, world.grant_id).state == "revoked"


def test_a_program_is_registered_and_disabled(client: FlaskClient, world: World) -> None:
    sign_in(client, person(world.person_id))
    keys = json.dumps({"keys": [new_key().as_dict(private=False)]})
    status, page = post(client, "/clients", name="My notebook", group=GROUP, jwks=keys)
    assert status == 200
    assert "/oauth/token" in page
    status, page = post(client, "/clients", name="Leaky", group=GROUP, jwks=json.dumps(new_key().as_dict(private=True)))
    assert (status, "treat that key as lost" in page) == (400, True)
    assert '"d"' not in page
    status, page = post(client, "/clients/my-notebook/disable", "/clients/my-notebook")
    assert (status, "Disabled" in page) == (200, True)
    assert db.session.get_one(Client, "my-notebook").disabled_at is not None


@pytest.mark.parametrize("path", ["/requests/{}", "/grants/{}", "/clients/{}"])
def test_what_is_not_there_and_what_is_others_answer_alike(client: FlaskClient, world: World, path: str) -> None:
    request = db.session.scalars(select(AccessRequest.id)).one()
    mine = {"/requests/{}": request, "/grants/{}": world.grant_id, "/clients/{}": world.client_id}[path]
    stranger = make_person(
        db.session(), "Auberon Nakagawa", agency="labor", roles=[(RoleKind.MEMBER, "economic-development")]
    )
    db.session.commit()
    sign_in(client, stranger)
    answers = [client.get(path.format(id)) for id in (mine, "no-such-thing")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert (
        client.get("/requests").status_code
        == client.get("/grants").status_code
        == client.get("/clients").status_code
        == 200
    )


def test_the_public_is_sent_to_sign_in(client: FlaskClient) -> None:
    for path in ("/requests", "/grants", "/clients", "/requests/new?dataset=aaaa-2222"):
        assert client.get(path).status_code == 303


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application behind a real socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_shown_programs_run_as_they_stand(client: FlaskClient, world: World, served: str, tmp_path: Path) -> None:
    made = run(MAKE_KEY, tmp_path)
    jwks = json.loads(made)
    assert (tmp_path / "client-key.json").stat().st_mode & 0o777 == 0o600
    change(Client, world.client_id, jwks={"keys": [{**jwks["keys"][0], "kid": "k"}]})
    sign_in(client, person(world.person_id))
    page = unescape(client.get(f"/grants/{world.grant_id}").get_data(as_text=True))
    found = re.search(r"<pre[^>]*><code>(# pip.*?)</code></pre>", page, re.DOTALL)
    assert found is not None
    printed = run(found.group(1).replace("http://localhost", served), tmp_path)
    assert "40 rows" in printed
    assert "Audit-Id: 0" in printed


def run(program: str, folder: Path) -> str:
    """What the program prints when run by itself."""
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
