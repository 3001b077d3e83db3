"""What all platforms of one sandbox share: the clock, the access tokens given out, the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field

from leadtrackr.sandbox.ledger import Ledger

MICROS = 1_000_000
GIVEN_OUT = "ya29."
"""What every access token that was given out here begins with."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token: what it may do, until when (µs UTC), and the grant that it came from."""

    scopes: frozenset[str]
    expires_at: int
    grant: str


@dataclass(slots=True)
class World:
    """`clock` gives microseconds since the epoch, UTC; `offset` is added to it, so that tests can move the time."""

    clock: Callable[[], int]
    ledger: Ledger
    offset: int = 0
    tokens: dict[str, Token] = field(default_factory=dict)
    issued: int = 0

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return self.clock() + self.offset

    def issue(self, scopes: frozenset[str], lifetime_s: float, grant: str) -> str:
        """Give out an access token that is good for `lifetime_s` seconds."""
        now = self.now()
        if len(self.tokens) > 10_000:
            self.tokens = {name: token for name, token in self.tokens.items() if token.expires_at > now}
        self.issued += 1
        name = f"{GIVEN_OUT}{self.issued:08d}-{now:x}"
        self.tokens[name] = Token(scopes, now + int(lifetime_s * MICROS), grant)
        return name

    def token(self, name: str) -> Token | None:
        """The token with this name, unless it has expired."""
        token = self.tokens.get(name)
        return token if token is not None and token.expires_at > self.now() else None
