"""The table: every lead, every platform, what became of it there. Narrow enough for any terminal, or in words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from leadtrackr.cli.demo.foretold import PLATFORMS
from leadtrackr.cli.demo.people import person
from leadtrackr.cli.demo.platforms import HEADS
from leadtrackr.cli.demo.play import Played
from leadtrackr.cli.demo.prose import packed
from leadtrackr.cli.demo.result import ACCEPTED, AGAIN, SIGNS, Result, Sign
from leadtrackr.cli.demo.script import Step, To

_NOTHING: Final = "·"
_DELIVERED: Final = (ACCEPTED, AGAIN)


class Form(msgspec.Struct, frozen=True):
    """How the table is written: what heads a platform's column, what stands in a cell and for a lead's ratings."""

    head: Callable[[str], str]
    cell: Callable[[Sequence[Sign]], str]
    rated: Callable[[Sequence[Step]], str]
    gap: str


def text(result: Result, names: Mapping[str, str], columns: int) -> str:
    """The legend and the table: in words where the terminal has so many columns, in single letters elsewhere."""
    wide = _table(result, WIDE)
    table = wide if max(map(len, wide)) <= columns else _table(result, NARROW)
    return "\n".join((*_legend(result, names, columns, shortened=table is not wide), "", *table))


def _legend(result: Result, names: Mapping[str, str], columns: int, *, shortened: bool) -> Iterator[str]:
    there = {result.sign(one) for one in result.evidence.receipts}
    # In a wide table words stand for what was not sent.
    signs = [f"{sign.letter} {sign.meaning}" for sign in SIGNS if sign in there and (shortened or sign in _DELIVERED)]
    yield packed([*signs, f"{_NOTHING} nothing to send"], columns, "  ")
    yield "  A deal brings Qualified along: two conversions, a sign for each."
    if shortened:
        yield packed([f"{NARROW.head(platform)} {names[platform]}" for platform in PLATFORMS], columns, "  ")


def _table(result: Result, form: Form) -> list[str]:
    """A block for each client program under a line with its name, in it a line for each kind of lead."""
    rows = [_row(result, form, one) for one in result.played]
    widths = [max(map(len, column)) for column in zip(*rows, list(map(form.head, PLATFORMS)), strict=True)]
    left = max(len(_left(form, one)) for one in result.played)
    lines: list[str] = []
    for program, ones in _by_program(result.played):
        heads = _line(program.ljust(left), map(form.head, PLATFORMS), widths, form.gap)
        lines += ["", heads, "-" * (left + sum(widths) + len(form.gap) * len(widths))]
        for kind, group in groupby(ones, key=_kind):
            lines.append(f"{_NOTHING} {kind}")
            lines += [_line(_left(form, one).ljust(left), _row(result, form, one), widths, form.gap) for one in group]
    return lines[1:]


def _by_program(played: Sequence[Played]) -> Iterator[tuple[str, list[Played]]]:
    """The leads of each client program, those of a kind together, by their numbers; the rest as in the play."""
    blocks: dict[str, dict[str, list[Played]]] = {}
    for one in played:
        program = " + ".join(client.name for client in one.scene.clients)
        blocks.setdefault(program, {}).setdefault(_kind(one), []).append(one)
    for program, kinds in blocks.items():
        yield program, [one for ones in kinds.values() for one in sorted(ones, key=lambda lead: lead.lead_id)]


def _kind(one: Played) -> str:
    situation = one.scene.situation
    return f"{situation.words}; consent {situation.consent}"


def _line(left: str, cells: Iterable[str], widths: Sequence[int], gap: str) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return gap.join((left, *padded)).rstrip()


def _left(form: Form, one: Played) -> str:
    return f"{one.lead_id:>3} {person(one.scene.number).country_code} {form.rated(one.scene.steps)}"


def _row(result: Result, form: Form, one: Played) -> tuple[str, ...]:
    cells = result.of_lead(one.lead_id)
    return tuple(form.cell([result.sign(found) for found in cells[platform]]) for platform in PLATFORMS)


def _letters(signs: Sequence[Sign]) -> str:
    """A letter for each conversion; one for all when none was sent, and for the same reason."""
    if _all_left_out(signs):
        return signs[0].letter
    return "".join(sign.letter for sign in signs) or _NOTHING


def _words(signs: Sequence[Sign]) -> str:
    """The same, with a word for what was not sent."""
    if _all_left_out(signs):
        return signs[0].word
    sent = "".join(sign.letter for sign in signs if sign in _DELIVERED)
    return " ".join(filter(None, (sent, *(sign.word for sign in signs if sign not in _DELIVERED)))) or _NOTHING


def _all_left_out(signs: Sequence[Sign]) -> bool:
    return len(set(signs)) == 1 and signs[0] not in _DELIVERED


def _rated(steps: Sequence[Step]) -> str:
    return "→".join(map(_step, steps)) or "not rated"


def _rated_in_full(steps: Sequence[Step]) -> str:
    """With the price of the last rating."""
    words = " → ".join(map(_step, steps)) or "not rated"
    price = steps[-1].price if steps else None
    return words if price is None else f"{words} €{price / 100:,.0f}"


def _step(step: Step) -> str:
    return {To.DEAL: "Deal", To.LOST: "Lost"}.get(step.to, step.to.value)


NARROW: Final = Form(lambda platform: HEADS[platform][:3], _letters, _rated, " ")
WIDE: Final = Form(HEADS.__getitem__, _words, _rated_in_full, "  ")
