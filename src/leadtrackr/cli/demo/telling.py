"""What the demo shows at the end: one table, totals, what was skipped and why, the checks."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.cli.demo.checks import Check
from leadtrackr.cli.demo.people import person
from leadtrackr.cli.demo.play import Played, Run
from leadtrackr.cli.demo.script import Step, To
from leadtrackr.cli.demo.situations import PLATFORMS, SITUATIONS
from leadtrackr.cli.demo.stage import Stage
from leadtrackr.cli.output import table
from leadtrackr.conversions.model import State
from leadtrackr.conversions.receipts import Receipt
from leadtrackr.conversions.view import delivery

_NO_DETAIL: Final = frozenset({State.ACCEPTED, State.CONFIRMED})


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known at the end."""

    run: Run
    receipts: Sequence[Receipt]
    checks: Sequence[Check]
    failed_once: frozenset[str]
    """Event ids that a platform first answered with 500."""
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(check.ok for check in self.checks)

    def of_lead(self, lead_id: int) -> dict[str, list[Receipt]]:
        """A lead's deliveries by platform, oldest first."""
        found: dict[str, list[Receipt]] = {platform: [] for platform in PLATFORMS}
        for one in sorted(self.receipts, key=lambda receipt: receipt.id):
            if one.lead_id == lead_id:
                found[one.destination].append(one)
        return found


def text(result: Result, names: Mapping[str, str]) -> str:
    """The whole report for a person."""
    parts = [
        _title("What happened to each kind of lead"),
        _table(result, names),
        _notes(),
        _title(f"All {len(result.run.played)} leads"),
        _totals(result, names),
        _title("What was not sent, and why"),
        "\n".join(_reasons(result, names)),
        _title("Checked against the platforms' own ledger"),
        "\n".join(f"  {'ok    ' if one.ok else 'FAILED'} {one.promise}: {one.sentence}." for one in result.checks),
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
        "notSent": [
            {"destination": platform, "code": code, "count": count, "sentence": sentence, "nextStep": next_step}
            for (platform, code, sentence, next_step), count in _not_sent(result).items()
        ],
        "leads": [_lead_data(result, one) for one in result.run.played],
    }


def _title(words: str) -> str:
    return f"\n{words}\n{'=' * len(words)}"


def _table(result: Result, names: Mapping[str, str]) -> str:
    """Rows under a line for each kind of lead, narrow enough for most terminals."""
    groups = _chosen(result.run.played)
    heads = (
        "Lead",
        "From",
        "",
        "Rated as",
        *(names[platform].replace("Google Analytics 4", "GA4") for platform in PLATFORMS),
    )
    lines = iter(table(heads, [_row(result, one) for _, ones in groups for one in ones]).splitlines())
    shown = [next(lines), next(lines)]
    for words, ones in groups:
        shown += [f"· {words}", *(next(lines) for _ in ones)]
    return "\n".join(shown)


def _chosen(played: Sequence[Played]) -> list[tuple[str, list[Played]]]:
    """For each kind of lead a deal, then what happened only now and then."""
    groups: list[tuple[str, list[Played]]] = []
    for situation in SITUATIONS:
        rated = [one for one in played if one.scene.situation is situation and one.scene.steps]
        deals = [one for one in rated if one.scene.steps[-1].to == To.DEAL and one.scene.steps[-1].price]
        # Not the same client program and country in every row.
        one = deals[len(groups) % len(deals)]
        groups.append((f"{situation.words}; consent {situation.consent}", [one]))
    now_and_then = [next(one for one in played if wanted(one)) for wanted in _NOW_AND_THEN]
    return [*groups, ("now and then (all with ad click, e-mail, phone; consent granted)", now_and_then)]


_NOW_AND_THEN: Final[tuple[Callable[[Played], bool], ...]] = (
    lambda one: not one.scene.steps,
    lambda one: any(step.to == To.LOST for step in one.scene.steps),
    lambda one: len(one.scene.steps) > 1 and one.scene.steps[0].to == To.QUALIFIED,
    lambda one: len(one.posts) > 1,
    lambda one: one.scene.asked_twice,
    lambda one: any(step.to == To.DEAL and step.price is None for step in one.scene.steps),
    lambda one: len(one.scene.steps) > 1 and one.scene.steps[0].to == To.DEAL,
    lambda one: any(step.to == To.OPEN for step in one.scene.steps),
)


