"""What may stand in the path of a call: anything, so that nothing is let through.

Whatever stands where a code or an id should is a thing that is not found, and is
answered by the call itself: in JSON, and in its words.
"""

from __future__ import annotations

from klein import Klein
from werkzeug.routing import BaseConverter, Map


class Rest(BaseConverter):
    """All the rest of a path, slashes and line breaks included."""

    regex = r"(?s:.*)"
    part_isolating = False


class RestBut(Rest):
    """The same, but for what ends in a slash and one of some words.

    That is another call's; ``*`` at the end of a word stands for anything.
    """

    def __init__(self, url_map: Map, *words: str) -> None:
        super().__init__(url_map)
        ends = "|".join(word.replace("*", "[^/]*") for word in words)
        self.regex = rf"(?s:(?!.*/(?:{ends})\Z).*)"


class Word(BaseConverter):
    """What stands behind the last slash; it may be nothing."""

    regex = r"[^/]*"
    part_isolating = False


def add_paths(app: Klein) -> None:
    """Let routes say ``<rest:…>``, ``<rest_but('takes'):…>`` and ``<word:…>``."""
    app.url_map.converters["rest"] = Rest
    app.url_map.converters["rest_but"] = RestBut
    app.url_map.converters["word"] = Word
