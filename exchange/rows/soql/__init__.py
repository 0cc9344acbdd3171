"""SoQL: text to tree. The tree says what was asked; whether it may be asked is `exchange.rows.plan`'s business."""

from exchange.rows.soql.clauses import parse_parameters, parse_statement
from exchange.rows.soql.errors import ParameterError, SoqlError
from exchange.rows.soql.tree import Name, Ordering, Query, Selection, SimpleFilter, Star

__all__ = [
    "Name",
    "Ordering",
    "ParameterError",
    "Query",
    "Selection",
    "SimpleFilter",
    "SoqlError",
    "Star",
    "parse_parameters",
    "parse_statement",
]
