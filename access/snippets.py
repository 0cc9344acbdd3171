"""Ready programs for readers: make a key, get a token, read rows. What the pages show is what the tests run."""

from __future__ import annotations

import json
from string import Template

from access.decision import AGGREGATE
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
import base64, hashlib, itertools, json, sys, time, urllib.error, urllib.parse, urllib.request, uuid
from joserfc import jwt
from joserfc.jwk import ECKey

ORIGIN = "$origin"
CLIENT = "$client"
KEY = ECKey.import_key(json.load(open($key_file)))     # registered on the page “Clients”
DPOP = ECKey.generate_key("P-256")                             # proves that the token is yours
PAGE = 10_000                                                  # rows of one request

def signed(header, claims, key):
    now = int(time.time())
    return jwt.encode({"alg": "ES256", **header}, {"jti": str(uuid.uuid4()), "iat": now, **claims}, key)

def proof(method, url, **claims):
    header = {"typ": "dpop+jwt", "jwk": DPOP.as_dict(private=False)}
    return signed(header, {"htm": method, "htu": url.partition("?")[0], **claims}, DPOP)

def call(method, url, body=None, **headers):
    data = urllib.parse.urlencode(body).encode() if body else None
    try:
        return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))
    except urllib.error.HTTPError as error:                    # every refusal says why
        said = error.read().decode()
        try:
            said = json.loads(said)
            said = said.get("message") or said.get("error_description")
        except ValueError:
            pass
        sys.exit(f"HTTP {error.code}: {said}")

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
    if answer.headers["X-Suppressed-Below"]:
        print("Groups of fewer than", answer.headers["X-Suppressed-Below"], "rows are left out of this answer.")
    return json.load(answer)

def read_all(**query):
    rows = []
    for offset in itertools.count(0, PAGE):
        page = read(get_token(), **query, **{"$$limit": PAGE, "$$offset": offset})
        rows += page
        if len(page) < PAGE:
            return rows

rows = read_all(**$query)
print(len(rows), "rows")                                        # pandas.DataFrame(rows) makes a table of them
$note""")
"""Gets tokens for one grant and reads all its rows, page by page; says why when it is refused."""

CLIENT_KEY = "client-key.json"
"""The file in which `MAKE_KEY` keeps the private key."""


def read_rows(origin: str, client_id: str, grant: Grant, key_file: str = CLIENT_KEY) -> str:
    """A whole program that reads the rows of this grant, or their totals where the agreement allows totals only."""
    details = {
        "type": details_type(origin),
        "agreement": grant.agreement_version.agreement_id,
        "purpose": grant.purpose,
        "grant_id": grant.id,
        "datasets": [{"id": grant.dataset_id}],
    }
    return READ_ROWS.substitute(
        origin=origin,
        client=client_id,
        key_file=json.dumps(key_file, ensure_ascii=False),
        dataset=grant.dataset_id,
        details=json.dumps([details]),
        query=json.dumps(_query(grant)),
        note=NOTE.format(floor=grant.min_cell) if grant.min_cell else "",
    )


NOTE = """\
# In grouped answers and counts, groups of fewer than {floor} rows are left out, and an empty list can mean either
# "none" or "fewer than {floor}". Such an answer says so in its header X-Suppressed-Below, whatever was left out.
"""


def _query(grant: Grant) -> dict[str, str]:
    """Every granted column of every row; where single records may not be read, how many rows each value has."""
    if grant.granularity == AGGREGATE:
        by = grant.columns[0]
        return {"$select": f"{by}, count(*) as records", "$group": by, "$order": by}
    return {"$select": ", ".join(grant.columns), "$order": ":id"}
