"""What may stand in the path of a call: anything, so that nothing is let through.

Whatever stands where a code or an id should is a thing that is not found, and is
answered by the call itself: in JSON, and in its words.
"""

from __future__ import annotations

from klein import Klein
from werkzeug.routing import BaseConverter


class Rest(BaseConverter):
    """All the rest of a path, slashes and line breaks included."""

    regex = r"(?s:.*)"
    part_isolating = False


class RestButTakes(Rest):
    """The same, but for what ends in ``/takes``: that is another call's."""

    regex = r"(?s:(?!.*/takes\Z).*)"


def add_paths(app: Klein) -> None:
    """Let routes say ``<rest:…>`` and ``<rest_but_takes:…>``."""
    app.url_map.converters["rest"] = Rest
    app.url_map.converters["rest_but_takes"] = RestButTakes
