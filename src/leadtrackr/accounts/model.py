"""Projects, people and what they may see, frozen."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One customer's or one site's leads, labels and connections."""

    id: int
    """The project number."""
    public_id: str
    name: str
    currency: str
    """ISO 4217; prices are in its minor unit."""
    country: str | None
    """ISO 3166-1 alpha-2: how phone numbers without a country code are read."""
    active: bool


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as far as it is kept: never the key itself. Times in microseconds UTC."""

    id: int
    hint: str
    """Its last four characters."""
    created_at: int
    revoked_at: int | None


class Role(StrEnum):
    """What a person is to a project."""

    OWNER = "owner"
    MEMBER = "member"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign in."""

    id: int
    email: str
    """Trimmed and lower-cased; one person for each address."""
    is_admin: bool
    """Runs the server, and so sees every project."""


class Actor(msgspec.Struct, frozen=True):
    """A person who is signed in: the one thing that pages ask for permission."""

    user: User
    roles: Mapping[int, Role]
    """By project number."""

    @property
    def is_admin(self) -> bool:
        """Whether this person runs the server."""
        return self.user.is_admin

    def can_see(self, project_id: int) -> bool:
        """Whether the project's leads and connections may be shown to this person."""
        return self.is_admin or project_id in self.roles
