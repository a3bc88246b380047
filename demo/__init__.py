"""`make demo`: real purchases through the whole system, and every total checked.

Replays the CDNOW log (69,659 orders of 23,570 customers, 1997-01-01 to 1998-06-30), or the first so many orders of it, through the
published Segment client, as a shop would send them, then asks each service over HTTP what came of it and compares that with a
computation over the file.

    purchases  the file: what was bought          figures     what the services must say, computed from the file alone
    download   where the file comes from          system      the running system, or one started for the demo
    shop       the shop's side: the client        reader      the HTTP answers
    outcomes   one witness for each service       watch       waiting until each has everything
    replay     all of it in order                 display     what a person sees

How it stays exact in a system that has other data: the demo has a source of its own (name and write key), by which analytics tells
its orders from all others; its customers and orders carry ids of their own; and all ids are derived from the file, so that another run
repeats the messages of the run before, and nothing is counted twice.
"""
