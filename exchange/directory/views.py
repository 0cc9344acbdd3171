"""Stub; the room's owner replaces it."""
from flask import Blueprint
directory = Blueprint("directory", __name__)
