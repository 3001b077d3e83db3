"""The log: structlog and the standard library's loggers (uvicorn's too), one line each, to standard error.

Nothing personal is to be logged in the first place. `Masking` is the last line of defence: it stands right before the
line is written and masks what looks personal or secret in every value, tracebacks included.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from traceback import format_tb
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from leadtrackr.kit.errors import LeadTrackrError
from leadtrackr.kit.secretbox import MASK, Secret

_EMAIL: Final = re.compile(r"[\w.!#$%'*+^~-]{1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_PHONE: Final = re.compile(r"(?:\+|%2[Bb])[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d)")
_TOKEN: Final = re.compile(r"\bltk_[a-z2-7]{10,}|(?<=Bearer )[\w.~+/=-]+|(?<=Basic )[\w+/=]+")
_URL_PASSWORD: Final = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_SECRET_NAMES: Final = re.compile(
    r"(?i)(?:^|[_-])(?:api[_-]?key|authorization|cookie|password|secret|(?:secret|private)[_-]?key|token|signature|credentials?)$"
)

_request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""A variable of our own: binding by structlog costs each request more than finding its route."""


def set_up(form: str, level: str = "info", secrets: Iterable[Secret] = (), stream: TextIO | None = None) -> None:
    """Routes every logger of the process to one stream (standard error). May be called again.

    `form` is `json` or `console`, `level` a name of the standard library in any case; `secrets` are masked wherever
    they appear. Start uvicorn with `log_config=None`, or it takes its loggers back.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    output = stream or sys.stderr
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_fault),
                Masking(secrets),
                _renderer(form, output),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _tame_libraries()


class bind_request_id:  # noqa: N801 - reads as what it does: `with bind_request_id(…):`
    """Every line that is logged inside, by this task and those that it starts, carries `request_id`."""

    __slots__ = ("_request_id", "_token")

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def __enter__(self) -> None:
        self._token = _request_id.set(self._request_id)

    def __exit__(self, *_: object) -> None:
        _request_id.reset(self._token)


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    request_id = _request_id.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def _fault(exc_info: ExcInfo) -> str:
    """Where and what kind of fault, without its words: a database's own often repeat the row, name and e-mail too."""
    parts: list[str] = []
    seen: set[int] = set()
    found: BaseException | None = exc_info[1]
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        state = getattr(found, "sqlstate", None) or ""
        kind = f"{type(found).__module__}.{type(found).__qualname__} {state}".rstrip()
        # Our own errors speak in sentences that hold nothing personal.
        words = f": {found}" if isinstance(found, LeadTrackrError) else ""
        parts.append("".join(format_tb(found.__traceback__)) + kind + words)
        found = found.__cause__ or found.__context__
    return "\n".join(reversed(parts))


class Masking:
    """The processor that masks e-mail addresses, phone numbers, secrets and values under a secret's name."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        known = sorted({secret.reveal() for secret in secrets if secret}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(value) for value in known)) if known else None

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        return {key: MASK if _SECRET_NAMES.search(key) else self._value(value) for key, value in event.items()}

    def text(self, value: str) -> str:
        """The text with `[email]`, `[phone]` and `***` in place of what must not be shown."""
        if self._known is not None:
            value = self._known.sub(MASK, value)
        value = _URL_PASSWORD.sub(MASK, _TOKEN.sub(MASK, value))
        return _PHONE.sub("[phone]", _EMAIL.sub("[email]", value))

    def _value(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return f"<{len(value)} bytes>"
        if isinstance(value, Mapping):
            named = {str(key): item for key, item in value.items()}
            return {self.text(key): item for key, item in self(None, "", named).items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(item) for item in value]
        return self.text(repr(value))


def _tame_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    # A line for each request says less than the metrics, costs more than the request, and holds the visitor's address.
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False
    for name in ("aiohttp", "asyncio", "sqlalchemy", "alembic"):
        logging.getLogger(name).setLevel("WARNING")


def _renderer(form: str, output: TextIO) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    colors = bool(getattr(output, "isatty", lambda: False)())
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def logger(name: str) -> Any:
    """The logger of this name. Log an event's name and fixed values: `log.info("lead created", lead_id=42)`."""
    return structlog.stdlib.get_logger(name)
