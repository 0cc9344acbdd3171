"""Habits that a reader may rely on, held by reading the files."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("audit", "exchange", "agreements", "access", "demo")
ROOM_LINES = 300
FUNCTION_LINES = 50


def _files() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")] + [ROOT / "wsgi.py"]


def _functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (str(path.relative_to(ROOT)), node)
        for path in _files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_rooms_are_small() -> None:
    large = {str(p.relative_to(ROOT)): n for p in _files() if (n := len(p.read_text().splitlines())) > ROOM_LINES}
    assert large == {}


def test_functions_are_small() -> None:
    large = {f"{where}:{f.name}": n for where, f in _functions() if (n := f.end_lineno - f.lineno + 1) > FUNCTION_LINES}  # type: ignore[operator]
    assert large == {}


def test_public_functions_say_what_they_mean() -> None:
    silent = [
        f"{where}:{node.name}"
        for where, node in _functions()
        if not node.name.startswith("_") and ast.get_docstring(node) is None and node.col_offset == 0
    ]
    assert silent == []


def test_only_the_clock_reads_the_time() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in _files()
        if re.search(r"datetime\.(now|utcnow)\(|date\.today\(", path.read_text())
    ]
    the_log_knows_nobody = {"audit/entry.py", "audit/installed.py"}
    assert set(readers) <= {"exchange/clock.py"} | the_log_knows_nobody, readers


def test_packages_export_nothing() -> None:
    """A room that became a folder keeps its address; every other package's `__init__` is empty."""
    rooms = {
        f"exchange/rows/{room}/__init__.py" for room in ("soql", "plan", "formats", "functions", "functions/dialects")
    }
    full = {str(p.relative_to(ROOT)) for p in _files() if p.name == "__init__.py" and ast.parse(p.read_text()).body[1:]}
    assert full <= rooms


def test_templates_hold_no_script_and_no_style() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "templates").rglob("*.html")
        if re.search(r"<script|<style|\sstyle=|\son[a-z]+=", path.read_text())
    ]
    assert offenders == []


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    names = re.findall(
        r"^([a-z][a-z0-9-]+)",
        (ROOT / "requirements.in").read_text() + (ROOT / "requirements-test.in").read_text(),
        re.M,
    )
    assert [name for name in names if name not in reasons] == []


def test_requirements_are_pinned_with_hashes() -> None:
    for file in ("requirements.txt", "requirements-test.txt"):
        pins = re.findall(r"^[a-z0-9-]+==[^\n]*\\\n(\s+--hash=sha256:[0-9a-f]{64})", (ROOT / file).read_text(), re.M)
        assert len(pins) == len(re.findall(r"^[a-z0-9-]+==", (ROOT / file).read_text(), re.M)) > 0


def test_no_secret_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not listed:
        pytest.skip("not a git checkout, so nothing can have been committed")
    guilty = [
        name
        for name in listed
        if (ROOT / name).is_file()
        and re.search(rb"BEGIN (EC |RSA |)PRIVATE KEY|\"d\": ?\"[A-Za-z0-9_-]{40,}\"", (ROOT / name).read_bytes())
    ]
    assert [name for name in guilty if not name.startswith("tests/")] == []
