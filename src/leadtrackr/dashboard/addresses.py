"""Where the pages are."""

from urllib.parse import urlencode


def login_link(base_url: str, token: str) -> str:
    """The address that lets a person in once. The token stands in the query, which no log keeps."""
    return f"{base_url}/sign-in/link?{urlencode({'token': token})}"
