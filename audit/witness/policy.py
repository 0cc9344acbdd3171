"""Whom one trusts to have seen a log: a policy after C2SP tlog-policy.

Logs by their keys, witnesses by theirs, groups of witnesses, and one quorum. Names are opaque; they mean nothing
outside the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from audit.checkpoints import COSIGNED, ED25519, ML_DSA_44, BadCheckpoint, Verifier, parse_vkey

NONE = "none"
BLANK = re.compile("[ \t]+")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
LARGEST = 1 << 20


class BadPolicy(ValueError):
    """A policy is not what the specification says; the message names the line."""


@dataclass(frozen=True)
class Witness:
    """A witness by its name in the policy, its key, and where it takes checkpoints ("" if that is not said)."""

    name: str
    verifier: Verifier
    url: str = ""


@dataclass(frozen=True)
class Group:
    """A group is met when this many of its members are."""

    threshold: int
    members: tuple[str, ...]


@dataclass
class Policy:
    """Logs, witnesses, and which of these together are enough."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""

    def met(self, cosigned: Collection[str]) -> bool:
        """Whether these witnesses are enough."""
        return self.quorum == NONE or self._met(self.quorum, cosigned)

    def cosigners(self, note: str) -> Mapping[str, int]:
        """Which witnesses cosigned a checkpoint, and when (seconds since 1970). Raises `BadCheckpoint`."""
        times = {name: witness.verifier.signed_at(note) for name, witness in self.witnesses.items()}
        return {name: at for name, at in times.items() if at}

    def knows(self, log: Verifier) -> bool:
        """Whether this is a log of the policy."""
        return log in self.logs

    def _met(self, name: str, cosigned: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        return sum(self._met(member, cosigned) for member in group.members) >= group.threshold


def parse(content: bytes) -> Policy:
    """The policy in a file. Raises `BadPolicy`."""
    text = content.decode("utf-8", "surrogateescape")
    if len(content) > LARGEST or (text and not text.endswith("\n")):
        raise BadPolicy("a policy has at most a megabyte, and each of its lines ends with a line feed")
    policy = Policy()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            _read_line(policy, line)
        except (BadPolicy, BadCheckpoint) as wrong:
            raise BadPolicy(f"line {number}: {wrong}") from wrong
    if not policy.quorum:
        raise BadPolicy("there is no quorum line; without witnesses it is: quorum none")
    return policy


def without_witnesses(logs: Collection[Verifier]) -> str:
    """The policy of a log that nobody witnesses."""
    return "".join(f"log {log.vkey()}\n" for log in logs) + "quorum none\n"


def _read_line(policy: Policy, line: str) -> None:
    if FORBIDDEN.search(line):
        raise BadPolicy("a control character")
    words = [word for word in BLANK.split(line) if word]
    if not words or words[0].startswith("#"):
        return
    kind, *rest = words
    if kind == "log" and len(rest) in (1, 2):
        _add_log(policy, rest[0])
    elif kind == "witness" and len(rest) in (2, 3):
        _add_witness(policy, rest[0], rest[1], "".join(rest[2:]))
    elif kind == "group" and len(rest) >= 3:
        _add_group(policy, rest[0], rest[1], tuple(rest[2:]))
    elif kind == "quorum" and len(rest) == 1:
        _set_quorum(policy, rest[0])
    else:
        raise BadPolicy(
            "not a line of a policy: log KEY [URL], witness NAME KEY [URL], group NAME K NAME…, quorum NAME"
        )


def _add_log(policy: Policy, vkey: str) -> None:
    log = _key(vkey, ED25519)
    if any(log.public == known.public for known in policy.logs):
        raise BadPolicy("this log's key is listed already")
    policy.logs.append(log)


def _add_witness(policy: Policy, name: str, vkey: str, url: str) -> None:
    witness = Witness(name, _key(vkey, COSIGNED), url)
    if any(witness.verifier.public == known.verifier.public for known in policy.witnesses.values()):
        raise BadPolicy("this witness's key is listed already")
    policy.witnesses[_new_name(policy, name)] = witness


def _add_group(policy: Policy, name: str, count: str, members: tuple[str, ...]) -> None:
    used = {member for group in policy.groups.values() for member in group.members}
    for member in members:
        if not _defined(policy, member):
            raise BadPolicy(f"{member!r} is not a witness or group of a line above")
        if member in used or members.count(member) > 1:
            raise BadPolicy(f"{member!r} is a member of a group already")
    threshold = {"all": len(members), "any": 1}.get(count) or (int(count) if re.fullmatch("[0-9]{1,4}", count) else 0)
    if not 1 <= threshold <= len(members):
        raise BadPolicy(f"a group of {len(members)} is met by any, all, or 1 to {len(members)} of them")
    policy.groups[_new_name(policy, name)] = Group(threshold, members)


def _set_quorum(policy: Policy, name: str) -> None:
    if policy.quorum:
        raise BadPolicy("there is one quorum line")
    if name != NONE and not _defined(policy, name):
        raise BadPolicy(f"{name!r} is not a witness or group of a line above")
    policy.quorum = name


def _key(vkey: str, classic: bytes) -> Verifier:
    verifier = parse_vkey(vkey)
    if verifier.kind not in (classic, ML_DSA_44):
        raise BadPolicy("this key is of another type: a log's is 0x01 or 0x06, a witness's 0x04 or 0x06")
    return verifier


def _defined(policy: Policy, name: str) -> bool:
    return name in policy.witnesses or name in policy.groups


def _new_name(policy: Policy, name: str) -> str:
    if name == NONE or _defined(policy, name):
        raise BadPolicy(f"the name {name!r} is taken")
    return name
