"""Reading proto3 JSON: both spellings of a name are taken, unknown names and wrong types refuse the whole request.

Source: the field names and types of googleapis google/ads/googleads/v25/services/conversion_upload_service.proto,
conversion_adjustment_upload_service.proto and common/{consent,offline_user_data}.proto.
"""

import re
from datetime import datetime
from typing import Any, Final

from leadtrackr.sandbox.contract import as_float

Shape = dict[str, Any]
"""snake_case name → `str`, `float`, `bool`, `int`, the shape of an object, or a list of one of these."""

ADDRESS: Final[Shape] = dict.fromkeys(
    ["hashed_first_name", "hashed_last_name", "city", "state", "country_code", "postal_code", "hashed_street_address"],
    str,
)
IDENTIFIER: Final[Shape] = {
    "hashed_email": str,
    "hashed_phone_number": str,
    "user_identifier_source": str,
    "mobile_id": str,
    "third_party_user_id": str,
    "address_info": ADDRESS,
}
CONVERSION: Final[Shape] = {
    "gclid": str,
    "gbraid": str,
    "wbraid": str,
    "conversion_action": str,
    "conversion_date_time": str,
    "conversion_value": float,
    "currency_code": str,
    "order_id": str,
    "external_attribution_data": {"external_attribution_credit": float, "external_attribution_model": str},
    "custom_variables": [{"conversion_custom_variable": str, "value": str}],
    "cart_data": {
        "merchant_id": str,
        "feed_country_code": str,
        "feed_language_code": str,
        "local_transaction_cost": float,
        "items": [{"product_id": str, "quantity": int, "unit_price": float}],
    },
    "user_identifiers": [IDENTIFIER],
    "conversion_environment": str,
    "consent": {"ad_user_data": str, "ad_personalization": str},
    "customer_type": str,
    "user_ip_address": str,
    "session_attributes_encoded": str,
    "session_attributes_key_value_pairs": {
        "key_value_pairs": [{"session_attribute_key": str, "session_attribute_value": str}]
    },
}
ADJUSTMENT: Final[Shape] = {
    "gclid_date_time_pair": {"gclid": str, "conversion_date_time": str},
    "order_id": str,
    "conversion_action": str,
    "adjustment_date_time": str,
    "adjustment_type": str,
    "restatement_value": {"adjusted_value": float, "currency_code": str},
    "user_identifiers": [IDENTIFIER],
    "user_agent": str,
}
_COMMON: Final[Shape] = {"partial_failure": bool, "validate_only": bool, "job_id": int}
CONVERSIONS: Final[Shape] = {"conversions": [CONVERSION], **_COMMON}
ADJUSTMENTS: Final[Shape] = {"conversion_adjustments": [ADJUSTMENT], **_COMMON}

_WHEN: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII).fullmatch
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII).fullmatch


class MisfitError(Exception):
    """The body does not fit the proto."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


def fit(value: object, shape: Any, path: str = "") -> Any:
    """The value under snake_case names; a JSON null is an absent field. MisfitError."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise MisfitError(path, f"Invalid value at '{path}': a list is expected.")
        return [fit(item, shape[0], f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, dict):
        return _message(value, shape, path)
    if shape is float:
        number = as_float(value)
        if number is None:
            raise MisfitError(path, f"Invalid value at '{path}' (TYPE_DOUBLE).")
        return number
    if shape is int:
        return _integer(value, path)
    if not isinstance(value, shape):
        raise MisfitError(path, f"Invalid value at '{path}': {shape.__name__} is expected.")
    return value


def micros(text: str) -> int | None:
    """`yyyy-mm-dd hh:mm:ss+hh:mm` in microseconds since the epoch; None when it is something else."""
    if not _WHEN(text):
        return None
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return None


def _message(value: object, shape: Shape, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError(path, f"Invalid value at '{path}': an object is expected.")
    found: dict[str, Any] = {}
    for name, inner in value.items():
        field = _snake(name) if name not in shape else name
        at = f"{path}.{field}" if path else field
        if field not in shape or (field != name and name != _camel(field)):
            raise MisfitError(path, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        if field in found:
            raise MisfitError(path, f"Invalid value at '{path}': the field '{field}' is given twice.")
        if inner is not None:
            found[field] = fit(inner, shape[field], at)
    return found


def _integer(value: object, path: str) -> int:
    if isinstance(value, str) and _INTEGER(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MisfitError(path, f"Invalid value at '{path}' (TYPE_INT64).")
    return value


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
