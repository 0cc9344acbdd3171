"""The catalogue for other catalogues: DCAT-US 1.1 (non-federal: no bureau or program codes), as `/data.json`.

Derived from what the public may know, never typed; the same catalogue gives the same bytes (DESIGN §4.9). Source:
Project Open Data metadata schema v1.1. A record without a usable address would be refused by data.gov's harvester,
so every member it requires is always there and never blank.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from exchange.catalog.models import Dataset
from exchange.catalog.visibility import visible

CONTEXT = "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld"
CONFORMS_TO = "https://project-open-data.cio.gov/v1.1/schema"
DESCRIBED_BY = "https://project-open-data.cio.gov/v1.1/schema/catalog.json"
PUBLIC_DOMAIN = "https://www.usa.gov/publicdomain/label/1.0/"

PERIODS = {
    "Annually": "R/P1Y", "Bi-annually": "R/P6M", "Quarterly": "R/P3M", "Bi-monthly": "R/P2M", "Monthly": "R/P1M",
    "Bi-weekly": "R/P2W", "Weekly": "R/P1W", "Every weekday": "R/P1D", "Daily": "R/P1D", "As needed": "irregular",
}  # fmt: skip
"""The State's update frequencies as ISO 8601 repeating periods; what has none is left out."""


def public_datasets(session: Session) -> Sequence[Dataset]:
    """Every dataset that everybody may know of, by id."""
    statement = select(Dataset).where(visible(None)).options(joinedload(Dataset.agency)).order_by(Dataset.id)
    return session.scalars(statement).all()


def catalogue(datasets: Sequence[Dataset], origin: str) -> dict[str, Any]:
    """The catalogue of these datasets as JSON members. `origin` is our public address without a path."""
    return {
        "@context": CONTEXT,
        "@id": f"{origin}/data.json",
        "@type": "dcat:Catalog",
        "conformsTo": CONFORMS_TO,
        "describedBy": DESCRIBED_BY,
        "dataset": [record(dataset, origin) for dataset in datasets],
    }


def record(dataset: Dataset, origin: str) -> dict[str, Any]:
    """One dataset's record. The identifier is its permanent address."""
    page = f"{origin}/data/{dataset.id}"
    members = {
        "@type": "dcat:Dataset",
        "identifier": page,
        "landingPage": page,
        "title": dataset.title,
        "description": dataset.description or dataset.title,
        "keyword": sorted({*dataset.tags, dataset.category.lower()}),
        "theme": [dataset.category],
        "issued": dataset.created_at.date().isoformat(),
        "modified": dataset.updated_at.date().isoformat(),
        "publisher": {"@type": "org:Organization", "name": dataset.agency.name},
        "contactPoint": {"@type": "vcard:Contact", "fn": dataset.agency.name, "hasEmail": contact(origin)},
        "accessLevel": "public",
        "distribution": _distributions(dataset, origin),
    }
    if dataset.licence == "Public Domain":
        members["license"] = PUBLIC_DOMAIN
    if dataset.update_frequency in PERIODS:
        members["accrualPeriodicity"] = PERIODS[dataset.update_frequency]
    return members


def contact(origin: str) -> str:
    """The address under which the installation is reached, `open-data@` its host name: never blank, no person's."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"mailto:open-data@{host}" if "." in host else "mailto:open-data@demo.invalid"
    return "mailto:open-data@demo.invalid"


def _distributions(dataset: Dataset, origin: str) -> list[dict[str, str]]:
    """The whole table as files, at the addresses that data.ct.gov gave, and the address that answers queries.

    `/resource/<4x4>.csv` is no download: without a limit it gives the first 1,000 rows.
    """
    whole = f"{origin}/api/views/{dataset.id}/rows"
    files = (("csv", "text/csv"), ("json", "application/json"))
    return [
        *(
            {
                "@type": "dcat:Distribution",
                "downloadURL": f"{whole}.{extension}?accessType=DOWNLOAD",
                "mediaType": type_,
                "format": extension.upper(),
            }
            for extension, type_ in files
        ),
        {
            "@type": "dcat:Distribution",
            "accessURL": f"{origin}/resource/{dataset.id}",
            "format": "API",
            "title": "Rows by SoQL query",
        },
    ]
