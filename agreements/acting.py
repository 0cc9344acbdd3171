"""The acts of the pages: for each command its form, and the one domain call that a press makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from agreements import drafting, editing, lifecycle, reviewing, signing
from agreements.forms import ChangesForm, ConfirmForm, ReasonForm, RefuseForm, TerminateForm
from agreements.models import AgreementVersion
from agreements.transitions import Command
from exchange.directory.identity import Identity
from exchange.forms import Form

Press = Callable[[Session, Identity, AgreementVersion, Any, datetime], AgreementVersion]


@dataclass(frozen=True)
class Act:
    """A command as a page: its form, the call, what the page says before it, and whether it takes something away."""

    form: type[Form]
    press: Press
    words: str
    grave: bool = False


def _submit(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return reviewing.submit_for_review(session, by, version, note=form.note.data or "", now=now)


def _seen(form: Any) -> int | None:
    return int(form.seen_round.data) if (form.seen_round.data or "").isdigit() else None


def _approve(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return reviewing.approve_as_source(
        session,
        by,
        version,
        note=form.note.data or "",
        agency=form.agency.data or None,
        seen_round=_seen(form),
        now=now,
    )


def _counsel(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return reviewing.approve_as_counsel(
        session,
        by,
        version,
        note=form.note.data or "",
        agency=form.agency.data or None,
        seen_round=_seen(form),
        now=now,
    )


def _changes(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return reviewing.request_changes(session, by, version, note=form.note.data, now=now)


def _refuse(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return reviewing.refuse(session, by, version, citation=form.citation.data, note=form.note.data or "", now=now)


def _open(session: Session, by: Identity, version: AgreementVersion, _form: Any, now: datetime) -> AgreementVersion:
    return signing.open_for_signature(session, by, version, now=now)


def _withdraw(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return lifecycle.withdraw(session, by, version, reason=form.reason.data, now=now)


def _suspend(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return lifecycle.suspend(session, by, version, reason=form.reason.data, now=now)


def _resume(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    return lifecycle.resume(session, by, version, reason=form.reason.data, now=now)


def _terminate(session: Session, by: Identity, version: AgreementVersion, form: Any, now: datetime) -> AgreementVersion:
    cause = form.kind.data == "cause"
    return lifecycle.terminate(session, by, version, cause=cause, reason=form.reason.data, now=now)


def _amend(session: Session, by: Identity, version: AgreementVersion, _form: Any, now: datetime) -> AgreementVersion:
    return drafting.amend(session, by, version, now=now)


def _complete(session: Session, by: Identity, version: AgreementVersion, _form: Any, now: datetime) -> AgreementVersion:
    return editing.add_missing_clauses(session, by, version, now=now)


ACTS: Mapping[Command, Act] = {
    Command.SUBMIT_FOR_REVIEW: Act(
        ConfirmForm,
        _submit,
        "Each source agency then finds it on its desk (notice by CGS 4-67n, to be confirmed by counsel).",
    ),
    Command.APPROVE_AS_SOURCE: Act(ConfirmForm, _approve, "Your agency consents to its data in this agreement."),
    Command.APPROVE_AS_COUNSEL: Act(ConfirmForm, _counsel, "You find the text in order for your agency."),
    Command.REQUEST_CHANGES: Act(ChangesForm, _changes, "It goes back to the drafter, and every review starts anew."),
    Command.REFUSE: Act(
        RefuseForm, _refuse, "Final for this version, and only with the law that forbids it.", grave=True
    ),
    Command.OPEN_FOR_SIGNATURE: Act(
        ConfirmForm, _open, "Text, policy and fingerprint are frozen. From then on a change is a new version."
    ),
    Command.WITHDRAW: Act(ReasonForm, _withdraw, "This version ends here; the agreement can be drafted anew.", True),
    Command.SUSPEND: Act(
        ReasonForm, _suspend, "Every reader is cut off at once, also in the middle of a download.", True
    ),
    Command.RESUME: Act(ReasonForm, _resume, "Readers may read again, within the term."),
    Command.TERMINATE: Act(TerminateForm, _terminate, "The agreement ends for good. Its record is kept.", True),
    Command.AMEND: Act(ConfirmForm, _amend, "A new version with the same text is drafted; this one stays as it is."),
    Command.EDIT: Act(
        ConfirmForm, _complete, "Every clause that a law demands is added, with what is usual filled in."
    ),
}
"""`EDIT` here is the one edit that needs no page of its own: adding the clauses that are missing."""
