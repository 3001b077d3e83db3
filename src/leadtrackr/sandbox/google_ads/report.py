"""What is wrong with a request, and Google's way of saying so.

Two layers, as on Google's servers: a body that does not fit the proto (unknown name, wrong JSON type) is refused before
the API sees it; then the API lists every violation with a reason. Source: the error model in Google's AIP-193, samples
of Data Manager API errors, google/ads/datamanager/v1/error.proto.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.sandbox.contract import Answer, Flag, json_answer

DOMAIN: Final = "datamanager.googleapis.com"
_TYPE: Final = "type.googleapis.com/google.rpc."
_STATUS_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SENTENCES: Final = {
    429: "Too many requests; try again later.",
    500: "An internal error has occurred.",
    503: "The service is unavailable at the moment.",
    504: "The request took too long.",
}
_FLAGS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One refused field: its path in snake_case, the ErrorReason, a sentence."""

    field: str
    reason: str
    description: str


@dataclass(slots=True)
class Report:
    """Everything wrong with one request. `unnamed`: refused, and the answer does not say which field."""

    syntax: list[tuple[str, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    unnamed: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether the request may be taken."""
        return not (self.syntax or self.violations or self.unnamed)

    def unknown(self, path: str, name: str) -> None:
        """A field that the proto does not have."""
        at = f" at '{path}'" if path else ""
        self.syntax.append((path, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'))

    def wrong_type(self, path: str, kind: str) -> None:
        """A value of another JSON type than the proto's."""
        self.syntax.append((path, f"Invalid value at '{path}' ({kind})."))

    def refuse(self, path: str, reason: str, description: str) -> None:
        """A value that the API refuses."""
        self.violations.append(Violation(path, reason, description))

    def missing(self, path: str) -> None:
        """A required field that is not there."""
        self.violations.append(Violation(path, "REQUIRED_FIELD_MISSING", "Required field is missing."))

    def answer(self, request_id: str) -> Answer:
        """The refusal: HTTP 400."""
        if self.syntax:
            listed = [{"field": path, "description": sentence} for path, sentence in self.syntax]
            message = "\n".join(sentence for _, sentence in self.syntax)
            flags = [Flag("INVALID_JSON", path, sentence) for path, sentence in self.syntax[:_FLAGS_SHOWN]]
            return json_answer(400, _error(400, message, [_bad_request(listed)]), flags=flags)
        listed = [{"field": bad.field, "description": bad.description, "reason": bad.reason} for bad in self.violations]
        details = [_error_info("INVALID_ARGUMENT", DOMAIN, {"requestId": request_id}), _request_info(request_id)]
        if listed and not self.unnamed:
            details.append(_bad_request(listed))
        flags = [Flag(bad.reason, bad.field, bad.description) for bad in self.violations[:_FLAGS_SHOWN]]
        return json_answer(400, _error(400, "There was a problem with the request.", details), flags=flags)


def failure(status: int, message: str = "", reason: str = "", domain: str = DOMAIN, request_id: str = "") -> Answer:
    """A request-level error of Google's APIs; `reason` becomes the ErrorInfo."""
    details: list[dict[str, Any]] = []
    if reason:
        details.append(_error_info(reason, domain, {"requestId": request_id} if request_id else {}))
    headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if status == 401 else {}
    body = _error(status, message or _SENTENCES.get(status, "The request failed."), details)
    return json_answer(status, body, headers=headers, flags=[Flag(reason)] if reason else ())


def _error(status: int, message: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    error: dict[str, Any] = {"code": status, "message": message, "status": _STATUS_NAMES.get(status, "UNKNOWN")}
    return {"error": {**error, "details": details} if details else error}


def _error_info(reason: str, domain: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}


def _request_info(request_id: str) -> dict[str, Any]:
    return {"@type": f"{_TYPE}RequestInfo", "requestId": request_id}


def _bad_request(listed: list[dict[str, str]]) -> dict[str, Any]:
    return {"@type": f"{_TYPE}BadRequest", "fieldViolations": listed}
