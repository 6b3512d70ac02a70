"""Hypothesis strategies for the values of the core, made from their annotations."""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

_Value = TypeVar("_Value", bound=Struct)

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(),  # Without lone surrogates, which the codec refuses.
    type(None): st.none(),
    UnsetType: st.just(UNSET),
}


def values(kind: type[_Value]) -> st.SearchStrategy[_Value]:
    """Return a strategy for every value that a struct can hold, nested ones too."""
    hints = get_type_hints(kind, include_extras=True)
    fields = {name: _values(hints[name]) for name in kind.__struct_fields__}
    return st.builds(kind, **fields)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    origin = get_origin(kind)
    if origin is not None:
        return _composed(origin, get_args(kind))
    if issubclass(kind, Struct):
        return values(kind)
    return st.sampled_from(kind) if issubclass(kind, Enum) else _PLAIN[kind]


def _composed(origin: Any, parts: Any) -> st.SearchStrategy[Any]:
    if origin is Annotated:
        return _within(*parts)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in {Union, UnionType}:
        return st.one_of(*map(_values, parts))
    if origin is dict:
        return st.dictionaries(*map(_values, parts), max_size=3)
    if origin is tuple and parts[-1] is not Ellipsis:
        return st.tuples(*map(_values, parts))
    return st.lists(_values(parts[0]), max_size=3).map(origin)


def _within(kind: Any, meta: Meta) -> st.SearchStrategy[Any]:
    """Return a strategy for a number, a text or several values, with limits."""
    if meta.pattern is not None:
        return st.from_regex(meta.pattern)
    if kind is str:
        return st.text(min_size=meta.min_length or 0, max_size=meta.max_length)
    if kind in {int, float}:
        return _number(kind, meta)
    return _values(kind)


def _number(kind: Any, meta: Meta) -> st.SearchStrategy[Any]:
    chosen: st.SearchStrategy[Any]
    if meta.gt is not None:
        chosen = st.floats(meta.gt, meta.le, exclude_min=True)
    else:
        strategy: Any = st.integers if kind is int else st.floats
        chosen = strategy(meta.ge, meta.le)
    return chosen
