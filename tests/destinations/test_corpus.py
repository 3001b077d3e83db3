"""What people really type, against what the platforms' rules and the numbering plans make of it."""

from collections import Counter

import pytest

from leadtrackr.conversions.audience import lead_data
from leadtrackr.destinations.normalise import NOT_HASHED, Rule
from leadtrackr.destinations.registry import DESTINATIONS, RULES
from leadtrackr.leads.intake import read
from leadtrackr.leads.model import Door, Intake
from tests.destinations.corpus import Phone, Text, countries, emails, names, phones
from tests.destinations.facts import FACTS
from tests.destinations.making import sha

DIGESTS = {slug: known.digests for slug, known in FACTS.items() if known.digests}
DIGEST = "0123456789abcdef" * 4
KINDS = ("email", "phone", "name", "country")
NUMBERS = list(phones())


def posted(user: dict[str, object], country: str | None = None) -> Intake:
    """A lead as it is stored."""
    body = {"userData": user, "attributionData": {"gclid": "x"}}
    return read(body, door=Door.SERVER, country=country, request_ip=None, request_user_agent=None)


def hashed(rule: Rule, text: str | None) -> str | None:
    """What the rule makes of a value that a lead may not have."""
    return None if text is None else rule(text)


def test_the_corpus_is_large_enough() -> None:
    assert len(NUMBERS) >= 500
    told = {one.project or one.own for one in NUMBERS if one.e164} - {None}
    assert len(told) >= 40
    assert sum(one.e164 is None for one in NUMBERS) >= 40
    assert len(list(emails())) >= 90
    assert len(list(names())) >= 40


def test_nothing_in_the_corpus_is_said_twice() -> None:
    seen = Counter((one.typed, one.project, one.own) for one in NUMBERS)
    assert [what for what, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: f"{one.project or ''}>{one.own or ''} {one.typed!a}")
def test_phone_numbers(one: Phone) -> None:
    stored = posted({"phone": one.typed, "country": one.own}, one.project)
    assert stored.phone_e164 == one.e164
    if one.e164 is None:
        return
    for slug, rules in RULES.items():
        form = DIGESTS[slug].phone
        expected = one.e164 if form == "+" else one.e164[1:]
        assert rules.phone(one.e164) == (sha(expected) if form else None), slug


@pytest.mark.parametrize("one", list(emails()), ids=lambda one: ascii(one.typed))
def test_email_addresses(one: Text) -> None:
    key = posted({"email": one.typed}).email_key
    assert key == one.columns[0]
    for slug, digests in DIGESTS.items():
        expected = None if digests.email is None else one.columns[digests.email]
        assert hashed(RULES[slug].email, key) == (None if expected is None else sha(expected)), slug


@pytest.mark.parametrize("one", list(names()), ids=lambda one: ascii(one.typed))
def test_names(one: Text) -> None:
    stored = posted({"firstName": one.typed, "lastName": one.typed})
    assert stored.first_name == stored.last_name == one.typed.strip()
    for slug, rules in RULES.items():
        column = DIGESTS[slug].name
        expected = None if column is None else one.columns[column]
        assert rules.name(one.typed.strip()) == (None if expected is None else sha(expected)), slug


@pytest.mark.parametrize(("typed", "country"), list(countries()), ids=ascii)
def test_countries(typed: str, country: str | None) -> None:
    told: list[dict[str, object]] = [{"country": typed}, {"countryCode": typed}, {"address": {"country": typed}}]
    for user in told:
        assert posted({"firstName": "x", **user}).country == country
    for slug, rules in RULES.items():
        expected = sha(country.lower()) if country and DIGESTS[slug].country else None
        assert hashed(rules.country, country) == expected, slug


@pytest.mark.parametrize(("project", "own", "sent"), [("NL", "DE", "DE"), ("NL", None, "NL"), (None, "DE", "DE")])
def test_a_lead_lives_where_it_says_and_else_where_the_project_is(
    project: str | None, own: str | None, sent: str
) -> None:
    stored = posted({"firstName": "x", "country": own}, project)
    assert lead_data(stored, lead_id=1, created_at=1, country=project).country == sent


@pytest.mark.parametrize("slug", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_digests_are_recognised_only_where_the_platform_says_so(slug: str, kind: str) -> None:
    rule: Rule = getattr(RULES[slug], kind)
    taken = kind in DIGESTS[slug].kept
    assert rule.keeps_digests == taken
    if rule is not NOT_HASHED and kind != "phone":
        assert rule(DIGEST) == (DIGEST if taken else sha(DIGEST))
        assert rule(DIGEST.upper()) == (DIGEST if taken else sha(DIGEST))


def test_every_rule_is_in_the_test_data_and_no_other() -> None:
    assert DIGESTS.keys() == RULES.keys()
    for slug, rules in RULES.items():
        told = DIGESTS[slug]
        there = (told.email is not None, told.phone is not None, told.name is not None, told.country)
        assert there == tuple(getattr(rules, kind) is not NOT_HASHED for kind in KINDS), slug


def test_those_that_hash_are_known() -> None:
    """A platform that hashes nothing (a webhook) needs no rules."""
    assert {"google_ads", "ga4", "meta"} <= set(RULES) < set(DESTINATIONS)
