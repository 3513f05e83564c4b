"""Calls of a Kubernetes API server, as somebody.

Objects are dictionaries; what is applied may be YAML or JSON text with several of them too. Each call is
made as `Kube`'s certificate or token says, or as whom `as_user` names.

Errors: Refused with the server's status code, reason and message. Threads: a Kube may be used by any;
each call has a connection of its own.
"""
import http.client
import json
import ssl
import time
import urllib.parse

import yaml

CALL_S = 30
WAIT_S = 30
POLL_S = 0.05
FIELD_MANAGER = "tests"


class Refused(Exception):
    """What the server said instead of doing it. `code` is HTTP's, `reason` Kubernetes'."""

    def __init__(self, status):
        self.code = status.get("code")
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")
        super().__init__(f"{self.code} {self.reason}: {self.message}")


def objects_in(text):
    """The objects of YAML or JSON text."""
    return [item for item in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            if item]


class Kube:
    """Somebody who calls the server at 127.0.0.1:`port`."""

    def __init__(self, port, ca, certificate=None, key=None, token=None):
        self._port = port
        self._context = ssl.create_default_context(cafile=ca)
        if certificate:
            self._context.load_cert_chain(certificate, key)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._kinds = {}

    def as_user(self, user, *groups):
        """The same calls, made for another: impersonation, so only who may do that can."""
        other = Kube.__new__(Kube)
        other.__dict__.update(self.__dict__)
        other._headers = {**self._headers, "Impersonate-User": user, "Impersonate-Group": groups}
        return other

    def as_service_account(self, namespace, name):
        return self.as_user(f"system:serviceaccount:{namespace}:{name}", "system:serviceaccounts",
                            f"system:serviceaccounts:{namespace}", "system:authenticated")

    def raw(self, method, path, body=None, content_type="application/json", timeout=CALL_S):
        """Status and text of the answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=timeout,
                                                 context=self._context)
        try:
            connection.putrequest(method, path)
            for name, values in self._headers.items():
                for value in (values,) if isinstance(values, str) else values:
                    connection.putheader(name, value)
            connection.putheader("Accept", "application/json")
            if body is not None:
                connection.putheader("Content-Type", content_type)
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def call(self, method, path, body=None, content_type="application/json", **query):
        """The object that is answered."""
        given = {name: value for name, value in query.items() if value not in (None, "", False)}
        if given:
            path += "?" + urllib.parse.urlencode(given)
        data = json.dumps(body).encode() if body is not None else None
        status, text = self.raw(method, path, data, content_type)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text}
        if status >= 400:
            raise Refused({"code": status, **answer})
        return answer

    def path(self, api_version, kind, namespace=None, name=None, part=None):
        """Where objects of that kind are, as discovery says."""
        group = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if (api_version, kind) not in self._kinds:
            for entry in self.call("GET", group)["resources"]:
                if "/" not in entry["name"]:
                    self._kinds[api_version, entry["kind"]] = (entry["name"], entry["namespaced"])
        if (api_version, kind) not in self._kinds:
            raise Refused({"code": 404, "reason": "NotFound", "message": f"no kind {kind}"})
        plural, namespaced = self._kinds[api_version, kind]
        path = group + (f"/namespaces/{namespace or 'default'}" if namespaced and namespace != "*" else "")
        return path + f"/{plural}" + (f"/{name}" if name else "") + (f"/{part}" if part else "")

    def path_of(self, item, part=None):
        meta = item["metadata"]
        return self.path(item["apiVersion"], item["kind"], meta.get("namespace"), meta["name"], part)

    def get(self, api_version, kind, name, namespace=None):
        return self.call("GET", self.path(api_version, kind, namespace, name))

    def find(self, api_version, kind, name, namespace=None):
        """None if there is none."""
        try:
            return self.get(api_version, kind, name, namespace)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def list(self, api_version, kind, namespace="*", labels=None):
        """Of all namespaces, unless one is named."""
        return self.call("GET", self.path(api_version, kind, namespace), labelSelector=labels)["items"]

    def create(self, item, dry_run=False):
        return self.call("POST", self.path(item["apiVersion"], item["kind"],
                                           item["metadata"].get("namespace")),
                         item, fieldValidation="Strict", dryRun=dry_run and "All")

    def replace(self, item, part=None):
        return self.call("PUT", self.path_of(item, part), item, fieldValidation="Strict")

    def apply(self, item, dry_run=False, force=True, manager=FIELD_MANAGER, part=None):
        """Server-side apply of one object, or of all in a text. Fields that its kind doesn't have are
        refused."""
        if isinstance(item, (str, bytes)):
            return [self.apply(one, dry_run, force, manager) for one in objects_in(item)]
        return self.call("PATCH", self.path_of(item, part), item, "application/apply-patch+yaml",
                         fieldManager=manager, force="true" if force else None,
                         fieldValidation="Strict", dryRun=dry_run and "All")

    def patch(self, api_version, kind, name, change, namespace=None, part=None):
        """A merge patch."""
        return self.call("PATCH", self.path(api_version, kind, namespace, name, part), change,
                         "application/merge-patch+json")

    def delete(self, api_version, kind, name, namespace=None, now=False, policy="Background"):
        """`now`: without waiting for the kubelet."""
        options = {"propagationPolicy": policy, **({"gracePeriodSeconds": 0} if now else {})}
        return self.call("DELETE", self.path(api_version, kind, namespace, name), options)

    def may(self, verb, group, resource, namespace=None, name=None):
        """Whether RBAC lets it, as SelfSubjectAccessReview says; "pods/log" names a part."""
        resource, _, part = resource.partition("/")
        answer = self.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": part,
                "namespace": namespace or "", "name": name or ""}}})
        return answer["status"]["allowed"]


def refusal(call, *arguments, **options):
    """What the server refuses the call with; it has to."""
    try:
        call(*arguments, **options)
    except Refused as refused:
        return refused
    raise AssertionError(f"{call.__name__} was not refused: {arguments}")


def wait_for(what, said, timeout_s=WAIT_S, poll_s=POLL_S):
    """What `what()` returns once that is true. `said` names it where it never comes. A refusal counts
    as "not yet"."""
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        try:
            last = what()
            if last:
                return last
        except Refused as refused:
            last = refused
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {timeout_s} s: {said}; last: {last}")
        time.sleep(poll_s)
