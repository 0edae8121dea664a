"""Runs ministack behind the local cloud's front, on a free loopback port.

Prints the port as its first line and ends as soon as its standard input does, so that it never outlives the front.
GATEWAY_PORT is the front's own port: the addresses that ministack puts into its answers lead through the front.
"""

import asyncio
import importlib
import logging
import os
import socket
import sys
import threading


def end_with_the_front():
    try:
        while os.read(0, 4096):
            pass
    finally:
        os._exit(0)


threading.Thread(target=end_with_the_front, daemon=True).start()
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(512)
listener.set_inheritable(True)

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ministack_repairs  # noqa: E402, F401
import ministack_names  # noqa: E402, F401, I001

# What ministack loads at the first calls. moto, which starts at the same time, needs longer: this costs nobody a wait.
SERVICES = ("apigateway_v1", "documentdb", "eventbridge", "iam", "s3", "sts")
for module in ("botocore.session", *(f"ministack.services.{name}" for name in SERVICES)):
    try:
        importlib.import_module(module)
    except Exception:
        logging.exception("ministack was not made ready: %s", module)

config = Config()
config.bind = [f"fd://{listener.fileno()}"]
config.keep_alive_timeout = 600
config.keep_alive_max_requests = 1 << 40
config.loglevel = os.environ.get("LOG_LEVEL", "WARNING")
config.accesslog = None
print(listener.getsockname()[1], flush=True)
os.dup2(2, 1)
asyncio.run(serve(app, config))
