"""Builders for grants, clients and proofs, and a small OAuth client that can also do everything wrong.

world = make_grant(session)
holder = Holder(world.client_id, key=world.key)
answer = client.post("/oauth/token", **holder.token_request(world.details()))
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from access.clients import register_client
from access.models import AccessRequest, Client, Grant, RequestState
from agreements.models import Agreement, AgreementVersion, Party, State, Tier
from audit import tables
from exchange import clock
from exchange.catalog.models import Column, Dataset, Version
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.rows.store_restricted import write_version
from exchange.rows.types import ColumnInfo
from exchange.settings import Settings
from tests.makers.directory import make_agency, make_person, make_working_group

ORIGIN = "http://localhost"
"""Where Flask's test client thinks that it is."""

COLUMNS = (("town", "Town", "text"), ("year", "Year", "text"), ("rate", "Rate", "number"), ("ssn", "SSN", "text"))
GRANTED = ("rate", "town", "year")
GROUP = "health-and-human-services"
ES256_REGISTRY = jws.JWSRegistry(
    algorithms=["ES256", "Ed25519", "PS256", "RS256", "HS256", "none"], strict_check_header=False
)
ES256_REGISTRY.max_header_length = 8192


@dataclass(frozen=True)
class World:
    """The ids of one working grant with everything that it stands on, and the client's private key."""

    dataset_id: str
    grant_id: str
    agreement_id: str
    version_id: int
    emou_version_id: int
    client_id: str
    person_id: str
    purpose: str
    key: Key = field(compare=False)

    def details(self, origin: str = ORIGIN, **changes: Any) -> list[dict[str, Any]]:
        """`authorization_details` for this grant; `columns=[...]` narrows, other words replace or add members."""
        dataset: dict[str, Any] = {"id": self.dataset_id}
        if "columns" in changes:
            dataset["columns"] = changes.pop("columns")
        details = {
            "type": f"{origin}/rar/dataset-access/v1",
            "agreement": self.agreement_id,
            "purpose": self.purpose,
            "datasets": [dataset],
        }
        return [details | changes]


def new_key(algorithm: str = "ES256") -> Key:
    """A private key for this algorithm."""
    if algorithm == "Ed25519":
        return OKPKey.generate_key("Ed25519")
    if algorithm in ("PS256", "RS256"):
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256")


def make_dataset(
    session: Session, id: str = "aaaa-2222", *, agency: str = "education", state: str = "published"
) -> Dataset:
    """A restricted dataset with four columns, without rows."""
    make_agency(session, agency)
    instant = clock.now()
    dataset = Dataset(
        id=id, agency_id=agency, title="Absence by student", class_="restricted", state=state,
        created_at=instant, updated_at=instant,
    )  # fmt: skip
    dataset.columns = [
        Column(name=name, label=label, type=type_, position=position)
        for position, (name, label, type_) in enumerate(COLUMNS)
    ]
    session.add(dataset)
    session.flush()
    return dataset


def store_rows(
    session: Session,
    settings: Settings,
    dataset: Dataset,
    count: int = 40,
    *,
    keys: Sequence[str | None] | None = None,
    number: int = 1,
    without: str = "",
) -> Version:
    """A sealed version with rows "Town 0", "Town 1", …; years 2015 to 2018; every third person's ssn the same.

    `keys` are other values of ssn, as many as rows if there are any; `without` leaves a column out.
    """
    infos = tuple(ColumnInfo(name, label, type_) for name, label, type_ in COLUMNS if name != without)
    count = len(keys) if keys else count
    values = {
        "town": [f"Town {n % 10}" for n in range(count)],
        "year": [str(2015 + n % 4) for n in range(count)],
        "rate": [n / 2 for n in range(count)],
        "ssn": list(keys) if keys else [f"{n % 3:03}-00-0000" for n in range(count)],
    }
    table = pa.table({info.name: values[info.name] for info in infos})
    stored = write_version(
        settings.data_dir / "restricted", dataset.id, number, table, infos, key_file=settings.store_key_file
    )
    version = Version(
        dataset_id=dataset.id, number=number, class_="restricted", path=stored.path, sha256=stored.sha256, rows=stored.rows,
        bytes=stored.bytes, schema=[info.to_json() for info in infos], sealed_key=stored.sealed_key,
        published_at=clock.now(),
    )  # fmt: skip
    session.add(version)
    session.flush()
    dataset.current_version_id = version.id
    return version


