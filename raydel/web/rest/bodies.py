"""What a call may bring along: a JSON object, or nothing, which is an empty one."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from twisted.web.iweb import IRequest

from raydel.core.errors import INVALID_MESSAGE, Refusal
from raydel.core.messages import Instant, TakeId, Words

_JSON: Final = "application/json"


class StartBody(Struct, frozen=True):
    """What a start may bring along: nothing yet."""


class StopBody(Struct, frozen=True, rename="camel"):
    """What a stop may bring along.

    Attributes:
        take_id: The take that is meant: one that is sent late ends no other. Left
            out, it is any.
    """

    take_id: TakeId | None = None


class MarkerBody(Struct, frozen=True, rename="camel"):
    """What a marker may bring along.

    Attributes:
        label: What the instant is called.
        timestamp: Which instant, server time, ms. Left out, it is now.
    """

    label: Words = ""
    timestamp: Instant | None = None


Body = TypeVar("Body", StartBody, StopBody, MarkerBody)


class WrongType(Exception):
    """A body that is said to be something else than JSON."""


def asked_body(request: IRequest, kind: type[Body]) -> Body:
    """Read the body of a request. Fields that nobody knows are passed over.

    Raises:
        WrongType: It is said to be something else.
        Refusal: It is no such object; `Refusal.detail` says where.
    """
    _check_type(request)
    body = request.content.read()
    if not body:
        return kind()
    try:
        # As text first: what is passed over is to be UTF-8 too.
        return msgspec.json.decode(body.decode(), type=kind)
    except UnicodeDecodeError:
        raise Refusal(INVALID_MESSAGE, detail="The body is not UTF-8") from None
    except RecursionError:
        raise Refusal(INVALID_MESSAGE, detail="The body nests too deeply") from None
    except msgspec.MsgspecError as error:
        raise Refusal(INVALID_MESSAGE, detail=str(error)) from None


def _check_type(request: IRequest) -> None:
    said = request.requestHeaders.getRawHeaders(b"content-type", [])
    kinds = [each.partition(b";")[0].strip().lower() for each in said]
    if kinds not in ([], [_JSON.encode()]):
        raise WrongType(f"A body is JSON here: say Content-Type: {_JSON}")
