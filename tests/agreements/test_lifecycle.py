"""The transition table, the commands that obey it, and what happens when two press at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from agreements import drafting, in_force, lifecycle, moving, permissions, reviewing, signing
from agreements.models import AgreementEvent, AgreementVersion, State
from agreements.transitions import BY_COMMAND, TABLE, Command
from audit import tables
from exchange import epoch
from exchange.db import engine_options, prepare_engine
from exchange.errors import CharterError, Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON, create_tables, make_settings
from tests.makers import agreements as make
from tests.makers.directory import make_agency
from tests.makers.postgres import fresh_database

PERMISSIONS = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    url = fresh_database() if request.param == "postgresql" else make_settings(tmp_path).database_url
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    yield engine
    engine.dispose()


def entries(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(tables.queue)) or 0


def test_the_permission_table_in_the_documents_is_what_the_program_answers() -> None:
    assert PERMISSIONS.read_text() == permissions.page(), "python -m agreements.permissions > docs/permissions.md"


def test_the_table_speaks_of_every_command_once_and_ends_in_known_states() -> None:
    assert [row.command for row in TABLE] == list(dict.fromkeys(row.command for row in TABLE))
    assert {row.command for row in TABLE} == set(Command)
    ended = {State.EXPIRED, State.TERMINATED, State.WITHDRAWN, State.REFUSED, State.SUPERSEDED}
    leaving = {state for row in TABLE for state in row.before if row.command is not Command.AMEND}
    assert not ended & leaving, "nothing leads out of an ended version but a new one"


def test_every_command_writes_one_event_and_one_entry_in_the_same_transaction(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    before = (entries(session), session.scalar(select(func.count(AgreementEvent.id))))
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    after = (entries(session), session.scalar(select(func.count(AgreementEvent.id))))
    assert after == (before[0] + 1, (before[1] or 0) + 1)
    session.rollback()
    assert entries(session) == 0


def test_a_stranger_is_refused_with_who_can(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    with pytest.raises(Refused, match="for a source agency's data officer") as refused:
        reviewing.approve_as_source(session, cast.stranger, version, now=NOON)
    assert refused.value.because == ("data_officer",)
    assert version.state == State.SOURCE_REVIEW


def test_the_second_of_two_hears_what_the_first_did(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_memorandum(session, cast)
    make.terminated(session, cast, version)
    with pytest.raises(Conflict, match="you terminated it on 2026-06-15"):
        lifecycle.suspend(session, cast.cdo, version, reason="Too late.", now=NOON)


def test_an_unfinished_draft_is_not_reviewed(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast, complete=False)
    with pytest.raises(Refused, match="cannot be reviewed yet") as refused:
        reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    assert "first and the last day" in refused.value.message
    assert "Clause C03" in refused.value.message


def test_a_refusal_needs_the_law_and_ends_the_version(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    with pytest.raises(Invalid, match="legal citation is missing"):
        reviewing.refuse(session, cast.sde_officer, version, citation=" ", now=NOON)
    reviewing.refuse(session, cast.sde_officer, version, citation="34 CFR 99.30", now=NOON)
    assert version.state == State.REFUSED
    assert version.reviews[-1].citation == "34 CFR 99.30"
    assert drafting.amend(session, cast.drafter, version, now=NOON).number == 2


def test_after_changes_everybody_answers_anew(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    reviewing.approve_as_source(session, cast.sde_officer, version, now=NOON)
    reviewing.request_changes(session, cast.sde_counsel, version, note="Name the statute.", now=NOON)
    assert version.state == State.CHANGES_REQUESTED
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    assert reviewing.waiting_on_sources(version) == {make.SDE}
    with pytest.raises(Conflict, match="submitted anew"):
        reviewing.approve_as_source(session, cast.sde_officer, version, seen_round=1, now=NOON)
    reviewing.approve_as_source(session, cast.sde_officer, version, seen_round=2, now=NOON)
    assert reviewing.waiting_on_counsel(version) == {make.SDE, make.OPM}


def test_one_agency_answers_once(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    reviewing.approve_as_source(session, cast.sde_officer, version, now=NOON)
    reviewing.approve_as_counsel(session, cast.sde_counsel, version, now=NOON)
    with pytest.raises(Conflict, match="You have answered for Department of Education already"):
        reviewing.approve_as_counsel(session, cast.sde_counsel, version, now=NOON)
    with pytest.raises(Refused, match="cannot act for"):
        reviewing.approve_as_counsel(session, cast.sde_counsel, version, agency=make.OPM, now=NOON)


def test_only_the_agency_that_suspended_resumes(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_memorandum(session, cast)
    lifecycle.suspend(session, cast.sde_officer, version, reason="A laptop is missing.", now=NOON)
    with pytest.raises(Refused, match="only a person of that agency"):
        lifecycle.resume(session, cast.cdo, version, reason="Found.", now=NOON)
    lifecycle.resume(session, cast.sde_officer, version, reason="Found.", now=NOON)
    assert version.state == State.ACTIVE


def test_termination_for_convenience_runs_out_its_notice_and_for_cause_does_not(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_memorandum(session, cast)
    lifecycle.terminate(session, cast.sde_official, version, cause=False, reason="We stop.", now=NOON)
    assert version.state == State.ACTIVE
    assert version.terminates_at is not None and (version.terminates_at - NOON).days == 30
    assert in_force.version_in_force(session, version.agreement_id, make.later(days=29)) is version
    assert in_force.version_in_force(session, version.agreement_id, make.later(days=31)) is None
    assert lifecycle.expire_due(session, make.later(days=29)) == []
    assert lifecycle.expire_due(session, make.later(days=31)) == [version]
    assert version.state == State.TERMINATED


def test_nothing_half_signed_is_terminated_and_nothing_fully_signed_withdrawn(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    with pytest.raises(Conflict, match="can be withdrawn"):
        make.terminated(session, cast, version)
    make.sign_all(session, cast, version)
    with pytest.raises(Conflict):
        lifecycle.withdraw(session, cast.cdo, version, reason="No.", now=NOON)


def test_every_change_of_rights_moves_the_epoch(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    before = epoch.current(session.connection())
    make.sign_all(session, cast, version)
    active = epoch.current(session.connection())
    lifecycle.suspend(session, cast.cdo, version, reason="Because.", now=NOON)
    suspended = epoch.current(session.connection())
    assert before < active < suspended


def test_the_term_ends_at_the_close_of_its_last_legal_day(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_dsa(session, cast)
    assert version.ends_at is not None
    assert version.ends_at.isoformat() == "2027-07-01T03:59:59+00:00"
    assert lifecycle.expire_due(session, version.ends_at) == []
    expired = lifecycle.expire_due(session, version.ends_at.replace(hour=4, minute=0, second=0))
    assert version in expired and version.state == State.EXPIRED


def test_an_unknown_version_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        moving.find(session, "DSA-2026-0009", 1)


Press = Callable[[Session, make.Cast, AgreementVersion], object]

DUELS: dict[str, tuple[str, Press, Press]] = {
    "two terminations": (
        "active",
        make.terminated,
        lambda s, c, v: lifecycle.terminate(s, c.sde_officer, v, cause=True, reason="Also.", now=NOON),
    ),
    "two suspensions": (
        "active",
        lambda s, c, v: lifecycle.suspend(s, c.sde_officer, v, reason="Wait.", now=NOON, agency=make.SDE),
        lambda s, c, v: lifecycle.suspend(s, c.cdo, v, reason="Wait.", now=NOON),
    ),
    "two signatures for one party": (
        "signature",
        lambda s, c, v: signing.sign(s, c.sde_official, v, sha256=v.sha256 or "", now=NOON),
        lambda s, c, v: signing.sign(s, c.sde_official, v, sha256=v.sha256 or "", now=NOON),
    ),
    "sign against withdraw": (
        "last signature",
        lambda s, c, v: signing.sign(s, c.cdo, v, sha256=v.sha256 or "", now=NOON),
        lambda s, c, v: lifecycle.withdraw(s, c.drafter, v, reason="Stop.", now=NOON),
    ),
    "two amendments": (
        "active",
        lambda s, c, v: drafting.amend(s, c.drafter, v, now=NOON),
        lambda s, c, v: drafting.amend(s, c.cdo, v, now=NOON),
    ),
}


@pytest.mark.parametrize("duel", DUELS)
def test_invariant_5_of_two_who_press_at_once_exactly_one_wins(either: Engine, duel: str) -> None:
    start, *presses = DUELS[duel]
    with Session(either) as session:
        cast = make.make_cast(session)
        version = make.make_memorandum(session, cast)
        make.open_for_signature(session, cast, version)
        if start == "active":
            make.sign_all(session, cast, version)
        if start == "last signature":
            signing.sign(session, cast.sde_official, version, sha256=version.sha256 or "", now=NOON)
        session.commit()
        version_id, before = version.id, entries(session)
    results: list[str] = []
    gate = threading.Barrier(2)

    def run(press: Press) -> None:
        with Session(either, expire_on_commit=False) as session:
            version = session.get_one(AgreementVersion, version_id)
            version.agreement.versions  # noqa: B018  (loaded before the other one writes, as a page would have)
            session.rollback()
            gate.wait(10)
            try:
                press(session, cast, version)
                session.commit()
                results.append("won")
            except Conflict as lost:
                session.rollback()
                results.append(lost.message)

    threads = [threading.Thread(target=run, args=(press,)) for press in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results, key=lambda words: words == "won")[1:] == ["won"], results
    assert len(results) == 2 and results.count("won") == 1
    with Session(either) as session:
        won = (
            2
            if duel == "sign against withdraw" and session.get_one(AgreementVersion, version_id).state == State.ACTIVE
            else 1
        )
        assert entries(session) == before + won


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_numbers_have_no_gaps_and_no_doubles(kind: str, tmp_path: Path) -> None:
    url = fresh_database() if kind == "postgresql" else make_settings(tmp_path).database_url
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    with Session(engine) as session:
        cast = make.make_cast(session)
        for nth in range(9):
            make_agency(session, f"agency-{nth}", name=f"Agency {nth}")
        session.commit()
    taken: list[str] = []

    def start(nth: int, fail: bool) -> None:
        with Session(engine) as session:
            version = drafting.start_memorandum(session, cast.drafter, agency_id=f"agency-{nth}", now=NOON)
            number = version.agreement_id
            if fail:
                session.rollback()
            else:
                session.commit()
                taken.append(number)

    threads = [threading.Thread(target=start, args=(n, n % 3 == 2)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    engine.dispose()
    assert sorted(taken) == [f"MOA-2026-{n:04d}" for n in range(1, 7)]


class LifeOfAnAgreement(RuleBasedStateMachine):
    """Anybody presses anything, in any order; whatever happens, the table and the invariants hold."""

    def __init__(self) -> None:
        super().__init__()
        engine = create_engine("sqlite://")
        create_tables(engine)
        self.session = Session(engine)
        self.cast = make.make_cast(self.session)
        self.version = make.make_memorandum(self.session, self.cast)
        self.seen: list[tuple[str, str]] = []
        self.signed: tuple[str, str] | None = None

    @rule(
        command=st.sampled_from([c for c in Command if c not in (Command.START, Command.EDIT, Command.AMEND)]),
        who=st.sampled_from(list(make.Cast.__dataclass_fields__)),
    )
    def press(self, command: Command, who: str) -> None:
        before = self.version.state
        by = getattr(self.cast, who)
        try:
            PRESSES[command](self.session, by, self.version)
        except CharterError:
            assert self.version.state == before
            return
        if self.version.state != before:
            self.seen.append((before, self.version.state))

    @precondition(lambda self: self.version.state == State.SOURCE_REVIEW)
    @rule()
    def reviewed(self) -> None:
        reviewing.approve_as_source(self.session, self.cast.sde_officer, self.version, now=NOON)
        for counsel in (self.cast.sde_counsel, self.cast.opm_counsel):
            reviewing.approve_as_counsel(self.session, counsel, self.version, now=NOON)
        signing.open_for_signature(self.session, self.cast.drafter, self.version, now=NOON)

    @invariant()
    def invariant_5_frozen_text_never_changes(self) -> None:
        if self.version.sha256:
            now = (self.version.sha256, str(self.version.document))
            assert self.signed in (None, now)
            self.signed = now

    @invariant()
    def active_means_signed_by_all(self) -> None:
        if self.version.state in (State.ACTIVE, State.SUSPENDED):
            assert moving.fully_signed(self.version)

    @invariant()
    def in_force_means_active(self) -> None:
        found = in_force.version_in_force(self.session, self.version.agreement_id, NOON)
        assert (found is not None) == (self.version.state == State.ACTIVE)

    @invariant()
    def every_step_is_in_the_table(self) -> None:
        for event in self.version.events:
            row = BY_COMMAND[Command(event.command)]
            assert State(event.to_state) in row.after
            assert not event.from_state or State(event.from_state) in row.before

    def teardown(self) -> None:
        self.session.close()


Anyone = Callable[[Session, object, AgreementVersion], object]
PRESSES: dict[Command, Callable[..., object]] = {
    Command.SUBMIT_FOR_REVIEW: lambda s, by, v: reviewing.submit_for_review(s, by, v, now=NOON),
    Command.APPROVE_AS_SOURCE: lambda s, by, v: reviewing.approve_as_source(s, by, v, now=NOON),
    Command.APPROVE_AS_COUNSEL: lambda s, by, v: reviewing.approve_as_counsel(s, by, v, now=NOON),
    Command.REQUEST_CHANGES: lambda s, by, v: reviewing.request_changes(s, by, v, note="Change it.", now=NOON),
    Command.REFUSE: lambda s, by, v: reviewing.refuse(s, by, v, citation="CGS 12-15", now=NOON),
    Command.OPEN_FOR_SIGNATURE: lambda s, by, v: signing.open_for_signature(s, by, v, now=NOON),
    Command.SIGN: lambda s, by, v: signing.sign(s, by, v, sha256=v.sha256 or "", now=NOON),
    Command.WITHDRAW: lambda s, by, v: lifecycle.withdraw(s, by, v, reason="Stop.", now=NOON),
    Command.SUSPEND: lambda s, by, v: lifecycle.suspend(s, by, v, reason="Wait.", now=NOON),
    Command.RESUME: lambda s, by, v: lifecycle.resume(s, by, v, reason="Go on.", now=NOON),
    Command.TERMINATE: lambda s, by, v: lifecycle.terminate(s, by, v, cause=True, reason="End.", now=NOON),
    Command.ACTIVATE: lambda s, by, v: signing.activate_due(s, NOON),
    Command.EXPIRE: lambda s, by, v: lifecycle.expire_due(s, NOON),
    Command.SUPERSEDE: lambda s, by, v: signing.activate_due(s, NOON),
}

TestLifeOfAnAgreement = LifeOfAnAgreement.TestCase
TestLifeOfAnAgreement.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
