"""How a person lets this program into their account at a platform: the authorization code flow of OAuth 2 with PKCE.

The program keeps state and verifier, opens the address and sends the requests; a destination only says how they look.
"""

from collections.abc import Callable, Mapping

import msgspec

from leadtrackr.destinations.contract.answers import Outcome, Request, Response
from leadtrackr.destinations.contract.events import Settings


class Right(msgspec.Struct, frozen=True):
    """One thing that a person is asked to allow."""

    scope: str
    """As the platform writes it."""
    tick: str
    """What stands beside its box on the platform's page, or what it is for, for a person."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of the platform's page is made with."""

    redirect_uri: str
    state: str
    challenge: str
    """Of the verifier, by S256 (RFC 7636)."""


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What a code is exchanged with."""

    code: str
    redirect_uri: str
    verifier: str


class Grant(msgspec.Struct, frozen=True):
    """What a person has allowed."""

    values: Mapping[str, str]
    """Settings of the connection that come of it, secrets among them. An empty one takes the setting away."""
    scopes: frozenset[str]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A platform's sign-in, whole."""

    rights: tuple[Right, ...]
    """All are needed; which of them were allowed is compared."""
    client: tuple[str, ...]
    """The settings that must be there before."""
    address: Callable[[Settings, Asked], Request]
    """The page that the person opens, as a request whose URL it is; nothing is sent by the program."""
    exchange: Callable[[Settings, Returned], Request]
    """A code for a grant. Its body holds secrets; it is never recorded."""
    read: Callable[[Response], Grant | Outcome]
    refused: Callable[[str], Outcome]
    """What the `error` means with which the platform sends the person back."""
