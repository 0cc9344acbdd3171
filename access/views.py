"""Stub; the room's owner replaces it."""
from flask import Blueprint
desks = Blueprint("desks", __name__)
sign_in = Blueprint("sign_in", __name__)
requests = Blueprint("requests", __name__)
grants = Blueprint("grants", __name__)
clients = Blueprint("clients", __name__)
