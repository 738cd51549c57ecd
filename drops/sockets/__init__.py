"""The viewer WebSocket: players report watch time on it, and it tells viewers what changed.

One process, `python -m drops.sockets`, beside the web processes. docs/websocket.md has the protocol.
"""
