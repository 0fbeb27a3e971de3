"""What msgspec does not say of types by itself: which texts are times, and what the docstrings tell of each field."""

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec.inspect import DateTimeType, Metadata, StructType, Type, UnionType

_ATTRIBUTES: Final = re.compile(r"\n+Attributes:\n(.*)", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def prose(text: str) -> str:
    """Return a docstring as Markdown: what it says of the whole, code between single marks."""
    return _ATTRIBUTES.sub("", inspect.cleandoc(text)).replace("``", "`").strip()


def describe(components: dict[str, Any], kinds: Sequence[Any]) -> None:
    """Complete the schemas of ``kinds``, and of all types they are made of, in the document's components."""
    for struct in _structs(msgspec.inspect.multi_type_info(kinds), set()):
        schema = components.get(struct.cls.__name__)
        if schema is None:
            continue
        told = _told(struct.cls)
        for field in struct.fields:
            shown = schema["properties"][field.encode_name]
            _say_time(shown, field.type)
            if text := told.get(field.name):
                shown.setdefault("description", text)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = prose(schema["description"])


def tell_defaults(components: dict[str, Any], bodies: Sequence[Any]) -> None:
    """Say in words what a field of a request is where it is left out.

    Generators take a field with a ``default`` for one that is always there, and let callers give all of them.
    """
    for struct in _structs(msgspec.inspect.multi_type_info(bodies), set()):
        for shown in components[struct.cls.__name__]["properties"].values():
            default = shown.pop("default", None)
            if default is not None:
                told = f"Left out: `{msgspec.json.encode(default).decode()}`."
                shown["description"] = f"{shown.get('description', '')} {told}".strip()


def _structs(types: Iterable[Type], seen: set[type]) -> Iterable[StructType]:
    for each in types:
        if isinstance(each, StructType):
            if each.cls in seen:
                continue
            seen.add(each.cls)
            yield each
            yield from _structs([field.type for field in each.fields], seen)
        else:
            yield from _structs(_parts(each), seen)


def _parts(kind: Type) -> list[Type]:
    """Return the types a type that is no struct is made of."""
    parts = [getattr(kind, name, None) for name in ("type", "item_type", "key_type", "value_type")]
    return [*getattr(kind, "types", ()), *(each for each in parts if isinstance(each, Type))]


def _told(struct: type) -> dict[str, str]:
    """Return what the docstring's section ``Attributes:`` says of each field."""
    found = _ATTRIBUTES.search(inspect.cleandoc(struct.__doc__ or ""))
    if found is None:
        return {}
    return {
        name.strip(): " ".join(text.split()).replace("``", "`")
        for names, text in _ATTRIBUTE.findall(found[1])
        for name in names.split(",")
    }


def _say_time(schema: dict[str, Any], kind: Type) -> None:
    bare = kind.type if isinstance(kind, Metadata) else kind
    if isinstance(bare, DateTimeType):
        schema["format"] = "date-time"
    elif isinstance(bare, UnionType) and any(isinstance(_bare(each), DateTimeType) for each in bare.types):
        for each in schema.get("anyOf", [schema]):
            if each.get("type") == "string":
                each["format"] = "date-time"


def _bare(kind: Type) -> Type:
    return kind.type if isinstance(kind, Metadata) else kind
