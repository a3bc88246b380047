"""What runs Sambandh: the local stack, the gateway's configuration and the cluster manifests."""
