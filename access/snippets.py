"""Ready programs for readers: make a key, get a token, read rows. What the pages show is what the tests run."""

from __future__ import annotations

import json
from string import Template

from access.models import Grant
from access.oauth.metadata import details_type

MAKE_KEY = """\
# pip install joserfc
import json, pathlib
from joserfc.jwk import ECKey

key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"})
private = pathlib.Path("client-key.json")
private.touch(mode=0o600)
private.write_text(json.dumps(key.as_dict(private=True)))      # keep this file to yourself
print(json.dumps({"keys": [key.as_dict(private=False)]}))      # paste this line into the form
"""
"""Makes a private key file and prints the public key set to register."""

READ_ROWS = Template("""\
# pip install joserfc
import base64, hashlib, json, time, urllib.parse, urllib.request, uuid
from joserfc import jwt
from joserfc.jwk import ECKey

ORIGIN = "$origin"
CLIENT = "$client"
KEY = ECKey.import_key(json.load(open("client-key.json")))     # registered on the page “Clients”
DPOP = ECKey.generate_key("P-256")                             # proves that the token is yours

def signed(header, claims, key):
    now = int(time.time())
    return jwt.encode({"alg": "ES256", **header}, {"jti": str(uuid.uuid4()), "iat": now, **claims}, key)

def proof(method, url, **claims):
    header = {"typ": "dpop+jwt", "jwk": DPOP.as_dict(private=False)}
    return signed(header, {"htm": method, "htu": url.partition("?")[0], **claims}, DPOP)

def call(method, url, body=None, **headers):
    data = urllib.parse.urlencode(body).encode() if body else None
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))

def get_token():
    url, soon = ORIGIN + "/oauth/token", int(time.time()) + 60
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": ORIGIN, "exp": soon}
    body = {
        "grant_type": "client_credentials",
        "scope": "data.query",
        "authorization_details": json.dumps($details),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed({"typ": "client-authentication+jwt"}, claims, KEY),
    }
    return json.load(call("POST", url, body, DPoP=proof("POST", url)))["access_token"]

def read(token, **query):
    url = ORIGIN + "/resource/$dataset.json?" + urllib.parse.urlencode(query)
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    answer = call("GET", url, Authorization="DPoP " + token, DPoP=proof("GET", url, ath=digest))
    print("Audit-Id:", answer.headers["Audit-Id"])
    return json.load(answer)

token = get_token()                                            # good for ten minutes
rows = read(token, **{"$$select": "$columns", "$$limit": "1000"})
print(len(rows), "rows")                                        # pandas.DataFrame(rows) makes a table of them
""")
"""Gets a token for one grant and reads rows."""


def read_rows(origin: str, client_id: str, grant: Grant) -> str:
    """A whole program that reads the rows of this grant."""
    details = {
        "type": details_type(origin),
        "agreement": grant.agreement_version.agreement_id,
        "purpose": grant.purpose,
        "datasets": [{"id": grant.dataset_id}],
    }
    return READ_ROWS.substitute(
        origin=origin,
        client=client_id,
        dataset=grant.dataset_id,
        columns=", ".join(grant.columns),
        details=json.dumps([details]),
    )
