"""Descriptions as HTML: the little Markdown that an OpenAPI description here uses, everything else escaped."""

import re
from typing import Final

from markupsafe import Markup, escape

_INLINE: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((https?://[^)\s]+|#[\w-]+)\)")


def prose(text: str) -> Markup:
    """A description as HTML: paragraphs, lists with `-`, `code`, **bold** and links; everything else is escaped."""
    return Markup("").join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block)


def _block(block: str) -> Markup:
    lines = block.splitlines()
    if not all(line.startswith(("- ", "  ")) for line in lines):
        return Markup("<p>{}</p>").format(inline(" ".join(lines)))
    items = re.split(r"(?m)^- ", block)[1:]
    return Markup("<ul>{}</ul>").format(
        Markup("").join(Markup("<li>{}</li>").format(inline(" ".join(item.split()))) for item in items)
    )


def inline(text: str) -> Markup:
    """One line with `code`, **bold** and links as HTML; everything else is escaped."""
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        code, bold, words, target = match.groups()
        parts.append(escape(text[end : match.start()]))
        if code:
            parts.append(Markup("<code>{}</code>").format(code))
        elif bold:
            parts.append(Markup("<strong>{}</strong>").format(bold))
        else:
            parts.append(Markup('<a href="{}">{}</a>').format(target, words))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
