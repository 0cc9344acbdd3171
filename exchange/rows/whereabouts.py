"""Where the rows of a version are to be read: here, from a copy that is fetched here, or by Spark elsewhere."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from exchange.rows.object_store import FETCHED, LocalCopies, ObjectStore
from exchange.settings import Settings


class EngineName(enum.StrEnum):
    """The engines that a dataset can be given; `Dataset.engine` is null where its size decides."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@dataclass(frozen=True)
class Whereabouts:
    """`copies` fetches what is not on this machine; `spark_from` is the number of rows from which Spark answers.

    Either is None where there is no object store, or no Spark.
    """

    copies: LocalCopies | None = None
    spark_from: int | None = None

    def is_for_spark(self, rows: int, engine: str | None) -> bool:
        """Whether Spark answers for so many rows; `engine` is what was ordered for the dataset."""
        if self.spark_from is None:
            return False
        return engine == EngineName.SPARK if engine else rows >= self.spark_from


EVERYTHING_HERE = Whereabouts()
"""One machine with its own disk."""


def whereabouts(settings: Settings) -> Whereabouts:
    """As the operator set it up."""
    copies = None
    if settings.object_store:
        folder = settings.data_dir / "open" / FETCHED
        copies = LocalCopies(folder, ObjectStore(settings.object_store), settings.object_cache_gb << 30)
    return Whereabouts(copies, settings.spark_from if settings.spark_remote else None)
