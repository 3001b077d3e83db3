"""Refusals of the Google Ads API: a GoogleAdsFailure in the details of a google.rpc.Status.

Source: googleapis google/ads/googleads/v25/errors/*.proto. Messages are the sandbox's own.
"""

from typing import Any, Final

from leadtrackr.sandbox.contract import Answer, Flag, json_answer

_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class AdsError(Exception):
    """A refusal: HTTP status, the enum (`authorizationError`) and its value, and the field path where there is one."""

    def __init__(self, status: int, enum: str, code: str, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.status, self.enum, self.code, self.path = status, enum, code, path

    def answer(self, version: str, request_id: str) -> Answer:
        """The refusal as the API of this version gives it."""
        error: dict[str, Any] = {"errorCode": {self.enum: self.code}, "message": str(self)}
        if self.path:
            error["location"] = {"fieldPathElements": _elements(self.path)}
        details = {
            "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
            "errors": [error],
            "requestId": request_id,
        }
        sentence = "Request contains an invalid argument." if self.status == 400 else str(self)
        body = {"code": self.status, "message": sentence, "status": _STATUS.get(self.status, "UNKNOWN")}
        headers = {"request-id": request_id}
        flags = [Flag(self.code, ".".join(map(str, self.path)), str(self))]
        return json_answer(self.status, {"error": {**body, "details": [details]}}, headers=headers, flags=flags)


def _elements(path: tuple[str | int, ...]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in path:
        if isinstance(part, int):
            found[-1]["index"] = part
        else:
            found.append({"fieldName": part})
    return found
