"""Queries that mean harm, against a real server of one worker: it says no, keeps its memory, and answers the next."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.makers.hostile import (
    OTHERS,
    QUAKES,
    SECRETS,
    TOKEN,
    Answered,
    ask,
    hostile_ground,
    query,
    resident_bytes,
    send,
)
from tests.makers.server import Server

MEMORY = 2_500_000_000
"""Bytes that the worker may hold at its highest: its two lanes, its code, and answers on their way."""

DEEP = 3_000
MANY = 8_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this suite's own."""
    with hostile_ground(tmp_path_factory.mktemp("hostile")) as server:
        yield server


@pytest.fixture(autouse=True)
def still_answers(server: Server) -> Iterator[None]:
    """After every attack a page comes at once, whole, and the worker is no larger than it may be."""
    yield
    page = ask(server, {"$limit": "3"})
    assert page.status == 200 and page.body.count(b"earthquake_id") == 3
    assert resident_bytes(server) < MEMORY


def harmless(answer: Answered, asked: str) -> None:
    """A clear error or rows; nothing of what is inside, beyond what was asked itself."""
    assert answer.status < 500, answer.body[:300]
    if answer.status not in (200, 0):
        assert answer.code, answer.body[:300]
        said = answer.body.decode().lower()
        assert [word for word in SECRETS if word in said and word not in asked.lower()] == []


def joined(parts: list[str], word: str) -> str:
    return f" {word} ".join(parts)


COSTLY = {
    "a cross join of billions": f"SELECT count(*), max(@a.depth * @b.depth) FROM @{QUAKES} AS a JOIN @{OTHERS} AS b ON @a.depth < @b.depth + 1000",
    "six cross joins": f"SELECT count(*) FROM @{QUAKES} AS a" + "".join(f" JOIN @{OTHERS} AS b{n} ON true" for n in range(6)),
    "a cross join given out": f"SELECT @a.*, @b.region AS r2 FROM @{QUAKES} AS a JOIN @{OTHERS} AS b ON true ORDER BY @a.region, @b.region DESC LIMIT 1000000",
    "unions of unions": joined([f"SELECT region, depth FROM @{QUAKES}"] * 14, "UNION") + " |> SELECT region, count(*) GROUP BY region",
    "windows over everything": "SELECT " + ", ".join(
        f"sum(depth) OVER (PARTITION BY region ORDER BY magnitude + {n} ROWS BETWEEN 20000 PRECEDING AND 20000 FOLLOWING) AS w{n}" for n in range(30)
    ) + " ORDER BY w0 LIMIT 50000",
    "texts as long as they may get": "SELECT " + joined([f"left_pad(region, {900 + n}, 'x')" for n in range(9)], "||") + " AS t ORDER BY t LIMIT 50000",
    "texts longer than they may get": "SELECT " + joined([f"left_pad(region || '{n}', 1000, 'x')" for n in range(40)], "||") + " AS t |> SELECT t || t AS u ORDER BY u LIMIT 50000",
    "replace that grows": "SELECT replace(replace(region, 'a', 'aaaaaaaaaaaaaaaa'), 'a', 'aaaaaaaaaaaaaaaa') AS r ORDER BY r LIMIT 50000",
    "replace that grows and grows": "SELECT " + "replace(" * 12 + "region" + ", 'a', 'aaaaaaaaaaaaaaaaaaaaaaaa')" * 12 + " AS r ORDER BY r LIMIT 50000",
    "groups by everything": "SELECT earthquake_id || region || source AS k, count(*), " + ", ".join(f"count(distinct depth + {n})" for n in range(60)) + " GROUP BY earthquake_id || region || source",
    "pipes": "SELECT *" + " |> SELECT * ORDER BY depth" * 14,
    "every row, sorted": "SELECT *, upper(region) AS u, lower(region) AS l ORDER BY u, l, depth DESC LIMIT 1000000",
    "patterns on every row": "SELECT count(*) WHERE " + joined([f"region LIKE '%a%{n}%b%'" for n in range(80)], "OR"),
}  # fmt: skip
"""What takes long or much: rows, 400 or 408, never more."""

