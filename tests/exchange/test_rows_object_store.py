"""Object storage: a folder and an S3 server in this process; races, crashes, corruption, a bounded cache."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import boto3
import obstore
import pytest
from moto.server import ThreadedMotoServer

from exchange.errors import Unavailable
from exchange.rows.object_store import (
    FETCHED,
    Corrupted,
    LocalCopies,
    LostRace,
    ObjectStore,
    blob,
    forget_copies,
    share,
)
from exchange.rows.source import StoredVersion
from tests.conftest import NOON

KEYS = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", aws_access_key_id="test", aws_secret_access_key="test",
        region_name="us-east-1",
    ).create_bucket(Bucket="versions")  # fmt: skip
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """One store of each kind, empty for this test."""
    if request.param == "file":
        return ObjectStore(f"file://{tmp_path / 'store'}")
    prefix = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    endpoint = request.getfixturevalue("s3")
    return ObjectStore(f"s3://versions/{prefix}", endpoint=endpoint, client_options={"allow_http": True}, **KEYS)


def version(folder: Path, content: bytes, *, sealed: bool = False) -> tuple[StoredVersion, Path]:
    """A file as if written by a store, and what was recorded of it."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = folder / f"1-{sha256[:12]}{'.parquet.sealed' if sealed else '.parquet'}"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return StoredVersion(file.name, sha256, len(content), 3, {"wrapped": "key"} if sealed else None), file


def test_what_was_published_comes_back_whole(store: ObjectStore, tmp_path: Path) -> None:
    stored, file = version(tmp_path / "a", b"rows" * 100_000)
    store.publish("abcd-1234", 1, stored, file, NOON)
    store.publish("abcd-1234", 1, stored, file, NOON + timedelta(minutes=1))
    copies = LocalCopies(tmp_path / FETCHED, store, 1 << 30)
    assert copies.parquet(stored.sha256).read_bytes() == file.read_bytes()
    found = store.manifest("abcd-1234", 1)
    assert found is not None and found["sha256"] == stored.sha256 and found["claimed_at"] == NOON.isoformat()


def test_of_two_publishers_one_wins_and_the_other_is_told(store: ObjectStore, tmp_path: Path) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def publish(n: int) -> None:
        stored, file = version(tmp_path / str(n), f"rows of {n}".encode())
        start.wait()
        try:
            store.publish("race-0001", 7, stored, file, NOON)
            outcomes.append(stored.sha256)
        except LostRace as lost:
            outcomes.append(lost.message)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [outcome for outcome in outcomes if "first" not in outcome]
    assert len(won) == 1 and (store.manifest("race-0001", 7) or {})["sha256"] == won[0]
    assert sum("Another run published version 7 of race-0001 first" in outcome for outcome in outcomes) == 7


def test_a_crash_between_file_and_commit_leaves_nothing_in_the_way(store: ObjectStore, tmp_path: Path) -> None:
    first, file = version(tmp_path / "a", b"what the dead run had")
    store.publish("dead-0001", 2, first, file, NOON)
    second, other = version(tmp_path / "b", b"what the next run has")
    with pytest.raises(LostRace):
        store.publish("dead-0001", 2, second, other, NOON + timedelta(minutes=10))
    store.publish("dead-0001", 2, second, other, NOON + timedelta(hours=2))
    assert (store.manifest("dead-0001", 2) or {})["sha256"] == second.sha256
    store.publish("dead-0001", 2, second, other, NOON + timedelta(hours=2))


def test_a_corrupted_download_is_refused_and_leaves_no_file(store: ObjectStore, tmp_path: Path) -> None:
    stored, file = version(tmp_path / "a", b"honest rows")
    store.publish("abcd-1234", 1, stored, file, NOON)
    obstore.put(store._store, blob(stored.sha256), b"other rows")
    copies = LocalCopies(tmp_path / FETCHED, store, 1 << 30)
    with pytest.raises(Corrupted):
        copies.parquet(stored.sha256)
    assert not list((tmp_path / FETCHED).glob("*.parquet")) and not list((tmp_path / FETCHED).glob(".fetching*"))


