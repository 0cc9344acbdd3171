"""Settings: one frozen value, read once from `EXCHANGE_*` variables, with everything wrong listed at once.

The demo is a choice that somebody must make: `EXCHANGE_DEMO=1` (which `make run` sets), a `flask demo …`
command, or a data folder in which the demo was loaded before. It is refused together with any setting that
only a real installation has, and for any address that is not loopback.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from exchange import setting_checks
from exchange.errors import CharterError

PRODUCTION_ONLY = (
    "EXCHANGE_SECRET_KEY",
    "EXCHANGE_ORIGIN",
    "EXCHANGE_LOG_KEY_FILE",
    "EXCHANGE_STORE_KEY_FILE",
    "EXCHANGE_PERSONAL_KEY_FILE",
)
LOG_SIGNER = "EXCHANGE_LOG_SIGNER"
"""With it the log's key is in another process, so this one needs no key file."""

EVIDENCE = (LOG_SIGNER, "EXCHANGE_TIME_STAMP", *setting_checks.TRUSTED_FILES)
KNOWN = (
    *PRODUCTION_ONLY,
    *EVIDENCE,
    "EXCHANGE_DEMO",
    "EXCHANGE_DATA_DIR",
    "EXCHANGE_DATABASE_URL",
    "EXCHANGE_HOST",
    "EXCHANGE_PORT",
    "EXCHANGE_PROXIES",
    "EXCHANGE_QUOTA_BY_ADDRESS",
    "EXCHANGE_QUOTA_BY_TOKEN",
    "EXCHANGE_OBJECT_STORE",
    "EXCHANGE_OBJECT_CACHE_GB",
    "EXCHANGE_SPARK_REMOTE",
    "EXCHANGE_SPARK_ROWS",
    "EXCHANGE_SPARK_FROM",
)
QUOTA_BY_ADDRESS, QUOTA_BY_TOKEN = 600, 3_000
"""Requests for rows a minute, where the operator says nothing."""

QUOTA_IN_THE_DEMO = 100_000
"""The same in the demo, which answers its own machine only."""

SPARK_FROM = 50_000_000
"""Rows from which a dataset is answered by Spark, where there is one (engine.md §3)."""

OBJECT_CACHE_GB = 50
"""Gigabytes of fetched versions that a machine keeps."""

SECRET_KEY_BYTES = 32
LAST_PORT = 65_535


class SettingsError(CharterError):
    """The program cannot start; the message lists every reason, one a line."""

    code = "settings"


@dataclass(frozen=True)
class Settings:
    """What the operator chose.

    `origin` is the public address (scheme, host and port, no path); it is the OAuth issuer and the
    name of the log. `log_key_file`, `store_key_file` and `personal_key_file` are files of mode 0600 outside the
    database. Quotas are
    requests for rows a minute, 0 for none; `proxies` are the networks whose `X-Forwarded-For` is believed.
    `object_store` is where versions are published besides the local disk, `spark_remote` a Spark Connect address,
    `spark_rows` the folder or address under which Spark finds what is in the store (docs/engines.md); "" for none.
    `log_signer` is the socket of a process that holds the log's key, `time_stamp` the address of an RFC 3161
    authority and `time_stamp_certificate` its root (PEM), `witness_policy` a C2SP tlog-policy file; "" for none.
    """

    data_dir: Path
    database_url: str
    origin: str
    host: str
    port: int
    demo: bool
    secret_key: str
    log_key_file: Path
    store_key_file: Path
    personal_key_file: Path
    proxies: tuple[str, ...] = ()
    quota_by_address: int = 0
    quota_by_token: int = 0
    object_store: str = ""
    object_cache_gb: int = OBJECT_CACHE_GB
    spark_remote: str = ""
    spark_rows: str = ""
    spark_from: int = SPARK_FROM
    log_signer: str = ""
    time_stamp: str = ""
    time_stamp_certificate: str = ""
    witness_policy: str = ""

    @property
    def https(self) -> bool:
        """Whether browsers reach us over TLS, so that cookies may say Secure."""
        return self.origin.startswith("https://")

    @property
    def log_origin(self) -> str:
        """The C2SP checkpoint origin: our address without its scheme, and `/audit/log`."""
        return f"{urlsplit(self.origin).netloc}/audit/log"

    @property
    def subject_key_file(self) -> Path:
        """The secrets under which persons' keys are hashed for the log, mode 0600, beside the store's key."""
        return self.store_key_file.with_name("subjects.key")

    @property
    def demo_credentials(self) -> Path:
        """Where `flask demo load` writes the demo's accounts, clients and ids."""
        return self.data_dir / "demo" / "credentials.json"


