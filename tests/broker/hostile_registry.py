"""A schema registry that does what it is told, the worst included: Confluent's API from this process's
memory, on a port of 127.0.0.1, by https and to whom it knows if it is asked to.

`register` and `schema` are a SchemaRegistry's. `answers` are by id, in place of what is registered:
functions that write an answer by a request's handler; those below are hostile ones.
Threads: any; each request has its own.
"""
import base64
import http.server
import itertools
import json
import ssl
import threading
import urllib.parse

PIECE = b"x" * 65_536


def json_of(status, body):
    """Answers that, as JSON."""
    def answer(handler):
        handler.say(status, json.dumps(body).encode())
    return answer


def schema_of(text, kind="AVRO", references=()):
    return json_of(200, {"schema": text, "schemaType": kind, "references": list(references)})


def error_of(status, message):
    return json_of(status, {"error_code": status * 100 + 1, "message": message})


def endless(handler):
    handler.say(200, b'{"schema": "', length=1 << 50)
    while True:  # until the other side is gone
        handler.wfile.write(PIECE)


def drips(handler):
    """A byte now and then, always before one could say that nothing comes."""
    handler.say(200, b"", length=1 << 20)
    while not handler.server.is_closing.wait(0.1):
        handler.wfile.write(b" ")


def redirects_to_itself(handler):
    handler.say(307, b"", headers={"Location": handler.path})


def closes(handler):
    handler.close_connection = True


def nests(handler):
    handler.say(200, b'{"schema": ' + b"[" * 1_900_000)


def refers_to_itself(handler):
    """And on, each time to a version that was not seen before."""
    before = handler.path.rpartition("/")[2]
    schema_of('"int"', references=[{"name": f"a{before}", "subject": "endless",
                                    "version": int(before) + 1}])(handler)


class HostileRegistry:
    def __init__(self, certificate=None, password=None):
        """`certificate`: the paths of one and of its key; `password`: (who, the password)."""
        self._ids = itertools.count(1)
        self._by_id, self._by_subject = {}, {}
        self.answers = {}
        self.asked = []  # paths
        known = base64.b64encode(":".join(password).encode()).decode() if password else None
        self._server = _Server(self, f"Basic {known}" if known else None)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, certificate))
            self._server.context = context
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/of/ours"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def register(self, subject, schema, kind="AVRO", references=()):
        """The id that serializers put on the wire."""
        made = next(self._ids)
        self._by_id[made] = schema_of(schema, kind, references)
        self._by_subject[subject] = self._by_id[made]
        return made

    def known(self, schema_id):
        """What answers for what is registered."""
        return self._by_id[schema_id]

    def answer_of(self, path):
        """What answers for that path below the API's."""
        kind, *rest = path.strip("/").split("/")
        if kind == "schemas":
            asked = int(rest[1])
            return self.answers.get(asked) or self._by_id.get(asked) or error_of(404, "not found")
        if rest[0] == "endless":
            return refers_to_itself
        return self._by_subject.get(urllib.parse.unquote(rest[0])) or error_of(404, "no subject")

    def close(self):
        self._server.is_closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, registry, authorization):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry, self.authorization = registry, authorization
        self.context = None
        self.is_closing = threading.Event()

    def finish_request(self, request, client_address):
        """In the request's own thread, so that a handshake holds up nobody."""
        if self.context:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        """Whoever asked is gone, or does not trust this server: that is what tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        registry = self.server.registry
        registry.asked.append(self.path)
        if self.server.authorization not in (None, self.headers["Authorization"]):
            return error_of(401, "nobody that is known here")(self)
        if not self.path.startswith("/of/ours/"):
            return error_of(404, "nothing here")(self)
        return registry.answer_of(self.path[len("/of/ours"):])(self)

    def say(self, status, body, length=None, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) if length is None else length),
                            "Content-Type": "application/vnd.schemaregistry.v1+json",
                            **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def well_once(event, status, well):
    """Answers that status until the Event is set, and from then on as `well`."""
    def answer(handler):
        (well if event.is_set() else error_of(status, "something broke"))(handler)
    return answer
