"""The receipt: every state and every code is told in words, with what to do next."""

import pytest

from leadtrackr.conversions.model import State
from leadtrackr.conversions.outcomes import OWN_CODES, RETRIES_OVER, WINDOW_CLOSED, entry
from leadtrackr.dashboard.receipt import NOTHING, SHOWN_TRIES, STANDINGS
from leadtrackr.destinations.contract import Code, Kind
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.labels.model import Label
from tests.dashboard.site import Element, Site

STATE_OF = {
    Kind.ACCEPTED: State.ACCEPTED,
    Kind.CONFIRMED: State.CONFIRMED,
    Kind.REJECTED: State.REJECTED,
    Kind.RETRY: State.WAITING,
    Kind.HOLD: State.HELD,
    Kind.UNKNOWN: State.WAITING,
}
REQUEST = '{"event_name":"Lead","user_data":{"em":["' + "ab" * 32 + '"],"client_ip_address":"***"},"value":1250.00}'


def _lines(site: Site, lead: int) -> list[Element]:
    return site.member().page(f"{site.leads}/{lead}").all("article", "delivery")


def _rated(site: Site, slug: str) -> tuple[int, int]:
    site.connect(slug)
    lead = site.lead()
    return lead, site.rated(lead)


def _step(line: Element) -> str:
    return line.one("p", "next").text.removeprefix("Next step: ").removesuffix(" More about this")


def _sentence(text: str) -> bool:
    return len(text.split()) >= 3 and text[0].isupper() and text.endswith(".") and "{" not in text


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_every_code_has_a_sentence_and_a_next_step(site: Site, slug: str) -> None:
    lead, job = _rated(site, slug)
    codes: dict[str, Code] = {**DESTINATIONS[slug].codes, **OWN_CODES}
    for code, row in codes.items():
        site.delivery(job, lead, slug, STATE_OF[row.kind], code)
    lines = _lines(site, lead)
    assert len(lines) == len(codes)
    for (code, row), line in zip(codes.items(), lines, strict=True):
        what, step = line.one("p", "what").text, _step(line)
        assert (what, step) == (row.sentence, row.next_step or NOTHING), code
        assert _sentence(what), what
        assert _sentence(step), step
        known = entry(slug, code)
        assert known
        rel = {"rel": "noreferrer"} if known.is_elsewhere else {}
        assert line.one("p", "next").one("a").attributes == {"class": "more", "href": known.link, **rel}


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word_and_a_sentence(site: Site, state: State) -> None:
    lead, job = _rated(site, "meta")
    site.delivery(job, lead, "meta", state)
    (line,) = _lines(site, lead)
    assert line.one("h4").text == f"Meta {STANDINGS[state].word}"
    assert _sentence(line.one("p", "what").text)
    assert _sentence(line.one("p", "next").text)
    assert line.one("p", "next").all("a") == [], "without a code there is nothing to read"


def test_many_lines_have_an_overview_that_leads_to_them(site: Site) -> None:
    lead, job = _rated(site, "meta")
    states = [State.ACCEPTED, State.ACCEPTED, State.REJECTED, State.SKIPPED]
    ids = [site.delivery(job, lead, "meta", state) for state in states]
    page = site.member().page(f"{site.leads}/{lead}")
    assert page.all("ul", "platforms") == [], "few lines are seen at once"
    site.connect("tiktok")
    ids.append(site.delivery(job, lead, "tiktok", State.ACCEPTED))
    overview = site.member().page(f"{site.leads}/{lead}").one("ul", "platforms")
    assert [line.text for line in overview.all("li")] == ["Rejected Meta", "Accepted Meta , TikTok", "Not sent Meta"]
    links = [link.attributes["href"] for link in overview.all("a")]
    assert links == [f"#delivery-{ids[place]}" for place in (2, 0, 4, 3)]


def test_a_code_that_nobody_knows_is_told_with_the_platforms_words(site: Site) -> None:
    lead, job = _rated(site, "meta")
    site.delivery(job, lead, "meta", State.REJECTED, "4711", detail="Brand new trouble")
    (line,) = _lines(site, lead)
    assert line.one("p", "words").text == "Meta says: Brand new trouble"
    assert line.one("p", "what").text.startswith("Meta answered with the code 4711, which")
    assert "report the code" in line.one("p", "next").text
    assert line.one("p", "next").all("a") == []


