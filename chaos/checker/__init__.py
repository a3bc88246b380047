"""The verdict on a run: pure functions over the ledger and what the services hold. They read nothing and trust no table of ids seen."""
