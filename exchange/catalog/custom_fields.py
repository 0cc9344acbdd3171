"""Custom metadata: named sets of keys and values beside the fields that every dataset has (soda.md §7, §8).

Derived from what the catalogue holds, so that a key never says something else than the field it comes from.
"""

from __future__ import annotations

from exchange.catalog.models import Dataset

Fields = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""Sets in order, each with its keys in order."""


def custom_fields(dataset: Dataset, agency: str) -> Fields:
    """The sets of one dataset; `agency` is the name of its owner. A key without a value is left out."""
    sets = {
        "Publication": {"Update Frequency": dataset.update_frequency, "Row Label": dataset.row_label},
        "Ownership": {"Agency": agency},
    }
    return tuple((name, tuple((key, value) for key, value in keys.items() if value)) for name, keys in sets.items())


def as_objects(fields: Fields) -> dict[str, dict[str, str]]:
    """The same as JSON members."""
    return {name: dict(keys) for name, keys in fields}
