"""Erasure and holds on both databases: two persons at once, what a hold covers, how long the rules keep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

import audit.retention.tables as kept
from audit import tables
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry
from audit.ledger import append
from audit.master_key import MasterKeys
from audit.personal import Sealer
from audit.retention import destruction, erasure, holds, rules, steps
from audit.retention.acting import DUTY_WORDS, Acting, Duty, NotNow
from audit.retention.holds import NewHold, Over
from audit.retention.rules import Kind
from audit.retention.scope import Scope, Whose, everything_kept
from tests.makers.audit import make_intent, sequence

OLD, NOW = datetime(2016, 5, 1, 12, 0, tzinfo=UTC), datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
WHO = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
REQUESTER = Acting("requester", frozenset({Duty.REQUEST}))
KEEPER = Acting("keeper", frozenset({Duty.APPROVE, Duty.EXECUTE, Duty.REQUEST}))
SECOND_KEEPER = replace(KEEPER, pseudonym="second keeper")
COUNSEL = Acting("counsel", frozenset({Duty.APPROVE_IN_LAW, Duty.HOLD}))
SECOND_COUNSEL = replace(COUNSEL, pseudonym="second counsel")
FORM = erasure.SignedForm("RC-108/1", date(2026, 6, 1), "ab" * 32)
ONE = Scope(Whose.PERSON, WHO, 2016, 2016)


@pytest.fixture
def log(database: Engine, tmp_path: Path) -> Engine:
    """A log in which two persons read and signed in, and somebody unknown tried to, in 2016."""
    sealer = Sealer(MasterKeys(tmp_path / "personal.key", create=True))
    with database.begin() as connection:
        for who in (WHO, OTHER):
            read = make_intent(actor=who, at=OLD, dataset="abcd-2345" if who == WHO else "zzzz-9999", source="labor")
            append(connection, sealer.seal(connection, read, who, {"address": "198.51.100.23"}))
        refused = Entry(Action.SESSION_REFUSE, Outcome.REFUSED, at=OLD)
        append(connection, sealer.seal(connection, refused, "unknown:2016-05-01", {"email": "x@example.org"}))
    sequence(database, tmp_path)
    return database


def make_request(engine: Engine, scope: Scope = ONE) -> int:
    wanted = erasure.Wanted(scope, "CGS 11-8a", "S1-42", "disposed of")
    with engine.begin() as connection:
        return erasure.request(connection, REQUESTER, wanted, NOW)


def carry_to_the_form(engine: Engine, scope: Scope = ONE) -> int:
    id = make_request(engine, scope)
    for acting in (KEEPER, COUNSEL):
        with engine.begin() as connection:
            erasure.approve(connection, acting, id, NOW)
    with engine.begin() as connection:
        erasure.record_form(connection, REQUESTER, id, FORM, NOW)
    return id


def at_once(engine: Engine, *acts: Callable[[Any], object]) -> list[object]:
    """Each in a transaction of its own, all started together; what each gave, or why it was refused."""
    ready, results = threading.Barrier(len(acts)), []

    def run(act: Callable[[Any], object]) -> None:
        ready.wait()
        try:
            with engine.begin() as connection:
                results.append(act(connection))
        except NotNow as refusal:
            results.append(refusal.code)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_who_execute_at_once_exactly_one_wins(log: Engine) -> None:
    id = carry_to_the_form(log)
    results = at_once(log, *(lambda c, who=who: erasure.execute(c, who, id, NOW) for who in (KEEPER, SECOND_KEEPER)))
    assert sorted(map(str, results)) == sorted(["1", str(Code.ERASURE_STEP)])
    assert number_of(log, Action.LOG_PERSONAL_DESTROY) == number_of(log, Action.LOG_ERASURE_EXECUTE) == 1


def test_of_two_keepers_who_approve_at_once_one_is_the_first_and_the_other_is_refused(log: Engine) -> None:
    id = make_request(log)
    results = at_once(log, *(lambda c, who=who: erasure.approve(c, who, id, NOW) for who in (KEEPER, SECOND_KEEPER)))
    assert sorted(map(str, results)) == sorted([str(steps.State.HALF), str(Code.ERASURE_DUTY)])


def test_of_two_who_lift_a_hold_at_once_exactly_one_wins(log: Engine) -> None:
    third = replace(COUNSEL, pseudonym="third counsel")
    id = place(log, Over.ALL)
    results = at_once(log, *(lambda c, who=who: holds.lift(c, who, id, "over", NOW) for who in (SECOND_COUNSEL, third)))
    assert sorted(map(str, results)) == sorted(["LH-0001", str(Code.ERASURE_STEP)])


def test_an_execution_waits_for_a_hold_that_is_being_placed(log: Engine) -> None:
    id, results = carry_to_the_form(log), []
    with log.begin() as connection:
        holds.place(connection, COUNSEL, NewHold(Over.ALL, "", None, None, "m", "r"), NOW)
        executing = threading.Thread(
            target=lambda: results.extend(at_once(log, lambda c: erasure.execute(c, KEEPER, id, NOW)))
        )
        executing.start()
        executing.join(0.3)  # long enough to destroy something, were it not waiting
    executing.join()
    assert results == [Code.ERASURE_HELD]
    assert number_of(log, Action.LOG_PERSONAL_DESTROY) == 0


COVERS = (
    (NewHold(Over.DATASET, "abcd-2345", None, None, "m", "r"), (True, True, False, False)),
    (NewHold(Over.DATASET, "zzzz-9999", None, None, "m", "r"), (False, True, False, False)),
    (NewHold(Over.AGREEMENT, "DSA-2026-01", None, None, "m", "r"), (True, True, False, False)),
    (NewHold(Over.AGENCY, "labor", None, None, "m", "r"), (True, True, False, False)),
    (NewHold(Over.AGENCY, "education", None, None, "m", "r"), (False, False, False, False)),
    (NewHold(Over.SUBJECT, WHO, None, None, "m", "r"), (True, True, False, False)),
    (NewHold(Over.SUBJECT, OTHER, None, None, "m", "r"), (False, True, False, False)),
    (NewHold(Over.ALL, "", None, None, "m", "r"), (True, True, True, True)),
    (NewHold(Over.PERIOD, "", date(2015, 12, 31), date(2016, 1, 1), "m", "r"), (True, True, True, True)),
    (NewHold(Over.PERIOD, "", date(2017, 1, 1), date(2017, 1, 1), "m", "r"), (False, False, False, False)),
    (NewHold(Over.PERIOD, "", date(2010, 1, 1), date(2015, 12, 30), "m", "r"), (False, False, False, True)),
)
"""Holds, and whether each covers one person, every person, unknown visitors of 2016, and every person of 2015."""


def test_what_a_hold_covers(log: Engine) -> None:
    of_2016 = (ONE, Scope(Whose.PERSONS, None, 2016, 2016), Scope(Whose.UNKNOWN, None, 2016, 2016))
    for new, covers in COVERS:
        with log.connect() as connection:
            holds.place(connection, COUNSEL, new, NOW)
            scopes = (*of_2016, Scope(Whose.PERSONS, None, 2015, 2015))
            assert tuple(bool(holds.covering(connection, scope)) for scope in scopes) == covers, new


def test_a_request_about_everybody_leaves_unknown_visitors_and_the_other_way_round(log: Engine) -> None:
    for scope, gone in ((Scope(Whose.PERSONS, None, 2016, 2016), 2), (Scope(Whose.UNKNOWN, None, 2016, 2016), 1)):
        id = carry_to_the_form(log, scope)
        with log.begin() as connection:
            assert erasure.execute(connection, KEEPER, id, NOW) == gone


def test_what_is_kept_is_counted_by_year_and_kind(log: Engine) -> None:
    with log.connect() as connection:
        found = everything_kept(connection, date(2026, 6, 15))
    assert [(due.scope.whose, due.keys, due.kept.from_day) for due in found] == [
        (Whose.PERSONS, 2, date(2024, 1, 1)),
        (Whose.UNKNOWN, 1, date(2024, 1, 1)),
    ]


@given(kinds=st.sets(st.sampled_from(list(Kind)), min_size=1), year=st.integers(2000, 2100))
def test_the_longest_rule_that_applies_holds(kinds: set[Kind], year: int) -> None:
    found = rules.kept_for(kinds, year, date(2026, 6, 15))
    lengths = [rule.years for rule in rules.RULES if rule.kinds & kinds and rule.years]
    assert found.from_day == (date(year + max(lengths) + 1, 1, 1) if lengths else None)
    assert set(found.needs_record) == {rule for rule in rules.RULES if rule.record and rule.kinds & kinds}
    if found.from_day:
        assert not found.is_due(found.from_day - timedelta(days=1))
        assert found.is_due(found.from_day)


def test_a_rule_that_is_not_in_force_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = rules.Rule("new", "a law", "words", frozenset({Kind.UNKNOWN}), 20, begins=date(2030, 1, 1))
    monkeypatch.setattr(rules, "RULES", (*rules.RULES, changed))
    assert rules.kept_for([Kind.UNKNOWN], 2020, date(2029, 12, 31)).from_day == date(2028, 1, 1)
    assert rules.kept_for([Kind.UNKNOWN], 2020, date(2030, 1, 1)).from_day == date(2041, 1, 1)


def test_the_document_holds_the_tables_of_the_program() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/retention.md").read_text()
    for step in steps.STEPS:
        cells = (step.words, ", ".join(map(str, step.before)) or "–", ", ".join(map(str, step.after)), step.action)
        assert f"| {cells[0]} | {cells[1]} | {cells[2]} | " in text, step.words
        assert f"| `{step.action}` |" in text
        assert step.condition in text
    for rule in rules.RULES:
        assert f"| {rule.citation} | {rule.words} | {rule.length} |" in text, rule.key
    for duty, words in DUTY_WORDS.items():
        assert f"| {duty} | {words} |" in text, duty


def place(engine: Engine, over: Over, value: str = "") -> int:
    with engine.begin() as connection:
        return holds.place(connection, COUNSEL, NewHold(over, value, None, None, "a matter", "a reason"), NOW)


def number_of(engine: Engine, action: Action) -> int:
    with engine.connect() as connection:
        bodies = [bytes(body) for body in connection.execute(select(tables.queue.c.body)).scalars()]
        indexed = connection.execute(
            select(func.count()).select_from(tables.entries).where(tables.entries.c.action == action)
        ).scalar_one()
    return int(indexed) + sum(f'"action":"{action}"'.encode() in body for body in bodies)


def test_nobody_takes_a_step_of_an_erasure_about_themselves(log: Engine) -> None:
    themselves = Acting(WHO, frozenset(Duty))
    wanted = erasure.Wanted(ONE, "CGS 11-8a", "S1-42", "disposed of")
    id, held = make_request(log), place(log, Over.SUBJECT, WHO)
    for act in (
        lambda c: erasure.request(c, themselves, wanted, NOW),
        lambda c: erasure.approve(c, themselves, id, NOW),
        lambda c: holds.lift(c, themselves, held, "over", NOW),
    ):
        with log.connect() as connection, pytest.raises(NotNow, match="about you") as refusal:
            act(connection)
        assert refusal.value.status == 403


def test_of_many_who_seal_first_one_makes_the_key(database: Engine, tmp_path: Path) -> None:
    sealer = Sealer(MasterKeys(tmp_path / "personal.key", create=True))
    entry = Entry(Action.SESSION_SIGN_IN, Outcome.DONE, actor=WHO, at=OLD)
    made = at_once(database, *[lambda c: sealer.seal(c, entry, WHO, {"address": "198.51.100.1"})] * 4)
    assert len({sealed.sealed["address"].split(".")[1] for sealed in made}) == 1  # type: ignore[attr-defined]
    with database.connect() as connection:
        assert all(sealer.open(connection, entry.id, sealed.sealed)[0].text == "198.51.100.1" for sealed in made)  # type: ignore[attr-defined]


def test_a_key_row_is_never_removed(log: Engine) -> None:
    id = carry_to_the_form(log)
    with log.begin() as connection:
        erasure.execute(connection, KEEPER, id, NOW)
        assert connection.execute(select(func.count()).select_from(kept.subject_keys)).scalar_one() == 3


def tamper(engine: Engine, *statements: Any) -> None:
    with engine.begin() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount


@pytest.mark.parametrize(
    "tampering",
    [
        kept.holds.update().values(lifted_at=1, lifted_by="somebody", lifted_because="over"),
        kept.holds.update().values(value="other-1234"),
        kept.holds.update().values(reason="another"),
        kept.holds.delete(),
    ],
    ids=["lifted", "over something else", "another reason", "deleted"],
)
def test_a_hold_that_was_changed_behind_the_logs_back_still_holds(log: Engine, tampering: Any) -> None:
    id = carry_to_the_form(log)
    place(log, Over.DATASET, "abcd-2345")
    tamper(log, tampering)
    assert at_once(log, lambda c: erasure.execute(c, KEEPER, id, NOW)) == [Code.ERASURE_HELD]
    with log.connect() as connection:
        assert holds.differing(connection) == ["LH-0001"]
    assert number_of(log, Action.LOG_PERSONAL_DESTROY) == 0


@pytest.mark.parametrize(
    "tampering",
    [
        {"second_by": "nobody"},
        {"first_as": str(Duty.APPROVE_IN_LAW)},
        {"subject": OTHER},
        {"last_year": 2015, "first_year": 2015},
        {"requested_by": "somebody else"},
        {"form_sha256": "cd" * 32},
    ],
    ids=str,
)
def test_a_request_that_is_not_what_the_log_says_is_not_executed(log: Engine, tampering: dict[str, Any]) -> None:
    id = carry_to_the_form(log)
    tamper(log, kept.erasures.update().values(**tampering))
    assert at_once(log, lambda c: erasure.execute(c, KEEPER, id, NOW)) == [Code.ERASURE_STEP]
    assert number_of(log, Action.LOG_PERSONAL_DESTROY) == 0


def test_a_request_whose_approvals_never_were_is_not_executed(log: Engine) -> None:
    id = make_request(log)
    forged = {"first_by": "keeper", "first_as": "approve", "second_by": "counsel", "second_as": "approve-in-law"}
    form = {"form_by": "requester", "form_number": "1", "form_day": "2026-06-01", "form_sha256": "ab" * 32}
    tamper(log, kept.erasures.update().values(state="form", **forged, **form))
    assert at_once(log, lambda c: erasure.execute(c, KEEPER, id, NOW)) == [Code.ERASURE_STEP]


def test_a_key_that_is_gone_without_an_entry_is_named(log: Engine) -> None:
    with log.connect() as connection:
        assert destruction.vanished(connection) == []
    id = carry_to_the_form(log)
    assert at_once(log, lambda c: erasure.execute(c, KEEPER, id, NOW)) == [1]
    with log.connect() as connection:
        assert destruction.vanished(connection) == []
    tamper(log, kept.subject_keys.update().where(kept.subject_keys.c.subject == OTHER).values(wrapped=None))
    with log.connect() as connection:
        assert len(destruction.vanished(connection)) == 1
