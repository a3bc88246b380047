"""What the HTTP side of re-engagement takes and gives. Amounts are minor units of the currency beside them."""
