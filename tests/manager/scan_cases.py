"""The API before programs that look for what nobody thought of: Schemathesis, which makes calls of
the OpenAPI document and of what breaks it, and properties that hold for any text (properties.py).
"""
import http.client
import subprocess
import sys
from pathlib import Path

import openapi_cases

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import python_packages  # noqa: E402
from processes import die_with_parent  # noqa: E402

SCAN_S = 15
LATE_S = 60
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
          "unsupported_method", "allow_header_conformance", "use_after_free",
          "ensure_resource_availability")
OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.yaml"}


def scanner():
    """The python with the packages; None, said, where they are not to be had."""
    try:
        return python_packages.python_with("manager", HERE / "requirements.txt")
    except RuntimeError as problem:
        last = str(problem).strip().splitlines()[-1]
        print(f"SKIPPED: Schemathesis and Hypothesis are not to be had from PyPI: {last}")
        return None


def begin(python, arguments, log):
    with log.open("wb") as output:
        return subprocess.Popen([python, *map(str, arguments)], cwd=log.parent,
                                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                preexec_fn=die_with_parent)


def end(process, log):
    try:
        status = process.wait(SCAN_S + LATE_S)
    finally:
        process.kill()
        process.wait()
    said = log.read_text(errors="replace")
    assert status == 0, said[-20_000:]
    return said


def answers_a_scanner_only_as_its_document_says(manager, directory):
    """Two at once: one goes through all services, one stays in a small one, where calls meet."""
    python = scanner()
    if python is None:
        return
    scans = []
    for name, config in (("far", ""), ("near", '[parameters]\n"path.service" = "scan"\n')):
        place = Path(directory, f"scan-{name}")
        place.mkdir()
        (place / "schemathesis.toml").write_text(config)
        bearer = manager.bearer(f"scanner-{name}", ("*", "*", "admin"))
        for item in ("rules/fraud", "config/a", "secret/s"):
            text = "team: fraud\ndestinations: [a]\n" \
                   "rules: [{name: b, match: {type: [c]}, to: a}]\n"
            more = {"bound_to": [f"scanner-{name}"]} if item == "secret/s" else {}
            manager_said = bearer.put(f"/v1/services/scan/items/{item}", text, **more)
            assert manager_said.status in (200, 201), manager_said.body
        log = place / "log"
        scans.append((log, begin(python, [
            "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{manager.port}/openapi.yaml",
            "--header", bearer.header, "--max-time", SCAN_S, "--rate-limit", "auto",
            "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing,stateful",
            "--generation-database", "none", "--no-color", "--warnings", "off",
            "--request-timeout", 10], log)))
    for log, process in scans:
        said = end(process, log)
        summary = [line.strip() for line in said.splitlines() if "generated" in line]
        print(f"        {log.parent.name}: {'; '.join(summary)}", flush=True)


def holds_its_properties_for_any_text(manager, directory):
    python = scanner()
    if python is None:
        return
    place = Path(directory, "properties")
    place.mkdir()
    bearer = manager.bearer("properties", ("*", "*", "admin"))
    log = place / "log"
    said = end(begin(python, [HERE / "properties.py", manager.port, bearer.header], log), log)
    print(f"        {said.strip()}", flush=True)


def shows_nothing_to_who_has_no_token(manager):
    """Every operation, each from an address of its own, since wrong tokens cost theirs."""
    operations = openapi_cases.read_paths()
    number = 0
    for method, path, is_open in operations:
        for header in (None, "Bearer ", "Bearer wrong", "Basic YTpi", "bearer"):
            number += 1
            connection = http.client.HTTPConnection(
                "127.0.0.1", manager.port, timeout=30,
                source_address=(f"127.7.{number // 200}.{number % 200 + 1}", 0))
            body = b"{}" if method in ("PUT", "POST") else None
            connection.request(method, path, body, {"Authorization": header} if header else {})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            right = answer.status not in (401, 500) if is_open else answer.status == 401
            assert right, (method, path, header, answer.status)
    # Signing in is open too, and shows nothing: sign_in_cases.py.
    assert OPEN <= {path for _, path, is_open in operations if is_open}
    print(f"        {number} calls of {len(operations)} operations", flush=True)
