"""The byte cache: bounded, least recently used first, the same bytes for every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from exchange.kept_bytes import OVERHEAD, KeptBytes


def test_what_was_put_in_comes_out_and_nothing_else() -> None:
    kept = KeptBytes(1 << 20)
    kept.put("a", b"one")
    assert kept.get("a") == b"one"
    assert kept.get("b") is None
    kept.put("a", b"two")
    assert kept.get("a") == b"two"
    assert (len(kept), kept.bytes) == (1, 3 + OVERHEAD)


def test_it_stays_within_its_bytes_and_the_least_recently_used_goes() -> None:
    kept = KeptBytes(100 * (1000 + OVERHEAD))
    for number in range(100):
        kept.put(number, bytes(1000))
    kept.get(0)
    kept.put(100, bytes(1000))
    assert kept.get(0) is not None
    assert kept.get(1) is None
    assert kept.bytes <= kept.limit_bytes
    assert len(kept) == 100


def test_one_large_value_does_not_push_out_the_others() -> None:
    kept = KeptBytes(160_000)
    kept.put("small", b"x")
    kept.put("large", bytes(kept.largest + 1))
    assert kept.get("large") is None
    assert kept.get("small") == b"x"


def test_many_threads_never_see_another_key_s_bytes() -> None:
    kept = KeptBytes(50_000)

    def work(worker: int) -> bool:
        for number in range(500):
            key = (worker + number) % 40
            kept.put(key, b"%d" % key * 100)
            if kept.get(key) not in (None, b"%d" % key * 100):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert kept.bytes <= kept.limit_bytes
    kept.clear()
    assert (len(kept), kept.bytes) == (0, 0)