@pytest.mark.parametrize("code", [RETRIES_OVER, WINDOW_CLOSED])
def test_what_ended_too_late_keeps_the_last_answer_in_words(site: Site, code: str) -> None:
    lead, job = _rated(site, "meta")
    site.delivery(job, lead, "meta", State.EXPIRED, code, detail="server_error: HTTP 503")
    (line,) = _lines(site, lead)
    said = DESTINATIONS["meta"].codes["server_error"].sentence
    assert line.one("p", "words").text == f"The last answer: {said} HTTP 503"


def test_one_line_tells_when_what_and_under_which_id(site: Site) -> None:
    lead, job = _rated(site, "meta")
    site.delivery(
        job, lead, "meta", State.WAITING, "too_recent", value_cents=125_000, currency="EUR", event_id=f"lt-{site.id}"
    )
    (line,) = _lines(site, lead)
    names = [name.text for name in line.all("dt")]
    facts = dict(zip(names, (value.text for value in line.all("dd")), strict=True))
    assert facts == {
        "Next try": "21 Sep 2026, 14:18 UTC",
        "Can be sent until": "28 Sep 2026, 14:13 UTC",
        "Conversion time": "21 Sep 2026, 14:13 UTC",
        "Value": "1,250.00 EUR",
        "Account": "1234567890",
        "Event name": "987654321",
        "Event id": f"lt-{site.id}",
    }
    assert line.all("time")[0].attributes["datetime"] == "2026-09-21T14:18:20.000Z"


@pytest.mark.parametrize(
    ("cents", "currency", "shown"),
    [
        (5000, "EUR", "50.00 EUR"),
        (5000, "JPY", "5,000 JPY"),
        (5000, "KWD", "5.000 KWD"),
        (0, "EUR", "0.00 EUR"),
        (None, None, "None"),
    ],
)
def test_money_is_in_the_currencys_own_units(site: Site, cents: int | None, currency: str | None, shown: str) -> None:
    lead, job = _rated(site, "ga4")
    site.delivery(job, lead, "ga4", State.QUEUED, value_cents=cents, currency=currency)
    assert shown in [value.text for value in _lines(site, lead)[0].all("dd")]


def test_an_attempt_whose_worker_died_does_not_say_that_nothing_was_sent(site: Site) -> None:
    lead, job = _rated(site, "meta")
    delivery = site.delivery(job, lead, "meta", State.QUEUED, "taken_over")
    site.attempt(delivery, 1, "unknown", "taken_over", http_status=None)
    (attempt,) = _lines(site, lead)[0].one("ol", "tries").all("li")
    assert "whether it was sent is not known" in attempt.text
    assert "If something was sent in this attempt, the worker had no time to write it down." in attempt.text
    assert "Nothing was sent" not in attempt.text


def test_an_attempt_tells_how_often_its_platform_was_asked(site: Site) -> None:
    lead, job = _rated(site, "google_ads")
    delivery = site.delivery(job, lead, "google_ads", State.ACCEPTED, "ok")
    site.attempt(delivery, 1, "accepted", "ok", request=REQUEST, reference="r-1")
    site.inquiry("google_ads", "r-1", delivery, times=2)
    (attempt,) = _lines(site, lead)[0].one("ol", "tries").all("li")
    assert "Google Ads was asked 2 times what became of it, next at 21 Sep 2026, 14:43" in attempt.text


