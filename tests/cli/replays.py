"""The document of a replay, which its schema describes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema

from halftrack.reporters import schema

if TYPE_CHECKING:
    from cli.conftest import Ran


def document(ran: Ran) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    jsonschema.Draft202012Validator(schema.replay()).validate(told)
    assert isinstance(told, dict)
    return told
