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
    token: str = ""
    """An access token that came with it, where asking for another would use up what came. Accounts are listed with it
    while one is still to be chosen."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A platform's sign-in, whole."""

    rights: tuple[Right, ...]
    """All are needed; which of them were allowed is compared."""
    client: tuple[str, ...]
    """The settings that must be there before. The first is no secret."""
    credentials: tuple[str, ...]
    """The secret settings of which each is access already, so that nobody needs to sign in."""
    lacking: str
    """What a person does who has not allowed everything; what is missing is named behind it."""
    loopback: str = "127.0.0.1"
    """This machine's name in the address that a command on it is come back to at; platforms differ in what they
    register."""
    address: Callable[[Settings, Asked], Request]
    """The page that the person opens, as a request whose URL it is; nothing is sent by the program."""
    exchange: Callable[[Settings, Returned], Request]
    """A code for a grant. Its body holds secrets; it is never recorded."""
    read: Callable[[Response, int], Grant | Outcome]
    """From the answer and the time, microseconds UTC."""
    refused: Callable[[str], Outcome]
    """What the `error` means with which the platform sends the person back."""