def test_what_is_forgotten_is_gone_and_its_manifest_stays(store: ObjectStore, tmp_path: Path) -> None:
    stored, file = version(tmp_path / "a", b"once public")
    store.publish("abcd-1234", 1, stored, file, NOON)
    for _ in range(2):
        store.forget(stored.sha256)
        with pytest.raises(Unavailable, match="restore it"):
            LocalCopies(tmp_path / FETCHED, store, 1 << 30).parquet(stored.sha256)
    assert (store.manifest("abcd-1234", 1) or {})["sha256"] == stored.sha256
    store.publish("abcd-1234", 2, stored, file, NOON)
    assert LocalCopies(tmp_path / FETCHED, store, 1 << 30).parquet(stored.sha256).read_bytes() == b"once public"


def test_what_the_store_does_not_have_is_said_so(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="restore it"):
        LocalCopies(tmp_path / FETCHED, store, 1 << 30).parquet("0" * 64)
    assert store.manifest("none-0001", 1) is None


def test_restricted_rows_go_there_sealed_or_not_at_all(store: ObjectStore, tmp_path: Path) -> None:
    sealed, file = version(tmp_path / "a", b"ciphertext", sealed=True)
    store.publish("priv-0001", 1, sealed, file, NOON)
    plain, plain_file = version(tmp_path / "b", b"plain")
    for stored, path in ((sealed, plain_file), (plain, file), (replace(plain, sealed_key={"k": 1}), plain_file)):
        with pytest.raises(ValueError, match="sealed"):
            store.publish("priv-0001", 2, stored, path, NOON)
    assert store.manifest("priv-0001", 2) is None


def test_the_cache_is_bounded_and_never_drops_what_is_in_use(tmp_path: Path) -> None:
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    hashes = []
    for n in range(6):
        stored, file = version(tmp_path / str(n), bytes([n]) * 1000)
        store.publish("abcd-1234", n + 1, stored, file, NOON)
        hashes.append(stored.sha256)
    reader = LocalCopies(tmp_path / FETCHED, store, 1 << 30)
    reader.parquet(hashes[0])
    (tmp_path / FETCHED / f"{hashes[0]}.duckdb").write_bytes(b"x" * 500)
    other = LocalCopies(tmp_path / FETCHED, store, 2500, most_held=1)
    for sha256 in hashes[1:]:
        other.parquet(sha256)
    there = {path.name for path in (tmp_path / FETCHED).iterdir() if path.suffix != ".lock"}
    assert there == {f"{hashes[0]}.parquet", f"{hashes[0]}.duckdb", f"{hashes[5]}.parquet"}
    reader.release(hashes[0])
    other.parquet(hashes[1])
    there = {path.name for path in (tmp_path / FETCHED).iterdir() if path.suffix != ".lock"}
    assert there == {f"{hashes[5]}.parquet", f"{hashes[1]}.parquet"}


def test_copies_are_forgotten_with_what_was_made_of_them(tmp_path: Path) -> None:
    for name in ("aa.parquet", "aa.duckdb", "aa.manifest.json", "aa.lock", "ab.parquet"):
        (tmp_path / name).touch()
    assert len(forget_copies(tmp_path, "aa")) == 3 and forget_copies(tmp_path, "aa") == []
    assert {path.name for path in tmp_path.iterdir()} == {"aa.lock", "ab.parquet"}


def test_without_a_store_nothing_is_shared(tmp_path: Path) -> None:
    stored, _file = version(tmp_path, b"rows")
    share("", "abcd-1234", 1, stored, tmp_path, NOON)
    share(f"file://{tmp_path / 'store'}", "abcd-1234", 1, stored, tmp_path, NOON)
    assert (tmp_path / "store" / blob(stored.sha256)).read_bytes() == b"rows"
