"""Stub; the room's owner replaces it."""
from flask import Blueprint
requests = Blueprint("requests", __name__)
grants = Blueprint("grants", __name__)
clients = Blueprint("clients", __name__)
