"""Who may ask about a person, and the person's key as hashes: the key itself is in no address and no entry.

An agency's data officer sees what its own datasets disclosed; auditors and the Chief Data Officer see all.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.accounting.records import Account, account
from audit.disclosures.keeping import Store
from audit.disclosures.subjects import SecretUnusable, is_namespace, load, normal, subjects
from audit.disclosures.tables import manifests
from exchange.catalog.models import Dataset, SubjectColumn
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, NotFound, Unavailable
from exchange.settings import Settings

EVERY_AGENCY = (RoleKind.AUDITOR, RoleKind.CDO)
_TOKEN = re.compile(r"[0-9a-f]{64}(-[0-9a-f]{64})*\Z")


@dataclass(frozen=True)
class Person:
    """A person as the log may know them: the kind of key, and its hash under each secret, the newest first."""

    namespace: str
    subjects: tuple[bytes, ...]

    @property
    def token(self) -> str:
        """How an address and an entry name the person."""
        return "-".join(subject.hex() for subject in self.subjects)


def agencies_of(identity: Identity) -> frozenset[str] | None:
    """Whose datasets somebody may ask about; None is every agency's."""
    return None if identity.holds(*EVERY_AGENCY) else identity.agencies(RoleKind.DATA_OFFICER)


def store_of(settings: Settings) -> Store:
    """The folder of manifests."""
    return Store(settings.data_dir / "disclosures")


def namespaces(session: Session, agencies: Collection[str] | None) -> dict[str, str]:
    """The kinds of key that can be asked for, with the titles of the datasets that have them."""
    chosen = select(SubjectColumn.namespace, Dataset.title, Dataset.agency_id).join(Dataset).order_by(Dataset.title)
    found: dict[str, list[str]] = {}
    for namespace, title, agency in session.execute(chosen):
        if agencies is None or agency in agencies:
            found.setdefault(namespace, []).append(title)
    if agencies is None:
        for former in session.scalars(select(manifests.c.namespace).distinct()):
            found.setdefault(former, [])
    return {namespace: "; ".join(titles) or "named so formerly" for namespace, titles in sorted(found.items())}


def person_of(settings: Settings, namespace: str, key: str) -> Person:
    """The person of this key. Raises `Invalid` for an empty key, `Unavailable` without the secret."""
    if not normal(key) or not is_namespace(namespace):
        raise Invalid("Write the person's key as it stands in the dataset.")
    try:
        secrets = load(settings.subject_key_file, create=settings.demo)
    except SecretUnusable as problem:
        raise Unavailable(f"Nobody can be looked for now: {problem}.") from problem
    return Person(namespace, subjects(secrets, namespace, key))


def person_in(namespace: str, token: str) -> Person:
    """The person that an address names. Raises `NotFound` for any other text."""
    if not is_namespace(namespace) or not _TOKEN.match(token):
        raise NotFound("This is no address of an account. Ask again with the form.")
    return Person(namespace, tuple(bytes.fromhex(part) for part in token.split("-")))


def account_of(session: Session, settings: Settings, identity: Identity, person: Person) -> Account:
    """The account as this person may see it."""
    return account(session, store_of(settings), person.namespace, person.subjects, agencies_of(identity))
