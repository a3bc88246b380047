"""Sambandh on Kubernetes: manifests for kustomize, and `python -m deploy.k8s` that writes what is generated among them."""
