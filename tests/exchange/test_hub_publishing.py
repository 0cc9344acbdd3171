"""Publishing runs on a real database, a real log and real stores: whole or not at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import tables
from audit.ledger import Ledger
from exchange.catalog.datasets import columns_of, current_version
from exchange.catalog.models import Dataset, DatasetState, Version
from exchange.classification import deciding, open_cut
from exchange.classification.models import Classification, ClassificationState
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from exchange.hub import publishing, runs
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.publishing import advance
from exchange.rows import store_open, store_restricted
from exchange.settings import Settings
from tests.makers.catalog import make_dataset
from tests.makers.directory import make_identity
from tests.makers.hub import NOON, ROWS, given, publish, write_csv


def rows_of(session: Session, settings: Settings, dataset: Dataset) -> list[dict[str, object]]:
    version = current_version(session, dataset)
    assert version is not None
    if version.class_ == "open":
        return store_open.read_table(settings.data_dir / "open", version.path).to_pylist()
    return store_restricted.read_table(
        settings.data_dir / "restricted", version.path, dataset_id=dataset.id, number=version.number,
        sha256=version.sha256, sealed_key=version.sealed_key or {}, key_file=settings.store_key_file,
    ).to_pylist()  # fmt: skip


def counts(run: PublishingRun) -> tuple[int, int, int, int, int]:
    return run.rows_read, run.rows_added, run.rows_changed, run.rows_removed, run.rows_refused


def actions(session: Session) -> list[str]:
    bodies = session.connection().execute(select(tables.queue.c.body).order_by(tables.queue.c.seq)).scalars()
    return [body.decode().split('"action":"')[1].split('"')[0] for body in bodies]


@pytest.mark.parametrize("class_", ["open", "restricted"])
def test_a_file_becomes_a_version_with_columns_counts_and_an_entry(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path, class_: str
) -> None:
    dataset = make_dataset(session, class_=class_)
    run = publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    assert run.state == RunState.PUBLISHED
    assert counts(run) == (3, 3, 0, 0, 0)
    assert [(c.name, c.type, c.has_meanings) for c in columns_of(dataset)] == [
        ("case", "text", False), ("town", "text", False), ("count", "number", True),
    ]  # fmt: skip
    assert rows_of(session, settings, dataset)[2] == {
        "_row": 2, "case": "003", "town": "Avon", "count": None, "count__cell": "suppressed",
    }  # fmt: skip
    assert actions(session)[-1] == "classification:columns:propose" or actions(session)[-1] == "dataset:version:publish"
    assert actions(session).count("dataset:version:publish") == 1
    assert not (settings.data_dir / "runs" / run.id).exists()


def test_invariant_6_an_open_dataset_stays_a_draft_until_the_cdo_agrees(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, class_="open")
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    classification = session.scalars(select(Classification)).one()
    assert (dataset.state, classification.state) == (DatasetState.DRAFT, ClassificationState.PROPOSED)
    assert {c.decision for c in classification.columns} == {"open"}
    classification.state = ClassificationState.AGREED.value
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    assert dataset.state == DatasetState.PUBLISHED


def test_invariant_6_a_new_column_takes_an_open_dataset_off_the_public_list_only_after_asking(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, class_="open")
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    session.scalars(select(Classification)).one().state = ClassificationState.AGREED.value
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    wider = write_csv(tmp_path / "b.csv", [(*row, "x") for row in ROWS], ("Case", "Town", "Count", "Note"))
    with pytest.raises(Conflict, match="Nobody has classified Note"):
        publish(session, ledger, settings, dataset, wider)
    assert dataset.state == DatasetState.PUBLISHED
    publish(session, ledger, settings, dataset, wider, accept_findings=True)
    assert dataset.state == DatasetState.DRAFT


def test_a_restricted_dataset_is_listed_at_once(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, class_="restricted")
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    assert dataset.state == DatasetState.PUBLISHED
    assert session.scalars(select(Classification)).all() == []


def test_republishing_counts_what_changed_by_row_identifier(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, row_id="Case")
    many = [(f"{n:03}", "Avon", str(n)) for n in range(10)]
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv", many))
    again = [*many[1:9], ("009", "Avon", "99"), ("010", "Bolton", "1"), ("011", "Bolton", "2")]
    run = publish(
        session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", again), now=NOON + timedelta(days=1)
    )
    assert counts(run) == (11, 2, 1, 1, 0)
    assert [v.number for v in dataset.versions] == [1, 2]


def test_without_a_row_identifier_a_change_is_one_removed_and_one_added(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session)
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv", [("1", "Avon", "1"), ("1", "Avon", "1")]))
    run = publish(
        session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", [("1", "Avon", "1"), ("2", "Avon", "1")])
    )
    assert counts(run) == (2, 1, 0, 1, 0)


def test_an_upsert_keeps_order_and_old_rows(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, row_id="case")
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    news = write_csv(tmp_path / "b.csv", [("004", "Bolton", "1"), ("002", "Norwich", "-9999")])
    run = publish(session, ledger, settings, dataset, news, merge="upsert")
    assert counts(run) == (2, 1, 1, 0, 0)
    found = [(r["case"], r["count"], r["count__cell"]) for r in rows_of(session, settings, dataset)]
    assert found == [("001", 5, None), ("002", None, "suppressed"), ("003", None, "suppressed"), ("004", 1, None)]


def test_the_open_cut_follows_a_new_version(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, agency="education")
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    steward = make_identity(session, (RoleKind.STEWARD, "education"), agency="education")
    cdo = make_identity(session, RoleKind.CDO, name="Ines Park")
    classification = deciding.start(session, steward, dataset, NOON)
    deciding.decide_column(session, steward, classification, "case", "restricted", code="FERPA", now=NOON)
    for name in ("town", "count"):
        deciding.decide_column(session, steward, classification, name, "open", now=NOON)
    deciding.propose(session, steward, classification, NOON)
    deciding.agree(session, cdo, classification, NOON, settings=settings)
    cut = open_cut.cut_of(session, dataset)
    assert cut is not None
    first = cut.current_version_id
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", [*ROWS, ("004", "Bolton", "1")]))
    version = current_version(session, cut)
    assert version is not None
    assert (version.id != first, version.rows, [c.name for c in cut.columns]) == (True, 4, ["town", "count"])
    with pytest.raises(Conflict, match="derived"):
        publish(session, ledger, settings, cut, write_csv(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("header", "rows", "kind"),
    [
        (("Case", "Town"), [row[:2] for row in ROWS], "vanished"),
        (("Case", "Town", "Count"), [(a, b, "many") for a, b, _ in ROWS], "retyped"),
        (("Case", "Town", "Count"), ROWS[:2], "drop"),
    ],
)
def test_invariant_7_a_loss_stops_and_asks(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path,
    header: tuple[str, ...], rows: list[tuple[str, ...]], kind: str,
) -> None:  # fmt: skip
    dataset = make_dataset(session)
    first = publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    with pytest.raises(Conflict):
        publish(session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", rows, header))
    run = session.scalars(select(PublishingRun).where(PublishingRun.state == RunState.STOPPED)).one()
    assert kind in {problem["kind"] for problem in run.problems if problem.get("asks")}
    assert dataset.current_version_id == first.version_id
    assert "dataset:run:stop" in actions(session)
    runs.accept(session, None, run)
    advance(session, ledger, settings, run.id, now=NOON)
    assert run.state == RunState.PUBLISHED
    assert dataset.current_version_id == run.version_id


def test_rows_that_do_not_fit_a_chosen_type_stop_the_run_and_are_named(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session)
    path = write_csv(tmp_path / "a.csv", [("1", "Avon", "5"), ("2", "Avon", "five")])
    with pytest.raises(Conflict, match="1 row does not fit"):
        publish(session, ledger, settings, dataset, path, types={"count": "number"})
    run = session.scalars(select(PublishingRun)).one()
    assert run.problems[0]["words"] == "Row 2: Count does not read as number."
    assert current_version(session, dataset) is None
    runs.confirm(session, settings, None, run, types={"Count": "text"})
    assert advance(session, ledger, settings, run.id, now=NOON).state == RunState.PUBLISHED


@pytest.mark.parametrize(
    ("row_id", "words"),
    [("town", "more than one row"), ("colour", "no column colour"), ("count", "is empty in 1 row")],
)
def test_a_row_identifier_that_identifies_nothing_is_refused(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path, row_id: str, words: str
) -> None:
    dataset = make_dataset(session)
    path = write_csv(tmp_path / "a.csv", [*ROWS, ("004", "Avon", "4")])
    with pytest.raises(Invalid, match=words):
        publish(session, ledger, settings, dataset, path, row_id=row_id)
    assert current_version(session, dataset) is None


def test_a_broken_file_fails_with_its_reason_and_leaves_the_old_version(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session)
    first = publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    with pytest.raises(Invalid, match="line 3 has 1 cell\\."):
        publish(session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", [*ROWS[:1], ("002",)]))
    assert dataset.current_version_id == first.version_id
    assert session.scalar(select(func.count()).select_from(Version)) == 1


def test_two_processes_cannot_work_on_one_run(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session)
    run = runs.start_run(session, settings, None, dataset, given(write_csv(tmp_path / "a.csv")), now=NOON)
    with publishing.Staging.of(settings.data_dir, run.id).alone(), pytest.raises(Conflict, match="worked on already"):
        advance(session, ledger, settings, run.id, now=NOON)


def test_a_run_that_was_overtaken_is_merged_again(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, row_id="case")
    slow = runs.start_run(session, settings, None, dataset, given(write_csv(tmp_path / "a.csv")), now=NOON)
    advance(session, ledger, settings, slow.id, now=NOON)
    runs.confirm(session, settings, None, slow)

    def overtake(step: str, point: str) -> None:
        if (step, point) == ("build", "ends") and current_version(session, dataset) is None:
            publish(session, ledger, settings, dataset, write_csv(tmp_path / "b.csv", ROWS[:2]))

    advance(session, ledger, settings, slow.id, on_step=overtake, now=NOON)
    assert slow.state == RunState.PUBLISHED
    assert counts(slow) == (3, 1, 0, 0, 0)
    assert [v.number for v in dataset.versions] == [1, 2]


def test_only_the_agencys_publishers_publish_and_others_do_not_learn_of_runs(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, agency="education")
    path = given(write_csv(tmp_path / "a.csv"))
    stranger = make_identity(session, (RoleKind.STEWARD, "labor"), agency="labor")
    steward = make_identity(session, (RoleKind.STEWARD, "education"), agency="education")
    with pytest.raises(Refused):
        runs.start_run(session, settings, stranger, dataset, path, now=NOON)
    run = runs.start_run(session, settings, steward, dataset, path, now=NOON)
    with pytest.raises(NotFound):
        runs.get_run(session, stranger, run.id)
    assert runs.get_run(session, steward, run.id) is run


def test_giving_up_deletes_what_was_read(session: Session, ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    dataset = make_dataset(session)
    run = runs.start_run(session, settings, None, dataset, given(write_csv(tmp_path / "a.csv")), now=NOON)
    advance(session, ledger, settings, run.id, now=NOON)
    runs.give_up(session, settings, None, run, NOON)
    assert run.state == RunState.GIVEN_UP
    assert not (settings.data_dir / "runs" / run.id).exists()
    with pytest.raises(Conflict):
        runs.confirm(session, settings, None, run)


def test_rows_in_clear_lie_in_a_folder_of_ones_own_until_the_version_is_there(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset = make_dataset(session, class_="restricted")
    run = runs.start_run(session, settings, None, dataset, given(write_csv(tmp_path / "a.csv")), now=NOON)
    folder = settings.data_dir / "runs" / run.id
    advance(session, ledger, settings, run.id, now=NOON)
    assert folder.stat().st_mode & 0o777 == 0o700
    runs.confirm(session, settings, None, run)
    assert advance(session, ledger, settings, run.id, now=NOON).state == RunState.PUBLISHED
    assert not folder.exists()
