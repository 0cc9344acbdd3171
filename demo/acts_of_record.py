"""The story's last acts: the auditor's questions, a proof checked offline, the end of the agreement, the whole log."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from audit import verification
from demo.acts_of_access import Reading
from demo.acts_of_agreement import terminate
from demo.browser import Page, PageError
from demo.plot import Plot
from demo.stage import Stage, expect
from exchange import clock

PATIENCE_S = 15
READERS = 4


def audit_it(stage: Stage, reading: Reading, four_by_four: str) -> None:
    """The auditor asks who read the dataset and what the person read; an entry is proved offline."""
    stage.act(f"Audit: {stage.name('auditor')} asks the record, and need not trust us")
    auditor, pseudonym = stage.person("auditor"), stage.facts["accounts"]["analyst"]["pseudonym"]
    _until_indexed(stage, reading.audit_ids[-1])
    page = expect(auditor.get(f"/audit/who-read?dataset={four_by_four}"))
    stage.say(
        "who read this dataset, under which agreement version and purpose",
        f"{len(page.tree.xpath('//main//tbody/tr'))} lines on the page",
    )
    export = auditor.get(f"/audit/person-read.jsonl?person={pseudonym}")
    entries = [json.loads(line) for line in export.body.splitlines() if line]
    known = {str(line.get("id") or line.get("entry", {}).get("id")) for line in entries}
    stage.say(
        "everything the analyst read and was refused, exact bytes",
        f"{len(entries)} entries; ours among them: {reading.audit_ids[-1] in known}",
    )
    body = auditor.get(f"/audit/entries/{reading.audit_ids[-1]}.json").body
    proof = stage.public().get(f"/audit/proof/{reading.audit_ids[-1]}.tlog-proof").body.decode()
    key = stage.public().get("/audit/log/key").body.decode().strip()
    report = verification.verify_proof(proof, body, key)
    stage.say("inclusion proof of one entry checks offline", f"tree size {report.size}, root {report.root.hex()}")
    try:
        verification.verify_proof(proof, bytes([body[0] ^ 1]) + body[1:], key)
    except verification.VerificationFailed as failed:
        stage.say("the same proof with one bit of the entry flipped", f"refused: {failed}")
    else:
        raise PageError("a changed entry passed the proof")


def account_for(stage: Stage, plot: Plot) -> None:
    """The auditor asks who was given one person's records; the address and the log get a keyed hash."""
    if plot.subject is None:
        return
    auditor = stage.person("auditor")
    form = expect(auditor.get("/audit/disclosures"))
    page = expect(auditor.submit(form, {"namespace": "student-id", "key": plot.subject}), "Account of disclosures")
    if plot.subject in page.url:
        raise PageError("the person's key stands in an address")
    told = " ".join(page.tree.xpath("//main//dl/div[last()]/dd//text()")).strip()
    stage.say("times that one student's records left, with recipient and reason; the address holds a keyed hash", told)


def end_it(stage: Stage, reading: Reading, path: str) -> None:
    """A download runs; the agreement is terminated; the download stops and every next request is refused."""
    stage.act("End it: the agreement is terminated while a download runs")
    download = _Download(reading)
    download.start()
    _, took = stage.timed(lambda: terminate(stage, path))
    ended = time.perf_counter()
    reply = reading.read("?$limit=1")
    refused_after = (time.perf_counter() - ended) * 1000
    if reply.status != 403:
        raise PageError(f"after the termination a request was answered {reply.status}: {reply.body[:300]!r}")
    stage.say(f"terminated by {stage.name('sde_officer')}", f"page answered after {took:,.0f} ms")
    stage.say(
        "milliseconds from that answer to the next request's refusal", f"{refused_after:,.1f} ms, HTTP {reply.status}"
    )
    stage.say("and it says why", str(reply.json.get("message"))[:240])
    statuses = [reading.read("?$limit=1").status for _ in range(READERS * 4)]
    stage.say(f"{len(statuses)} more requests over all workers", f"refused: {statuses.count(403)}")
    download.report(stage, ended)
    token = reading.client.ask_for_token(reading.details)
    stage.say("a new token", f"HTTP {token.status} {token.json.get('error')}")
    _disable_client(stage, reading)


def _disable_client(stage: Stage, reading: Reading) -> None:
    """The analyst disables the story's client, so that no key of it stays good."""
    analyst, client_id = stage.person("analyst"), reading.client.client_id
    form = expect(analyst.get(f"/clients/{client_id}"))
    expect(analyst.submit(form, press="Disable this client"), "disabled")
    stage.say(f"{stage.name('analyst')} disables the story's client", client_id)
    token = reading.client.ask_for_token(reading.details)
    stage.say("a token for it now", f"HTTP {token.status} {token.json.get('error')}")


@dataclass
class _Download:
    """A download that reads slowly, so that it is still running when the agreement ends."""

    reading: Reading
    got: int = 0
    cut_at: float | None = None
    whole: bool = False
    began: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, and return when the first bytes have come."""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.began.wait(PATIENCE_S)

    def _run(self) -> None:
        try:
            for piece in self.reading.client.stream(f"/resource/{self.reading.four_by_four}.csv?$limit=1000000", 2048):
                self.got += len(piece)
                self.began.set()
                time.sleep(0.02)
            self.whole = True
        except (http.client.HTTPException, OSError):
            self.cut_at = time.perf_counter()
        self.began.set()

    def report(self, stage: Stage, ended: float) -> None:
        """Say what became of it."""
        if self.thread is not None:
            self.thread.join(PATIENCE_S)
        if self.cut_at is not None:
            stage.say(
                "the running download was cut",
                f"{(self.cut_at - ended) * 1000:,.0f} ms after the termination, at {self.got:,} bytes",
            )
        elif self.whole:
            stage.say(
                "the running download had already been sent when the agreement ended (a small file)",
                f"{self.got:,} bytes",
            )
        else:
            raise PageError("the running download was not stopped")


def verify_it(stage: Stage, data_dir: Path) -> None:
    """The whole log is checked from its files, by the verifier that shares nothing with the writer."""
    stage.act("Verify: the whole log, from its files")
    took = clock.stopwatch()
    report = verification.verify(data_dir / "log", stage.public().get("/audit/log/key").body.decode().strip())
    stage.say("every entry, every hash, the signature", f"{took():,.0f} ms")
    stage.say("verified tree size", report.size)
    stage.say("root", report.root.hex())


def _until_indexed(stage: Stage, entry_id: str) -> None:
    took = clock.stopwatch()
    while took() < PATIENCE_S * 1000:
        page: Page = stage.public().get(f"/audit/proof/{entry_id}")
        if page.status == 200:
            stage.say("from the last reading to a proof under a signed checkpoint", f"{took():,.0f} ms")
            return
        time.sleep(0.05)
    raise PageError(f"the entry {entry_id} was not indexed within {PATIENCE_S} s; is the sequencer running?")
