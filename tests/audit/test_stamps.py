"""Time stamps by a real authority (`openssl ts`): had once a day, checked by ours and by openssl, refused when wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit.signing import stamps
from audit.signing.der import in_order
from audit.signing.stamps import NotStamped
from audit.tiles import TileStore
from tests.audit.test_courier import SIGNER, show
from tests.makers.audit import now
from tests.makers.authority import Authority, authority, openssl


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """An authority."""
    with authority(tmp_path_factory.mktemp("tsa")) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path, tsa: Authority) -> TileStore:
    """A log of 300 entries."""
    tsa.damage = ""
    return show(tmp_path / "log", 300)


def test_a_checkpoint_is_stamped_and_openssl_agrees(store: TileStore, tsa: Authority) -> None:
    made = stamps.stamp(store, tsa.url, str(tsa.root), now())
    assert (made.size, abs((made.at - now()).total_seconds()) < 60) == (300, True)
    show(store.folder, 700)
    stamps.stamp(store, tsa.url, str(tsa.root), now())
    assert [it.size for it in stamps.stamps(store)] == [700, 300]
    assert stamps.check(store, SIGNER, str(tsa.root), 700) == 2
    pair = [str(store.folder / "stamps" / f"300.{kind}") for kind in ("checkpoint", "tsr")]
    said = openssl("ts", "-verify", "-data", pair[0], "-in", pair[1], "-CAfile", str(tsa.root))
    assert "Verification: OK" in said.stdout + said.stderr


@pytest.mark.parametrize("first", ["tsa.pem", "root.pem"])
def test_an_authority_may_send_its_chain_in_any_order(store: TileStore, tsa: Authority, first: str) -> None:
    chain, alone = tsa.folder / "chain.pem", (tsa.folder / "tsa.pem").read_bytes()
    chain.write_bytes(
        b"".join((tsa.folder / name).read_bytes() for name in sorted(("tsa.pem", "root.pem"), key=first.__ne__))
    )
    try:
        assert stamps.stamp(store, tsa.url, str(tsa.root), now()).size == 300
    finally:
        chain.write_bytes(alone)
    kept = (store.folder / "stamps" / "300.tsr").read_bytes()
    assert stamps.check(store, SIGNER, str(tsa.root), 300) == 1
    assert in_order(in_order(kept)) == in_order(kept)
    for broken in (kept[:-1], kept[:50], b"", b"\x30\x84", b"not a stamp"):
        assert in_order(broken) == broken


def test_one_a_legal_day(store: TileStore, tsa: Authority) -> None:
    noon = datetime.fromisoformat("2026-07-01T12:00:00-04:00")
    assert stamps.due(store, noon)
    stamps.stamp(store, tsa.url, "", noon)
    assert not stamps.due(store, noon + timedelta(hours=11))
    assert stamps.due(store, noon + timedelta(hours=12))
    first = (store.folder / "stamps" / "300.tsr").read_bytes()
    stamps.stamp(store, tsa.url, "", noon + timedelta(days=1))
    assert (store.folder / "stamps" / "300.tsr").read_bytes() == first, "the older stamp of the same tree says more"


@pytest.mark.parametrize(
    ("damage", "said"),
    [("busy", "503"), ("garbage", "not an RFC 3161"), ("flip", "not the authority's"), ("replay", "another request")],
)
def test_what_is_no_stamp_is_not_kept(store: TileStore, tsa: Authority, damage: str, said: str) -> None:
    stamps.stamp(show(store.folder, 299), tsa.url, "", now() - timedelta(days=1))
    show(store.folder, 300)
    tsa.damage = damage
    with pytest.raises(NotStamped, match=said):
        stamps.stamp(store, tsa.url, str(tsa.root), now())
    assert said in stamps.state(store).problem
    assert stamps.due(store, now()), "it is tried again"
    assert [it.size for it in stamps.stamps(store)] == [299]
    tsa.damage = ""
    stamps.stamp(store, tsa.url, str(tsa.root), now())
    assert stamps.state(store).problem == ""


def test_an_authority_that_is_away_holds_up_nothing(store: TileStore) -> None:
    with pytest.raises(NotStamped, match="does not answer"):
        stamps.stamp(store, "http://127.0.0.1:1/tsr", "", now())
    assert "does not answer" in stamps.state(store).problem


def test_a_stamp_of_something_else_is_found(store: TileStore, tsa: Authority, tmp_path: Path) -> None:
    stamps.stamp(store, tsa.url, str(tsa.root), now())
    with authority(tmp_path / "other") as other, pytest.raises(NotStamped, match="not the authority's"):
        stamps.check(store, SIGNER, str(other.root), 300)
    folder = store.folder / "stamps"
    held = (folder / "300.checkpoint").read_bytes()
    (folder / "300.checkpoint").write_bytes(held.replace(b"\n300\n", b"\n301\n"))
    with pytest.raises(NotStamped, match="not over"):
        stamps.check(store, SIGNER, str(tsa.root), 300)
    (folder / "300.checkpoint").write_bytes(held)
    show(store.folder, 310, fork_at=5)
    with pytest.raises(NotStamped, match="does not begin"):
        stamps.check(store, SIGNER, str(tsa.root), 310)
    with pytest.raises(NotStamped, match="the log has 200"):
        stamps.check(store, SIGNER, str(tsa.root), 200)
    (folder / "300.checkpoint").unlink()
    with pytest.raises(NotStamped, match="missing"):
        stamps.check(store, SIGNER, str(tsa.root), 310)
