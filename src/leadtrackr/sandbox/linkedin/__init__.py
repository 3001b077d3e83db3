"""LinkedIn's Conversions API: `POST /linkedin/rest/conversionEvents`, one event or, with `X-RestLi-Method:
BATCH_CREATE`, up to 5,000; `GET /linkedin/rest/conversions?q=account`, the rules of an ad account; `GET
/linkedin/rest/adAccounts?q=search`, the ad accounts of the token's member.

One invalid event refuses them all, and the words say which. Source: LinkedIn's pages on the Conversions API and its
versions, and answers measured at the real endpoint, odd ones included: 403 for an unknown rule, one 422 for every
fault, 201 for values that mean nothing. Not verified, hence a setting or only a flag: statuses other than 201 inside
a 200, whether a hashed IP address alone is enough, the words for an event that names nobody, how a token that has ended
is refused, versions after 202609.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.linkedin import ad_accounts as account_search
from leadtrackr.sandbox.linkedin import rule_book
from leadtrackr.sandbox.linkedin.rules import RULE_URN, check_shape, identifies, look_over
from leadtrackr.sandbox.world import GIVEN_OUT, MICROS, World

MAX_EVENTS: Final = 5_000
_DAY_MS: Final = 86_400_000
_MILLI: Final = 1_000
_SENDING: Final = frozenset({"rw_conversions"})
ENDS: Final = {
    "202601": "2027-01-15",
    "202602": "2027-02-15",
    "202603": "2027-03-16",
    "202604": "2027-04-15",
    "202605": "2027-05-15",
    "202606": "2027-06-15",
    "202607": "2027-07-15",
    "202608": "2027-08-17",
    "202609": "2027-09-15",
}
"""Version → the day on which it is retired. There is no 202512, and earlier ones are gone."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens, revoked_tokens   tokens that are refused; so are those that start with `bad-`, `revoked-`
    rules                        known conversion rules; empty: any number is known
    unknown_rules                rules that are not known, or of another account: 403
    wrong_method_rules           rules that are not for the Conversions API: 400
    deleted_rules                rules that are deleted or disabled: 400
    no_access                    ad accounts whose rules the token may not list: 403
    ad_accounts                  what the token's member reaches: id, name, currency, status, test
    retired_versions             versions that are refused with 426 besides those whose day has come
    max_age_days                 days that an event may lie back
    future_s                     how far ahead of the clock an event may be
    hashed_ip_is_enough          whether the digest of an IP address alone identifies somebody
    element_statuses             event id → the status that it gets inside a batch answered with 200
    """

    bad_tokens: frozenset[str] = frozenset()
    revoked_tokens: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    unknown_rules: frozenset[str] = frozenset()
    wrong_method_rules: frozenset[str] = frozenset()
    deleted_rules: frozenset[str] = frozenset()
    no_access: frozenset[str] = frozenset()
    ad_accounts: tuple[account_search.AdAccount, ...] = (
        account_search.AdAccount(512345678),
        account_search.AdAccount(512345679, name="Sandbox Florist", currency="USD"),
    )
    retired_versions: frozenset[str] = frozenset()
    max_age_days: Annotated[float, msgspec.Meta(ge=0)] = 90
    future_s: Annotated[float, msgspec.Meta(ge=0)] = 0
    hashed_ip_is_enough: bool = False
    element_statuses: dict[str, Annotated[int, msgspec.Meta(ge=100, le=599)]] = {}


class RefusalError(Exception):
    """An answer other than success: HTTP status, message, and for some a code with its number."""

    def __init__(self, status: int, message: str, code: str = "", number: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.number = status, code, number


class LinkedIn(Platform[Settings]):
    """The Conversions API and the rule book."""

    slug = "linkedin"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._book = rule_book.RuleBook()

    def forget(self) -> None:
        """The rules that were made go as well."""
        self._book = rule_book.RuleBook()

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except RefusalError as refusal:
            return _refuse(refusal, flags)

    def failure(self, status: int) -> Answer:
        """An error in the API's usual form."""
        known = {401: ("INVALID_ACCESS_TOKEN", 65600), 403: ("ACCESS_DENIED", 100), 429: ("TOO_MANY_REQUESTS", 101)}
        code, number = known.get(status, ("INTERNAL_SERVER_ERROR" if status >= 500 else "", None))
        return _refuse(RefusalError(status, "The request failed.", code, number), [])

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        is_rules = call.path == rule_book.PATH and call.method in ("GET", "POST")
        is_accounts = (call.method, call.path) == ("GET", account_search.PATH)
        if not is_rules and not is_accounts and (call.method, call.path) != ("POST", "/rest/conversionEvents"):
            raise RefusalError(404, f"No virtual resource found for {call.method} {call.path}", "RESOURCE_NOT_FOUND")
        version = self._version(call, flags)
        self._check_token(call.bearer, account_search.RIGHTS if is_accounts else _SENDING)
        if call.headers.get("x-restli-protocol-version") != "2.0.0":
            flags.append(Flag("no_protocol_version", detail="X-Restli-Protocol-Version: 2.0.0 must be sent."))
        if is_accounts:
            return replace(account_search.answer(call, self.settings.ad_accounts), flags=tuple(flags))
        if is_rules:
            answer = self._book.answer(call, self.settings.no_access)
            return replace(answer, flags=(*flags, *answer.flags))
        if call.query:
            flags.append(Flag("unknown_query", detail="The endpoint has no query parameters."))
        return self._take(call, version, flags)

    def _version(self, call: Call, flags: list[Flag]) -> int:
        given = call.headers.get("linkedin-version")
        if given is None:
            raise RefusalError(400, "A version must be present. Please specify a version.", "VERSION_MISSING")
        today = datetime.fromtimestamp(call.at / MICROS, UTC).date().isoformat()
        is_known = given in ENDS or (len(given) == 6 and given.isascii() and given.isdigit() and given > max(ENDS))
        if not is_known or ENDS.get(given, "9999") <= today or given in self.settings.retired_versions:
            raise RefusalError(426, f"Requested version {given[:20]} is not active", "NONEXISTENT_VERSION")
        if given not in ENDS:
            flags.append(Flag("unknown_version", detail=f"{given} is newer than any known version."))
        return int(given)

    def _check_token(self, token: str | None, rights: frozenset[str]) -> None:
        """One given out at `/linkedin_oauth` has an end and rights; any other is a member's that may do all."""
        if token is None or token.startswith("bad-") or token in self.settings.bad_tokens:
            raise RefusalError(401, "Invalid access token", "INVALID_ACCESS_TOKEN", 65600)
        if token.startswith("revoked-") or token in self.settings.revoked_tokens:
            sentence = "The token used in the request has been revoked by the user"
            raise RefusalError(401, sentence, "REVOKED_ACCESS_TOKEN", 65601)
        self._check_given_out(token, rights)

    def _check_given_out(self, token: str, rights: frozenset[str]) -> None:
        if not token.startswith(GIVEN_OUT):
            return
        given = self.world.tokens.get(token)
        if given is None:
            raise RefusalError(401, "Invalid access token", "INVALID_ACCESS_TOKEN", 65600)
        if self.world.token(token) is None:
            raise RefusalError(401, "The token used in the request has expired", "EXPIRED_ACCESS_TOKEN", 65602)
        if not given.scopes & rights:
            raise RefusalError(403, "Not enough permissions to access the resource", "ACCESS_DENIED", 100)

    def _take(self, call: Call, version: int, flags: list[Flag]) -> Answer:
        is_batch = call.headers.get("x-restli-method", "").upper() == "BATCH_CREATE"
        events = _read(call, is_batch=is_batch)
        self._check_shapes(call, events, version, flags, is_batch=is_batch)
        self._check_rules(events)
        self._check_meaning(call, events)
        for place, event in enumerate(events):
            look_over(event, f"elements[{place}]" if is_batch else "", flags.append)
        statuses = [self.settings.element_statuses.get(event.get("eventId") or "", 201) for event in events]
        if not is_batch:
            statuses = [201]
        rows = [self._accept(event, place) for place, event in enumerate(events) if statuses[place] == 201]
        if not is_batch:
            return Answer(201, accepted=rows, flags=tuple(flags))
        return json_answer(200, {"elements": [_element(status) for status in statuses]}, accepted=rows, flags=flags)

    def _check_shapes(
        self, call: Call, events: Sequence[Any], version: int, flags: list[Flag], *, is_batch: bool
    ) -> None:
        """One 422 with every fault of every event."""
        lines: list[str] = []
        for place, event in enumerate(events):
            faults = [str(fault) for fault in check_shape(event, version)]
            flags += [Flag("invalid", f"elements[{place}]" if is_batch else "", fault) for fault in faults]
            if faults and is_batch:
                faults[0] = f"Index: {place}, {faults[0]}"
            lines += faults
        if lines:
            raise RefusalError(422, "\n".join(lines))
        for place, named in call.poisoned([event.get("eventId") for event in events]) if call.poisons else ():
            flags.append(Flag("rejected_by_fault", f"elements[{place}]"))
            fault = "ERROR :: /conversion :: A fault refuses this event."
            raise RefusalError(422, f"Index: {place}, {fault}" if named and is_batch else fault)

    def _check_rules(self, events: Sequence[dict[str, Any]]) -> None:
        known, unknown = self.settings.rules, self.settings.unknown_rules
        for rule in {_rule(event) for event in events}:
            if not (rule.isascii() and rule.isdigit()) or rule in unknown or (known and rule not in known):
                raise RefusalError(403, "No ad accounts found")

    def _check_meaning(self, call: Call, events: Sequence[dict[str, Any]]) -> None:
        """The checks that name events by their indices, one kind after the other."""
        now = call.at / _MILLI
        oldest, newest = now - self.settings.max_age_days * _DAY_MS, now + self.settings.future_s * 1000
        hashed_ip = self.settings.hashed_ip_is_enough
        checks = (
            (
                "Conversion's method should be CONVERSIONS_API",
                lambda event: _rule(event) not in self.settings.wrong_method_rules,
            ),
            (
                "Conversion is marked as deleted. Conversion enabled should be true",
                lambda event: _rule(event) not in self.settings.deleted_rules,
            ),
            (
                "Conversion time should be within 90 days and not exceed current time",
                lambda event: oldest <= event["conversionHappenedAt"] <= newest,
            ),
            (
                "At least one user identifier should be given",
                lambda event: identifies(event["user"], hashed_ip=hashed_ip),
            ),
        )
        for sentence, is_right in checks:
            places = [place for place, event in enumerate(events) if not is_right(event)]
            if places:
                raise RefusalError(400, f"{sentence}, indices {places} (0-indexed).")

    def _accept(self, event: dict[str, Any], place: int) -> Accepted:
        money = event.get("conversionValue") or {}
        return Accepted(
            index=place,
            key=event.get("eventId") or None,
            scope=_rule(event),
            value=_number(money.get("amount")),
            currency=money.get("currencyCode"),
            event_at=event["conversionHappenedAt"] * _MILLI,
            event=event if self.world.ledger.bodies else None,
        )


