"""Collector: the doors through which facts about customers come in.

Owns: sources and their write keys, the archive of accepted events, the quarantine of refused ones, files of tills that are imported.
Handles: nothing; it listens to the outside, over HTTP and through the exchange `shop.intake`.
Publishes: every event of `shop.events`.
Serves: the Segment tracking protocol under `/v1/`, and purchases of tills there; imports of their files, sources, quarantine and archived
events under `/api/collector/`.
"""
