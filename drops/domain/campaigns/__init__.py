"""Campaigns: what they promise, what happens to them, and how viewers see them.

`plans` says what a campaign promises and which changes keep that promise, `lifecycle` has the verbs,
`conditions` keeps what a published campaign needs, `phases` notes the changes of phase, `reading` and
`participation` answer viewers' pages.
"""
