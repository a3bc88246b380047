"""What is watched: rules with their tests, and the Prometheus that `make alerts-drill` runs on this machine."""
