"""Runs moto behind the local cloud's front: one threaded HTTP/1.1 server on a free loopback port.

Prints the port as its first line and ends as soon as its standard input does, so that it never outlives the front.
moto's own server closes the connection after every answer and logs each request; this one does neither.
"""

import functools
import io
import json
import logging
import os
import socket
import sys
import threading
from xml.sax.saxutils import escape


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
port = listener.getsockname()[1]
os.environ["MOTO_PORT"] = str(port)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import moto_startup  # noqa: E402, F401, I001
import moto.core.responses  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402
from werkzeug.test import create_environ  # noqa: E402

CREDENTIAL = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def failure(headers, answer, status, code, message):
    """An error that SDKs can read, where Flask would write a page for people."""
    answer["status"] = status
    if headers.get("X-Amz-Target"):
        answer["headers"] = [("Content-Type", "application/x-amz-json-1.1")]
        return json.dumps({"__type": code, "message": message}).encode()
    answer["headers"] = [("Content-Type", "text/xml")]
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    # EC2 nests its errors in another way than everybody else.
    if "/ec2/aws4_request" in (headers.get("Authorization") or ""):
        return f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>".encode()
    return f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>".encode()


# moto's state is plain dictionaries, which break when one call changes what another walks through. The interpreter runs one call
# at a time anyway: taking turns costs nothing.
TURN = threading.Lock()


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def run_wsgi(self):
        """Like werkzeug's, but reads the request to its end and says the answer's length: the connection stays open."""
        environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        answer = {"status": "500 Internal Server Error", "headers": []}

        def start_response(status, headers, exc_info=None):
            answer["status"], answer["headers"] = status, headers
            return chunks.append

        chunks = []
        try:
            with TURN:
                result = self.server.app(environ, start_response)
                try:
                    chunks.extend(result)
                finally:
                    if hasattr(result, "close"):
                        result.close()
        except NotImplementedError as error:
            chunks = [failure(self.headers, answer, "501 Not Implemented", "NotImplemented", f"local cloud: moto: {error}")]
        except Exception as error:
            logging.exception("moto failed at %s", self.path)
            message = f"local cloud: moto failed ({type(error).__name__}: {error}); see the log"
            chunks = [failure(self.headers, answer, "500 Internal Server Error", "InternalFailure", message)]
        data = b"".join(chunks)
        code, _, reason = answer["status"].partition(" ")
        self.send_response(int(code), reason)
        for name, value in answer["headers"]:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                self.send_header(name, value)
        if self.command == "HEAD":
            length = dict((k.lower(), v) for k, v in answer["headers"]).get("content-length", "0")
            self.send_header("Content-Length", length)
        else:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def log_request(self, code="-", size="-"):
        pass


# Both are constant, and computed anew at each request: about half of what a small call costs.
moto.core.responses.method_names_from_class = functools.cache(moto.core.responses.method_names_from_class)
backend_for_host = functools.lru_cache(4096)(DomainDispatcherApplication.get_backend_for_host)


def known_backend(self, host):
    backend = backend_for_host(self, host)
    if host is not None and backend is None:
        raise NotImplementedError(f"it has no service at {host}")
    return backend


DomainDispatcherApplication.get_backend_for_host = known_backend


def create_app(service):
    app = create_backend_app(service)
    # Debug mode costs time at every request and turns an error into an HTML page.
    app.debug = False
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_app)
import moto_network_repairs  # noqa: E402, F401
import moto_repairs  # noqa: E402, F401
import moto_service_repairs  # noqa: E402, F401

server = make_server(
    "127.0.0.1", port, application, threaded=True, request_handler=Handler, fd=listener.fileno()
)
server.daemon_threads = True
JSON, FORM = "application/x-amz-json-1.1", "application/x-www-form-urlencoded"
# What every deployment asks first; the first call of a service reads its model and makes its backend.
FIRST_CALLS = [
    ("ec2", FORM, "Action=DescribeVpcs&Version=2016-11-15"),
    ("logs", JSON, "Logs_20140328.DescribeLogGroups"),
    ("iam", FORM, "Action=ListRoles&Version=2010-05-08"),
    ("secretsmanager", JSON, "secretsmanager.ListSecrets"),
    ("ecr", JSON, "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
    ("sns", FORM, "Action=ListTopics&Version=2010-03-31"),
    ("acm", JSON, "CertificateManager.ListCertificates"),
    ("elasticloadbalancing", FORM, "Action=DescribeLoadBalancers&Version=2015-12-01"),
    ("ecs", JSON, "AmazonEC2ContainerServiceV20141113.ListClusters"),
]


def get_ready():
    """Makes these calls while the client still makes up its mind; a real call waits for one of them at most."""
    for service, kind, content in FIRST_CALLS:
        body = (content if kind == FORM else "{}").encode()
        headers = {"Authorization": CREDENTIAL.format(service), "Content-Type": kind}
        if kind == JSON:
            headers["X-Amz-Target"] = content
        environ = create_environ("/", f"http://127.0.0.1:{port}", method="POST", data=body, headers=headers)
        with TURN:
            try:
                list(application(environ, lambda status, headers, exc_info=None: None))
            except Exception:
                logging.exception("moto was not made ready for %s", service)


# The heaviest service to load, and the first that every deployment needs.
application.get_application({"PATH_INFO": "/", "HTTP_AUTHORIZATION": CREDENTIAL.format("ec2")})
print(port, flush=True)
os.dup2(2, 1)
threading.Thread(target=get_ready, daemon=True).start()
server.serve_forever()
