"""What was not sent and why, what was refused, what went wrong, and what “accepted” means: in words, grouped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from leadtrackr.cli.demo import trouble
from leadtrackr.cli.demo.foretold import PLATFORMS
from leadtrackr.cli.demo.prose import listed, wrapped
from leadtrackr.cli.demo.result import Result
from leadtrackr.conversions.model import DELIVERED, State
from leadtrackr.conversions.receipts import Receipt, words_of

Groups = dict[str, dict[str, list[Receipt]]]
"""By next step, then by sentence."""


def left_out(result: Result, names: Mapping[str, str], columns: int) -> Iterator[str]:
    """Reason by reason what never reached a platform, and of how many leads."""
    by_reason: dict[str, list[Receipt]] = {}
    for one in result.evidence.receipts:
        if one.state not in DELIVERED and one.state != State.REJECTED:
            by_reason.setdefault(result.sign(one).meaning, []).append(one)
    for meaning, ones in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        yield f"  {meaning[0].upper()}{meaning[1:]}: {_many(len(ones), 'conversion')}"
        yield from _told(_grouped(ones, sentence), names, columns, _leads)


def accepted(result: Result, names: Mapping[str, str], columns: int) -> Iterator[str]:
    """What each platform's yes is worth, and whether it is asked again."""
    yield from _told(_grouped(result.evidence.delivered(), sentence), names, columns, _conversions)


def mishaps(result: Result, names: Mapping[str, str], columns: int) -> Iterator[str]:
    """What went wrong on purpose, how it ended and what to do."""
    for platform, status, code in (("meta", 500, "server_error"), ("reddit", 429, "rate_limited")):
        said = words_of(platform, code)
        ids = {event_id for call in result.evidence.ledger.failed(platform, status) for event_id in call.event_ids}
        alone = trouble.pause_s(result.evidence, platform, status) or 0
        text = (
            f"{names[platform]} answered {status} to a request of {_many(len(ids), 'conversion')}: {said.sentence} It "
            f"was left alone for {alone:.1f} s; then they were sent again under the same event ids. {said.next_step}"
        )
        yield wrapped(text, columns, "    ", "  -")
    refused: dict[tuple[str, str | None], list[Receipt]] = {}
    for one in result.evidence.receipts:
        if one.state == State.REJECTED:
            refused.setdefault((one.destination, one.code), []).append(one)
    for ones in refused.values():
        yield wrapped(_refusal(ones, names), columns, "    ", "  -")


def _refusal(ones: Sequence[Receipt], names: Mapping[str, str]) -> str:
    one = ones[0]
    more = f" and {len(ones) - 1} more" if len(ones) > 1 else ""
    which = f"“{one.label}” of lead {one.lead_id}{more}"
    said = f" Its words: “{one.detail}”" if one.detail else ""
    return f"{names[one.destination]} did not take {which}: {one.words.sentence} {one.words.next_step}{said}"


def sentence(one: Receipt) -> str:
    """Why; for a skipped one its own reason, which names what is missing."""
    return one.detail if one.state == State.SKIPPED and one.detail else one.words.sentence


def _grouped(ones: Sequence[Receipt], why: Callable[[Receipt], str]) -> Groups:
    groups: Groups = {}
    for one in sorted(ones, key=lambda receipt: PLATFORMS.index(receipt.destination)):
        groups.setdefault(one.words.next_step, {}).setdefault(why(one), []).append(one)
    return groups


def _told(
    groups: Groups, names: Mapping[str, str], columns: int, count: Callable[[Sequence[Receipt]], str]
) -> Iterator[str]:
    for next_step, sentences in groups.items():
        for words, ones in sentences.items():
            yield wrapped(f"{_who(ones, names, count)}: {words}", columns, "      ", "    -")
        yield wrapped(next_step, columns, "      ", "    →")


def _who(ones: Sequence[Receipt], names: Mapping[str, str], count: Callable[[Sequence[Receipt]], str]) -> str:
    """The platforms with their counts, those of the same count together."""
    by_count: dict[str, list[str]] = {}
    for platform, found in groupby(ones, key=lambda one: one.destination):
        by_count.setdefault(count(list(found)), []).append(names[platform])
    told = (f"{listed(who)} ({many}{' each' if len(who) > 1 else ''})" for many, who in by_count.items())
    return "; ".join(told)


def _leads(ones: Sequence[Receipt]) -> str:
    return _many(len({one.lead_id for one in ones}), "lead")


def _conversions(ones: Sequence[Receipt]) -> str:
    return _many(len(ones), "conversion")


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
