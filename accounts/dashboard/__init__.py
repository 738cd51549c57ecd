"""The owners' dashboard: the site, the base of what is registered on it, and what `accounts` registers."""

from . import apps, audit, members, notices, pages, proposals, search
from .kit.sites import site

__all__ = ["apps", "audit", "members", "notices", "pages", "proposals", "search", "site"]
