"""The part of Google's query language that reading accounts and conversion actions needs, strictly.

Source: "Query grammar" of the Google Ads API and the resources' protos. Conditions are joined by AND; operators are =,
!=, <, <=, > , >= and IN. What the sandbox does not know is refused as Google refuses what it does not know.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from leadtrackr.sandbox.google_ads_api.refusals import AdsError

Kind = Literal["int64", "int32", "double", "bool", "string"]
Row = Mapping[str, Any]
"""Values by their full field names."""

FIELDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "customer_client": {
        "customer_client.resource_name": "string",
        "customer_client.id": "int64",
        "customer_client.descriptive_name": "string",
        "customer_client.manager": "bool",
        "customer_client.level": "int64",
        "customer_client.status": "string",
        "customer_client.currency_code": "string",
        "customer_client.time_zone": "string",
        "customer_client.test_account": "bool",
        "customer_client.hidden": "bool",
        "customer_client.client_customer": "string",
    },
    "customer": {
        "customer.resource_name": "string",
        "customer.id": "int64",
        "customer.descriptive_name": "string",
        "customer.manager": "bool",
        "customer.conversion_tracking_setting.google_ads_conversion_customer": "string",
        "customer.conversion_tracking_setting.conversion_tracking_status": "string",
        "customer.conversion_tracking_setting.accepted_customer_data_terms": "bool",
        "customer.conversion_tracking_setting.enhanced_conversions_for_leads_enabled": "bool",
    },
    "conversion_action": {
        "conversion_action.resource_name": "string",
        "conversion_action.id": "int64",
        "conversion_action.name": "string",
        "conversion_action.type": "string",
        "conversion_action.status": "string",
        "conversion_action.category": "string",
        "conversion_action.counting_type": "string",
        "conversion_action.owner_customer": "string",
        "conversion_action.primary_for_goal": "bool",
        "conversion_action.click_through_lookback_window_days": "int64",
        "conversion_action.value_settings.default_value": "double",
        "conversion_action.value_settings.default_currency_code": "string",
        "conversion_action.value_settings.always_use_default_value": "bool",
    },
}
_QUERY: Final = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w.,\s]+?)\s+FROM\s+(?P<resource>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+ORDER\s+BY\s+(?P<order>[\w.]+))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION: Final = re.compile(r"\s*([\w.]+)\s*(!=|<=|>=|=|<|>|\bIN\b)\s*(.+?)\s*", re.IGNORECASE | re.DOTALL)
_LITERAL: Final = re.compile(
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+(?:\.\d+)?|TRUE|FALSE|[A-Z_]+", re.IGNORECASE
)
_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was understood."""

    fields: tuple[str, ...]
    resource: str
    conditions: tuple[tuple[str, str, tuple[Any, ...]], ...]
    order: str
    limit: int | None

    def run(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that it picks."""
        found = [row for row in rows if all(_holds(row, *condition) for condition in self.conditions)]
        if self.order:
            found.sort(key=lambda row: row[self.order])
        return found if self.limit is None else found[: self.limit]


def parse(text: object) -> Query:
    """The query; AdsError for what Google's parser would refuse, or what the sandbox does not know."""
    match = _QUERY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise _error("EXPECTED_SELECT", "Error in query: it is not SELECT … FROM … [WHERE …].")
    resource = match["resource"]
    if resource not in FIELDS:
        raise _error("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"Error in query: unknown resource {resource}.")
    fields = tuple(field.strip() for field in match["fields"].split(","))
    conditions = tuple(_condition(part, resource) for part in _parts(match["where"] or ""))
    for field in (*fields, *(name for name, *_ in conditions), *([match["order"]] if match["order"] else [])):
        if field not in FIELDS[resource]:
            raise _error("UNRECOGNIZED_FIELD", f"Error in query: unrecognized field in the query: '{field}'.")
    limit = int(match["limit"]) if match["limit"] else None
    return Query(fields, resource, conditions, match["order"] or "", limit)


def show(row: Row, fields: Sequence[str], resource: str, *, sparse: bool) -> dict[str, Any]:
    """A row of the answer: the fields asked for and the resource's name, nested, in lowerCamelCase."""
    shown: dict[str, Any] = {}
    for field in dict.fromkeys((f"{resource}.resource_name", *fields)):
        value = row[field]
        if sparse and not value:
            continue
        *path, last = (_camel(part) for part in field.split("."))
        place = shown
        for part in path:
            place = place.setdefault(part, {})
        place[last] = str(value) if FIELDS[resource][field] == "int64" else value
    return shown


def _parts(where: str) -> list[str]:
    return re.split(r"\s+AND\s+", where.strip(), flags=re.IGNORECASE) if where.strip() else []


def _condition(text: str, resource: str) -> tuple[str, str, tuple[Any, ...]]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise _error("EXPECTED_CONDITION_OPERATOR", f"Error in query: cannot read the condition {text}.")
    field, operator, raw = match[1], match[2].upper(), match[3]
    listed = [raw] if operator != "IN" else _LITERAL.findall(raw.strip("()"))
    if not listed or any(not _LITERAL.fullmatch(one) for one in listed):
        raise _error("BAD_VALUE", f"Error in query: cannot read the value {raw}.")
    kind = FIELDS[resource].get(field, "string")
    return field, operator, tuple(_literal(one, kind) for one in listed)


def _literal(text: str, kind: Kind) -> Any:
    if kind in ("int64", "int32", "double"):
        try:
            return float(text)
        except ValueError as error:
            raise _error("INVALID_VALUE_WITH_COMPARISON_OPERATOR", f"Error in query: {text} is no number.") from error
    if kind == "bool":
        return text.upper() == "TRUE"
    return text[1:-1] if text[0] in "'\"" else text


def _holds(row: Row, field: str, operator: str, values: tuple[Any, ...]) -> bool:
    return row[field] in values if operator == "IN" else _TESTS[operator](row[field], values[0])


def _error(code: str, message: str) -> AdsError:
    return AdsError(400, "queryError", code, message)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
