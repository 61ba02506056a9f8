"""JSON Schemas of the documents, from the types that they are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, get_args, get_type_hints

import msgspec

from halftrack.diagnosis import document
from halftrack.diagnosis.explained import document as explained
from halftrack.diagnosis.since import document as since
from halftrack.plans import actions, change
from halftrack.plans import document as plans
from halftrack.plans import rehearsal as rehearsals
from halftrack.replaying import document as replays
from halftrack.whatif import document as answers

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Of the diagnosis: self-contained, draft 2020-12; every document that is printed validates against it.

    Every field is required: what is not known is printed as null.
    """
    return _of(document.Diagnosis, document.SCHEMA, (document, since))


def plan() -> dict[str, Any]:
    """Of plans, likewise; only what an action leaves at its default is left out of it."""
    return _of(plans.Plan, plans.SCHEMA, (plans, actions, document))


def changes() -> dict[str, Any]:
    """Of the list of changes, likewise: every field is required."""
    return _of(change.Changes, change.SCHEMA, (change,))


def rehearsal() -> dict[str, Any]:
    """Of rehearsals, likewise: every field is required."""
    return _of(rehearsals.Rehearsal, rehearsals.SCHEMA, (rehearsals,))


def replay() -> dict[str, Any]:
    """Of replays, likewise: every field is required."""
    return _of(replays.Replayed, replays.SCHEMA, (replays,))


def entry() -> dict[str, Any]:
    """Of an explained entry, likewise: every field is required."""
    return _of(explained.Explained, explained.SCHEMA, (explained,))


def whatif() -> dict[str, Any]:
    """Of what ``whatif`` answers, likewise: every field is required."""
    return _of(answers.WhatIf, answers.SCHEMA, (answers, document))


def _of(kind: type[msgspec.Struct], title: str, modules: tuple[Any, ...]) -> dict[str, Any]:
    """``modules``: those that the types are defined in, the first one's first."""
    (reference,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for name, component in components.items():
        struct = next(getattr(module, name) for module in modules if hasattr(module, name))
        for field in _times(struct):
            for alternative in component["properties"][field]["anyOf"]:
                if alternative == {"type": "string"}:
                    alternative["format"] = "date-time"
        if not struct.__struct_config__.omit_defaults:
            component["required"] = sorted(component["properties"])
    return {"$schema": _DRAFT, "title": title, **reference, "$defs": components}


def _times(struct: type[Any]) -> list[str]:
    """Fields of a struct that hold a moment, or null."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    return [names[name] for name, hint in get_type_hints(struct).items() if datetime in get_args(hint)]
