"""JSON Schemas of what is written and read, made from the message classes.

What is said of a field comes from the ``Attributes:`` of its class. JSON Schema is that
of draft 2020-12, which OpenAPI 3.1 takes as it is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec import inspect as kinds
from msgspec.structs import FieldInfo, fields

from raydel.core.manifest import FORMAT, VERSION, Manifest

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

TAKE_PATH: Final = "/schemas/take.json"
"""Where a server has the schema of a take; also what the schema calls itself."""

Schema = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
_CONSTANTS: Final[dict[type[Struct], Schema]] = {
    Manifest: {"format": FORMAT, "version": VERSION}
}
"""Fields that are always one value, which their type does not tell."""

_FIELD: Final = re.compile(r"^    (\w+): (.*(?:\n     .*|\n$)*)", re.MULTILINE)
_CODE: Final = re.compile(r"``?(\w+)``?")


def component_schemas(
    written: Sequence[type[Struct]], read: Sequence[type[Struct]] = ()
) -> dict[str, Schema]:
    """Return the schemas of some classes, and of all that is in them, by name.

    Args:
        written: What the server writes: with every field but those that are UNSET.
        read: What it reads: fields with a default may be left out.
    """
    return _described(written, read, _REFERENCE)


def reference(kind: type[Struct]) -> Schema:
    """Return what stands for a class where `component_schemas` are at hand."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def take_schema() -> Schema:
    """Return the schema of a take as `Manifest` has it, complete in itself."""
    parts = _described([Manifest], (), "#/$defs/{name}")
    whole = parts.pop(Manifest.__name__)
    return {"$schema": DRAFT, "$id": TAKE_PATH} | whole | {"$defs": parts}


def summary_and_rest(docstring: str | None) -> tuple[str, str]:
    """Take a docstring apart: its first sentence without the full stop, and the rest.

    What follows a heading such as ``Attributes:`` is left out.
    """
    text = re.split(r"^\w+:\n", inspect.cleandoc(docstring or ""), flags=re.MULTILINE)
    first, _, rest = text[0].partition("\n\n")
    return _prose(first).rstrip("."), _prose(rest)


def _described(
    written: Sequence[type[Struct]], read: Sequence[type[Struct]], template: str
) -> dict[str, Schema]:
    _, parts = msgspec.json.schema_components([*written, *read], ref_template=template)
    found = {each.__name__: each for each in _structs([*written, *read])}
    for name, schema in parts.items():
        _describe(schema, found[name], is_written=found[name] not in read)
    return dict(sorted(parts.items()))


def _describe(schema: Schema, kind: type[Struct], *, is_written: bool) -> None:
    """Say in a schema what the docstrings say, and which fields are always there."""
    names = {each.name: each.encode_name for each in fields(kind)}
    about = _attributes(kind)
    summary, rest = summary_and_rest(kind.__doc__)
    schema["description"] = _shown(f"{summary}.\n\n{rest}".strip(), names)
    for name, wire in names.items():
        if name in about:
            schema["properties"][wire]["description"] = _shown(about[name], names)
    for name, value in _CONSTANTS.get(kind, {}).items():
        schema["properties"][names[name]]["const"] = value
    if is_written:
        tag = kind.__struct_config__.tag_field
        always = [each.encode_name for each in fields(kind) if not _may_lack(each)]
        schema["required"] = ([tag] if tag else []) + always


def _may_lack(field: FieldInfo) -> bool:
    return field.default is UNSET


def _structs(types: Sequence[Any]) -> Iterator[type[Struct]]:
    """Find every class that can stand somewhere in some types."""
    todo: list[Any] = list(kinds.multi_type_info(types))
    seen: set[type[Struct]] = set()
    while todo:
        match todo.pop():
            case kinds.StructType(cls=cls, fields=inner):
                if cls not in seen:
                    seen.add(cls)
                    yield cls
                    todo += [each.type for each in inner]
            case kinds.UnionType(types=inner) | kinds.TupleType(item_types=inner):
                todo += inner
            case kinds.ListType(item_type=one) | kinds.VarTupleType(item_type=one):
                todo.append(one)
            case kinds.DictType(value_type=one):
                todo.append(one)
            case kinds.Metadata(type=one):
                todo.append(one)
            case _:
                pass


def _attributes(kind: type[Struct]) -> dict[str, str]:
    """Return what the docstring of a class, and of those above it, says of fields."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        found |= {name: _prose(words) for name, words in _FIELD.findall(text)}
    return found


def _prose(text: str) -> str:
    """Put each paragraph into one line."""
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    return "\n\n".join(each for each in paragraphs if each)


def _shown(text: str, names: dict[str, str]) -> str:
    """Use the names of the wire: Markdown's marks, its fields, and null."""
    marked = _CODE.sub(lambda found: f"`{names.get(found[1], found[1])}`", text)
    return re.sub(r"\bNone\b", "null", marked)
