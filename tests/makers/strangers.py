"""Verifiers that we did not write: Go's sumdb packages and sigstore's inclusion check.

Both are got once and kept in the user's cache. Where Go (`sh tests/install-go.sh`, which `make test` runs) or the network
is missing, the tests that ask for them are skipped with the reason.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MAIN = _ROOT / "tests" / "clients" / "sumdb" / "main.go"
_NEEDS = _ROOT / "requirements-sigstore.txt"
_SUMDB = "src/cmd/vendor/golang.org/x/mod/sumdb"

Inclusion = Callable[[bytes, int, int, Sequence[bytes], bytes], bool]
"""Whether these bytes are entry `index` of the tree of `size` entries with this root, by this audit path."""


@functools.cache
def sumdb() -> Path:
    """Go's verifier as a program: `main.go` of tests/clients/sumdb with the sumdb packages that Go's source holds."""
    go = shutil.which("go") or next(iter(sorted(map(str, Path("/usr/lib").glob("go-*/bin/go")))), None)
    if go is None:
        pytest.skip("Go is not installed: sh tests/install-go.sh")
    source = Path(_output([go, "env", "GOROOT"])) / _SUMDB
    if not (source / "note").is_dir():
        pytest.skip(f"Go's source is not installed ({source} is missing): sh tests/install-go.sh")
    with _kept(f"sumdb-{_output([go, 'env', 'GOVERSION'])}", _MAIN.read_bytes()) as folder:
        if not (folder / "sumdb").exists():
            _build(go, source, folder)
    return folder / "sumdb"


def _build(go: str, source: Path, folder: Path) -> None:
    """The packages are vendored in Go's own tree, where nobody may import them: they are laid out as if fetched."""
    packages = folder / "gopath" / "src" / "golang.org" / "x" / "mod" / "sumdb"
    shutil.rmtree(folder / "gopath", ignore_errors=True)
    for name in ("note", "tlog"):
        (packages / name).mkdir(parents=True)
        for file in (source / name).glob("*.go"):
            text = file.read_text().replace('"golang.org/x/crypto/ed25519"', '"crypto/ed25519"')
            (packages / name / file.name).write_text(text)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GO111MODULE": "off", "CGO_ENABLED": "0"}
    environment |= {"GOPATH": str(folder / "gopath"), "GOCACHE": str(folder / "gocache"), "GOFLAGS": ""}
    done = subprocess.run(
        [go, "build", "-o", folder / "sumdb.new", _MAIN], capture_output=True, text=True, env=environment, cwd=folder
    )
    if done.returncode:
        pytest.fail(f"Go is here, but could not build the verifier: {done.stderr.strip()[-300:]}")
    (folder / "sumdb.new").replace(folder / "sumdb")
    shutil.rmtree(folder / "gocache", ignore_errors=True)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@functools.cache
def sigstore_inclusion() -> Inclusion:
    """Sigstore's check of an audit path."""
    with _kept(f"sigstore-{sys.version_info.major}{sys.version_info.minor}", _NEEDS.read_bytes()) as folder:
        if not (folder / "done").exists():
            _install(folder)
    sys.path.append(str(folder))
    merkle = importlib.import_module("sigstore._internal.merkle")
    errors = importlib.import_module("sigstore.errors")

    def included(body: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
        proof = SimpleNamespace(log_index=index, tree_size=size, hashes=list(path), root_hash=root)
        entry = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=body))
        try:
            merkle.verify_merkle_inclusion(entry)
        except errors.VerificationError:
            return False
        return True

    return included


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    options = ["--no-deps", "--only-binary", ":all:", "--upgrade", "--target", folder, "-r", _NEEDS]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"sigstore could not be installed: {done.stderr.strip().splitlines()[-1:]}")
    (folder / "done").touch()


@contextmanager
def _kept(name: str, what: bytes) -> Iterator[Path]:
    """A folder of the user's cache for what is made of these bytes, held by one process at a time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charter-oak"
    folder = cache / f"{name}-{hashlib.sha256(what).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
