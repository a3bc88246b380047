"""Collector: the doors through which facts about customers come in.

Owns: sources and their write keys, API keys of machines, the archive of accepted events, the quarantine of refused ones, files of tills
that are imported.
Handles: nothing of others; it listens to the outside, over HTTP and through the exchange `shop.intake`.
Publishes: every event of `shop.events`; `api_key_issued`, `api_key_rotated`, `api_key_revoked`.
Serves: the Segment tracking protocol under `/v1/`, and purchases of tills there; imports of their files, sources, quarantine and archived
events under `/api/collector/`; `/api/collector/api-keys`.
"""
