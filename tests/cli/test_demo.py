"""The demo from end to end, and that its checks find what is wrong."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from leadtrackr.cli import listening
from leadtrackr.cli.demo import checks, ledger, script
from leadtrackr.cli.demo.checks import digests
from leadtrackr.cli.demo.ledger import Ledger, Taken
from leadtrackr.cli.demo.people import COUNTRIES, person
from leadtrackr.cli.demo.play import Answered, Played, Run, play
from leadtrackr.cli.demo.progress import Progress
from leadtrackr.cli.demo.situations import PLATFORMS, SITUATIONS, Consent
from leadtrackr.cli.demo.stage import built
from leadtrackr.conversions import receipts
from leadtrackr.conversions.model import State
from leadtrackr.conversions.receipts import Filters, Receipt
from leadtrackr.kit.phone import e164

from .conftest import LEADTRACKR, Environment, Started, call


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that the checks look at."""

    run: Run
    receipts: list[Receipt]
    leads_in_api: int
    ledger: Ledger

    def failed(self) -> list[str]:
        """The promises that the checks find broken."""
        found = checks.check(self.run, self.receipts, self.leads_in_api, self.ledger)
        return [one.promise for one in found if not one.ok]


async def _evidence() -> Evidence:
    async with built(0) as stage:
        run = await play(stage, script.write(), Progress())
        found = await receipts.listing(stage.parts.db, stage.project_id, Filters(limit=10_000))
        arrived = await ledger.read(stage.http, stage.sandbox_url)
        return Evidence(run=run, receipts=found, leads_in_api=len(run.played), ledger=arrived)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """One real run."""
    found = listening.run(_evidence)
    assert isinstance(found, Evidence)
    return found


def test_once_ends_by_itself_and_keeps_every_promise(environment: Environment, tmp_path: Path) -> None:
    settings = environment | {"TMPDIR": str(tmp_path), "LEADTRACKR_DATABASE_URL": "postgresql://127.0.0.1:1/never"}
    command = [*LEADTRACKR, "demo", "--once", "--port", "0", "--json"]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert found["seconds"] < 60
    assert len(found["checks"]) == 11
    assert len(found["leads"]) >= 200
    assert {one["country"] for one in found["leads"]} == {country.name for country in COUNTRIES}
    assert {one["consent"] for one in found["leads"]} == {consent.value for consent in Consent}
    assert found["totals"]["meta"]["rejected"] == 1
    reasons = {(one["destination"], one["code"]) for one in found["notSent"]}
    assert {("google_ads", "consent_denied"), ("ga4", "missing_data"), ("meta", "converted_once")} <= reasons
    assert all(one["sentence"] and one["nextStep"] for one in found["notSent"])
    deal = next(one for one in found["leads"] if one["ratings"] and one["ratings"][0]["as"] == "Deal signed")
    assert [one["label"] for one in deal["platforms"]["google_ads"]] == ["Qualified", "Deal signed"]
    assert list(tmp_path.glob("leadtrackr-demo-*")) == []


def test_without_once_it_stays_until_it_is_told_to_stop(environment: Environment, started: Started) -> None:
    with started(environment, "demo", "--port", "0", until="_sandbox/ledger") as demo:
        text = "".join(demo.lines)
        url = text.split("The server stays at ")[1].split()[0]
        key = text.split("X-API-Key: ")[1].split("'")[0]
        assert call("GET", f"{url}/healthz")[0] == 200
        listed = call("GET", f"{url}/api/leads/getLeads?limit=1", headers={"X-API-Key": key})[1]
        assert listed["total"] >= 200
        assert demo.stop(signal.SIGINT) == 0


def test_a_kill_on_the_way_leaves_nothing_behind(environment: Environment, started: Started, tmp_path: Path) -> None:
    settings = environment | {"TMPDIR": str(tmp_path)}
    with started(settings, "demo", "--once", "--port", "0", until="Rating one lead") as demo:
        assert demo.stop(signal.SIGTERM) == 1
    assert list(tmp_path.glob("leadtrackr-demo-*")) == []


