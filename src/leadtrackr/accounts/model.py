"""A project and the keys to it, frozen."""

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
