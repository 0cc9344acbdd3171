"""The specification's example is true: its texts are taken from the page and checked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.actions import Outcome
from audit.disclosures import manifest
from audit.entry import Entry
from audit.merkle import leaf_hash
from audit.personal import FIELDS
from audit.verification import VerificationFailed, check_quorum, open_checkpoint, verify_proof

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit-log.md").read_text()


def block(name: str) -> str:
    """The text of a fenced block."""
    found = re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_holds() -> None:
    entry, key = block("entry").strip().encode(), block("key").strip()
    assert base64.b64encode(leaf_hash(entry)).decode() == block("leaf").strip()
    assert open_checkpoint(block("checkpoint"), key)[1] == 3
    assert verify_proof(block("proof"), entry, key).origin == "data.example.gov/audit/log"


def test_the_entries_are_canonical() -> None:
    for entry in (block("entry").strip().encode(), block("outcome").strip().encode()):
        assert rfc8785.dumps(json.loads(entry)) == entry


def test_the_outcome_names_the_manifest() -> None:
    outcome, listed = json.loads(block("outcome")), block("manifest").encode()
    read = manifest.read(listed)
    assert outcome["manifest"] == hashlib.sha256(listed).hexdigest()
    assert outcome["ref"] == json.loads(block("entry"))["id"] == read.head.intent
    assert outcome["subjects"] == len(listed.partition(b"\n\n")[2].splitlines())


def test_the_cosigned_checkpoint_reaches_the_policys_quorum() -> None:
    assert open_checkpoint(block("cosigned"), check_quorum(block("cosigned"), block("policy"))[0])[1] == 3
    with pytest.raises(VerificationFailed, match="too few witnesses"):
        check_quorum(block("checkpoint"), block("policy"))


def test_the_sealed_field_opens_as_the_page_says() -> None:
    example = json.loads(block("sealed"))
    key, (version, key_id, text) = bytes.fromhex(example["key"]), example["sealed"].split(".")
    assert key_id == hashlib.sha256(b"charter-oak personal key " + key).hexdigest()[:32]
    bound = "\n".join((version, example["entry"], example["field"], key_id)).encode()
    sealed = base64.b64decode(text)
    plain = AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)
    assert len(plain) % 32 == 0
    assert plain.rstrip(b"\0") == example["text"].encode() + b"\x80"
    assert example["field"] in FIELDS


def test_rules_are_numbered_without_gaps() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_member_and_outcome_is_described() -> None:
    described = set(re.findall(r"`([a-z_0-9]+)`", PAGE))
    assert {name for name in Entry.__dataclass_fields__ if name != "at"} <= described
    assert {str(outcome) for outcome in Outcome} <= described
