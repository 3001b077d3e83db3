"""What is wrong with a request or with one of its rows, and the Google Ads API's way of saying so.

Source: googleapis google/ads/googleads/v25/errors/errors.proto (GoogleAdsFailure) and services/*_upload_service.proto.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.sandbox.contract import Answer, Flag, json_answer

_TYPE: Final = "type.googleapis.com/google.ads.googleads.{}.errors.GoogleAdsFailure"
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FIELDS: Final = re.compile(r"([a-z_]+)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: the enum's key in errorCode, its name, the path in snake_case, a sentence."""

    kind: str
    name: str
    path: str
    sentence: str

    def show(self) -> dict[str, Any]:
        """As Google shows it; fieldName stays in snake_case."""
        parts = [_FIELDS.fullmatch(part) for part in self.path.split(".")] if self.path else []
        elements = [
            {"fieldName": part[1], **({} if part[2] is None else {"index": int(part[2])})} for part in parts if part
        ]
        shown: dict[str, Any] = {"errorCode": {self.kind: self.name}, "message": self.sentence}
        return {**shown, "location": {"fieldPathElements": elements}} if elements else shown


@dataclass(slots=True)
class Row:
    """One row under examination: where it stands, what is wrong with it and what is only remarkable."""

    path: str
    faults: list[Fault] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    def refuse(self, kind: str, name: str, at: str, sentence: str) -> None:
        """A value that Google refuses; `at` is the field within the row."""
        self.faults.append(Fault(kind, name, f"{self.path}.{at}" if at else self.path, sentence))

    def upload(self, name: str, at: str, sentence: str) -> None:
        """A ConversionUploadError."""
        self.refuse("conversionUploadError", name, at, sentence)

    def adjust(self, name: str, at: str, sentence: str) -> None:
        """A ConversionAdjustmentUploadError."""
        self.refuse("conversionAdjustmentUploadError", name, at, sentence)

    def flag(self, code: str, at: str, sentence: str) -> None:
        """What Google's documents leave open."""
        self.flags.append(Flag(code, f"{self.path}.{at}", sentence))


def details(version: str, faults: list[Fault], request_id: str) -> list[dict[str, Any]]:
    """The one detail of a status."""
    return [{"@type": _TYPE.format(version), "errors": [one.show() for one in faults], "requestId": request_id}]


def partial(version: str, faults: list[Fault], request_id: str) -> dict[str, Any]:
    """The status within a success."""
    first = faults[0]
    at = f", at {first.path}" if first.path else ""
    message = (
        f"{first.sentence}{at}"
        if len(faults) == 1
        else f"Multiple errors in ‘details’. First error: {first.sentence}{at}"
    )
    return {"code": 3, "message": message, "details": details(version, faults, request_id)}


def failure(
    status: int, message: str, faults: list[Fault], version: str = "v25", request_id: str = "", info: str = ""
) -> Answer:
    """A refusal of the whole request; `info` is the reason of an ErrorInfo instead of the API's own error."""
    error: dict[str, Any] = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
    if faults:
        error["details"] = details(version, faults, request_id)
    elif info:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": info, "domain": "googleapis.com"}]
    flags = [Flag(one.name, one.path, one.sentence) for one in faults] or ([Flag(info)] if info else [])
    headers = {"request-id": request_id} if request_id else {}
    return json_answer(status, {"error": error}, flags=flags, headers=headers)


def bad_json(path: str, sentence: str) -> Answer:
    """A body that does not fit the proto: refused before the API sees it."""
    bad = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": path, "description": sentence}],
    }
    error = {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT", "details": [bad]}
    return json_answer(400, {"error": error}, flags=[Flag("INVALID_JSON", path, sentence)])
