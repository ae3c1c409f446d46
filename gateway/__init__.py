"""Sluicegate: a progressive-delivery gateway for AI models. This is the map.

Two journeys, each in one direction; they meet in handoff/ and nowhere else.

    DATA     client -> proxy/listen -> downstream -> life_of_a_request -> upstream -> endpoint
    HANDOFF  routing table (down)   <->   observations, evidence, samples (up)
    CONTROL  admin/ and settings/ -> control/ -> publish

Floors: a folder imports lower floors only; folders of one floor do not know each other.

    6  cli/                           commands for people, and the demo
    5  app/                           supervisor, controller, worker: where things are joined
    4  proxy/ · control/ · admin/     data plane · control plane · operators
       evaluators/                    judges of sampled answers, off the data path
    3  handoff/ · state/ · telemetry/ what the planes exchange · what survives · Prometheus
    2  settings/                      YAML to domain objects
       tls/                           below it: certificates, and contexts made of them
    1  wire/ · routing/ · analysis/   pure: HTTP heads · key and version · counts
       answers/                       pure: what an answer was, read as it passes
       delivery/                      pure: where a rollout stands, and what moves it
       flags/                         pure, below them: the bucket a key lands in
    0  domain/                        values, units, errors

Read proxy/life_of_a_request.py first, then app/supervisor.py, then gateway/README.md.
"""
