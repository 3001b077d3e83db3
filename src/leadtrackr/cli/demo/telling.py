"""What the demo shows at the end: the table, what was not sent and why, the checks, the totals."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from leadtrackr.cli.demo import matrix, reasons
from leadtrackr.cli.demo.evidence import Check
from leadtrackr.cli.demo.foretold import PLATFORMS
from leadtrackr.cli.demo.people import person
from leadtrackr.cli.demo.play import Played
from leadtrackr.cli.demo.prose import title, wrapped
from leadtrackr.cli.demo.result import SIGNS, Result
from leadtrackr.cli.demo.stage import Stage
from leadtrackr.cli.output import table
from leadtrackr.conversions.model import DELIVERED
from leadtrackr.conversions.view import delivery

ANY_TERMINAL: Final = 80
"""Columns, where nobody says how many there are, as in a pipe."""
_NOTES: Final = (
    "Lost has no event on any platform here, so nothing is sent for it.",
    (
        "Google Ads takes a click only when it is six hours old, and Microsoft asks for an hour. The demo sets these "
        "waits to 0; elsewhere they are kept."
    ),
    (
        "The two connections to Google go to two accounts, of which the older one may still use the legacy upload. "
        "Never connect both to one account: it would count each conversion twice."
    ),
    (
        "Google and Microsoft take hashed data only when that is switched on in the account. Here it is; at first each "
        "connection sends click ids alone."
    ),
    (
        "The webhook is signed, and its signature is checked. It takes any lead, and gets no personal data unless that "
        "is switched on."
    ),
    (
        "The first generation of each client passes on neither the page, which TikTok needs, nor the click ids of the "
        "newer networks."
    ),
)


def text(result: Result, names: Mapping[str, str]) -> str:
    """The whole report for a person."""
    columns = shutil.get_terminal_size((ANY_TERMINAL, 0)).columns
    parts = [
        title(f"What became of {len(result.played)} leads on {len(PLATFORMS)} platforms"),
        matrix.text(result, names, columns),
        "",
        *(wrapped(note, columns, "    ", "  -") for note in _NOTES),
        title("What was not sent, and why"),
        *reasons.left_out(result, names, columns),
        title("What went wrong on purpose, and how it ended"),
        *reasons.mishaps(result, names, columns),
        title("What “accepted” means"),
        *reasons.accepted(result, names, columns),
        title("Checked against the platforms' own ledger"),
        *(_checked(one, columns) for one in result.checks),
        title("All conversions"),
        _totals(result, names),
        "",
        _verdict(result),
    ]
    return "\n".join(parts)


def data(result: Result, stage: Stage) -> dict[str, object]:
    """Everything, for programs."""
    return {
        "ok": result.ok,
        "seconds": round(result.seconds, 1),
        "url": stage.url,
        "projectId": stage.project_id,
        "projectNumber": stage.project_number,
        "checks": result.checks,
        "totals": {platform: dict(_states(result, platform)) for platform in PLATFORMS},
        "notSent": list(_not_sent(result)),
        "leads": [_lead_data(result, one) for one in result.played],
    }


def _checked(one: Check, columns: int) -> str:
    return wrapped(f"{one.promise}: {one.sentence}.", columns, "         ", "  ok" if one.ok else "  FAILED")


def _states(result: Result, platform: str) -> Counter[str]:
    return Counter(one.state.value for one in result.evidence.receipts if one.destination == platform)


def _totals(result: Result, names: Mapping[str, str]) -> str:
    """How many conversions of each platform ended how."""
    counts = Counter((one.destination, result.sign(one).word) for one in result.evidence.receipts)
    words = list(dict.fromkeys(sign.word for sign in SIGNS))
    there = [word for word in words if any(counts[platform, word] for platform in PLATFORMS)]
    rows = [(names[platform], *(str(counts[platform, word]) for word in there)) for platform in PLATFORMS]
    sums = ("All", *(str(sum(counts[platform, word] for platform in PLATFORMS)) for word in there))
    return table(("Platform", *there), [*rows, sums])


def _not_sent(result: Result) -> Iterator[dict[str, object]]:
    """Platform, reason in words, how many conversions of how many leads."""
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for one in result.evidence.receipts:
        if one.state not in DELIVERED:
            key = (one.destination, one.code or one.state.value, reasons.sentence(one), one.words.next_step)
            groups.setdefault(key, []).append(one.lead_id)
    for (platform, code, sentence, next_step), leads in groups.items():
        yield {
            "destination": platform,
            "code": code,
            "count": len(leads),
            "leads": len(set(leads)),
            "sentence": sentence,
            "nextStep": next_step,
        }


def _verdict(result: Result) -> str:
    if result.ok:
        return f"Everything that was promised happened, in {result.seconds:.1f} seconds."
    failed = sum(not one.ok for one in result.checks)
    return f"NOT everything that was promised happened: {failed} check{'' if failed == 1 else 's'} failed."


def _lead_data(result: Result, one: Played) -> dict[str, object]:
    cells = result.of_lead(one.lead_id)
    return {
        "leadId": one.lead_id,
        "clients": [client.name for client in one.scene.clients],
        "country": person(one.scene.number).country,
        "brings": one.scene.situation.words,
        "consent": one.scene.situation.consent.value,
        "clickIds": sorted(one.ids),
        "posts": [answer.status for answer in one.posts],
        "ratings": [
            {"as": step.to.value, "price": step.price, "status": answer.status}
            for step, answer in zip(one.scene.steps, one.ratings, strict=False)
        ],
        "refusedWhilePending": None if one.repeat is None else one.repeat.status,
        "platforms": {platform: [delivery(found) for found in cells[platform]] for platform in PLATFORMS},
    }
