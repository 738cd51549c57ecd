"""Notices in the chat of an organization.

`messages`: what is posted, in the shape that the chat takes. `webhooks`: what owners do with their chats. `posting`:
posts are written with the notices, and sent as they are.
"""
