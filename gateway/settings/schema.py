"""The JSON Schema of the configuration, for editors: names, types, defaults, meanings.

It says less than `sluicegate check`: what two keys must agree on is not in it.
"""

from gateway.settings.shapes.gateway import DocumentShape


def json_schema() -> dict[str, object]:
    """Give the schema (draft 2020-12) of a whole document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **DocumentShape.model_json_schema(by_alias=True, mode="validation"),
        "title": "Sluicegate configuration",
    }
