"""The printed program, run as a person would: against a real server with the demo, and with a key that is not ours."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from demo.stage import Stage
from tests.makers.server import Server, serving

PROGRAM = re.compile(r"<code>(# pip install joserfc\nimport base64.*?)</code>", re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("programs")) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Server) -> str:
    """The demo's grant as its analyst sees it."""
    stage = Stage(server.origin, server.credentials)
    return stage.person("analyst").get(f"/grants/{server.credentials['grants']['attendance']['id']}").body.decode()


@pytest.fixture(scope="module")
def program(page: str) -> str:
    found = PROGRAM.search(page)
    assert found is not None
    return unescape(found.group(1))


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def test_the_demos_program_runs_as_printed(server: Server, page: str, program: str, tmp_path: Path) -> None:
    key = server.data_dir / "demo" / "client-key.json"
    assert key.stat().st_mode & 0o777 == 0o600
    assert str(key) in page
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^[1-9]\d* rows$", done.stdout, re.MULTILINE)


def test_smaller_pages_read_the_same_rows(program: str, tmp_path: Path) -> None:
    whole, paged = (run(text + "\nprint(json.dumps(rows))", tmp_path) for text in (program, smaller(program)))
    assert paged.stdout.count("Audit-Id") > whole.stdout.count("Audit-Id")
    assert paged.stdout.splitlines()[-2:] == whole.stdout.splitlines()[-2:]


def smaller(program: str) -> str:
    changed = program.replace("PAGE = 10_000", "PAGE = 700")
    assert changed != program
    return changed


def test_a_refusal_is_printed_in_the_servers_words(program: str, tmp_path: Path) -> None:
    done = run(program.replace('CLIENT = "hhs-attendance-notebook"', 'CLIENT = "nobody"'), tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("HTTP 40") and "Traceback" not in done.stderr
    assert len(done.stderr) > len("HTTP 401: ") + 10
