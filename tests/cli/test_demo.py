"""The demo from end to end, and that its checks find what is wrong."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import pytest

from leadtrackr.cli import listening
from leadtrackr.cli.demo import checks, ledger, matrix, reasons, script, telling
from leadtrackr.cli.demo.evidence import Evidence
from leadtrackr.cli.demo.foretold import CLICK_IDS, PLATFORMS
from leadtrackr.cli.demo.ledger import Call, Taken
from leadtrackr.cli.demo.people import COUNTRIES, person
from leadtrackr.cli.demo.platforms import CONNECTIONS, DEAL, HEADS, QUALIFIED
from leadtrackr.cli.demo.play import ASKED_S, Answered, Played, play
from leadtrackr.cli.demo.privacy import digests
from leadtrackr.cli.demo.progress import Progress
from leadtrackr.cli.demo.result import Result
from leadtrackr.cli.demo.script import REFUSES
from leadtrackr.cli.demo.situations import SITUATIONS, Consent
from leadtrackr.cli.demo.stage import built
from leadtrackr.conversions import receipts
from leadtrackr.conversions.model import State
from leadtrackr.conversions.receipts import Filters
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.phone import e164

from .conftest import LEADTRACKR, Environment, Started, call

NAMES: Final = {slug: one.name for slug, one in DESTINATIONS.items()}


def failed(found: Evidence) -> list[str]:
    """The promises that the checks find broken."""
    return [one.promise for one in checks.check(found) if not one.ok]


async def _evidence() -> Evidence:
    async with built(0) as stage:
        run = await play(stage, script.write(), Progress())
        found = await receipts.listing(stage.parts.db, stage.project_id, Filters(limit=100_000))
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
    assert len(found["checks"]) == 15
    assert len(found["leads"]) >= 200
    assert found["totals"].keys() == DESTINATIONS.keys()
    assert all(states["accepted"] > 100 for states in found["totals"].values())
    assert {one["country"] for one in found["leads"]} == {country.name for country in COUNTRIES}
    assert {one["consent"] for one in found["leads"]} == {consent.value for consent in Consent}
    assert {slug for slug, states in found["totals"].items() if states.get("rejected")} == {"meta", REFUSES}
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
    assert codes.keys() == {"ok", "missing_data", "consent_denied", "converted_once", "100/2804009", "failed"}
    sent = {(fate.platform, fate.code) for scene in scenes for fate in scene.fates().elements()}
    assert {(platform, "ok") for platform in DESTINATIONS} <= sent
    posted = {name for scene in scenes for name in scene.situation.ids}
    assert {name for names in CLICK_IDS.values() for name in names} | {"uetvid"} == posted


def test_every_platform_is_in_the_play_in_its_place() -> None:
    assert tuple(DESTINATIONS) == PLATFORMS == tuple(HEADS) == tuple(CONNECTIONS) == tuple(CLICK_IDS)
    assert QUALIFIED.events.keys() == DEAL.events.keys() == DESTINATIONS.keys()


def test_what_a_client_is_said_to_tell_is_in_its_body() -> None:
    for scene in script.write():
        for client in scene.clients:
            body = client.body(scene.visit(10**15, "1"))
            user, device, ids = (_map(body, name) for name in ("userData", "deviceData", "attributionData"))
            names = [user.get(name) for name in ("firstName", "lastName") if user.get(name) not in ("", "undefined")]
            known = {
                "name": any(names),
                "names": len(names) == 2 and all(names),
                "device": device.get("ipAddress") is not None and device.get("userAgent") is not None,
                "page": "conversionPage" in ids,
            }
            situation = scene.situation
            expected = client.tells if situation.reachable else client.tells & {"page"}
            expected -= set() if situation.on_site else {"page"}
            assert {name for name, there in known.items() if there} == expected, client.name


def _map(body: dict[str, object], name: str) -> dict[str, object]:
    found = body.get(name, {})
    assert isinstance(found, dict)
    return found


def test_no_two_people_are_alike_and_every_phone_can_be_read() -> None:
    people = [person(number) for number in range(500)]
    assert len({one.email for one in people}) == len({one.e164 for one in people}) == 500
    assert [(one.phone, e164(one.phone, "NL")) for one in people] == [(one.phone, one.e164) for one in people]


def test_a_real_run_passes(evidence: Evidence) -> None:
    assert failed(evidence) == []


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
    assert failed(_with_played(evidence, lambda one: one.lead_id == 1, posts=refused)) == ["Every lead is taken"]
    fewer = msgspec.structs.replace(evidence, leads_in_api=evidence.leads_in_api - 1)
    assert failed(fewer) == ["Every lead is taken"]


def test_two_leads_of_one_form_are_found(evidence: Evidence) -> None:
    twin = next(one for one in evidence.run.played if len(one.posts) > 1)
    posts = (twin.posts[0], Answered(201, {"leadId": 999}))
    changed = _with_played(evidence, lambda one: one is twin, posts=posts)
    assert failed(changed) == ["Two reports of one form are one lead"]


def test_a_rating_that_was_refused_is_found(evidence: Evidence) -> None:
    def rated(one: Played) -> bool:
        return len(one.ratings) == 1

    changed = _with_played(evidence, rated, ratings=(Answered(503, {}),))
    assert failed(changed) == ["Every rating is taken"]
    assert failed(_with_played(evidence, rated, ratings=())) == ["Every rating is taken"]


@pytest.mark.parametrize("answer", [Answered(201, {}), None])
def test_a_repeat_that_was_taken_is_found(evidence: Evidence, answer: Answered | None) -> None:
    changed = _with_played(evidence, lambda one: one.repeat is not None, repeat=answer)
    assert failed(changed) == ["A rating of a lead that is pending is refused"]


def test_a_conversion_that_ended_otherwise_is_found(evidence: Evidence) -> None:
    skipped = next(one for one in evidence.receipts if one.state == State.SKIPPED)
    held = [msgspec.structs.replace(one, state=State.HELD) if one is skipped else one for one in evidence.receipts]
    assert failed(msgspec.structs.replace(evidence, receipts=held)) == ["Every conversion ends as planned"]
    gone = [one for one in evidence.receipts if one is not skipped]
    assert failed(msgspec.structs.replace(evidence, receipts=gone)) == ["Every conversion ends as planned"]
    late = msgspec.structs.replace(evidence, run=msgspec.structs.replace(evidence.run, settled=False))
    assert failed(late) == ["Every conversion ends as planned"]


@pytest.mark.parametrize("destination", PLATFORMS)
def test_an_event_that_is_not_in_the_ledger_is_found(evidence: Evidence, destination: str) -> None:
    key, _ = _first(evidence, destination)
    taken = {other: rows for other, rows in evidence.ledger.taken.items() if other != key}
    assert failed(_with_ledger(evidence, taken=taken)) == ["What counts as accepted is there, once"]


def test_an_event_that_counts_twice_is_found(evidence: Evidence) -> None:
    key, (row, *_) = _first(evidence, "ga4")
    assert failed(_with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, row]})) == [
        "What counts as accepted is there, once"
    ]
    key, (row, *_) = _first(evidence, "meta")
    # Meta itself counts the same event id under the same name once.
    assert failed(_with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, row]})) == []
    elsewhere = msgspec.structs.replace(row, scope="another dataset")
    assert failed(_with_ledger(evidence, taken={**evidence.ledger.taken, key: [row, elsewhere]})) == [
        "What counts as accepted is there, once"
    ]


def test_an_event_that_the_database_does_not_know_is_found(evidence: Evidence) -> None:
    _, (row, *_) = _first(evidence, "google_ads")
    taken = {**evidence.ledger.taken, ("google_ads", "lt-unknown"): [row]}
    assert failed(_with_ledger(evidence, taken=taken)) == ["Nothing else was sent"]
    assert failed(_with_ledger(evidence, unkeyed=1)) == ["Nothing else was sent"]


@pytest.mark.parametrize("change", [{"value": 1.0}, {"currency": "USD"}, {"value": None, "currency": None}])
def test_another_value_is_found(evidence: Evidence, change: dict[str, object]) -> None:
    key, (row, *_) = next(item for item in evidence.ledger.taken.items() if item[1][0].value is not None)
    taken = {**evidence.ledger.taken, key: [msgspec.structs.replace(row, **change)]}
    assert failed(_with_ledger(evidence, taken=taken)) == ["Values arrive as rated"]


def _with_calls(evidence: Evidence, change: Callable[[Call], Call | None]) -> Evidence:
    return _with_ledger(evidence, calls=[new for call in evidence.ledger.calls if (new := change(call)) is not None])


@pytest.mark.parametrize(
    ("destination", "status", "promise"),
    [
        ("meta", 500, "A platform's failure is survived"),
        ("reddit", 429, "A platform that asks to wait is left alone"),
    ],
)
def test_a_failure_that_lost_something_or_never_came_is_found(
    evidence: Evidence, destination: str, status: int, promise: str
) -> None:
    def lost(call: Call) -> Call:
        fails = (call.destination, call.status) == (destination, status)
        return msgspec.structs.replace(call, event_ids=call.event_ids | {"lt-lost"}) if fails else call

    assert failed(_with_calls(evidence, lost)) == [promise]
    never = _with_calls(evidence, lambda call: None if call in evidence.ledger.failed(destination, status) else call)
    assert failed(never) == [promise]


def test_a_pause_that_was_not_kept_is_found(evidence: Evidence) -> None:
    (asked,) = evidence.ledger.failed("reddit", 429)

    def soon(call: Call) -> Call:
        at = min(call.at, asked.at + ASKED_S * SECOND - 1)
        return msgspec.structs.replace(call, at=at) if call.destination == "reddit" else call

    assert failed(_with_calls(evidence, soon)) == ["A platform that asks to wait is left alone"]


def test_others_that_were_lost_with_a_refused_one_are_found(evidence: Evidence) -> None:
    fewer = _with_calls(
        evidence,
        lambda call: msgspec.structs.replace(call, taken=0) if call.destination == REFUSES else call,
    )
    assert failed(fewer) == ["One refused conversion costs the others nothing"]
    twice = _with_ledger(evidence, calls=[*evidence.ledger.calls, *evidence.ledger.of(REFUSES)])
    assert failed(twice) == ["One refused conversion costs the others nothing"]


def test_a_click_id_that_is_missing_or_elsewhere_is_found(evidence: Evidence) -> None:
    lead = next(one for one in evidence.run.played if "li_fat_id" in one.ids and one.ratings)
    there = {one.destination: one for one in evidence.receipts if one.lead_id == lead.lead_id}
    promise = ["Click ids reach their own platform alone, letter for letter"]
    for destination, text in (("linkedin", "{}"), ("x", lead.ids["li_fat_id"]), ("webhook", lead.ids["cid"])):
        key = evidence.key(there[destination])
        row = msgspec.structs.replace(evidence.ledger.taken[key][0], text=text)
        changed = _with_ledger(evidence, taken={**evidence.ledger.taken, key: [row]})
        assert failed(changed) == promise, destination


def test_a_digest_in_an_event_of_somebody_who_denied_is_found(evidence: Evidence) -> None:
    denied = {one.lead_id for one in evidence.run.played if one.scene.situation.consent == Consent.NO_PERSONAL_DATA}
    sent = next(one for one in evidence.delivered() if one.lead_id in denied and one.destination == "meta")
    key = evidence.key(sent)
    row = msgspec.structs.replace(evidence.ledger.taken[key][0], text=evidence.ledger.taken[key][0].text + "f" * 64)
    changed = _with_ledger(evidence, taken={**evidence.ledger.taken, key: [row]})
    assert failed(changed) == ["Without consent nothing personal leaves"]


def test_a_refresh_token_that_was_not_renewed_is_found(evidence: Evidence) -> None:
    run = msgspec.structs.replace(evidence.run, renewed=False)
    assert failed(msgspec.structs.replace(evidence, run=run)) == ["Microsoft's refresh tokens are kept up with"]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_hashed_data_of_somebody_who_denied_is_found(evidence: Evidence, place: int) -> None:
    denied = next(one for one in evidence.run.played if one.scene.situation.consent == Consent.NO_PERSONAL_DATA)
    digest = digests(person(denied.scene.number))[place][1]
    changed = _with_ledger(evidence, text=evidence.ledger.text + digest)
    assert failed(changed) == ["Without consent nothing personal leaves"]


def test_the_control_of_the_hashes_is_one(evidence: Evidence) -> None:
    assert failed(_with_ledger(evidence, text="")) == ["Without consent nothing personal leaves"]


def test_readable_data_is_found(evidence: Evidence) -> None:
    for readable in (person(0).email, person(0).e164):
        changed = _with_ledger(evidence, text=evidence.ledger.text + readable)
        assert failed(changed) == ["Addresses and numbers leave as hashes only"]


def _result(evidence: Evidence) -> Result:
    return Result(evidence=evidence, checks=checks.check(evidence), seconds=1.0)


@pytest.mark.parametrize(
    ("columns", "head"), [(80, "Goo Leg GA4"), (140, "Goo Leg GA4"), (160, "Google   Legacy   GA4")]
)
def test_the_table_has_every_lead_and_fits_the_terminal(evidence: Evidence, columns: int, head: str) -> None:
    lines = matrix.text(_result(evidence), NAMES, columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(head in line for line in lines) == 13, "each client program has its own heads"
    numbers = sorted(int(line[:3]) for line in lines if line[:3].strip().isdigit())
    assert numbers == sorted(one.lead_id for one in evidence.run.played)


def test_a_cell_says_what_became_of_each_conversion(evidence: Evidence) -> None:
    played = {one.scene.number: one for one in evidence.run.played}
    last = max(played)
    lines: dict[int, list[str]] = {
        int(line[:3]): line[22:].split()
        for line in matrix.text(_result(evidence), NAMES, 80).splitlines()
        if line[:3].strip().isdigit()
    }
    twice, without_value, refused = (lines[played[number].lead_id] for number in (last - 1, last - 2, last - 3))
    assert {cell.replace("↻", "✓") for cell in twice} == {"✓✓1"}
    place = {platform: number for number, platform in enumerate(PLATFORMS)}
    assert without_value[place["meta"]].endswith("✗")
    assert refused[place[REFUSES]] == "✗"
    nothing = next(one for one in evidence.run.played if one.scene.situation.words == "nothing to match on")
    assert set(lines[nothing.lead_id][:-1]) <= {"d", "·"}
    for platform in ("meta", "reddit"):
        # Which of the leads were in the call that failed is a matter of time; some were.
        assert any("↻" in cells[place[platform]] for cells in lines.values())
    assert not any("↻" in cells[place["google_ads"]] for cells in lines.values())


def test_what_was_not_sent_is_told_reason_by_reason(evidence: Evidence) -> None:
    result = _result(evidence)
    text = "\n".join(reasons.left_out(result, NAMES, 80))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("\n") < 100, "not a line for each conversion"
    skipped = [one for one in evidence.receipts if one.state == State.SKIPPED]
    told = sum(
        int(line.split()[-2].replace(",", "")) for line in text.splitlines() if line.startswith("  ") and line[2] != " "
    )
    assert told == len(skipped)
    flat = " ".join(text.split())
    assert "TikTok takes an event of a website only with its page." in flat
    assert "→ Nothing to do: without consent nothing leaves." in flat


def test_what_went_wrong_is_told_with_what_to_do(evidence: Evidence) -> None:
    result = _result(evidence)
    flat = " ".join(" ".join(reasons.mishaps(result, NAMES, 80)).split())
    assert "Meta answered 500 to a request of" in flat
    assert "Reddit answered 429 to a request of" in flat
    assert "Meta did not take “Deal signed” of lead" in flat
    assert "Send the price with the rating" in flat
    assert "Pinterest did not take “Qualified” of lead" in flat
    assert "Its words: “The event is invalid.”" in flat
    accepted = " ".join(" ".join(reasons.accepted(result, NAMES, 80)).split())
    assert "Nothing to do: Google is asked about it from half an hour on." in accepted
    assert all(f"{name} (" in accepted for name in NAMES.values())


def test_the_report_ends_with_the_totals_and_the_verdict(evidence: Evidence) -> None:
    text = telling.text(_result(evidence), NAMES).splitlines()
    assert text[-1].startswith("Everything that was promised happened")
    rows = [line.split() for line in text[-16:-2]]
    totals = {" ".join(row[:-5]): list(map(int, row[-5:])) for row in rows}
    assert totals["All"] == [sum(row[place] for name, row in totals.items() if name != "All") for place in range(5)]
    assert sum(totals["All"]) == len(evidence.receipts)


def test_a_broken_promise_is_told_in_the_report_and_in_the_verdict(evidence: Evidence) -> None:
    lost = _with_ledger(evidence, unkeyed=2)
    text = telling.text(_result(lost), NAMES)
    assert "  FAILED Nothing else was sent: 2 events have no event id, or failed in\n" in text
    assert text.endswith("NOT everything that was promised happened: 1 check failed.")


def test_a_wide_table_says_in_words_what_was_not_sent(evidence: Evidence) -> None:
    result = _result(evidence)
    denied = next(one for one in result.played if one.scene.situation.consent == Consent.DENIED and one.scene.fates())
    lines = matrix.text(result, NAMES, 200).splitlines()
    (line,) = [line for line in lines if line.startswith(f"{denied.lead_id:>3} ")]
    assert line.count("consent") == 11
    assert line.count("no data") == 1
    assert line.endswith("✓")


def test_a_count_never_wraps_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress()
    progress.step("Rating the others, while everything that can go wrong does so")
    progress.count(7, 260)
    lines = capsys.readouterr().err.removesuffix("\033[K").split("\r")[1:]
    assert lines[-1].endswith(" … 7/260")
    assert all(len(line.replace("\033[K", "")) < 40 for line in lines)
