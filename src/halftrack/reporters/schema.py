"""The JSON Schema of the diagnosis document, from the types that it is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, get_args, get_type_hints

import msgspec

from halftrack.diagnosis import document

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """A self-contained schema, draft 2020-12; every document that is printed validates against it.

    Every field is required: what is not known is printed as null.
    """
    (reference,), components = msgspec.json.schema_components(
        [document.Diagnosis], ref_template="#/$defs/{name}"
    )
    for name, component in components.items():
        for field in _times(getattr(document, name)):
            for alternative in component["properties"][field]["anyOf"]:
                if alternative == {"type": "string"}:
                    alternative["format"] = "date-time"
        component["required"] = sorted(component["properties"])
    return {"$schema": _DRAFT, "title": document.SCHEMA, **reference, "$defs": components}


def _times(struct: type[Any]) -> list[str]:
    """Fields of a struct that hold a moment, or null."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    return [names[name] for name, hint in get_type_hints(struct).items() if datetime in get_args(hint)]
