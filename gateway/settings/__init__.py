"""The configuration: from a YAML file, or a parsed mapping, to one valid Deployment.

load -> yaml_document (text to plain values) -> plain (what JSON could say, bounded)
     -> shapes/ (keys, types, defaults; pydantic) -> translation (its complaints, said
     in our sentences) -> neighbours (what two parts must agree on) -> assembly (domain).

Values are read by quantities, addresses, names, sticky, signals, segments, evaluators,
scores, redacted, access_log and credentials. Of a rollout ramp says whether its steps lead on, guards what a service
has that may guard it, rules how each is compared, required which segments it waits for.

schema writes the JSON Schema, document the configuration of `serve --baseline URL`. A
document is taken whole or refused whole, and a refusal names all that is wrong with it.
"""
