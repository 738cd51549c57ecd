"""Skyforge Rally: a small game studio that hands out the rewards its players earn on Drops."""
