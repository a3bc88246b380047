"""Dashboards for Grafana, written by `make manifests` from `panels.py`."""
