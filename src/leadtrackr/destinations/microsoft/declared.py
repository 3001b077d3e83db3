"""What Microsoft Advertising needs to be connected, and what its documents leave open."""

from typing import Final

from leadtrackr.destinations.contract import Field
from leadtrackr.destinations.microsoft.oauth import TENANT
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON

VERSION: Final = "v13"
_ID: Final = r"[1-9]\d{0,17}"

FIELDS: Final = (
    Field(
        name="account_id",
        label="Account id",
        help="The number behind aid= in the address of Microsoft Advertising, not the account number with letters.",
        required=True,
        pattern=_ID,
        pattern_help="Enter the digits behind aid= in the address.",
    ),
    Field(
        name="customer_id",
        label="Customer id",
        help="Of the manager account: the number behind cid= in the address of Microsoft Advertising.",
        required=True,
        pattern=_ID,
        pattern_help="Enter the digits behind cid= in the address.",
    ),
    Field(
        name="developer_token",
        label="Developer token",
        help="From the developer portal of Microsoft Advertising, made as a super admin.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole developer token; it has no spaces.",
    ),
    Field(
        name="client_id",
        label="Application (client) id",
        help="Of the app registration in Microsoft Entra that the user allows.",
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the id of the app registration; it has no spaces.",
    ),
    Field(
        name="tenant",
        label="Directory (tenant)",
        help="Whose accounts may sign in: common is everybody's; else the id or domain of one organisation, for an app "
        "that is registered for it alone.",
        default=TENANT,
        pattern=r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?",
        pattern_help="Enter common, or the directory's id or domain.",
    ),
    Field(
        name="client_secret",
        label="Client secret",
        help="The secret's value, not its id; empty for a native app without one.",
        secret=True,
    ),
    Field(
        name="refresh_token",
        label="Refresh token",
        help="Comes of signing in, as a user with access to the account; or made elsewhere with the scope "
        "msads.manage. Microsoft gives a new one with each use, which replaces this one by itself: use it nowhere "
        "else.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole refresh token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="user_data",
        label="Send hashed customer data",
        help="yes once enhanced conversions is on for the conversion goals. With no only click ids are sent.",
        kind="choice",
        choices=("yes", "no"),
        default="no",
    ),
    Field(
        name="click_age_hours",
        label="Hours to wait after the lead",
        help="Microsoft asks to wait an hour after a click.",
        kind="number",
        default="1",
        pattern=r"\d{1,3}",
        pattern_help="Enter whole hours, such as 1.",
    ),
    Field(
        name="api_version",
        label="API version",
        default=VERSION,
        pattern=r"v\d{1,3}",
        pattern_help=f"Enter a version such as {VERSION}.",
    ),
)
EVENT_FIELD: Final = Field(
    name="microsoft",
    label="Conversion goal name",
    help="The name of an offline conversion goal, letter for letter.",
    pattern=r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?",
    pattern_help="Enter the goal's name as in Microsoft Advertising, of up to 100 characters.",
)
UNVERIFIED: Final = (
    "Microsoft documents no largest request body; 4 MB is this program's own bound.",
    "How many calls a minute a customer may make is not published; error 117 is waited out for a minute.",
    (
        "Whether an empty list is refused only after the credentials were judged, on which the connection test relies, "
        "is not documented."
    ),
    (
        "Whether dots and aliases of e-mail addresses are to be taken out before hashing is not documented for offline "
        "conversions; they stay."
    ),
    (
        "With which HTTP status and body an expired access token is refused is not documented; 401, error 109 and the "
        "sentence of the older service are all understood."
    ),
    (
        "Whether the list of errors may be missing from an answer when it is empty is not documented; such an answer "
        "is not taken for success, and the same conversions are sent again, which changes nothing."
    ),
    (
        "What Microsoft answers at once for an adjustment of a conversion that it has not processed yet, or has taken "
        "back before, is not documented; it names such reasons in its later reports, which are not asked for."
    ),
    "Whether a conversion without a click id is known again by its hashed data is not documented.",
    (
        "The REST addresses by which accounts are listed were read in connectors; the documents that were read name "
        "the operations alone."
    ),
    (
        "Through which customer an account is to be used is not said where several have access to it; the one that "
        "owns it is proposed."
    ),
)
