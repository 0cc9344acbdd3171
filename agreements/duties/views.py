"""The pages of the registers: incidents, public-records requests, certificates of destruction, filings."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from agreements.duties import destruction, filings, incidents, referrals
from agreements.duties.filings import KIND_WORDS
from agreements.duties.forms import CertificateForm, FilingForm, IncidentForm, ReferralForm, RequestForm, StepForm
from agreements.duties.incidents import STEP_WORDS
from agreements.duties.models import FilingKind, StepKind
from agreements.duties.pages import answered, dataset_choices, every_agency, own_agencies
from agreements.duties.rights import ALWAYS, agencies_recorded_for, may_record
from agreements.duties.sheets import SHEETS
from agreements.forms import choices_of
from agreements.models import Capacity
from agreements.pages import Page, version_seen, who
from agreements.transitions import parties_as
from audit.actions import Action
from audit.export import row
from exchange import clock
from exchange.directory.models import RoleKind
from exchange.errors import NotFound, Refused
from exchange.web import session

duties = Blueprint("duties", __name__)

READERS = (*ALWAYS, RoleKind.DATA_OFFICER, RoleKind.COUNSEL, RoleKind.DRAFTER)


@duties.before_request
def _enter() -> None:
    if not who().holds(*READERS):
        raise Refused(
            "These registers are for data officers, counsel, drafters, the Chief Data Officer and the auditors. Ask "
            "your agency’s data officer."
        )


@duties.get("")
def index() -> str:
    """The four registers, and what is open in each."""
    now, me = clock.now(), who()
    today = clock.legal_day(now)
    seen = incidents.seen_by(me, incidents.accounts(session(), now))
    asked = referrals.seen_by(me, referrals.requests(session()))
    open_ = {
        "incidents": sum(account.open for account in seen),
        "requests": sum(one.referral is None for one in asked),
        "certificates": sum(bool(ended.outstanding) for ended in destruction.ended(session(), now)),
        "filings": sum(bool(one.lacking(today)) for one in filings.agency_standings(session(), today)),
    }
    return render_template("agreements/duties/index.html", open=open_)


@duties.get("/<register>.csv")
def sheet(register: str) -> Response:
    """A register as CSV, as far as the person may know it."""
    if register not in SHEETS:
        raise NotFound(f"There is no register {register}. Their links are on the page Notices and filings.")
    lines = SHEETS[register](session(), who(), clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{register}.csv"', "Cache-Control": "no-store"}
    return Response("".join(row(line) for line in lines), content_type="text/csv; charset=utf-8", headers=headers)


@duties.route("/incidents", methods=["GET", "POST"])
def incident_list() -> Page:
    """Every incident that the person may know of, and the form for a new one."""
    form = IncidentForm()
    form.agency.choices, form.datasets.choices = own_agencies(), dataset_choices()

    def press() -> Answer:
        incident = incidents.report(
            session(),
            who(),
            agency_id=form.agency.data,
            what=form.what.data,
            datasets=form.datasets.data or [],
            identity_numbers=form.identity_numbers.data,
            discovered_at=clock.legal_instant(form.discovered_at.data),
            now=clock.now(),
        )
        session().commit()
        flash(f"{incident.id} is recorded. Its clocks run from the discovery.", "success")
        return redirect(url_for("duties.incident", incident_id=incident.id), 303)

    def page() -> str:
        found = incidents.seen_by(who(), incidents.accounts(session(), clock.now()))
        return render_template("agreements/duties/incidents.html", found=found, form=form, records=_records())

    return answered(Action.INCIDENT_DISCOVERY_RECORD, form, press, page)


@duties.route("/incidents/<incident_id>", methods=["GET", "POST"])
def incident(incident_id: str) -> Page:
    """One incident: its clocks, its steps, and the form for a further step."""
    form = StepForm()

    def press() -> Answer:
        now = clock.now()
        account = incidents.account_seen(session(), who(), incident_id, now)
        incidents.add_step(
            session(),
            who(),
            account.incident,
            StepKind(form.kind.data),
            at=clock.legal_instant(form.at.data),
            persons=form.persons.data,
            note=form.note.data or "",
            now=now,
        )
        session().commit()
        flash(f"Recorded: {STEP_WORDS[StepKind(form.kind.data)]}.", "success")
        return redirect(url_for("duties.incident", incident_id=incident_id), 303)

    def page() -> str:
        account = incidents.account_seen(session(), who(), incident_id, clock.now())
        words = {kind.value: said for kind, said in STEP_WORDS.items()}
        may = incidents.may_add(who(), account)
        return render_template("agreements/duties/incident.html", account=account, form=form, words=words, may=may)

    return answered(Action.INCIDENT_NOTICE_RECORD, form, press, page)


@duties.route("/requests", methods=["GET", "POST"])
def request_list() -> Page:
    """Every request that the person may know of, and the form for a new one."""
    form = RequestForm()
    form.agency.choices, form.dataset.choices = own_agencies(), dataset_choices(none=True)

    def press() -> Answer:
        received = referrals.receive(
            session(),
            who(),
            agency_id=form.agency.data,
            received_on=form.received_on.data,
            file_number=form.file_number.data,
            about=form.about.data,
            dataset_id=form.dataset.data or None,
            now=clock.now(),
        )
        session().commit()
        flash(f"{received.id} is recorded. Refer it next.", "success")
        return redirect(url_for("duties.records_request", request_id=received.id), 303)

    def page() -> str:
        found = referrals.seen_by(who(), referrals.requests(session()))
        today = clock.legal_day(clock.now())
        late = {one.id for one in found if referrals.is_overdue(one, today)}
        return render_template("agreements/duties/requests.html", found=found, form=form, late=late, records=_records())

    return answered(Action.REFERRAL_REQUEST_RECORD, form, press, page)


@duties.route("/requests/<request_id>", methods=["GET", "POST"])
def records_request(request_id: str) -> Page:
    """One request, its referral with the letter, or the form that refers it."""
    form = ReferralForm()
    form.agency.choices = every_agency()

    def press() -> Answer:
        found = referrals.request_seen(session(), who(), request_id)
        referrals.refer(
            session(),
            who(),
            found,
            agency_id=form.agency.data,
            address=form.address.data,
            telephone=form.telephone.data,
            referred_on=form.referred_on.data,
            now=clock.now(),
        )
        session().commit()
        flash("Referred. Send the letter to the requester, and the request to the originating agency.", "success")
        return redirect(url_for("duties.records_request", request_id=request_id), 303)

    def page() -> str:
        found = referrals.request_seen(session(), who(), request_id)
        shown = {"due": referrals.due_on(found.received_on), "may": may_record(who(), found.agency_id)}
        late = referrals.is_overdue(found, clock.legal_day(clock.now()))
        return render_template("agreements/duties/request.html", found=found, form=form, late=late, **shown)

    return answered(Action.REFERRAL_LETTER_GIVE, form, press, page)


@duties.get("/requests/<request_id>.pdf")
def letter(request_id: str) -> Response:
    """The letter to the requester."""
    content = referrals.letter_of(referrals.request_seen(session(), who(), request_id))
    headers = {"Content-Disposition": f'inline; filename="{request_id}.pdf"', "Cache-Control": "no-store"}
    return Response(content, content_type="application/pdf", headers=headers)


@duties.get("/certificates")
def certificate_list() -> str:
    """The agreements that ended and ask for destruction."""
    now = clock.now()
    found = [ended for ended in destruction.ended(session(), now) if ended.owed]
    return render_template("agreements/duties/certificates.html", found=found, today=clock.legal_day(now))


@duties.route("/certificates/<agreement_id>/<int:number>", methods=["GET", "POST"])
def certificate(agreement_id: str, number: int) -> Page:
    """The certificates of one agreement, and the form that records one."""
    version, form = version_seen(agreement_id, number), CertificateForm()
    recipients = parties_as(version, Capacity.RECIPIENT)
    form.agency.choices = choices_of(
        sorted((party.agency_id, party.agency.name) for party in version.parties if party.agency_id in recipients)
    )

    def press() -> Answer:
        destruction.certify(
            session(),
            who(),
            version,
            agency_id=form.agency.data,
            certified_by=form.certified_by.data,
            method=form.method.data,
            destroyed_on=form.destroyed_on.data,
            received_on=form.received_on.data,
            sha256=hashlib.file_digest(form.file.data.stream, "sha256").hexdigest(),
            now=clock.now(),
        )
        session().commit()
        flash("The certificate is recorded.", "success")
        return redirect(url_for("duties.certificate", agreement_id=agreement_id, number=number), 303)

    def page() -> str:
        now = clock.now()
        return render_template(
            "agreements/duties/certificate.html",
            version=version,
            form=form,
            ended_at=destruction.ended_at(version, now),
            received=destruction.certificates_of(session(), version),
            may=destruction.may_certify(who(), version),
        )

    return answered(Action.AGREEMENT_DESTRUCTION_CERTIFY, form, press, page)


@duties.route("/filings", methods=["GET", "POST"])
def filing_list() -> Page:
    """What each agency has filed, what it lacks, and the form that records a filing."""
    form = FilingForm()
    form.agency.choices = own_agencies()

    def press() -> Answer:
        filings.file(
            session(),
            who(),
            agency_id=form.agency.data,
            kind=FilingKind(form.kind.data),
            filed_on=form.filed_on.data,
            place=form.place.data or "",
            now=clock.now(),
        )
        session().commit()
        flash("The filing is recorded.", "success")
        return redirect(url_for("duties.filing_list"), 303)

    def page() -> str:
        today = clock.legal_day(clock.now())
        standing = filings.agency_standings(session(), today)
        shown = {
            "filings": filings.filings(session()),
            "words": {kind.value: said for kind, said in KIND_WORDS.items()},
        }
        return render_template(
            "agreements/duties/filings.html", standing=standing, today=today, form=form, records=_records(), **shown
        )

    return answered(Action.AGENCY_FILING_RECORD, form, press, page)


def _records() -> bool:
    """Whether the person records for any agency at all."""
    return agencies_recorded_for(who()) != frozenset()
