"""LinkedIn's conversion rules: `GET /rest/conversions?q=account` and `POST /rest/conversions`.

Source: the Conversions API's pages and schema; the form of refusals as measured at `conversionEvents`. Not verified:
whether two rules may have one name (here they may), how an empty name is refused, which types there are beside the
documented ones (here any word in capitals).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.sandbox.contract import BROKEN, Answer, Call, Flag, json_answer
from leadtrackr.sandbox.words import words

PATH: Final = "/rest/conversions"
WINDOWS: Final = frozenset({1, 7, 30, 90})
LONG_TYPES: Final = words("SUBMIT_APPLICATION PURCHASE ADD_TO_CART QUALIFIED_LEAD LEAD")
MOST: Final = 100
_ACCOUNT: Final = re.compile(r"urn:li:sponsoredAccount:(\d+)").fullmatch
_TYPE: Final = re.compile(r"[A-Z][A-Z_]+").fullmatch
_REQUIRED: Final = ("account", "name", "conversionMethod", "type")
_FIELDS: Final = words(
    "account name conversionMethod type enabled postClickAttributionWindowSize viewThroughAttributionWindowSize "
    "attributionType valueType value campaigns"
)
_ASSOCIATION: Final = words("ALL_CAMPAIGNS OBJECTIVE_BASED NONE")
_FIRST: Final = 104_000_001


class RuleError(Exception):
    """A refusal: HTTP status, code and words."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(slots=True)
class RuleBook:
    """The rules that were made here, by ad account. Version and token are looked at before."""

    rules: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, call: Call, no_access: frozenset[str] = frozenset()) -> Answer:
        """Lists or makes; `no_access` are ad accounts out of the token's reach."""
        try:
            if call.method == "GET":
                return self._list(call.query, no_access)
            return self._create(call, no_access)
        except RuleError as error:
            body = {"message": str(error), "status": error.status, **({"code": error.code} if error.code else {})}
            return json_answer(error.status, body, flags=[Flag(error.code or str(error.status), detail=str(error))])

    def _list(self, query: Mapping[str, str], no_access: frozenset[str]) -> Answer:
        if query.get("q") != "account":
            raise RuleError(400, "Finder must be q=account.", "ILLEGAL_ARGUMENT")
        account = _account(query.get("account", ""), no_access)
        start, count = query.get("start", "0"), query.get("count", "10")
        if not start.isdigit() or not count.isdigit() or not 1 <= int(count) <= MOST:
            raise RuleError(400, "Invalid paging parameters.", "ILLEGAL_ARGUMENT")
        rules = [rule for rule in self.rules if rule["account"] == account]
        end = int(start) + int(count)
        links = [{"rel": "next", "type": "application/json", "href": PATH}] if end < len(rules) else []
        paging = {"start": int(start), "count": int(count), "total": len(rules), "links": links}
        return json_answer(200, {"paging": paging, "elements": rules[int(start) : end]})

    def _create(self, call: Call, no_access: frozenset[str]) -> Answer:
        body = call.json
        if body is BROKEN or not isinstance(body, dict):
            raise RuleError(400, "The body is not a JSON object.", "INVALID_REQUEST_BODY")
        if call.query.get("autoAssociationType", "NONE") not in _ASSOCIATION:
            raise RuleError(400, "Unknown autoAssociationType.", "ILLEGAL_ARGUMENT")
        if faults := _faults(body):
            raise RuleError(422, "\n".join(faults))
        account = _account(body["account"], no_access)
        rule = {
            "enabled": True,
            "postClickAttributionWindowSize": 30,
            "viewThroughAttributionWindowSize": 7,
            "attributionType": "LAST_TOUCH_BY_CAMPAIGN",
            **body,
            "account": account,
            "id": _FIRST + len(self.rules),
            "created": call.at // 1000,
            "lastModified": call.at // 1000,
            "campaigns": [],
        }
        self.rules.append(rule)
        return json_answer(201, rule, headers={"x-restli-id": str(rule["id"]), "x-linkedin-id": str(rule["id"])})


def _account(urn: str, no_access: frozenset[str]) -> str:
    found = _ACCOUNT(urn)
    if found is None:
        raise RuleError(400, f"Invalid urn for the account: {urn[:60]}", "ILLEGAL_ARGUMENT")
    if found[1] in no_access:
        raise RuleError(403, "Not enough permissions to access the ad account.", "ACCESS_DENIED")
    return urn


def _faults(body: dict[str, Any]) -> list[str]:
    """Everything wrong at once, as LinkedIn's validator collects it."""
    faults = [f"ERROR :: /{name} :: unrecognized field found but not allowed" for name in sorted(body.keys() - _FIELDS)]
    faults += [
        f"ERROR :: /{name} :: field is required but not found and has no default value"
        for name in _REQUIRED
        if name not in body
    ]
    for name in _REQUIRED:
        if name in body and (not isinstance(body[name], str) or not body[name].strip()):
            faults.append(f"ERROR :: /{name} :: {body[name]} cannot be coerced to String")
    if body.get("conversionMethod", "CONVERSIONS_API") != "CONVERSIONS_API":
        faults.append(f'ERROR :: /conversionMethod :: "{body["conversionMethod"]}" is not supported')
    if isinstance(body.get("type"), str) and not _TYPE(body["type"]):
        faults.append(f'ERROR :: /type :: "{body["type"]}" is not an enum symbol')
    allowed = WINDOWS | {365} if body.get("type") in LONG_TYPES else WINDOWS
    for name in ("postClickAttributionWindowSize", "viewThroughAttributionWindowSize"):
        if name in body and (type(body[name]) is not int or body[name] not in allowed):
            faults.append(f"ERROR :: /{name} :: {body[name]} is not an allowed window")
    return faults
