"""What a client can find out by itself: the issuer, the server's metadata (RFC 8414) and the resource's (RFC 9728)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from access.oauth.assertions import METHOD
from access.oauth.dpop import ALGORITHMS as DPOP_ALGORITHMS
from access.oauth.jose import ALGORITHMS
from exchange.settings import Settings, is_loopback

SCOPES = {
    "data.query": "read rows by queries",
    "data.export": "read whole datasets",
    "catalog.read": "see the catalogue",
    "agreement.read": "read agreements",
    "audit.read": "read the log",
}
"""Verbs, few and stable; what they act on is in `authorization_details` (DESIGN §7)."""

RESOURCE_PATH = "/resource"


def issuer(settings: Settings, host_url: str) -> str:
    """Who we are to clients: the configured origin; in the demo the address by which this machine was called."""
    parts = urlsplit(host_url)
    if settings.demo and is_loopback(parts.hostname or ""):
        return f"{parts.scheme}://{parts.netloc}"
    return settings.origin


def details_type(origin: str) -> str:
    """The type of our `authorization_details` (RFC 9396 §2)."""
    return f"{origin}/rar/dataset-access/v1"


def server_metadata(origin: str) -> dict[str, Any]:
    """`/.well-known/oauth-authorization-server`, checked by Authlib's validator before it leaves."""
    metadata = AuthorizationServerMetadata(
        issuer=origin,
        token_endpoint=f"{origin}/oauth/token",
        revocation_endpoint=f"{origin}/oauth/revoke",
        introspection_endpoint=f"{origin}/oauth/introspect",
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        scopes_supported=sorted(SCOPES),
        service_documentation=f"{origin}/clients",
        dpop_signing_alg_values_supported=sorted(DPOP_ALGORITHMS),
        authorization_details_types_supported=[details_type(origin)],
        authorization_response_iss_parameter_supported=True,
    )
    for endpoint in ("token", "revocation", "introspection"):
        metadata[f"{endpoint}_endpoint_auth_methods_supported"] = [METHOD]
        metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = sorted(ALGORITHMS)
    return dict(metadata)


def resource_metadata(origin: str) -> dict[str, Any]:
    """`/.well-known/oauth-protected-resource` (RFC 9728 §2)."""
    return {
        "resource": origin,
        "authorization_servers": [origin],
        "scopes_supported": sorted(SCOPES),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": sorted(DPOP_ALGORITHMS),
        "dpop_bound_access_tokens_required": True,
        "authorization_details_types_supported": [details_type(origin)],
        "resource_name": "Charter Oak",
    }


def is_ours(resource: str, origin: str) -> bool:
    """Whether an RFC 8707 `resource` names this server: our origin, or an address under it, without fragment."""
    return "#" not in resource and (resource.rstrip("/") == origin or resource.startswith(f"{origin}/"))


def unknown_scopes(scope: str, known: Collection[str]) -> list[str]:
    """The verbs of a scope that are not among these."""
    return sorted(set(scope.split()) - set(known))