def test_attempts_are_told_one_by_one_with_what_was_sent(site: Site) -> None:
    lead, job = _rated(site, "meta")
    delivery = site.delivery(job, lead, "meta", State.ACCEPTED, "ok")
    site.attempt(delivery, 1, "unknown", "timeout", detail="no answer in 30 s", http_status=None)
    site.attempt(delivery, 2, "accepted", "ok", request=REQUEST, reference="trace-9")
    (line,) = _lines(site, lead)
    first, second = line.one("ol", "tries").all("li")
    assert line.all("summary")[0].text == "2 attempts"
    assert first.one("h5").text == "Attempt 1 Not known 21 Sep 2026, 14:14:20 UTC , took 0.25 s"
    assert "No HTTP answer" in first.text
    assert "Nothing was sent in this attempt." in first.text
    assert second.one("p", "what").text == DESTINATIONS["meta"].codes["ok"].sentence
    assert "HTTP status 200 from https://graph.facebook.com/v25.0/123/events" in second.text
    assert "trace-9" in second.text
    request = second.one("pre").text
    assert "ab" * 32 in request
    assert '"client_ip_address": "***"' in request
    assert '"value": 1250.00' in request, "digit for digit"


def test_of_very_many_attempts_the_newest_are_shown(site: Site) -> None:
    lead, job = _rated(site, "meta")
    delivery = site.delivery(job, lead, "meta", State.WAITING, "server_error")
    for number in range(1, SHOWN_TRIES + 6):
        site.attempt(delivery, number, "retry", "server_error", http_status=503)
    (line,) = _lines(site, lead)
    assert line.all("summary")[0].text == f"{SHOWN_TRIES + 5} attempts"
    tries = [item.one("h5").text for item in line.one("ol", "tries").all("li")]
    assert len(tries) == SHOWN_TRIES
    assert tries[-1].startswith(f"Attempt {SHOWN_TRIES + 5} ")


def test_ratings_stand_newest_first_and_name_the_labels_before(site: Site) -> None:
    site.connect("meta", "ga4")
    qualified: Label = site.label("Qualified")
    lead = site.lead()
    early, late = site.rated(lead, qualified), site.rated(lead)
    site.delivery(early, lead, "ga4", State.ACCEPTED, "ok", label_id=qualified.id)
    site.delivery(late, lead, "meta", State.ACCEPTED, "ok", label_id=qualified.id)
    site.delivery(late, lead, "meta", State.QUEUED)
    page = site.member().page(f"{site.leads}/{lead}")
    groups = page.all("section", "group")
    assert [group.one("h3").text.split(" 21 ")[0] for group in groups] == ["Rated as Deal signed", "Rated as Qualified"]
    assert [line.one("h4").text for line in groups[0].all("article")] == [
        "Meta for the earlier label Qualified Accepted",
        "Meta Queued",
    ]


def test_a_rating_that_sends_nothing_says_why(site: Site) -> None:
    lead = site.lead()
    site.rated(lead)
    group = site.member().page(f"{site.leads}/{lead}").one("section", "group")
    assert "the label Deal signed has no event on a connected platform" in group.text
    assert "Next step:" in group.text


def test_a_lead_that_was_never_rated_says_what_will_be_here(site: Site) -> None:
    page = site.member().page(f"{site.leads}/{site.lead()}")
    assert "Nothing sent yet: this lead is not rated" in page.text


def test_what_is_taken_back_stands_under_the_change_that_did_it(site: Site) -> None:
    lead, job = _rated(site, "google_ads")
    site.connect("meta")
    of = {slug: site.delivery(job, lead, slug, State.ACCEPTED, "ok") for slug in ("google_ads", "meta")}
    change = site.rated(lead, to_open=True)
    again = {"kind": "retraction", "takes_back": of["google_ads"], "sent_as": "lt-first"}
    site.delivery(change, lead, "google_ads", State.ACCEPTED, "ok", **again, value_cents=0, currency="EUR")
    site.delivery(change, lead, "meta", State.SKIPPED, "cannot_take_back", **{**again, "takes_back": of["meta"]})
    page = site.member().page(f"{site.leads}/{lead}")
    group = page.all("section", "group")[0]
    assert group.one("h3").text.startswith("Set to open")
    google, meta = group.all("article", "delivery")
    assert google.one("h4").text == f"Google Ads taking back the conversion for {site.won.name} Accepted"
    assert google.one("p", "what").text.startswith("This takes the conversion back: its value is sent again as 0. ")
    assert "lt-first" in google.text
    assert meta.one("p", "what").text.endswith("this platform cannot take a conversion back: it stays counted.")
    assert meta.one("p", "next").text.startswith("Next step: Nothing to do here. Correct it on the platform by hand")
