"""TikTok's return codes and what they mean for a conversion.

Sources: the Business API's appendix of return codes, the Events API's pages, and reports of observed answers.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import fault, held, mend, taken, trouble

DOCS: Final = "https://business-api.tiktok.com/portal/docs?id=1771100865818625"
_RETURN_CODES: Final = "https://business-api.tiktok.com/portal/docs?id=1737172488964097"
QPM_PAUSE_S: Final = 300.0
"""A limit of a minute is open again after five minutes, as TikTok's page on limits says."""

_no: Final = partial(mend, link=_RETURN_CODES)
_ours: Final = partial(fault, link=_RETURN_CODES)
_later: Final = partial(trouble, link=_RETURN_CODES)
_slower: Final = _later("TikTok asked to slow down.", QPM_PAUSE_S)
_token: Final = partial(
    held,
    "credentials",
    next_step="Make a new access token in the Events Manager and enter it in the connection.",
    link=_RETURN_CODES,
)
_rights: Final = partial(
    held,
    "configuration",
    next_step="Check the event source id, and make the access token in the Events Manager of that event source.",
    link=_RETURN_CODES,
)
_VERSION: Final = held(
    "configuration",
    "TikTok does not offer this version of its API any more, or not yet.",
    "Set the version in the connection to one that TikTok offers.",
    _RETURN_CODES,
)
_INVALID: Final = _no(
    "TikTok finds the conversion invalid.",
    "Look at TikTok's words below and mend the lead's data. If it is right, ask whoever runs the program to report it.",
)

THROTTLES: Final = ("40016", "40100", "40132", "40133", "61000")
ROWS: Final[Mapping[str, Code]] = {
    "20001": taken(
        "TikTok took the request in part and does not say which part; this conversion was alone in it.",
        "Nothing to do. To be sure, look for the event in the Events Manager.",
        _RETURN_CODES,
    ),
    **dict.fromkeys(THROTTLES, _slower),
    "40202": _later("TikTok was changing the same data at that moment."),
    "5xxxx": _later("TikTok had an error of its own."),
    "60001": _later("TikTok's service is being maintained."),
    "40102": _token("The access token has expired."),
    "40104": _token("TikTok was sent no access token."),
    "40105": _token("TikTok does not accept the access token."),
    "40113": _token("TikTok does not accept the app that the access token belongs to."),
    "401xx": _token("TikTok refuses the access token with a code that is not in its documentation."),
    "40001": _rights("The access token may not send to this event source."),
    "40003": _rights("TikTok forbids the request."),
    "40117": _rights("The app of the access token is not allowed to do this."),
    "40118": _rights("The app of the access token is not on TikTok's list for this."),
    "40125": _rights("The access token was not given the permission that this needs."),
    "40130": _rights("The app of the access token lacks a permission."),
    "40007": _rights("TikTok does not know the event source."),
    "40006": _VERSION,
    "40051": _VERSION,
    "40000": _INVALID,
    "40002": _INVALID,
    "40061": _ours("The request held more events than TikTok takes at once."),
    "40062": _ours("TikTok says that personal data came without being hashed."),
    "40063": _ours("TikTok does not know the name of the partner that was sent."),
}
"""The families of 50000 and of 40100 have a row each for codes that are not documented or mean the same."""

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "TikTok took the conversion; whether it matched a person is seen in the Events Manager.",
        "Nothing to do: TikTok does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken(
        "TikTok accepted the access token.",
        "Nothing to do: it is connected. To be sure of the event source, rate a test lead with a test event code.",
        DOCS,
    ),
    **ROWS,
}


def known(code: int) -> str | None:
    """The table's key for a code; its own row goes before its family's. None when TikTok has made a new one."""
    if str(code) in ROWS:
        return str(code)
    if 50000 <= code <= 59999:
        return "5xxxx"
    return "401xx" if 40100 <= code <= 40199 else None