BROKEN = {
    "parentheses": "SELECT * WHERE " + "(" * DEEP + "1=1" + ")" * DEEP,
    "not not not": "SELECT * WHERE " + "NOT " * DEEP + "true",
    "minus minus": "SELECT " + "- " * DEEP + "1",
    "calls in calls": "SELECT " + "upper(" * DEEP + "region" + ")" * DEEP,
    "cases in cases": "SELECT " + "CASE WHEN true THEN " * DEEP + "1" + " END" * DEEP,
    "queries in queries": "SELECT * FROM " + "(SELECT * FROM " * 300 + f"@{QUAKES}" + ")" * 300,
    "open and never closed": "SELECT " + "(" * 50_000,
    "comments": "SELECT /*" + "*/ /*" * 20_000,
    "quotes": "SELECT " + "'" * 90_001,
    "a million": "SELECT * WHERE region = '" + "x" * 1_000_000 + "'",
    "many columns": "SELECT " + ", ".join(f"depth+{n} c{n}" for n in range(MANY // 4)),
    "many columns, named": "SELECT " + ", ".join(f"depth+{n} AS c{n}" for n in range(1_900)) + " LIMIT 1000",
    "aliases of aliases": "SELECT depth AS a0, " + ", ".join(f"a{n - 1} + a{n - 1} AS a{n}" for n in range(1, 60)),
    "a long list": "SELECT * WHERE earthquake_id IN (" + ", ".join(f"'q{n:07}'" for n in range(4_500)) + ") LIMIT 1",
    "many ors": "SELECT * WHERE " + joined([f"depth={n}" for n in range(MANY // 2)], "OR"),
    "powers": "SELECT 10 ^ 10 ^ 10 ^ 10 ^ 10, 1e308 * 1e308, -1e308 ^ 3",
    "wildcards": "SELECT * WHERE region LIKE '" + "%a" * 5_000 + "%' LIMIT 5",
    "out of range": "SELECT substring(region, 99999999999, 99999999999), chr(99999999), left_pad('a', 1e300, 'b') LIMIT 2",
    "inside words": "SELECT * FROM read_csv('/etc/passwd')",
    "settings": "SELECT current_setting('memory_limit')",
    "tables": "SELECT * FROM duckdb_settings()",
    "two statements": "SELECT 1; ATTACH '/etc/passwd' AS p",
    "a quoted name": 'SELECT `depth" FROM rows; --`',
    "nothing": "",
}  # fmt: skip
"""What is large, deep or wrong."""


@pytest.mark.parametrize("name", COSTLY)
def test_costly_queries_are_cut(server: Server, name: str) -> None:
    harmless(query(server, COSTLY[name]), COSTLY[name])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_large_queries_are_refused(server: Server, name: str) -> None:
    harmless(query(server, BROKEN[name]), BROKEN[name])
    if len(BROKEN[name]) < 7_000:
        harmless(ask(server, {"$query": BROKEN[name], "queryTimeoutSeconds": "1"}), BROKEN[name])


@pytest.mark.parametrize(
    "words",
    [
        "(a+)+$" * 50,
        "a" * 8_000,
        ".*" * 2_000,
        "\\pL" * 1_000 + "[[[(((",
        "' OR 1=1 --",
        "a%b_c%d" * 500,
        "nationalizations generalization hopefulness " * 100,
        "\u0130\u0000\ufffe" * 3,
    ],
)
def test_searches_that_are_patterns_are_words(server: Server, words: str) -> None:
    harmless(ask(server, {"$q": words}), words)
    harmless(ask(server, {"$where": f"region like '{words.replace(chr(39), '')[:3000]}'", "$limit": "1"}), words)


def test_addresses_of_any_length_get_an_answer_in_json(server: Server) -> None:
    assert ask(server, {"$where": "region = '" + "x" * 8_100 + "'"}).status == 200
    for length in (20_000, 100_000, 1_000_000):
        answer = send(server, "GET", f"/resource/{QUAKES}.json?$q=" + "x" * length)
        assert answer.status in (414, 0)
        if answer.status:
            assert answer.code == "req.url.too-long"


def test_what_is_no_http_is_refused_in_json(server: Server) -> None:
    host, port = server.origin.removeprefix("http://").split(":")
    for line in (b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as wire:
            wire.sendall(line)
            said = wire.recv(65536)
        assert b"application/json" in said and b"<html" not in said


def test_a_posted_query_past_a_megabyte_is_too_large(server: Server) -> None:
    answer = send(server, "POST", f"/api/v3/views/{QUAKES}/query.json", b'{"query": "' + b"x" * 3_000_000 + b'"}')
    assert answer.status in (413, 0)


def test_pages_keep_moving_while_costly_queries_fill_their_lane(server: Server) -> None:
    costly = COSTLY["a cross join of billions"]
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(query, server, costly, seconds=4) for _ in range(6)]
        time.sleep(0.5)
        pages = [ask(server, {"$limit": "5", "$offset": str(n)}).status for n in range(20)]
        assert not all(future.done() for future in running)
        statuses = [future.result().status for future in running]
    assert set(pages) == {200}
    assert set(statuses) <= {408, 503} and 408 in statuses


def test_a_client_that_hangs_up_frees_its_place(server: Server) -> None:
    """Three clients begin a costly query of half a minute and leave: were their places still taken, all would wait."""
    costly = COSTLY["a cross join of billions"]
    assert query(server, costly).status == 408
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: leave_while_it_computes(server, costly), range(3))) == [True] * 3
    assert [query(server, costly).status for _ in range(2)] == [408, 408]


def leave_while_it_computes(server: Server, statement: str) -> bool:
    """Ask, wait a second and a half for nothing, hang up; whether nothing came."""
    host, port = server.origin.removeprefix("http://").split(":")
    body = json.dumps({"query": statement, "timeout": 30}).encode()
    head = (
        f"POST /api/v3/views/{QUAKES}/query.json HTTP/1.1",
        f"Host: {host}:{port}",
        "Content-Type: application/json",
        f"X-App-Token: {TOKEN}",
        f"Content-Length: {len(body)}",
    )
    with socket.create_connection((host, int(port)), timeout=1.5) as wire:
        wire.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        try:
            return not wire.recv(1)
        except TimeoutError:
            return True
