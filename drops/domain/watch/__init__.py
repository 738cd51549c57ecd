"""Watch time, from a beat to the figures.

`beat` accepts what a player reports (`tokens` says who may), `stream` carries beats to the workers,
`credit` turns them into watch time, judged by `timeline`, `epochs` and `terms`, and writes it with
`store`. `counters` adds to what each viewer has, `hourly` to the figures that `figures` reads. `status` and
`history` tell viewers and studios what counted, `audiences` takes the platform's own reports, and `grants` has minutes
that nobody watched.
"""
