"""The base of every page of the owners' dashboard.

- `access`: who may enter, and the organization that a request acts for
- `scoping`: the security file: querysets, choices of fields, filters and look-ups stay within one organization
- `objects`: the base class of what is registered, and of its inlines
- `verbs`: buttons on an object, their confirm pages, and how they run
- `proposing`: what happens to a verb that needs a second owner
- `sites`: the site itself: pages, navigation, the gate in front of every address
- `display`: badges
- `masking`: what operators who look at an organization do not see
- `forms`: fields that several pages share
"""