def test_the_play_is_the_same_every_time_and_has_every_part() -> None:
    scenes = script.write()
    assert scenes == script.write()
    assert len(scenes) >= 200
    clients = {client.name for scene in scenes for client in scene.clients}
    assert len(clients) == 12
    bodies = {client.wire(scene.visit(10**15, "1")) for scene in scenes for client in scene.clients}
    assert bodies == {client.wire(scene.visit(10**15, "1")) for scene in scenes for client in scene.clients}
    assert {scene.situation.words for scene in scenes} == {situation.words for situation in SITUATIONS}
    rated = [scene for scene in scenes if scene.steps]
    for situation in SITUATIONS:
        assert any(scene.situation is situation and scene.fates() for scene in rated)
    codes = Counter(fate.code for scene in scenes for fate in scene.fates().elements())
    assert codes.keys() == {"ok", "missing_data", "consent_denied", "converted_once", "100/2804009"}


def test_no_two_people_are_alike_and_every_phone_can_be_read() -> None:
    people = [person(number) for number in range(500)]
    assert len({one.email for one in people}) == len({one.e164 for one in people}) == 500
    assert [(one.phone, e164(one.phone, "NL")) for one in people] == [(one.phone, one.e164) for one in people]


def test_a_real_run_passes(evidence: Evidence) -> None:
    assert evidence.failed() == []


def _with_played(evidence: Evidence, wanted: Callable[[Played], bool], **change: object) -> Evidence:
    """The same evidence with one lead's answers changed."""
    one = next(played for played in evidence.run.played if wanted(played))
    changed = msgspec.structs.replace(one, **change)
    played = tuple(changed if other is one else other for other in evidence.run.played)
    run = msgspec.structs.replace(evidence.run, played=played)
    return msgspec.structs.replace(evidence, run=run)


def _with_ledger(evidence: Evidence, **change: object) -> Evidence:
    return msgspec.structs.replace(evidence, ledger=msgspec.structs.replace(evidence.ledger, **change))


def _first(evidence: Evidence, destination: str) -> tuple[tuple[str, str], Sequence[Taken]]:
    return next(item for item in evidence.ledger.taken.items() if item[0][0] == destination)


def test_a_lead_that_was_refused_is_found(evidence: Evidence) -> None:
    refused = (Answered(500, {"leadId": 1}),)
    assert _with_played(evidence, lambda one: one.lead_id == 1, posts=refused).failed() == ["Every lead is taken"]
    fewer = msgspec.structs.replace(evidence, leads_in_api=evidence.leads_in_api - 1)
    assert fewer.failed() == ["Every lead is taken"]


def test_two_leads_of_one_form_are_found(evidence: Evidence) -> None:
    twin = next(one for one in evidence.run.played if len(one.posts) > 1)
    posts = (twin.posts[0], Answered(201, {"leadId": 999}))
    changed = _with_played(evidence, lambda one: one is twin, posts=posts)
    assert changed.failed() == ["Two reports of one form are one lead"]


def test_a_rating_that_was_refused_is_found(evidence: Evidence) -> None:
    def rated(one: Played) -> bool:
        return len(one.ratings) == 1

    changed = _with_played(evidence, rated, ratings=(Answered(503, {}),))
    assert changed.failed() == ["Every rating is taken"]
    assert _with_played(evidence, rated, ratings=()).failed() == ["Every rating is taken"]


@pytest.mark.parametrize("answer", [Answered(201, {}), None])
def test_a_repeat_that_was_taken_is_found(evidence: Evidence, answer: Answered | None) -> None:
    changed = _with_played(evidence, lambda one: one.repeat is not None, repeat=answer)
    assert changed.failed() == ["A rating of a lead that is pending is refused"]