def make_version(
    session: Session,
    id: str,
    tier: Tier,
    *,
    parent: str | None = None,
    group: str | None = None,
    state: State = State.ACTIVE,
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
    terms: Mapping[str, Any] | None = None,
    agencies: Sequence[str] = ("education",),
) -> AgreementVersion:
    """An agreement with one version, put straight into its state; how it gets there is the lifecycle's test."""
    instant = clock.now()
    session.add(
        Agreement(
            id=id, tier=tier.value, title=f"{tier} {id}", parent_id=parent, working_group_id=group, created_at=instant
        )
    )
    version = AgreementVersion(
        agreement_id=id, number=1, state=state.value, state_since=instant,
        begins_at=begins_at or instant - timedelta(days=30), ends_at=ends_at or instant + timedelta(days=300),
        terms=dict(terms or {}), sha256=hashlib.sha256(id.encode()).hexdigest(),
    )  # fmt: skip
    version.parties = [Party(agency_id=make_agency(session, agency).id, capacity="source") for agency in agencies]
    session.add(version)
    session.flush()
    return version


def make_member(session: Session, name: str = "Ada Field", group: str = GROUP) -> Person:
    """A member of the working group."""
    return make_person(session, name, agency="policy-and-management", roles=[(RoleKind.MEMBER, group)])


def make_grant(
    session: Session,
    *,
    dataset: Dataset | None = None,
    columns: Sequence[str] = GRANTED,
    rows: Mapping[str, Any] | None = None,
    purpose: str = "evaluation",
    min_cell: int = 0,
    granularity: str = "record",
    agreement_id: str = "DSA-2026-0001",
    number: str = "0001",
    client_id: str = "absence-study",
    algorithm: str = "ES256",
    person: Person | None = None,
) -> World:
    """A grant under a DSA under an E-MOU, all in force, and a client of its group. The caller commits."""
    dataset = dataset or make_dataset(session)
    make_working_group(session, GROUP)
    member = person or make_member(session)
    emou = make_version(session, f"EMOU-2026-{number}", Tier.EMOU)
    version = make_version(session, agreement_id, Tier.DSA, parent=emou.agreement_id, group=GROUP)
    grant = Grant(
        request_id=make_request(session, member, dataset, columns, purpose).id,
        agreement_version_id=version.id, working_group_id=GROUP, dataset_id=dataset.id, purpose=purpose,
        columns=sorted(columns), rows=dict(rows) if rows else None, persons=[member.id], min_cell=min_cell,
        granularity=granularity, not_before=clock.now() - timedelta(days=1), not_after=clock.now() + timedelta(days=200),
        because={"columns": ["C07@1"], "persons": ["C14@1"], "ends": ["C29@1"]}, created_at=clock.now(),
    )  # fmt: skip
    session.add(grant)
    session.flush()
    key = new_key(algorithm)
    make_client(session, member, key, client_id)
    return World(
        dataset.id, grant.id, agreement_id, version.id, emou.id, client_id, member.id, purpose, key,
    )  # fmt: skip


def make_twin(session: Session, grant_id: str, columns: Sequence[str]) -> Grant:
    """A second grant like this one, with other columns. The caller commits."""
    first = session.get_one(Grant, grant_id)
    kept = {name: value for name, value in vars(first).items() if name in Grant.__table__.columns and name != "id"}
    twin = Grant(**kept | {"columns": sorted(columns)})
    session.add(twin)
    session.flush()
    return twin


def make_request(
    session: Session, person: Person, dataset: Dataset, columns: Sequence[str], purpose: str = "evaluation"
) -> AccessRequest:
    """A granted request, as the origin of a grant."""
    request = AccessRequest(
        working_group_id=GROUP, person_id=person.id, dataset_id=dataset.id, columns=sorted(columns), purpose=purpose,
        reason="A study", state=RequestState.GRANTED.value, submitted_at=clock.now(),
    )  # fmt: skip
    session.add(request)
    session.flush()
    return request


