"""DuckDB behind the seam: the Parquet while the serving file is not there, joins over several versions."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from exchange.errors import CharterError, Unavailable
from exchange.rows import store_open
from exchange.rows.engines.duckdb_file import DuckDBEngine, open_source
from exchange.rows.engines.duckdb_parquet import view_parquet
from exchange.rows.instance import Instance
from exchange.rows.source import Source
from tests.conftest import NOON
from tests.makers import soql_corpus as corpus
from tests.makers.engines import lines, planned, stored

COUNT = "select count(*) as n"


@pytest.fixture
def here(tmp_path: Path) -> Source:
    """The table of the corpus, in a store of this test's own."""
    return stored(tmp_path, corpus.rows(), corpus.COLUMNS, "corp-0001")


def test_rows_are_read_from_the_parquet_until_the_serving_file_is_there(tmp_path: Path, here: Source) -> None:
    assert here.file is not None and here.parquet is not None
    here.file.unlink()
    engine = DuckDBEngine(tmp_path)
    before = lines(engine, planned("select * order by town, id"), here)
    assert not here.file.exists() and len(before) == corpus.ROWS
    store_open.build_serving_file(here.parquet)
    here.parquet.rename(tmp_path / "elsewhere")
    assert lines(engine, planned("select * order by town, id"), here) == before


def reopened(root: Path, source: Source) -> Source:
    return store_open.open_version(
        root, source.path, dataset_id="corp-0001", number=1, rows=source.rows, published_at=NOON, content=source.content
    )


def test_a_large_serving_file_is_rebuilt_beside_the_answers(
    tmp_path: Path, here: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_open, "BUILT_AT_ONCE", 0)
    may_build, build = threading.Event(), store_open.build_serving_file
    monkeypatch.setattr(
        store_open, "build_serving_file", lambda *given, **more: may_build.wait(30) and build(*given, **more)
    )
    assert here.file is not None
    here.file.unlink()
    again, _second, _third = (reopened(tmp_path, here) for _ in range(3))
    assert lines(DuckDBEngine(tmp_path), planned(COUNT), again) == [f'"{corpus.ROWS}"']
    building = [thread for thread in threading.enumerate() if thread.name == "serving file"]
    assert len(building) == 1 and not here.file.exists()
    may_build.set()
    building[0].join()
    assert here.file.exists()


def test_rows_that_are_nowhere_are_said_so(tmp_path: Path, here: Source) -> None:
    assert here.file is not None and here.parquet is not None
    here.file.unlink()
    here.parquet.unlink()
    with pytest.raises(Unavailable, match="restore"):
        reopened(tmp_path, here)


def test_a_join_opens_every_version_and_gives_them_back(tmp_path: Path, here: Source) -> None:
    other = stored(tmp_path, corpus.other_rows(), corpus.OTHER_COLUMNS, corpus.OTHER)
    engine = DuckDBEngine(tmp_path)
    plan = planned(corpus.LATER[0])
    assert plan.datasets == (corpus.OTHER,)
    for one in (other, replace(other, file=None)):
        assert len(lines(engine, plan, here, {corpus.OTHER: one})) == 40
    assert all(held.uses == 0 for held in engine._opened()._held.values())


def test_the_parquet_of_another_folder_cannot_be_read(tmp_path: Path, here: Source) -> None:
    assert here.parquet is not None
    outside = tmp_path.parent / f"{tmp_path.name}-outside.parquet"
    outside.write_bytes(here.parquet.read_bytes())
    instance = Instance(tmp_path, "100MB", 1 << 20, open_source)
    with instance.cursor() as cursor, pytest.raises(duckdb.Error):
        view_parquet(cursor, outside, "v1")
    with pytest.raises((duckdb.Error, CharterError)):
        lines(DuckDBEngine(tmp_path), planned(COUNT), replace(here, file=None, parquet=outside))
    outside.unlink()
