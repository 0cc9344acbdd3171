"""Load the demo: deterministic ids, idempotent, and everything through the commands that pages use."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from access import requests
from access.clients import register_client
from access.models import AccessRequest, Client, Grant
from access.programs import demo_key_file
from agreements import editing
from agreements.editing import Line
from agreements.models import Agreement, AgreementVersion
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import append
from demo import secrets_of, tables
from demo.cast import CAST, DOL, HHS_GROUP, OPM, SDE, email_of
from demo.contracts import ABSENCE, REEMPLOYMENT, TRANSITION, Sharing, carry_through, draft_dsa, memorandum
from demo.duties import load_duties
from demo.holdings import HOLDINGS, Holding, load_holdings
from demo.people import acting, load_people, stable_id
from exchange.catalog.datasets import get_dataset
from exchange.classification.open_cut import cut_of
from exchange.db import db
from exchange.settings import Settings

CLIENT_ID = "hhs-attendance-notebook"
GRANTED = ("school_year", "district", "town_code", "grade", "days_absent", "chronically_absent")
ASKED = ("school_year", "grade", "race_ethnicity", "chronically_absent")
DISTRICTS = ("Hartford School District", "New Haven School District", "Bridgeport School District")
ABSENCE_TITLE = "Chronic absence planning: student attendance for the Health and Human Services working group"
TRANSITION_TITLE = "Grade nine transition: student attendance for the Health and Human Services working group"
PILOT_TITLE = "Attendance pilot, ended: student attendance for the Health and Human Services working group"
REEMPLOYMENT_TITLE = "Reemployment outcomes: wage records for the Health and Human Services working group"


TOPICS = {ABSENCE_TITLE: "attendance", REEMPLOYMENT_TITLE: "wages", TRANSITION_TITLE: "transition"}


def is_loaded(settings: Settings) -> bool:
    """Whether this data folder holds the demo."""
    return settings.demo_credentials.exists()


def credentials(settings: Settings) -> dict[str, Any]:
    """What the last load wrote: accounts, clients, ids."""
    facts: dict[str, Any] = json.loads(settings.demo_credentials.read_text())
    return facts


def load(app: Flask, now: datetime) -> dict[str, Any]:
    """Load everything that is not there yet, and write the credentials file; returns what it says."""
    settings, session = app.config["SETTINGS"], db.session()
    secret = _secret(settings)
    load_people(session, secret, now)
    append(session.connection(), Entry(Action.DEMO_STATE_LOAD, Outcome.DONE, at=now))
    session.commit()
    files = tables.write_all(settings.data_dir / "demo" / "files")
    load_holdings(session, app.extensions["ledger"], settings, files, now)
    _load_agreements(session, now)
    _load_access(session, secret, now)
    load_duties(session, settings.data_dir / "open", _pilot(), _id("attendance"), now)
    session.commit()
    facts = _facts(session, settings, secret)
    _write(settings, facts)
    return facts


def _secret(settings: Settings) -> str:
    path = settings.data_dir / "demo" / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def _load_agreements(session: Session, now: datetime) -> None:
    """Two memoranda and an agreement in force, one that the CDO has to sign, a draft that lacks what a law wants."""
    if session.scalar(select(Agreement.id).limit(1)) is not None:
        return
    for agency in (SDE, DOL):
        memorandum(session, agency, now)
    in_force = draft_dsa(session, _absence(), now)
    carry_through(session, in_force, now)
    waiting = draft_dsa(session, _transition(), now)
    carry_through(session, waiting, now, unsigned=frozenset({OPM}))
    lacking = draft_dsa(session, _reemployment(), now)
    editing.remove_clause(session, acting(session, "drafter", now), lacking, "C12", now=now)
    session.commit()


def _absence() -> Sharing:
    rows = {"op": "in", "column": "district", "values": list(DISTRICTS)}
    columns = frozenset({*GRANTED, *ASKED})
    return Sharing(
        ABSENCE_TITLE,
        SDE,
        ABSENCE,
        [Line(_id("attendance"), columns, rows)],
        "34 CFR 99.31(a)(3) and 99.35: audit and evaluation of State-supported education programs.",
        "audit-evaluation",
        {"C11": {"representative": "the Department of Children and Families, by the persons named in this agreement"}},
    )


def _transition() -> Sharing:
    rows = {"op": "in", "column": "grade", "values": ["08", "09"]}
    return Sharing(
        TRANSITION_TITLE,
        SDE,
        TRANSITION,
        [Line(_id("attendance"), frozenset({"school_year", "district", "grade", "days_absent"}), rows)],
        "34 CFR 99.31(a)(3) and 99.35: audit and evaluation of State-supported education programs.",
        "audit-evaluation",
        {"C11": {"representative": "the Department of Children and Families, by the persons named in this agreement"}},
    )


def _pilot() -> Sharing:
    """The agreement that ended: the attendance of one grade."""
    rows = {"op": "in", "column": "grade", "values": ["09"]}
    line = Line(_id("attendance"), frozenset({"school_year", "district", "grade", "days_absent"}), rows)
    return replace(_transition(), title=PILOT_TITLE, lines=[line])


def _reemployment() -> Sharing:
    return Sharing(
        REEMPLOYMENT_TITLE,
        DOL,
        REEMPLOYMENT,
        [Line(_id("wages"), frozenset({"industry", "town", "quarter", "wages"}))],
        "CGS 31-254 and 20 CFR 603.5: to public officials in the performance of their duties.",
    )


def _load_access(session: Session, secret: str, now: datetime) -> None:
    """A client, a granted request, and one that waits for its answers."""
    analyst = acting(session, "analyst", now)
    if session.get(Client, CLIENT_ID) is None:
        public = secrets_of.public_jwk(secrets_of.private_jwk(secret, CLIENT_ID))
        register_client(
            session,
            analyst,
            id=CLIENT_ID,
            name="Attendance notebook",
            working_group_id=HHS_GROUP,
            jwks={"keys": [public]},
            now=now,
        )
    if session.scalar(select(AccessRequest.id).limit(1)) is not None:
        return
    dataset = get_dataset(session, _id("attendance"))
    if dataset is None:
        raise LookupError("the demo's attendance table is missing")
    words = "We match absence by district and grade to the supports our programs offer there."
    request = requests.submit(
        session, analyst, group=HHS_GROUP, dataset=dataset, columns=GRANTED, purpose=ABSENCE.code, reason=words, now=now
    )
    for key in ("sde_officer", "cdo"):
        requests.decide(session, acting(session, key, now), request, True, "Within the agreement in force.", now)
    words = "We also need to see whether supports reach every group of students."
    requests.submit(
        session,
        acting(session, "second_analyst", now),
        group=HHS_GROUP,
        dataset=dataset,
        columns=ASKED,
        purpose=ABSENCE.code,
        reason=words,
        now=now,
    )


def _facts(session: Session, settings: Settings, secret: str) -> dict[str, Any]:
    return {
        "origin": settings.origin,
        "accounts": {member.key: _account(secret, member) for member in CAST},
        "clients": {CLIENT_ID: {"client_id": CLIENT_ID, "private_jwk": secrets_of.private_jwk(secret, CLIENT_ID)}},
        "datasets": {holding.key: _dataset(session, holding) for holding in HOLDINGS},
        "agreements": _agreements(session),
        "grants": {"attendance": _grant(session)},
    }


def _account(secret: str, member: Any) -> dict[str, Any]:
    return {
        "name": member.name,
        "title": member.title,
        "email": email_of(member),
        "desk": member.desk,
        "password": secrets_of.password(secret, member.key),
        "totp_secret": secrets_of.totp_seed(secret, member.key),
        "person_id": stable_id("person", member.key),
        "pseudonym": stable_id("pseudonym", member.key),
        "agency": member.agency,
        "roles": [str(role.kind) for role in member.roles],
    }


def _dataset(session: Session, holding: Holding) -> dict[str, Any]:
    dataset = get_dataset(session, holding.id)
    cut = cut_of(session, dataset) if dataset else None
    return {"id": holding.id, "class": holding.class_, "title": holding.title, "open_cut": cut.id if cut else None}


def _agreements(session: Session) -> dict[str, Any]:
    versions = session.scalars(select(AgreementVersion).order_by(AgreementVersion.id))
    keys = {"emou": "memorandum", "dsa": "agreement"}
    found: dict[str, Any] = {}
    for version in versions:
        agreement = version.agreement
        topic = TOPICS.get(agreement.title)
        if agreement.title == PILOT_TITLE:
            continue
        key = f"{keys[agreement.tier]}_{topic or next(p.agency_id for p in version.parties if p.capacity == 'source')}"
        found[key] = {"id": agreement.id, "version": version.number, "sha256": version.sha256, "state": version.state}
    return found


def _grant(session: Session) -> dict[str, Any] | None:
    grant = session.scalars(
        select(Grant).where(Grant.dataset_id == _id("attendance")).order_by(Grant.created_at)
    ).first()
    if grant is None:
        return None
    version = grant.agreement_version
    return {
        "id": grant.id,
        "dataset": grant.dataset_id,
        "agreement": version.agreement_id,
        "purpose": grant.purpose,
        "working_group": grant.working_group_id,
        "columns": list(grant.columns),
        "client_id": CLIENT_ID,
    }


def _write(settings: Settings, facts: dict[str, Any]) -> None:
    """The credentials file last: that it is there means that the demo is loaded."""
    _keep(demo_key_file(settings), facts["clients"][CLIENT_ID]["private_jwk"])
    _keep(settings.demo_credentials, facts)


def _keep(path: Path, secret: dict[str, Any]) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(secret, indent=2, ensure_ascii=False) + "\n")
    part.replace(path)


def _id(key: str) -> str:
    return next(holding.id for holding in HOLDINGS if holding.key == key)
