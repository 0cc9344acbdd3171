"""The form with which something to publish arrives, and the reading of the steward's answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from werkzeug.datastructures import MultiDict
from wtforms import FileField, PasswordField, RadioField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional

from exchange.catalog.datasets import CATEGORIES
from exchange.catalog.models import Dataset, DatasetClass
from exchange.directory.models import Agency
from exchange.errors import Invalid
from exchange.forms import Form
from exchange.hub.meanings import MEANINGS
from exchange.hub.merging import Merge
from exchange.hub.proposing import ProposedColumn
from exchange.hub.shipped import shipped_recipes
from exchange.hub.sql_source import SERVERS, installed

VALUE = "value"
"""The answer that a sentinel is an ordinary value after all."""


class NewRunForm(Form):
    """A file or a database, and the dataset that it belongs to."""

    dataset = SelectField("Dataset", description="An existing dataset gets a new version.")
    agency = SelectField("Agency", description="For a new dataset: who owns it.")
    title = StringField("Title", [Optional(), Length(max=300)], description="For a new dataset.")
    description = TextAreaField("Description", [Optional(), Length(max=5000)], description="What the data is.")
    category = SelectField("Category", choices=[SelectChoice(c, c) for c in CATEGORIES], default="Government")
    class_ = RadioField(
        "Class",
        choices=[
            SelectChoice(
                DatasetClass.RESTRICTED.value,
                "Restricted: rows leave by grant only; an open cut can be derived from it",
            ),
            SelectChoice(DatasetClass.OPEN.value, "Open: public, once every column is decided and the CDO agrees"),
        ],
        default=DatasetClass.RESTRICTED.value,
    )
    file = FileField("File", description="CSV, GeoJSON, or Socrata RDF/XML. At most 256 megabytes.")
    recipe = SelectField("Recipe", description="For a layout that is not one header line and then rows.")
    recipe_file = FileField("Own recipe", description="A recipe file of yours (JSON or TOML) goes before the list.")
    database = StringField("Database")
    password = PasswordField("Password of the database", description="Used for this reading, and kept nowhere.")
    table = StringField("Table", description="table or schema.table")
    query = TextAreaField("Or a SELECT", description="One statement, read-only.")
    row_id = StringField("Row identifier", description="The column whose values name the rows, if there is one.")
    merge = RadioField(
        "What the source holds",
        choices=[
            SelectChoice(Merge.REPLACE.value, "The whole dataset: replace all rows"),
            SelectChoice(Merge.UPSERT.value, "New and changed rows: merge by the row identifier"),
        ],
        default=Merge.REPLACE.value,
    )
    submit = SubmitField("Read it")

    def offer(self, agencies: Sequence[Agency], datasets: Sequence[Dataset]) -> None:
        """Fill the lists with what this person may choose."""
        self.agency.choices = [SelectChoice(agency.id, agency.name) for agency in agencies]
        mine = [
            SelectChoice(dataset.id, f"{dataset.title} ({dataset.id})")
            for dataset in datasets
            if dataset.cut_of_id is None
        ]
        self.dataset.choices = [SelectChoice("", "A new dataset"), *mine]
        self.recipe.choices = [
            SelectChoice("", "None"),
            *(SelectChoice(name, name) for name in shipped_recipes()),
        ]
        self.database.description = (
            "Data officers, instead of a file: dialect://user@host:port/name, without the password. "
            f"Installed here: {', '.join(sorted(installed() & SERVERS)) or 'none'}."
        )


def answers(
    form: MultiDict[str, str], columns: Collection[ProposedColumn]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The steward's types and sentinels by column, from the fields `type-<name>` and `meaning-<name>-<n>`.

    Raises `Invalid` for a field that the page did not have.
    """
    types = {column.name: form.get(f"type-{column.name}", column.type) for column in columns}
    sentinels = {column.name: _meant(form, column) for column in columns if column.sentinel_counts}
    known = {"csrf_token", "row_id", *(f"type-{c.name}" for c in columns)}
    known |= {field for column in columns for field in meaning_fields(column)}
    unknown = sorted(set(form) - known)
    if unknown:
        raise Invalid(f"This form has no field named {', '.join(unknown)}. Go back, reload the page and try again.")
    return types, sentinels


def meaning_fields(column: ProposedColumn) -> Mapping[str, str]:
    """The form field of each sentinel of a column, with the sentinel."""
    return {f"meaning-{column.name}-{n}": word for n, word in enumerate(column.sentinel_counts)}


def _meant(form: MultiDict[str, str], column: ProposedColumn) -> dict[str, str]:
    meant = {}
    for field, word in meaning_fields(column).items():
        answer = form.get(field, column.sentinels.get(word, VALUE))
        if answer != VALUE and answer not in MEANINGS:
            raise Invalid(f"{answer!r} is not a meaning of a cell.")
        if answer != VALUE:
            meant[word] = answer
    return meant
