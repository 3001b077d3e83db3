"""`leadtrackr conversions plan`: what a rating would send, without sending it."""

from typing import Final

import click
import msgspec

from leadtrackr.cli.desk import Desk, at_desk
from leadtrackr.cli.naming import lead_options
from leadtrackr.cli.output import json_option, pairs, show
from leadtrackr.conversions import service, view
from leadtrackr.conversions.counting.rules import opening
from leadtrackr.conversions.model import DeliveryKind
from leadtrackr.conversions.preview import Cancel, Foreseen, Preview, preview
from leadtrackr.conversions.receipts import words_of
from leadtrackr.conversions.service import Post
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.conversions.validation import Validator
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Outcome
from leadtrackr.kit.clock import iso_millis
from leadtrackr.kit.http import HttpClient
from leadtrackr.leads.service import Ref

PENDING: Final = "The lead has a pending job: the rating itself would be refused until that has been processed."


class Seen(msgspec.Struct, frozen=True):
    """What was foreseen, and what each platform says to it; None where it was not asked."""

    foreseen: Foreseen
    previews: list[Preview]
    said: list[Outcome | None]
    opening: str | None
    """What becomes of a lead that would be open again; None for a label."""


@click.command("plan")
@click.argument("project")
@lead_options
@click.option("--label", required=True, metavar="CONVERSION_ID", help="The label's conversionId, `lost` or `open`.")
@click.option("--price", type=click.IntRange(0), help="In cents; without it the lead's own.")
@click.option("--validate", is_flag=True, help="Ask the platforms that can whether the event is right.")
@json_option
def plan(
    project: str,
    lead_id: int | None,
    identifier: str | None,
    email: str | None,
    phone: str | None,
    label: str,
    price: int | None,
    validate: bool,
    as_json: bool,
) -> None:
    """Show what rating a lead of PROJECT would send to each platform, or why nothing. Nothing is written or sent.

    With --validate each event is sent to its platform in the mode in which it is only looked at, where there is one:
    nothing counts there, and nothing is written here.
    """
    ref = Ref(lead_id=lead_id, unique_identifier=identifier, email=email, phone=phone)
    post = Post(ref=ref, conversion_id=label, price=price)
    seen = at_desk(lambda desk: _see(desk, project, post, validate=validate))
    data = view.foreseen(seen.foreseen, seen.previews)
    if validate:
        data["validations"] = view.validations(seen.previews, seen.said)
    show(data, _text(seen, validated=validate), as_json=as_json)


async def _see(desk: Desk, project: str, post: Post, *, validate: bool) -> Seen:
    foreseen = await service.foresee(desk.db, desk.ids, project, post)
    http = HttpClient(desk.settings.sandbox_url)
    try:
        previews = [preview(one, desk.box, http.address) for one in foreseen.prospects]
        tokens = Tokens(http, desk.clock, desk.db, desk.box)
        validator = Validator(http=http, tokens=tokens, box=desk.box, clock=desk.clock, ids=desk.ids)
        said: list[Outcome | None] = [None] * len(previews)
        if validate:
            said = await validator.everything(foreseen.prospects)
    finally:
        await http.close()
    return Seen(foreseen, previews, said, opening(foreseen, desk.box) if foreseen.label is None else None)


def _text(seen: Seen, *, validated: bool) -> str:
    head = [PENDING] if seen.foreseen.pending else []
    if seen.opening is not None:
        head.append(seen.opening)
    parts = [_one(one, said, validated=validated) for one, said in zip(seen.previews, seen.said, strict=True)]
    if seen.foreseen.label is not None and not parts:
        parts = ["Nothing would be sent: the label has no event on any connected platform."]
    return "\n\n".join([*head, *parts, *map(_cancel, seen.foreseen.cancels)])


def _cancel(one: Cancel) -> str:
    destination = registry.DESTINATIONS.get(one.destination)
    rows = {
        "Label": one.label,
        "Would be": f"cancelled, delivery {one.id}",
        "In words": one.words.sentence,
        "What to do": one.words.next_step or None,
    }
    return f"{one.destination if destination is None else destination.name}\n{pairs(rows)}"


def _one(one: Preview, said: Outcome | None, *, validated: bool) -> str:
    planned, request = one.prospect.planned, one.request
    rows: dict[str, object] = {
        "Label": one.prospect.label,
        "Event": f"{planned.action}, account {planned.account}",
        "Takes back": f"delivery {planned.takes_back}" if planned.kind == DeliveryKind.RETRACTION else None,
        "Restates": f"delivery {planned.takes_back}" if planned.kind == DeliveryKind.RESTATEMENT else None,
        "Would be": one.state.value,
        "In words": one.words.sentence,
        "Detail": planned.detail,
        "What to do": one.words.next_step or None,
        "Sent at": iso_millis(planned.run_at) if one.prospect.would_be_sent else None,
        "Closes": iso_millis(planned.closes_at),
        "To": None if request is None else f"{request.method} {request.url}",
        "Headers": None
        if request is None
        else "; ".join(f"{name}: {value}" for name, value in request.headers.items()),
        "Body": None if request is None else request.body,
    }
    if validated:
        rows |= _said_rows(one, said)
    return f"{registry.get(planned.destination).name}\n{pairs(rows)}"


def _said_rows(one: Preview, said: Outcome | None) -> dict[str, object]:
    if said is None:
        return {"Validation": view.NO_MODE if one.prospect.would_be_sent else None}
    words = words_of(one.prospect.planned.destination, said.code)
    return {"Validation": words.sentence, "It said": said.detail or None, "Then": words.next_step or None}
