"""Deliveries: how a claim's message reaches the studio's server.

`messages` says what is sent, `queue` what is due, `attempts` makes the request and writes its outcome,
`schedule` plans the next attempt. `delivering` does all that with many threads, and `calling` has workers
do it. `endpoints`, `breaker`, `health` and `notices` are about the studio's server, `signing` about our
keys, `bulkhead` about the web threads that wait for studios.
"""
