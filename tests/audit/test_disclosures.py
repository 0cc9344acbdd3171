"""Manifests, their drafts and their index: the log's own part, without datasets or persons' names."""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from audit.disclosures import index, manifest, subjects
from audit.disclosures.keeping import Store, Unkept
from audit.disclosures.manifest import Ended, Head, Kind, Manifest, NotAManifest
from audit.disclosures.subjects import Secret, SecretUnusable
from audit.disclosures.tables import PREFIX, disclosures
from tests.makers.server import ROOT

HEAD = Head("019ecc3e-b802-7000-8000-000000000002", "q5np-7r2k", 3, "student-id", "0f1e2d3c4b5a6978", Kind.RECORDS)
ADA, BEA, CAL = (hashlib.sha256(name).digest() for name in (b"ada", b"bea", b"cal"))


def head(number: int, kind: Kind = Kind.RECORDS) -> Head:
    return Head(f"019ecc3e-b802-7000-8000-{number:012}", "q5np-7r2k", 3, "student-id", "0f1e2d3c4b5a6978", kind)


def write(head: Head, subjects: Iterable[bytes], **more: Any) -> Manifest:
    return manifest.write(head, manifest.packed(subjects), **more)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "disclosures")


def test_the_format_is_the_documents() -> None:
    made = write(HEAD, [BEA, ADA, BEA], unnamed=1)
    first, second = sorted((ADA.hex(), BEA.hex()))
    assert made.body.decode() == (
        "charter-oak/disclosures/v1\nintent 019ecc3e-b802-7000-8000-000000000002\ndataset q5np-7r2k\nversion 3\n"
        "namespace student-id\nsecret 0f1e2d3c4b5a6978\nkind records\nended whole\nunnamed 1\nsubjects 2\n\n"
        f"{first}\n{second}\n"
    )
    assert (made.subjects, made.lists(ADA), made.lists(CAL)) == (2, True, False)
    assert manifest.read(made.body) == made
    assert list(made.hashes()) == sorted([ADA, BEA])
    assert manifest.read(write(HEAD, ()).body).subjects == 0


def test_no_other_bytes_are_a_manifest() -> None:
    body = write(HEAD, [ADA, BEA, CAL]).body
    rng = random.Random(5)
    for at in [*range(0, len(body), 7), *(rng.randrange(len(body)) for _ in range(50))]:
        changed = bytearray(body)
        changed[at] ^= 1 << rng.randrange(7)
        try:
            other = manifest.read(bytes(changed))
        except NotAManifest:
            continue
        assert other.sha256 != hashlib.sha256(body).hexdigest()
    lines = body.decode().split("\n")
    for wrong in (lines[::-1], [*lines, lines[-2]], lines[:-2], [line.upper() for line in lines], lines[1:]):
        with pytest.raises(NotAManifest):
            manifest.read("\n".join(wrong).encode())


def test_a_keyed_hash_is_hmac_over_kind_and_normal_key() -> None:
    secret = Secret(bytes(range(32)))
    expected = hmac.new(bytes(range(32)), b"subject\x00student-id\x00ab 10", "sha256").digest()
    assert secret.subject("student-id", "  AB\t10 ") == secret.subject("student-id", "\uff21\uff22 10") == expected
    assert (
        secret.subject("student-id", 1042.0)
        == secret.subject("student-id", "1042")
        == secret.subject("student-id", 1042)
    )
    for copied in (
        "\ufeff123-45",
        "123\u201145",
        "123\u201345\u200b",
        "12\u00ad3-45 ",
    ):  # as other programs hand it over
        assert secret.subject("student-id", copied) == secret.subject("student-id", "123-45")
    others = {secret.subject(kind, key) for kind in ("student-id", "worker-id") for key in ("1042", "01042", 1042.5)}
    assert len(others) == 6
    assert Secret(bytes(32)).subject("student-id", "1042") not in others
    assert repr(secret) == "Secret()"


