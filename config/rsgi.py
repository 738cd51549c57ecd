"""What granian serves."""

from django.conf import settings

from config import metrics
from config.middleware.bodies import limit_of
from config.server import Server
from config.wsgi import application as wsgi

application = Server(wsgi, threads=settings.WEB_THREADS, limit_of=limit_of)

# Each web process imports this once, and granian's main process never does.
metrics.serve("web")
