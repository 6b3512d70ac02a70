"""What an open WebSocket carries about: little.

Autobahn gives each connection some eighty attributes: a copy of all options, what the
handshake said, and what most never need. That is six kilobytes. What all have alike is
put on their class instead, once, and what is over with the handshake is dropped.
"""

# mypy: allow-untyped-calls
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from functools import cached_property
from types import FunctionType, NoneType
from typing import Any, Final

from autobahn.websocket.utf8validator import Utf8Validator

from raydel.web.sample import opened

_PLAIN: Final = (bool, bytes, float, int, str, NoneType)
"""Values that any number of connections can have in common."""

_OVER: Final = frozenset(
    {
        "_transport_details",
        "_wskey",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "is_open",
        "peer",
        "websocket_extensions",
        "websocket_origin",
        "websocket_protocols",
    }
)
"""What is of no use once the handshake is over."""


_UNUSED: Final = frozenset(
    {"_results", "_valid_events", "is_closed", "trafficStats", "utf8validator"}
)
"""What the class has in a lighter form, or one for all."""


class Unheard:
    """In the place of a Deferred that nobody waits for."""

    def callback(self, result: object) -> None:
        """Take what nobody waits for."""


def common(factory: Any) -> dict[str, Any]:
    """Return what all open WebSockets of a factory have alike, for their class.

    With it Autobahn need not copy options, nor write them down for a log, at each
    handshake: `CONFIG_ATTRS` names those that it would.
    """
    sample, _ = opened(factory)
    options = {name: getattr(factory, name) for name in sample.CONFIG_ATTRS}
    state = {k: v for k, v in vars(sample).items() if isinstance(v, _PLAIN)}
    return {
        **{name: _on_class(value) for name, value in options.items()},
        **{k: v for k, v in state.items() if k not in {*_OVER, *options, "state"}},
        "CONFIG_ATTRS": (),
        "factory": factory,
        "_transport_details": None,
        "is_closed": Unheard(),
        # Counted for all of them together, and read by nobody.
        "trafficStats": sample.trafficStats,
        "websocket_extensions_in_use": [],
        "send_queue": (),
        "utf8validator": _made_when_needed(),
        "_valid_events": None,
        "_results": None,
    }


def unburden(protocol: Any) -> None:
    """Leave an open WebSocket only what its class has not got as well."""
    if protocol.state == protocol.STATE_CONNECTING:
        return
    protocol.__dict__ = {
        name: value
        for name, value in vars(protocol).items()
        if name not in _OVER and not _is_common(type(protocol), name, value)
    }


def _is_common(kind: type, name: str, value: Any) -> bool:
    if name == "send_queue":
        return not value
    return name in _UNUSED or (name in vars(kind) and value == vars(kind)[name])


def _on_class(value: object) -> object:
    """Keep a function from becoming a method."""
    return staticmethod(value) if isinstance(value, FunctionType) else value


def _made_when_needed() -> cached_property[Utf8Validator]:
    made = cached_property(lambda _: Utf8Validator())
    made.__set_name__(object, "utf8validator")
    return made
