"""Whether everything happened that the play promised: the answers, the database and the sandbox's ledger compared."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from leadtrackr.cli.demo.ledger import Ledger
from leadtrackr.cli.demo.people import Person, person
from leadtrackr.cli.demo.play import Played, Run
from leadtrackr.cli.demo.script import Fate, To
from leadtrackr.cli.demo.situations import Consent
from leadtrackr.conversions.model import DELIVERED
from leadtrackr.conversions.receipts import Receipt

SHOWN: Final = 3
"""Most examples that a failed check names."""
NO_PERSONAL_DATA: Final = frozenset({Consent.NO_PERSONAL_DATA, Consent.DENIED})


class Check(msgspec.Struct, frozen=True):
    """One promise, whether it was kept, and in which figures."""

    promise: str
    ok: bool
    sentence: str


def check(run: Run, found: Sequence[Receipt], leads_in_api: int, ledger: Ledger) -> tuple[Check, ...]:
    """Looks at every promise. `leads_in_api` is how many leads the API lists."""
    return (
        _leads(run, leads_in_api),
        _twins(run),
        _ratings(run),
        _repeats(run),
        _ends(run, found),
        _sent_once(found, ledger),
        _nothing_unknown(found, ledger),
        _amounts(found, ledger),
        _trouble(found, ledger),
        _privacy(run, found, ledger),
        _hashes_only(run, ledger),
    )


def _check(promise: str, wrong: Iterable[str], kept: str) -> Check:
    found = list(wrong)
    if not found:
        return Check(promise, True, kept)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return Check(promise, False, "; ".join(found[:SHOWN]) + more)


def _leads(run: Run, leads_in_api: int) -> Check:
    wrong = [
        f"lead {one.scene.number} was answered {answer.status} {answer.body.get('message', '')}"
        for one in run.played
        for answer in one.posts
        if answer.status not in (200, 201)
    ]
    if leads_in_api != len(run.played):
        wrong.append(f"the API lists {leads_in_api} leads instead of {len(run.played)}")
    return _check("Every lead is taken", wrong, f"{len(run.played)} leads posted, all 201 or 200, all listed")


def _twins(run: Run) -> Check:
    both = [one for one in run.played if len(one.posts) > 1]
    wrong = [
        f"lead {one.scene.number} became {[(answer.status, answer.body.get('leadId')) for answer in one.posts]}"
        for one in both
        if len({answer.body.get("leadId") for answer in one.posts}) != 1
        or sorted(answer.status for answer in one.posts) != [200, 201]
    ]
    kept = f"{len(both)} forms came from the web tag and the server tag at once; each is one lead"
    return _check("Two reports of one form are one lead", wrong or (["none was played"] if not both else []), kept)


def _ratings(run: Run) -> Check:
    wrong = []
    count = 0
    for one in run.played:
        for step, answer in zip(one.scene.steps, one.ratings, strict=False):
            count += 1
            if answer.status != (200 if step.to == To.OPEN else 201):
                wrong.append(f"lead {one.lead_id} as {step.to}: {answer.status} {answer.body.get('message', '')}")
        if len(one.ratings) != len(one.scene.steps):
            wrong.append(f"lead {one.lead_id} was not rated to the end")
    return _check("Every rating is taken", wrong, f"{count} ratings sent, all 201, or 200 for a lead opened again")


def _repeats(run: Run) -> Check:
    answers = [one.repeat.status for one in run.played if one.repeat is not None]
    wrong = [f"it was answered {status}" for status in answers if status != 409]
    promise = "A rating of a lead that is pending is refused"
    return _check(
        promise, wrong or (["none was sent"] if not answers else []), "sent again at once: 409, as it must be"
    )


def _ends(run: Run, found: Sequence[Receipt]) -> Check:
    by_lead: dict[int, Counter[Fate]] = {}
    for one in found:
        fate = Fate(one.destination, one.label, one.state.value, one.code or "")
        by_lead.setdefault(one.lead_id, Counter())[fate] += 1
    wrong = list(_differences(run.played, by_lead))
    if not run.settled:
        wrong.append("not everything was settled in time")
    return _check(
        "Every conversion ends as planned", wrong, f"{len(found)} conversions, each with the outcome foretold"
    )


def _differences(played: Sequence[Played], by_lead: dict[int, Counter[Fate]]) -> Iterator[str]:
    for one in played:
        expected, there = one.scene.fates(), by_lead.pop(one.lead_id, Counter())
        for fate in sorted((expected - there).elements()):
            yield f"lead {one.lead_id} on {fate.platform}: {fate.label} is not {fate.state} ({fate.code})"
        for fate in sorted((there - expected).elements()):
            yield f"lead {one.lead_id} on {fate.platform}: {fate.label} is {fate.state} ({fate.code})"
    for lead_id in by_lead:
        yield f"lead {lead_id} was never played"


def _sent_once(found: Sequence[Receipt], ledger: Ledger) -> Check:
    delivered = [one for one in found if one.state in DELIVERED]
    wrong = []
    for one in delivered:
        rows = ledger.taken.get((one.destination, one.event_id), ())
        # Of one platform, in one account and under one name, the platform itself counts an event id once; GA4 does not.
        once = len({row.scope for row in rows}) == 1 and (one.destination != "ga4" or len(rows) == 1)
        if not once:
            wrong.append(f"{one.event_id} stands {len(rows)} times in the ledger of {one.destination}")
    kept = f"{len(delivered)} accepted conversions, each in the platforms' ledger exactly once"
    return _check("What counts as accepted is there, once", wrong or (["none"] if not delivered else []), kept)


def _nothing_unknown(found: Sequence[Receipt], ledger: Ledger) -> Check:
    known = {(one.destination, one.event_id) for one in found if one.state in DELIVERED}
    wrong = [f"{key} of {destination} is not known" for destination, key in ledger.taken.keys() - known]
    if ledger.unkeyed:
        wrong.append(f"{ledger.unkeyed} events have no event id, or failed in processing")
    return _check("Nothing else was sent", wrong, f"{len(ledger.taken)} events in the ledger, the database knows all")


def _amounts(found: Sequence[Receipt], ledger: Ledger) -> Check:
    wrong, count = [], 0
    for one in found:
        # The demo's project counts in euros, which have a hundred cents.
        value = None if one.value_cents is None else one.value_cents / 100
        for row in ledger.taken.get((one.destination, one.event_id), ()):
            count += value is not None
            if (row.value, row.currency) != (value, None if value is None else "EUR"):
                wrong.append(f"{one.event_id} has {row.value} {row.currency} instead of {value}")
    return _check("Values arrive as rated", wrong, f"{count} values in cents arrived in euros, none without a currency")


def _trouble(found: Sequence[Receipt], ledger: Ledger) -> Check:
    ends = {(one.destination, one.event_id): one for one in found}
    wrong = []
    for key in set(ledger.refused):
        one = ends.get(key)
        if one is None or (one.state not in DELIVERED and one.code == "server_error"):
            wrong.append(f"{key[1]} was lost after a 500 of {key[0]}")
    kept = f"{len(set(ledger.refused))} conversions were in calls that got a 500; all were sent again, none was lost"
    return _check("A platform's failure is survived", wrong or (["no 500"] if not ledger.refused else []), kept)


def _privacy(run: Run, found: Sequence[Receipt], ledger: Ledger) -> Check:
    """With a control: the same digests of people who did not deny are there, so the comparison means something."""
    sent_to_meta = {one.lead_id for one in found if one.destination == "meta" and one.state in DELIVERED}
    wrong, denied, control = [], 0, 0
    for one in run.played:
        who = person(one.scene.number)
        if one.scene.situation.consent in NO_PERSONAL_DATA:
            denied += 1
            wrong += [f"lead {one.lead_id}: its {what}" for what, digest in digests(who) if digest in ledger.text]
            if _sha256(str(one.lead_id)) in ledger.text:
                wrong.append(f"lead {one.lead_id}: its number")
        elif one.scene.situation.email and one.lead_id in sent_to_meta:
            control += 1
            if _sha256(who.email.lower()) not in ledger.text:
                wrong.append(f"lead {one.lead_id}: its e-mail address is missing although consent was not denied")
    promise = "Without consent nothing personal leaves"
    kept = f"{denied} people denied; none of their hashed data is in the ledger (of {control} others it is)"
    return _check(promise, wrong or (["nobody to compare"] if not (denied and control) else []), kept)


def _hashes_only(run: Run, ledger: Ledger) -> Check:
    people = [person(one.scene.number) for one in run.played]
    wrong = [who.email for who in people if who.email.lower() in ledger.text]
    wrong += [who.e164 for who in people if who.e164 in ledger.text]
    return _check("Addresses and numbers leave as hashes only", wrong, f"none of {len(people)} people is readable")


def digests(who: Person) -> list[tuple[str, str]]:
    """What a platform could be sent of a person's own: SHA-256 of the address and of the number, with and without +."""
    return [
        ("e-mail address", _sha256(who.email.lower())),
        ("phone number", _sha256(who.e164)),
        ("phone number", _sha256(who.e164.lstrip("+"))),
    ]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
