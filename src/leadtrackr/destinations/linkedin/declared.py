"""What LinkedIn needs to be connected, its versions, and what its documents leave open."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from leadtrackr.destinations.contract import Field, Settings
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON

HOST: Final = "https://api.linkedin.com"
VERSION: Final = "202609"
VERSIONS: Final[Mapping[str, date]] = {
    "202609": date(2027, 9, 15),
    "202608": date(2027, 8, 17),
    "202607": date(2027, 7, 15),
    "202606": date(2027, 6, 15),
    "202605": date(2027, 5, 15),
    "202604": date(2027, 4, 15),
    "202603": date(2027, 3, 16),
    "202602": date(2027, 2, 15),
    "202601": date(2027, 1, 15),
}
"""The day on which LinkedIn retires each version, by its page on migrations of September 2026."""

FIELDS: Final = (
    Field(
        name="ad_account",
        label="Ad account",
        help="Its number in the Campaign Manager.",
        required=True,
        pattern=r"[1-9]\d{0,18}",
        pattern_help="Enter the number of the ad account.",
    ),
    Field(
        name="access_token",
        label="Access token",
        help="Comes of signing in and ends after 60 days; or made in the Campaign Manager under Signals Manager, "
        "Direct API. By a member with a role above viewer.",
        secret=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole access token; it has no spaces.",
    ),
    Field(
        name="client_id",
        label="Client id",
        help="Of the app in LinkedIn's developer portal; only for signing in.",
        pattern=r"[!-~]+",
        pattern_help="Copy the whole client id; it has no spaces.",
    ),
    Field(
        name="client_secret",
        label="Client secret",
        help="The primary client secret of the same app.",
        secret=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole client secret; it has no spaces.",
    ),
    Field(
        name="refresh_token",
        label="Refresh token",
        help="Comes of signing in, in the place of the access token, where LinkedIn gives the app one: it does so to "
        "approved partners. It is good for a year.",
        secret=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole refresh token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="api_version",
        label="API version",
        help="Ends: " + ", ".join(f"{version} on {ends}" for version, ends in VERSIONS.items()) + ".",
        default=VERSION,
        pattern=r"20\d{2}(?:0[1-9]|1[0-2])",
        pattern_help=f"Enter a year and month such as {VERSION}.",
    ),
)
EVENT_FIELD: Final = Field(
    name="linkedin",
    label="Conversion rule id",
    help="Of a conversion rule of the ad account with the method Conversions API that is active and has campaigns. "
    "What the conversion means (lead, qualified lead, purchase) is the rule's type.",
    pattern=r"[1-9]\d{0,18}",
    pattern_help="Enter the rule's number alone.",
)
ONE_OF: Final = (("access_token",), ("client_id", "client_secret", "refresh_token"))


def headers(settings: Settings, token: str | None) -> dict[str, str]:
    """What every request carries; an access token that was entered goes before one that was asked for."""
    return {
        "authorization": f"Bearer {settings.get('access_token') or token}",
        "linkedin-version": settings.get("api_version", VERSION),
        "x-restli-protocol-version": "2.0.0",
    }


UNVERIFIED: Final = (
    "Whether an event id that comes twice counts once is not documented; a repeat is called uncertain.",
    "LinkedIn counts requests by the token's member, and this program by ad account: divide the limits yourself.",
    "LinkedIn's pages name both 500,000 and 300,000 requests a day; the newer one is kept to.",
    "Whether the digest of an IP address alone is enough to match is not settled, so it is never sent alone.",
    "Statuses other than 201 in a batch that was answered with 200 are not documented; each is read by itself.",
    "The answer 426 to a retired version is documented for LinkedIn's other endpoints alone.",
    "Versions after 202609 should exist, but none could be looked up.",
    "LinkedIn documents no largest request body; 16 MB is this program's own bound.",
    "Whether a token of the Direct API may list conversion rules, as the connection test does, was not tried.",
    "Whether a refresh token changes when it is used is not documented; whatever comes is stored before it is used.",
    "Granted scopes are documented with blanks between them; commas are understood too.",
    "How an access token that has ended is refused is not documented; every refusal of a token is understood.",
    "Which role the member has in an ad account is not shown in the list of ad accounts.",
)