def is_loopback(host: str) -> bool:
    """Whether this host name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def from_environment(environment: Mapping[str, str], *, demo_named: bool = False) -> Settings:
    """Read and check all settings.

    `demo_named` is True when the command line itself names the demo. Raises `SettingsError` with the full list of
    what is missing, unknown or contradictory.
    """
    data_dir = Path(environment.get("EXCHANGE_DATA_DIR", "var")).resolve()
    demo = _is_demo(environment, data_dir, demo_named)
    problems = _unknown(environment) + (_not_for_demo(environment) if demo else _missing(environment))
    host = environment.get("EXCHANGE_HOST", "127.0.0.1")
    port = environment.get("EXCHANGE_PORT") or environment.get("PORT") or _remembered_port(data_dir) or "8000"
    if not (port.isdigit() and 0 < int(port) <= LAST_PORT):
        problems.append(f"EXCHANGE_PORT (or PORT) must be a number from 1 to {LAST_PORT}, not {port!r}")
    if demo and not is_loopback(host):
        problems.append(f"the demo answers on a loopback address only; EXCHANGE_HOST is {host!r}")
    problems += setting_checks.all_wrong(environment)
    if problems:
        raise SettingsError("Cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return Settings(
        data_dir=data_dir,
        database_url=environment.get("EXCHANGE_DATABASE_URL") or f"sqlite:///{data_dir / 'charter-oak.db'}",
        origin=environment.get("EXCHANGE_ORIGIN", f"http://127.0.0.1:{port}").rstrip("/"),
        host=host,
        port=int(port),
        demo=demo,
        secret_key=environment.get("EXCHANGE_SECRET_KEY") or _demo_secret(data_dir),
        log_key_file=Path(environment.get("EXCHANGE_LOG_KEY_FILE") or data_dir / "keys" / "log.key"),
        store_key_file=Path(environment.get("EXCHANGE_STORE_KEY_FILE") or data_dir / "keys" / "store.key"),
        personal_key_file=Path(environment.get("EXCHANGE_PERSONAL_KEY_FILE") or data_dir / "keys" / "personal.key"),
        proxies=setting_checks.proxies(environment),
        quota_by_address=_number(environment, "EXCHANGE_QUOTA_BY_ADDRESS", QUOTA_BY_ADDRESS, demo),
        quota_by_token=_number(environment, "EXCHANGE_QUOTA_BY_TOKEN", QUOTA_BY_TOKEN, demo),
        object_store=environment.get("EXCHANGE_OBJECT_STORE", "").rstrip("/"),
        object_cache_gb=int(environment.get("EXCHANGE_OBJECT_CACHE_GB") or OBJECT_CACHE_GB),
        spark_remote=environment.get("EXCHANGE_SPARK_REMOTE", ""),
        spark_rows=environment.get("EXCHANGE_SPARK_ROWS", "").rstrip("/"),
        spark_from=int(environment.get("EXCHANGE_SPARK_FROM") or SPARK_FROM),
        log_signer=environment.get(LOG_SIGNER, ""),
        time_stamp=environment.get("EXCHANGE_TIME_STAMP", ""),
        time_stamp_certificate=environment.get("EXCHANGE_TIME_STAMP_CERTIFICATE", ""),
        witness_policy=environment.get("EXCHANGE_WITNESS_POLICY", ""),
    )


def remember_port(settings: Settings) -> None:
    """Keep the demo's port beside its data, so that commands in another terminal find the server."""
    path = settings.data_dir / "demo" / "port"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(settings.port))


def _remembered_port(data_dir: Path) -> str:
    path = data_dir / "demo" / "port"
    return path.read_text().strip() if path.exists() else ""


def _is_demo(environment: Mapping[str, str], data_dir: Path, demo_named: bool) -> bool:
    chosen = environment.get("EXCHANGE_DEMO")
    if chosen is not None:
        return chosen not in ("", "0")
    if any(environment.get(name) for name in PRODUCTION_ONLY):
        return False
    return demo_named or (data_dir / "demo" / "credentials.json").exists()


def _number(environment: Mapping[str, str], name: str, usual: int, demo: bool) -> int:
    return int(environment.get(name) or (QUOTA_IN_THE_DEMO if demo else usual))


def _unknown(environment: Mapping[str, str]) -> list[str]:
    return [
        f"{name} is not a setting; known are {', '.join(KNOWN)}"
        for name in sorted(environment)
        if name.startswith("EXCHANGE_") and name not in KNOWN
    ]


def _not_for_demo(environment: Mapping[str, str]) -> list[str]:
    return [
        f"{name} belongs to a real installation; the demo (EXCHANGE_DEMO=1) refuses to run beside it"
        for name in PRODUCTION_ONLY
        if environment.get(name)
    ]


def _missing(environment: Mapping[str, str]) -> list[str]:
    wanted = [name for name in PRODUCTION_ONLY if name != "EXCHANGE_LOG_KEY_FILE" or not environment.get(LOG_SIGNER)]
    problems = [f"{name} is missing: {_WHAT_FOR[name]}" for name in wanted if not environment.get(name)]
    if problems:
        problems.append("to look around instead, set EXCHANGE_DEMO=1 (make run does)")
    if environment.get("EXCHANGE_SECRET_KEY") and len(environment["EXCHANGE_SECRET_KEY"]) < SECRET_KEY_BYTES:
        problems.append(f"EXCHANGE_SECRET_KEY must have at least {SECRET_KEY_BYTES} characters, from a random source")
    if environment.get("EXCHANGE_ORIGIN") and not environment["EXCHANGE_ORIGIN"].startswith("https://"):
        problems.append("EXCHANGE_ORIGIN must begin with https://")
    return problems


_WHAT_FOR = {
    "EXCHANGE_SECRET_KEY": "signs forms and nonces; 32 random characters or more",
    "EXCHANGE_ORIGIN": "the public address, https://host, which is also the OAuth issuer",
    "EXCHANGE_LOG_KEY_FILE": "file with the log's signing key, mode 0600",
    "EXCHANGE_STORE_KEY_FILE": "file with the key that wraps restricted files' keys, mode 0600",
    "EXCHANGE_PERSONAL_KEY_FILE": "file with the key that wraps the keys of the log's personal fields, mode 0600",
}


def _demo_secret(data_dir: Path) -> str:
    path = data_dir / "keys" / "demo-secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(SECRET_KEY_BYTES))
    return path.read_text()
