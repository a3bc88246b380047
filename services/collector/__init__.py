"""Collector: the doors through which facts about customers come in.

Owns: sources and their write keys, the archive of accepted events, the quarantine of refused ones.
Handles: nothing; it listens to the outside, over HTTP and through the exchange `shop.intake`.
Publishes: every event of `shop.events`.
Serves: the Segment tracking protocol under `/v1/`; sources, quarantine and archived events under `/api/collector/`.
"""
