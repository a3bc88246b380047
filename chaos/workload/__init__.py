"""The load generator: a shop whose facts carry random weights, sent as the tracking clients send them."""