def make_client(session: Session, person: Person, key: Key, id: str = "absence-study", group: str = GROUP) -> Client:
    """A registered client with this key's public half."""
    return register_client(
        session, None, id=id, name=id, working_group_id=group, person_id=person.id,
        jwks={"keys": [key.as_dict(private=False)]}, now=clock.now(), scopes=("catalog.read", "data.export", "data.query"),
    )  # fmt: skip


def algorithm_of(key: Key) -> str:
    """The algorithm that a key of this kind signs with."""
    return {"EC": "ES256", "OKP": "Ed25519", "RSA": "PS256"}[key.key_type]


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    """A compact JWS with exactly this header and these claims; members that are None are left out."""
    kept = {name: value for name, value in header.items() if value is not None}
    body = {name: value for name, value in claims.items() if value is not None}
    return jws.serialize_compact(kept, json.dumps(body), key, registry=ES256_REGISTRY)


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """The same without any signature, for `alg: none`."""
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
        + "."
    )


@dataclass
class Holder:
    """A client program: it holds its registered key and a DPoP key, and makes requests with them."""

    client_id: str
    key: Key
    dpop_key: Key = field(default_factory=new_key)
    origin: str = ORIGIN

    def assertion(self, *, header: Mapping[str, Any] | None = None, key: Key | None = None, **claims: Any) -> str:
        """A client assertion; words replace its claims, None leaves a claim out."""
        seconds = int(clock.now().timestamp())
        usual = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.origin, "jti": str(uuid.uuid4()),
            "iat": seconds, "exp": seconds + 60,
        }  # fmt: skip
        signer = key or self.key
        return signed(
            {"alg": algorithm_of(signer), "typ": "client-authentication+jwt"} | dict(header or {}),
            usual | claims,
            signer,
        )

    def proof(
        self, method: str, url: str, token: str | None = None, *, header: Mapping[str, Any] | None = None,
        key: Key | None = None, signer: Key | None = None, **claims: Any,
    ) -> str:  # fmt: skip
        """A DPoP proof; words replace its claims, None leaves a claim out. `signer` signs with another key than it shows."""
        shown = key or self.dpop_key
        usual: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(clock.now().timestamp()),
        }
        if token is not None:
            usual["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        head = {"typ": "dpop+jwt", "alg": algorithm_of(shown), "jwk": shown.as_dict(private=False)} | dict(header or {})
        return signed(head, usual | claims, signer or shown)

    def token_request(
        self, details: Any, *, proof: str | None = None, assertion: str | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Arguments for `client.post("/oauth/token", ...)`; words replace parameters, None leaves one out."""
        form = {
            "grant_type": "client_credentials",
            "scope": "data.query",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion or self.assertion(),
            "authorization_details": details if isinstance(details, str | None) else json.dumps(details),
        } | changes
        return {
            "data": {name: value for name, value in form.items() if value is not None},
            "headers": {"DPoP": proof or self.proof("POST", f"{self.origin}/oauth/token")},
        }

    def endpoint_request(self, **parameters: str) -> dict[str, Any]:
        """Arguments for a post to the revocation or introspection endpoint."""
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"data": {"client_assertion_type": kind, "client_assertion": self.assertion(), **parameters}}

    def headers(self, token: str, path: str, method: str = "GET", **changes: Any) -> dict[str, str]:
        """The two headers of a request for rows."""
        proof = self.proof(method, f"{self.origin}{path}", token, **changes)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}


def entries(action: str) -> list[dict[str, Any]]:
    """What the log holds of this act, oldest first, sequenced or not."""
    waiting = db.session.scalars(select(tables.queue.c.body).order_by(tables.queue.c.seq))
    sequenced = db.session.scalars(select(tables.entries.c.body).order_by(tables.entries.c.idx))
    found = [json.loads(body) for body in [*sequenced, *waiting]]
    db.session.rollback()
    return [body for body in found if body["action"] == action]


def change(model: type[Any], key: Any, **values: Any) -> None:
    """Set members of one row and commit, as if somebody else's transaction did."""
    row = db.session.get_one(model, key)
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()
    db.session.remove()


def recorded(session: Session, action: str) -> list[dict[str, Any]]:
    """The entries of this act that this session's transaction holds."""
    found = [json.loads(body) for body in session.scalars(select(tables.queue.c.body).order_by(tables.queue.c.seq))]
    return [body for body in found if body["action"] == action]
