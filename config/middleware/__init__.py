"""Middleware of the whole site, one a file. config/settings.py has their order and what each stands before."""
