"""Paths of labels, pure."""

from collections.abc import Mapping, Sequence

from leadtrackr.labels.model import Label


def path_of(after: Sequence[int], known: Mapping[int, Label]) -> tuple[int, ...]:
    """Everything that comes before a label with these prerequisites, each once, earliest first.

    A prerequisite's own path comes before it; between equals the list's order decides. Labels can only name ones that
    exist already, so there are no circles.
    """
    ordered: dict[int, None] = {}
    for label_id in sorted(after, key=lambda found: (known[found].position, found)):
        for before in (*known[label_id].path, label_id):
            ordered[before] = None
    return tuple(ordered)
