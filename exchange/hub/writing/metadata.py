"""What programs send about a dataset, in the shapes of soda.md §7, to the fields that we have.

A view object has many members that follow from others (owner, rights, dates): a script reads one, changes a member and
sends all of it back, so what cannot be changed is passed over. Flat metadata can be asked to be strict instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchange.catalog.describing import Changes
from exchange.errors import Invalid

FLAT = {
    "name": "title", "description": "description", "category": "category", "tags": "tags", "license": "licence",
    "attribution": "attribution",
}  # fmt: skip
"""Members of the flat form that can be changed, and our fields."""

CUSTOM = {("Publication", "Update Frequency"): "update_frequency", ("Publication", "Row Label"): "row_label"}


def from_view(view: Mapping[str, Any]) -> Changes:
    """The changes that a view object, or some members of one, asks for. Raises `Invalid` for one of another kind."""
    metadata = _object(view, "metadata")
    found: dict[str, Any] = {
        ours: view[theirs] for theirs, ours in FLAT.items() if theirs != "license" and theirs in view
    }
    found |= {"licence": licence} if (licence := _licence(view)) else {}
    found |= _custom(_object(metadata, "custom_fields"), strict=False)
    if "rowLabel" in metadata:
        found["row_label"] = metadata["rowLabel"]
    if "rowIdentifier" in metadata:
        found["row_id"] = metadata["rowIdentifier"] or ""
    return Changes(**_texts(found), columns=_columns(view.get("columns")))


def from_flat(members: Mapping[str, Any], known: Mapping[str, Any], *, strict: bool) -> Changes:
    """The changes that flat metadata ask for; `known` are the members as they are.

    With `strict`, raises `Invalid` for a member that there is not, and for another value of one that cannot be changed.
    """
    if strict:
        fixed = [
            key for key, value in members.items() if key not in (*FLAT, "customFields") and known.get(key) != value
        ]
        if fixed:
            raise Invalid(
                f"These members cannot be changed: {', '.join(sorted(fixed))[:300]}. Those that can: "
                f"{', '.join(FLAT)}, customFields."
            )
    found = {ours: members[theirs] for theirs, ours in FLAT.items() if theirs in members}
    return Changes(**_texts(found | _custom(_object(members, "customFields"), strict=strict)))


def _texts(found: Mapping[str, Any]) -> dict[str, Any]:
    """null empties a text; a title cannot be empty, and says so later."""
    return {name: ([] if name == "tags" else "") if value is None else value for name, value in found.items()}


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name) or {}
    if not isinstance(value, Mapping):
        raise Invalid(f"{name} is an object.")
    return value


def _custom(sets: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, keys in sets.items():
        for key, value in (keys if isinstance(keys, Mapping) else {}).items():
            if (name, key) in CUSTOM:
                found[CUSTOM[name, key]] = value
            elif strict and (name, key) != ("Ownership", "Agency"):
                raise Invalid(f"There is no custom field {key[:80]} in {name[:80]}.")
    return found


def _licence(view: Mapping[str, Any]) -> str | None:
    named = view.get("license")
    if isinstance(named, Mapping) and isinstance(named.get("name"), str):
        return str(named["name"])
    code = view.get("licenseId")
    return code.replace("_", " ").title() if isinstance(code, str) else None


def _columns(given: Any) -> dict[str, str]:
    """Descriptions of columns by field name."""
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(column, Mapping) for column in given):
        raise Invalid("columns is a list of objects.")
    return {
        str(column["fieldName"]): str(column["description"] or "")
        for column in given
        if "fieldName" in column and "description" in column
    }