def test_secrets_are_the_owners_alone_and_the_newest_is_first(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "subjects.key"
    with pytest.raises(SecretUnusable, match="make-secret"):
        subjects.load(path)
    (first,) = subjects.load(path, create=True)
    assert subjects.load(path, create=True) == (first,)
    second = subjects.add(path)
    assert subjects.load(path) == (second, first)
    assert subjects.subjects(subjects.load(path), "k", "a") == (second.subject("k", "a"), first.subject("k", "a"))
    path.chmod(0o640)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        subjects.load(path)
    path.chmod(0o600)
    for wrong in ("", "c2hvcnQ=\n", "nothing\n"):
        path.write_text(wrong)
        with pytest.raises(SecretUnusable, match="32 bytes"):
            subjects.load(path)


def test_a_draft_becomes_a_manifest_of_those_who_left(store: Store) -> None:
    draft = store.begin(HEAD)
    draft.add(ADA + BEA)
    draft.add(BEA + CAL)
    (meanwhile,) = store.unfinished()
    assert (set(meanwhile.hashes()), meanwhile.ended) == ({ADA, BEA, CAL}, Ended.BROKEN)
    assert store.salvage() == 0
    made = draft.finish(manifest.packed([ADA, BEA]), unnamed=2)
    assert store.read(made.sha256) == made
    assert (set(made.hashes()), made.ended, made.unnamed) == ({ADA, BEA}, Ended.WHOLE, 2)
    assert list(store.unfinished()) == []
    assert list(store.arriving()) == list(store.every()) == [made.sha256]


_DIES = """
import os, sys
from pathlib import Path
from audit.disclosures.keeping import Store
from audit.disclosures.manifest import Head, Kind
store = Store(Path(sys.argv[1]))
draft = store.begin(Head("019ecc3e-b802-7000-8000-000000000002", "q5np-7r2k", 3, "student-id", "0" * 16, Kind.RECORDS))
draft.add(b"".join(bytes([n]) * 32 for n in range(3)))
os.write(draft._handle, b"half a hash")
os.kill(os.getpid(), 9)
"""


def test_a_process_that_dies_leaves_what_had_left(engine: Engine, store: Store, tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path / "disclosures")], cwd=ROOT, check=False)
    assert died.returncode == -9
    with engine.connect() as connection:
        (found,) = index.find(connection, store, [bytes([2]) * 32])
        assert (found.intent, found.ended, found.proven) == (HEAD.intent, Ended.BROKEN, True)
        assert index.find(connection, store, [ADA]) == ()
    assert index.catch_up(engine, store) == 1
    with engine.connect() as connection:
        assert index.find(connection, store, [bytes([2]) * 32]) == (found,)
    assert list(store.unfinished()) == []
    assert list(store.arriving()) == []


def test_what_cannot_be_kept_is_said(store: Store, tmp_path: Path) -> None:
    draft = store.begin(HEAD)
    with pytest.raises(Unkept):
        store.begin(HEAD)
    os.close(draft._handle)
    with pytest.raises(Unkept):
        draft.add(ADA)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unkept):
        Store(tmp_path / "file").begin(HEAD)


def test_the_index_finds_what_the_files_hold(engine: Engine, store: Store) -> None:
    rng = random.Random(7)
    people = [rng.randbytes(32) for _ in range(60)]
    expected: dict[bytes, list[str]] = {person: [] for person in people}
    for number in range(30):
        kind = Kind.TOTALS if number % 10 == 9 else Kind.RECORDS
        chosen = [] if kind == Kind.TOTALS else rng.sample(people, rng.randrange(20))
        store.keep(write(head(number, kind), chosen))
        for person in chosen:
            expected[person].append(head(number).intent)
        if number == 15:
            assert index.catch_up(engine, store) == 16
    check(engine, store, expected)
    assert index.catch_up(engine, store) == 14
    assert index.catch_up(engine, store) == 0
    check(engine, store, expected)
    for again in list(store.every())[:5]:
        index.take_in(engine, store.read(again))
    check(engine, store, expected)
    assert index.rebuild(engine, store) == 30
    check(engine, store, expected)
    with engine.connect() as connection:
        assert index.counted(connection) == (30, sum(map(len, expected.values())))
        assert index.datasets_with(connection, "student-id") == ("q5np-7r2k",)


def check(engine: Engine, store: Store, expected: dict[bytes, list[str]]) -> None:
    with engine.connect() as connection:
        for person, intents in expected.items():
            found = index.find(connection, store, [person])
            assert [each.intent for each in found] == intents
            assert all(each.proven for each in found)


def test_a_whole_manifest_replaces_a_broken_one(engine: Engine, store: Store) -> None:
    index.take_in(engine, store.keep(write(HEAD, [ADA, BEA], ended=Ended.BROKEN)))
    whole = store.keep(write(HEAD, [ADA]))
    index.take_in(engine, whole)
    index.take_in(engine, write(HEAD, [ADA, BEA], ended=Ended.BROKEN))
    with engine.connect() as connection:
        (found,) = index.find(connection, store, [ADA])
        assert (found.sha256, found.ended) == (whole.sha256, Ended.WHOLE)
        assert connection.scalar(select(func.count()).select_from(disclosures)) == 1
        assert index.find(connection, store, [BEA]) == ()


def test_who_shares_a_prefix_is_told_apart_by_the_manifest(engine: Engine, store: Store) -> None:
    made = store.keep(write(HEAD, [ADA]))
    index.take_in(engine, made)
    store.indexed(made.sha256)
    twin = ADA[:PREFIX] + BEA[PREFIX:]
    with engine.connect() as connection:
        assert index.find(connection, store, [twin]) == ()
        (found,) = index.find(connection, store, [ADA, twin])
        assert found.proven


def test_without_its_manifest_a_reading_is_shown_and_not_proven(engine: Engine, store: Store, tmp_path: Path) -> None:
    made = store.keep(write(HEAD, [ADA]))
    index.catch_up(engine, store)
    path = tmp_path / "disclosures" / "manifests" / made.sha256[:2] / made.sha256
    other = write(HEAD, [ADA, BEA]).body
    for content in (other, None):
        path.write_bytes(content) if content else path.unlink()
        with engine.connect() as connection:
            (found,) = index.find(connection, store, [ADA])
        assert (found.intent, found.proven) == (HEAD.intent, False)
