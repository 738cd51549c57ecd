"""The war room: how a campaign stands on the night of its launch, for a screen that everybody looks at.

`figures` reads how it stands now, `minutes` notes that once a minute so that the night can be looked at again, `log`
tells what happened, `troubles` what is wrong, and `links` lets people without an account look.
"""
