"""Whether everything happened that the play promised: the answers, the database and the sandbox's ledger compared."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from leadtrackr.cli.demo import privacy, trouble
from leadtrackr.cli.demo.evidence import Check, Evidence, checked
from leadtrackr.cli.demo.play import Played
from leadtrackr.cli.demo.script import Fate, To
from leadtrackr.conversions.model import DELIVERED

COUNT_REPEATS: Final = frozenset({"ga4", "linkedin"})
"""Platforms that do not promise to count an event id once; the others do so within one account and event."""


def check(found: Evidence) -> tuple[Check, ...]:
    """Looks at every promise."""
    return (
        _leads(found),
        _twins(found),
        _ratings(found),
        _repeats(found),
        _ends(found),
        _sent_once(found),
        _nothing_unknown(found),
        _amounts(found),
        privacy.click_ids(found),
        privacy.without_consent(found),
        privacy.hashes_only(found),
        trouble.failure(found),
        trouble.pause(found),
        trouble.one_refused(found),
        _renewed(found),
    )


def _leads(found: Evidence) -> Check:
    run = found.run
    wrong = [
        f"lead {one.scene.number} was answered {answer.status} {answer.body.get('message', '')}"
        for one in run.played
        for answer in one.posts
        if answer.status not in (200, 201)
    ]
    if found.leads_in_api != len(run.played):
        wrong.append(f"the API lists {found.leads_in_api} leads instead of {len(run.played)}")
    return checked("Every lead is taken", wrong, f"{len(run.played)} leads posted, all 201 or 200, all listed")


def _twins(found: Evidence) -> Check:
    both = [one for one in found.run.played if len(one.posts) > 1]
    wrong = [
        f"lead {one.scene.number} became {[(answer.status, answer.body.get('leadId')) for answer in one.posts]}"
        for one in both
        if len({answer.body.get("leadId") for answer in one.posts}) != 1
        or sorted(answer.status for answer in one.posts) != [200, 201]
    ]
    kept = f"{len(both)} forms came from the web tag and the server tag at once; each is one lead"
    return checked("Two reports of one form are one lead", wrong or (["none was played"] if not both else []), kept)


def _ratings(found: Evidence) -> Check:
    wrong = []
    count = 0
    for one in found.run.played:
        for step, answer in zip(one.scene.steps, one.ratings, strict=False):
            count += 1
            if answer.status != (200 if step.to == To.OPEN else 201):
                wrong.append(f"lead {one.lead_id} as {step.to}: {answer.status} {answer.body.get('message', '')}")
        if len(one.ratings) != len(one.scene.steps):
            wrong.append(f"lead {one.lead_id} was not rated to the end")
    return checked("Every rating is taken", wrong, f"{count} ratings sent, all 201, or 200 for a lead opened again")


def _repeats(found: Evidence) -> Check:
    answers = [one.repeat.status for one in found.run.played if one.repeat is not None]
    wrong = [f"it was answered {status}" for status in answers if status != 409]
    promise = "A rating of a lead that is pending is refused"
    return checked(
        promise, wrong or (["none was sent"] if not answers else []), "sent again at once: 409, as it must be"
    )


def _ends(found: Evidence) -> Check:
    by_lead: dict[int, Counter[Fate]] = {}
    for one in found.receipts:
        fate = Fate(one.destination, one.label, one.state.value, one.code or "")
        by_lead.setdefault(one.lead_id, Counter())[fate] += 1
    wrong = list(_differences(found.run.played, by_lead))
    if not found.run.settled:
        wrong.append("not everything was settled in time")
    return checked(
        "Every conversion ends as planned", wrong, f"{len(found.receipts)} conversions, each with the outcome foretold"
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


def _sent_once(found: Evidence) -> Check:
    wrong = []
    delivered = found.delivered()
    for one in delivered:
        rows = found.rows(one)
        # Of one platform, in one account and under one name, most platforms count an event id once by themselves.
        once = len({row.scope for row in rows}) == 1 and (one.destination not in COUNT_REPEATS or len(rows) == 1)
        if not once:
            wrong.append(f"{one.event_id} stands {len(rows)} times in the ledger of {one.destination}")
    kept = f"{len(delivered)} accepted conversions, each in its platform's ledger exactly once"
    return checked("What counts as accepted is there, once", wrong or (["none"] if not delivered else []), kept)


def _nothing_unknown(found: Evidence) -> Check:
    known = {found.key(one) for one in found.receipts if one.state in DELIVERED}
    ledger = found.ledger
    wrong = [f"{key} of {destination} is not known" for destination, key in ledger.taken.keys() - known]
    if ledger.unkeyed:
        wrong.append(f"{ledger.unkeyed} events have no event id, or failed in processing")
    return checked("Nothing else was sent", wrong, f"{len(ledger.taken)} events in the ledger, the database knows all")


def _amounts(found: Evidence) -> Check:
    wrong, count = [], 0
    for one in found.receipts:
        # The demo's project counts in euros, which have a hundred cents.
        value = None if one.value_cents is None else one.value_cents / 100
        for row in found.rows(one):
            count += value is not None
            if (row.value, row.currency) != (value, None if value is None else "EUR"):
                wrong.append(f"{one.event_id} has {row.value} {row.currency} instead of {value} at {one.destination}")
    kept = f"{count} values in cents arrived in euros, none without a currency"
    return checked("Values arrive as rated", wrong, kept)


def _renewed(found: Evidence) -> Check:
    wrong = [] if found.run.renewed else ["the connection still has the one that was used"]
    kept = "good for one use each; the next one, which came with the answer, is stored"
    return checked("Microsoft's refresh tokens are kept up with", wrong, kept)
