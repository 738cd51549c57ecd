"""Rehearsals: a member goes through watch, link, claim and delivery in test mode, with granted minutes.

`starting` begins a run, `running` takes its steps, `reading` is for pages and the API, `words` says what came of
each step and what to do.
"""
