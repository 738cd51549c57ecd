"""Starts the studio: `python -m examples.game_studio`."""

import logging
from threading import Thread

from werkzeug.serving import make_server

from . import connect, garage, report, store, webhook  # noqa: F401 - three of them add their pages to the app
from .app import app
from .config import DROPS_URL, STUDIO_PORT, STUDIO_URL

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its lines would show OAuth codes

store.prepare()
server = make_server("127.0.0.1", int(STUDIO_PORT), app, threaded=True)
Thread(target=report.run_forever, daemon=True).start()
logging.getLogger(__package__).info("Skyforge Rally is at %s, Drops at %s", STUDIO_URL, DROPS_URL)
try:
    server.serve_forever()
except KeyboardInterrupt:
    server.server_close()
