"""The API's description, OpenAPI 3.1, as data. It says what is accepted, which is more than what is asked for."""

from typing import Any, Final

from leadtrackr import __version__

Schema = dict[str, Any]


def description(base_url: str) -> Schema:
    """The whole document, for the server at this address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "LeadTrackr API", "version": __version__},
        "servers": [{"url": base_url}],
        "paths": {},
    }
