"""`flask demo story`: the whole main job over HTTP against a running server, on the demo's data and on real data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.makers.server import Server

REAL = "chronic_absenteeism_by_race_ethnicity_2012-2020.csv"
ACTS = (
    "Publish:", "Classify:", "Read what is public:", "Draft:", "Review:", "Sign:", "Ask:", "Register a client:",
    "Get a token:", "Read restricted rows:", "Audit:", "End it:", "Verify:",
)  # fmt: skip

STEPS = (
    r"version 1 published, all or nothing +[a-z0-9]{4}-[a-z0-9]{4} in [\d,]+ ms",
    r"before anybody agreed, the public asked for the page +HTTP 404",
    r"the open cut is derived +[a-z0-9]{4}-[a-z0-9]{4}",
    r"rows of the open cut.* +[1-9]\d* rows",
    r"the page says why +FERPA named: True",
    r"opening it for signature without the clause that FERPA wants +HTTP 403: 34 CFR 99\.35\(a\)\(3\)",
    r"text, policy and hash are frozen +[0-9a-f]{64}",
    r"PDF of the frozen text +[\d,]+ bytes, SHA-256 [0-9a-f]{64}",
    r"in the public register, derived from live state +/register/DSA-\d{4}-\d{4}",
    r"asking for \w+ too +HTTP 400 invalid_authorization_details",
    r"a DPoP token for \d+ s",
    r"[\d,]+ rows of [\d,]+ with \d+ columns",
    r"rows outside the agreement's filter among them +0",
    r"which nobody granted +HTTP 403 permission_denied",
    r"the same proof a second time +HTTP 401 invalid_dpop_proof",
    r"a hostile \$where +HTTP 400",
    r"the same address without a token +HTTP 404",
    r"ours among them: True",
    r"inclusion proof of one entry checks offline +tree size \d+, root [0-9a-f]{64}",
    r"with one bit of the entry flipped +refused",
    r"to the next request's refusal +[\d.,]+ ms, HTTP 403",
    r"16 more requests over all workers +refused: 16",
    r"a new token +HTTP 400",
    r"verified tree size +[1-9]\d*",
    r"The story is told: 13 acts",
)
"""What every telling prints, whichever file it is told on."""


def test_the_story_on_the_demos_own_data_and_at_once_again_on_real_data(server: Server) -> None:
    first = server.flask("demo", "story").stdout
    _whole(first)
    real = (Path(__file__).resolve().parents[2] / "../shared/data" / REAL).resolve()
    given = ("--data", str(real)) if real.exists() else ()
    second = server.flask("demo", "story", *given).stdout
    _whole(second)
    assert _size(second) > _size(first)
    if not real.exists():
        pytest.skip("both tellings held; the real data folder is not beside this clone")
    assert "12,915" in second


def test_the_log_holds_after_the_stories(server: Server) -> None:
    assert server.flask("audit", "verify").returncode == 0


def test_without_a_server_it_says_how_to_start_one(server: Server) -> None:
    told = server.flask("demo", "story", "--url", "http://127.0.0.1:9", check=False)
    assert told.returncode != 0
    assert "Start it with make run" in told.stderr


def _whole(told: str) -> None:
    acts = re.findall(r"^(\d+)\. (.+)$", told, re.M)
    assert [int(number) for number, _ in acts] == list(range(1, len(ACTS) + 1))
    assert [title for (_, title), begins in zip(acts, ACTS, strict=True) if not title.startswith(begins)] == []
    assert [step for step in STEPS if not re.search(step, told)] == [], told


def _size(told: str) -> int:
    found = re.search(r"verified tree size +(\d+)", told)
    assert found is not None
    return int(found[1])
