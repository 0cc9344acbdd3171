"""Stub; the room's owner replaces it."""
from flask import Blueprint
operations = Blueprint("operations", __name__)