def _row(result: Result, one: Played) -> tuple[str, ...]:
    cells = result.of_lead(one.lead_id)
    return (
        str(one.lead_id),
        " + ".join(client.name for client in one.scene.clients),
        person(one.scene.number).country_code,
        _rated(one),
        *(_cell(result, cells[platform]) for platform in PLATFORMS),
    )


def _rated(one: Played) -> str:
    words = " → ".join(map(_step, one.scene.steps)) or "not rated"
    return f"{words} (again: 409)" if one.repeat is not None else words


def _step(step: Step) -> str:
    price = "" if step.price is None else f" €{step.price / 100:,.0f}"
    return {To.LOST: "Lost", To.OPEN: "open"}.get(step.to, step.to.value) + price


def _cell(result: Result, found: Sequence[Receipt]) -> str:
    """The outcomes of one lead on one platform, equal ones counted; a reason where it is the same for all."""
    if found and all(one.state == State.SKIPPED for one in found) and len({one.code for one in found}) == 1:
        return f"skipped: {_SHORT.get(found[0].code or '', found[0].code or '')}"
    states = Counter(one.state.value for one in found)
    star = "*" if any(one.event_id in result.failed_once for one in found) else ""
    words = ", ".join(state if count == 1 else f"{count} {state}" for state, count in states.items())
    return f"{words}{star}" or "-"


_SHORT: Final = {"missing_data": "no data", "consent_denied": "consent"}


def _notes() -> str:
    notes = (
        "* Meta answered 500 at first; it was left alone for a few seconds and the same event was sent again.",
        "A deal brings Qualified along, which comes before it: two conversions, unless Qualified was sent already.",
        "Lost has no event on any platform here, so nothing is sent for it.",
        "Accepted: the platform took it. GA4 answers the same to everything, so it cannot confirm more than that.",
        "Google Ads takes a click only when it is six hours old. The demo sets this wait to 0; elsewhere it is 6.",
    )
    return "\n" + "\n".join(f"  {note}" for note in notes)


def _states(result: Result, platform: str) -> Counter[str]:
    return Counter(one.state.value for one in result.receipts if one.destination == platform)


def _totals(result: Result, names: Mapping[str, str]) -> str:
    there = [state.value for state in State if any(one.state == state for one in result.receipts)]
    rows = [(names[platform], *(str(_states(result, platform)[state]) for state in there)) for platform in PLATFORMS]
    return table(("Conversions", *there), rows)


def _not_sent(result: Result) -> Counter[tuple[str, str, str, str]]:
    """Platform, code, sentence and next step of everything that was not accepted, with how often."""
    return Counter(
        (one.destination, one.code or one.state.value, _sentence(one), one.words.next_step)
        for platform in PLATFORMS
        for one in result.receipts
        if one.destination == platform and one.state not in _NO_DETAIL
    )


def _sentence(one: Receipt) -> str:
    """For a skipped one its own reason, which names what is missing."""
    return one.detail if one.state == State.SKIPPED and one.detail else one.words.sentence


def _reasons(result: Result, names: Mapping[str, str]) -> Iterator[str]:
    before = ""
    for (platform, _, sentence, next_step), count in _not_sent(result).items():
        if platform != before:
            yield names[platform]
            before = platform
        yield f"  {count:>3} x  {sentence}"
        if next_step:
            yield f"         {next_step}"


def _verdict(result: Result) -> str:
    if result.ok:
        return f"Everything that was promised happened, in {result.seconds:.1f} seconds."
    return f"NOT everything that was promised happened: {sum(not one.ok for one in result.checks)} checks failed."


def _lead_data(result: Result, one: Played) -> dict[str, object]:
    cells = result.of_lead(one.lead_id)
    return {
        "leadId": one.lead_id,
        "clients": [client.name for client in one.scene.clients],
        "country": person(one.scene.number).country,
        "brings": one.scene.situation.words,
        "consent": one.scene.situation.consent.value,
        "posts": [answer.status for answer in one.posts],
        "ratings": [
            {"as": step.to.value, "price": step.price, "status": answer.status}
            for step, answer in zip(one.scene.steps, one.ratings, strict=False)
        ],
        "refusedWhilePending": None if one.repeat is None else one.repeat.status,
        "platforms": {platform: [delivery(found) for found in cells[platform]] for platform in PLATFORMS},
    }
