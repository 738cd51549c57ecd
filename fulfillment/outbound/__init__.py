"""HTTP to servers of others. No other package speaks it."""
