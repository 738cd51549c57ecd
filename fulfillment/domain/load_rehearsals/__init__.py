"""Load rehearsals: signed test events at the rate of a launch, to see what an endpoint answers before viewers find out.

`starting` begins and stops a run, `firing` makes it in a worker, `reading` tells what came of it.
"""
