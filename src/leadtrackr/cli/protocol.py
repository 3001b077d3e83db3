"""HTTP that cannot be read gets the answer that everything else gets: JSON with a `message`, and CORS headers."""

from http import HTTPStatus
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNREADABLE: Final = "The request is not HTTP that can be read, or its address is too long."


class Protocol(HttpToolsProtocol):
    """The server's own protocol, which knows no application to ask at that point."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's own words say less
        """Answers and closes the connection: where the next request would begin is not known."""
        body = msgspec.json.encode({"message": UNREADABLE})
        head = (
            f"HTTP/1.1 {HTTPStatus.BAD_REQUEST.value} {HTTPStatus.BAD_REQUEST.phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "access-control-allow-origin: *",
            "connection: close",
        )
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
        self.transport.close()
