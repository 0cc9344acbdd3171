"""What can be wrong with single settings: each check lists its complaints in the operator's words."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

OBJECT_STORES = ("file://", "s3://", "az://", "gs://")
TRUSTED_FILES = ("EXCHANGE_TIME_STAMP_CERTIFICATE", "EXCHANGE_WITNESS_POLICY")


def all_wrong(environment: Mapping[str, str]) -> list[str]:
    """Every complaint about a single setting."""
    checks = (not_networks, not_numbers, not_stores, not_evidence)
    return [wrong for check in checks for wrong in check(environment)]


def not_numbers(environment: Mapping[str, str]) -> list[str]:
    """Quotas that are no numbers."""
    return [
        f"{name} must be a whole number of requests a minute, 0 for no quota; it is {environment[name]!r}"
        for name in ("EXCHANGE_QUOTA_BY_ADDRESS", "EXCHANGE_QUOTA_BY_TOKEN")
        if environment.get(name) and not environment[name].isdecimal()
    ]


def not_stores(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings of object storage and Spark."""
    store, remote = environment.get("EXCHANGE_OBJECT_STORE", ""), environment.get("EXCHANGE_SPARK_REMOTE", "")
    wrong = [
        f"{name} must be a whole number above 0; it is {environment[name]!r}"
        for name in ("EXCHANGE_OBJECT_CACHE_GB", "EXCHANGE_SPARK_FROM")
        if environment.get(name) and not (environment[name].isdecimal() and int(environment[name]))
    ]
    if store and not store.startswith(OBJECT_STORES):
        wrong.append(f"EXCHANGE_OBJECT_STORE must begin with one of {', '.join(OBJECT_STORES)}; it is {store!r}")
    if remote and not remote.startswith("sc://"):
        wrong.append(f"EXCHANGE_SPARK_REMOTE must be a Spark Connect address, sc://host:port; it is {remote!r}")
    if environment.get("EXCHANGE_SPARK_ROWS") and not remote:
        wrong.append("EXCHANGE_SPARK_ROWS says where Spark finds rows; it needs EXCHANGE_SPARK_REMOTE")
    return wrong


def not_evidence(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings of witnesses and time stamps."""
    wrong = [
        f"{name} must name a file that can be read; {environment[name]!r} is none"
        for name in TRUSTED_FILES
        if environment.get(name) and not Path(environment[name]).is_file()
    ]
    if environment.get("EXCHANGE_TIME_STAMP") and not environment["EXCHANGE_TIME_STAMP"].startswith(
        ("http://", "https://")
    ):
        wrong.append("EXCHANGE_TIME_STAMP must be an authority's address, http:// or https://")
    return wrong


def not_networks(environment: Mapping[str, str]) -> list[str]:
    """Proxies that are no addresses."""
    wrong = []
    for proxy in proxies(environment):
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            wrong.append(f"EXCHANGE_PROXIES names addresses or networks of your proxies; {proxy!r} is none")
    return wrong


def proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The proxies that the operator named."""
    return tuple(environment.get("EXCHANGE_PROXIES", "").replace(",", " ").split())
