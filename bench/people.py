"""Posts as forms make them, each of another person. The same seed gives the same people."""

import random
import string
from typing import Any, Final

import msgspec

_FIRST: Final = ("Jan", "Sofie", "Lukas", "Amélie", "Oliver", "Emma", "Noah", "Zoë", "Mila", "Piotr", "Giulia", "Søren")
_LAST: Final = ("de Vries", "Peeters", "Müller", "Lefèvre", "Smith", "Jansen", "Rossi", "Kowalski", "Nielsen", "Garcia")
_MAIL: Final = ("gmail.com", "outlook.com", "example.com", "example.org", "googlemail.com", "bakery.example")
_PHONES: Final = (
    ("+316", 8),
    ("+324", 8),
    ("+4915", 9),
    ("+447", 9),
    ("+336", 8),
    ("+1212", 7),
    ("+346", 8),
    ("+487", 8),
)
_PAGES: Final = ("offer", "contact", "quote/solar", "roof-repair", "kitchens/oak")
_CAMPAIGNS: Final = ("summer sale", "brand", "roofs nl", "retarget 30d")
_WORDS: Final = ("Could", "you", "call", "me", "about", "a", "quote", "for", "our", "house", "next", "week", "please")
_LETTERS: Final = string.ascii_letters + string.digits + "_-"
_GRANTED: Final = dict.fromkeys(("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"), "granted")
_STARTED_MS: Final = 1_790_000_000_000

Body = dict[str, Any]


class People:
    """Makes posts: in turn the chat bot's contact form and the tag manager's web tag."""

    def __init__(self, project: str, seed: int = 1) -> None:
        self._project = project
        self._random = random.Random(seed)
        self._made = 0

    def body(self) -> Body:
        """The next post to createLead."""
        self._made += 1
        bot = self._made % 2 == 0
        page = self._random.choice(_PAGES)
        gclid = f"Cj0KCQjw{self._letters(52)}"
        return {
            "projectId": self._project,
            "formData": self._form(bot, page, gclid),
            "userData": self._user(bot),
            "attributionData": self._attribution(bot, page, gclid),
            "channelFlow": self._flow(page),
        }

    def _letters(self, size: int) -> str:
        return "".join(self._random.choices(_LETTERS, k=size))

    def _digits(self, size: int) -> str:
        return "".join(self._random.choices(string.digits, k=size))

    def _form(self, bot: bool, page: str, gclid: str) -> Body:
        message = " ".join(self._random.choices(_WORDS, k=self._random.randint(5, 30)))
        if not bot:
            fields = {"message": message, "budget": str(self._random.randint(1, 90) * 100)}
            return {"formName": "Contact", "uniqueEventId": f"{_STARTED_MS + self._made}.5", "formFields": fields}
        url = f"https://www.example.com/{page}?utm_source=google&gclid={gclid}"
        return {
            "formName": "LeadBot — Contact form",
            "uniqueEventId": f"ltb-{_STARTED_MS + self._made}-{self._letters(6)}",
            "formFields": {"message": message, "page_url": url, "page_title": page.title()},
        }

    def _user(self, bot: bool) -> Body:
        first, last = self._random.choice(_FIRST), self._random.choice(_LAST)
        start, digits = self._random.choice(_PHONES)
        name = f"{first}.{last}".replace(" ", "")
        user = {
            "firstName": first,
            "lastName": last,
            "email": f"{name}{self._made}@{self._random.choice(_MAIL)}",
            "phone": start + str(self._random.randint(1, 9)) + self._digits(digits - 1),
        }
        return user if bot else {**user, "companyName": f"{last} {self._letters(3).upper()} BV"}

    def _attribution(self, bot: bool, page: str, gclid: str) -> Body:
        clicked = self._random.random() < 0.3
        return {
            "fbc": f"fb.1.{_STARTED_MS}.IwAR0{self._letters(40)}" if clicked else "",
            "fbp": f"fb.1.{_STARTED_MS}.{self._digits(10)}",
            "gclid": gclid,
            "wbraid": "",
            "cid": f"{self._digits(9)}1.{_STARTED_MS // 1000}",
            "conversionPage": f"www.example.com/{page}",
            "consent": _GRANTED,
            **({} if bot else {"sid": str(_STARTED_MS // 1000 + self._made)}),
        }

    def _flow(self, page: str) -> list[Body]:
        visits: list[Body] = []
        for visit in range(self._random.randint(1, 4)):
            channel = {"s": "google", "m": "cpc", "cm": self._random.choice(_CAMPAIGNS)} if visit else {"s": "bing"}
            visits.append({"t": _STARTED_MS - (9 - visit) * 86_400_000, "ch": channel, "lp": f"/{page}"})
        return visits


def post(path: str, body: Body, headers: str = "") -> bytes:
    """A whole HTTP/1.1 request as a browser's would be; `headers` are further lines, each with its line end."""
    content = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: leads.example.com\r\ncontent-type: application/json\r\n"
        "user-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0\r\n"
        f"accept: */*\r\norigin: https://www.example.com\r\n{headers}content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
