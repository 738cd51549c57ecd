"""The owners' dashboard: the site, the base of what is registered on it, and what `accounts` registers."""

from . import api_calls, apps, audit, members, notices, pages, proposals, search
from .kit.sites import site

__all__ = ["api_calls", "apps", "audit", "members", "notices", "pages", "proposals", "search", "site"]
