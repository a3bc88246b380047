"""`make demo`: real purchases through the whole system, and every total checked.

Replays the CDNOW log (69,659 orders of 23,570 customers, 1997-01-01 to 1998-06-30), or the first so many orders of it, through the
published Segment client, as a shop would send them, then asks each service over HTTP what came of it and compares that with a
computation over the file. Then it does with these customers what a shop does: segments, journey, search, merging, consent.

    purchases  the file: what was bought          figures     what the services must say, computed from the file alone
    download   where the file comes from          system      the running system, or one started for the demo
    shop       the shop's side: the client        reader      the HTTP answers
    cast       the few who are known by name      till        a store's receipts
    outcomes   one witness for each service       watch       waiting until each has everything
    scenes     what can be done with customers    groups      segments, and who is in them by the file
    lives      stages, by the file                replay      all of it in order
    display    what a person sees

How it stays exact in a system that has other data: the demo has a source of its own (name and write key), by which analytics tells
its orders from all others; its customers and orders carry ids of their own; and all ids are derived from the file, so that another run
repeats the messages of the run before, and nothing is counted twice.

The log ends in 1998. Its times are not shifted: what goes by today's clock, such as a stage, says that everybody has lapsed since, and
what is to be seen as of then asks with times that stand still. What the log has not, such as names and a till, is invented and says so.
"""
