"""The object for Prometheus' operator: fields that it documents, and none that it would drop without a word."""

from __future__ import annotations

import copy
import functools
import operator
from typing import Final

import yaml
from jsonschema import Draft202012Validator
from monitoring.files import files

_LASTS: Final = {
    "type": "string",
    "pattern": r"^(0|(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?)$",
    "minLength": 1,
}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_RULE: Final = {
    "oneOf": [
        {
            "required": ["record", "expr"],
            "properties": {"record": {"type": "string"}, "expr": {"type": "string"}, "labels": _TEXTS},
            "additionalProperties": False,
        },
        {
            "required": ["alert", "expr"],
            "properties": {
                **{name: {"type": "string"} for name in ("alert", "expr")},
                **dict.fromkeys(("for", "keep_firing_for"), _LASTS),
                **dict.fromkeys(("labels", "annotations"), _TEXTS),
            },
            "additionalProperties": False,
        },
    ]
}
_GROUP: Final = {
    "type": "object",
    "required": ["name", "rules"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        **dict.fromkeys(("interval", "query_offset"), _LASTS),
        "limit": {"type": "integer"},
        "labels": _TEXTS,
        "partial_response_strategy": {"enum": ["", "abort", "warn"]},
        "rules": {"type": "array", "items": _RULE},
    },
    "additionalProperties": False,
}
PROMETHEUS_RULE: Final = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "PrometheusRule"},
        "metadata": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
                "namespace": {"type": "string"},
                **dict.fromkeys(("labels", "annotations"), _TEXTS),
            },
            "additionalProperties": False,
        },
        "spec": {"properties": {"groups": {"type": "array", "items": _GROUP}}, "additionalProperties": False},
    },
    "additionalProperties": False,
}
"""The fields that the operator documents for a PrometheusRule (API reference, v0.82), and no others: its own
schema lets the API server drop those that it does not know without a word. What Prometheus asks for besides, one
of ``record`` and ``alert``, is in it, too.
"""


def test_the_operator_s_object_has_documented_fields_alone() -> None:
    given = yaml.safe_load(files()["deploy/prometheus/prometheus-rule.yaml"])
    judge = Draft202012Validator(PROMETHEUS_RULE)
    judge.check_schema(PROMETHEUS_RULE)
    judge.validate(given)
    names = [each["name"] for each in given["spec"]["groups"]]
    assert len(set(names)) == len(names)  # a map by its name, to the API server
    for where, wrong in (
        (["spec", "groups", 0], {"intervall": "1m"}),
        (["spec", "groups", 0], {"interval": "1 m"}),
        (["spec", "groups", 0, "rules", 0], {"alert": "Both"}),
        (["spec", "groups", 0, "rules", 0], {"annotations": {"summary": "of a number"}}),
        (["spec", "groups", 0, "rules", -1], {"labels": {"severity": 1}}),
        (["metadata"], {"name": "Halftrack"}),
    ):
        broken = copy.deepcopy(given)
        functools.reduce(operator.getitem, where, broken).update(wrong)
        assert not judge.is_valid(broken), wrong