def test_a_conversion_that_ended_otherwise_is_found(evidence: Evidence) -> None:
    skipped = next(one for one in evidence.receipts if one.state == State.SKIPPED)
    held = [msgspec.structs.replace(one, state=State.HELD) if one is skipped else one for one in evidence.receipts]
    assert msgspec.structs.replace(evidence, receipts=held).failed() == ["Every conversion ends as planned"]
    gone = [one for one in evidence.receipts if one is not skipped]
    assert msgspec.structs.replace(evidence, receipts=gone).failed() == ["Every conversion ends as planned"]
    late = msgspec.structs.replace(evidence, run=msgspec.structs.replace(evidence.run, settled=False))
    assert late.failed() == ["Every conversion ends as planned"]


@pytest.mark.parametrize("destination", PLATFORMS)
def test_an_event_that_is_not_in_the_ledger_is_found(evidence: Evidence, destination: str) -> None:
    key, _ = _first(evidence, destination)
    taken = {other: rows for other, rows in evidence.ledger.taken.items() if other != key}
    assert _with_ledger(evidence, taken=taken).failed() == ["What counts as accepted is there, once"]


def test_an_event_that_counts_twice_is_found(evidence: Evidence) -> None:
    key, (row, *_) = _first(evidence, "ga4")
    assert _with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, row]}).failed() == [
        "What counts as accepted is there, once"
    ]
    key, (row, *_) = _first(evidence, "meta")
    # Meta itself counts the same event id under the same name once.
    assert _with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, row]}).failed() == []
    elsewhere = msgspec.structs.replace(row, scope="another dataset")
    assert _with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, elsewhere]}).failed() == [
        "What counts as accepted is there, once"
    ]


def test_an_event_that_the_database_does_not_know_is_found(evidence: Evidence) -> None:
    _, (row, *_) = _first(evidence, "google_ads")
    taken = {**evidence.ledger.taken, ("google_ads", "lt-unknown"): [row]}
    assert _with_ledger(evidence, taken=taken).failed() == ["Nothing else was sent"]
    assert _with_ledger(evidence, unkeyed=1).failed() == ["Nothing else was sent"]


@pytest.mark.parametrize("change", [{"value": 1.0}, {"currency": "USD"}, {"value": None, "currency": None}])
def test_another_value_is_found(evidence: Evidence, change: dict[str, object]) -> None:
    key, (row, *_) = next(item for item in evidence.ledger.taken.items() if item[1][0].value is not None)
    taken = {**evidence.ledger.taken, key: [msgspec.structs.replace(row, **change)]}
    assert _with_ledger(evidence, taken=taken).failed() == ["Values arrive as rated"]


def test_a_failure_that_lost_something_or_never_came_is_found(evidence: Evidence) -> None:
    lost = [*evidence.ledger.refused, ("meta", "lt-lost")]
    assert _with_ledger(evidence, refused=lost).failed() == ["A platform's failure is survived"]
    assert _with_ledger(evidence, refused=[]).failed() == ["A platform's failure is survived"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_hashed_data_of_somebody_who_denied_is_found(evidence: Evidence, place: int) -> None:
    denied = next(one for one in evidence.run.played if one.scene.situation.consent == Consent.NO_PERSONAL_DATA)
    digest = digests(person(denied.scene.number))[place][1]
    changed = _with_ledger(evidence, text=evidence.ledger.text + digest)
    assert changed.failed() == ["Without consent nothing personal leaves"]


def test_the_control_of_the_hashes_is_one(evidence: Evidence) -> None:
    assert _with_ledger(evidence, text="").failed() == ["Without consent nothing personal leaves"]


def test_readable_data_is_found(evidence: Evidence) -> None:
    for readable in (person(0).email, person(0).e164):
        changed = _with_ledger(evidence, text=evidence.ledger.text + readable)
        assert changed.failed() == ["Addresses and numbers leave as hashes only"]