def _read(call: Call, *, is_batch: bool) -> list[Any]:
    body = call.json
    if body is BROKEN or not isinstance(body, dict):
        raise RefusalError(400, "The body is not a JSON object.", "INVALID_BODY")
    if not is_batch:
        return [body]
    events = body.get("elements")
    if not isinstance(events, list) or set(body) != {"elements"} or not events:
        raise RefusalError(400, "A batch is an object with a list of elements alone.", "INVALID_BODY")
    if len(events) > MAX_EVENTS:
        raise RefusalError(400, f"At most {MAX_EVENTS} events are allowed in one request.")
    return events


def _rule(event: dict[str, Any]) -> str:
    return str(event["conversion"]).removeprefix(RULE_URN)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _element(status: int) -> dict[str, Any]:
    if status == 201:
        return {"status": status}
    return {"status": status, "error": {"status": status, "message": "The event was not created."}}


def _refuse(refusal: RefusalError, flags: list[Flag]) -> Answer:
    body: dict[str, Any] = {"message": str(refusal), "status": refusal.status}
    if refusal.code:
        body["code"] = refusal.code
    if refusal.number is not None:
        body["serviceErrorCode"] = refusal.number
    headers = {"X-Restli-Gateway-Error": "true"} if refusal.code == "VERSION_MISSING" else {}
    return json_answer(refusal.status, body, flags=flags, headers=headers)
