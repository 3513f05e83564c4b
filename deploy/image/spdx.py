"""The software bill of materials of the image, as SPDX 2.3 in JSON.

It names every file of the image with its digest, and the package that each is of: Debian's, by its
package URL, and what is built here. Header-only libraries, which leave no file, are named as well.
Licenses are not judged: NOASSERTION, with each package's own words in the image's
/usr/share/doc/*/copyright. The document's namespace is made of its content, so that equal images have
equal documents.

Errors: none.
"""
import hashlib
import json
import re
from urllib.parse import quote

LIBRDKAFKA_SOURCE = "https://github.com/confluentinc/librdkafka/archive/refs/tags/v{version}.tar.gz"
NAMESPACE = "https://turnout.dev/spdx/"
UNSAID = "NOASSERTION"


def identifier(*words):
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.-]", "-", word) for word in words)


def file_of(entry):
    return {
        "SPDXID": identifier("File", entry.path.replace("_", "-"),
                             hashlib.sha1(entry.path.encode()).hexdigest()[:8]),
        "fileName": "./" + entry.path,
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(entry.content).hexdigest()},
                      {"algorithm": "SHA256",
                       "checksumValue": hashlib.sha256(entry.content).hexdigest()}],
        "licenseConcluded": UNSAID, "licenseInfoInFiles": [UNSAID], "copyrightText": UNSAID,
    }


def verification_code(files):
    """SPDX 2.3, 7.9.4: of the files' SHA1 digests, sorted and put together."""
    digests = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return {"packageVerificationCodeValue": hashlib.sha1("".join(digests).encode()).hexdigest()}


def package_of(name, version, files, url, supplier, location=UNSAID, license_declared=UNSAID):
    package = {
        "SPDXID": identifier("Package", name), "name": name, "versionInfo": version,
        "supplier": supplier, "downloadLocation": location, "filesAnalyzed": bool(files),
        "licenseConcluded": UNSAID, "licenseDeclared": license_declared, "copyrightText": UNSAID,
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": url}],
    }
    if files:
        package["packageVerificationCode"] = verification_code(files)
        package["licenseInfoFromFiles"] = [UNSAID]
    return package


def debian_package(facts, files):
    version = quote(facts["Version"], safe=".-~:")
    url = (f"pkg:deb/debian/{quote(facts['Package'])}@{version}"
           f"?arch={facts['Architecture']}&distro=debian-12")
    maintainer = re.sub(r"[<]([^>]*)[>]", r"(\1)", facts["Maintainer"])
    return package_of(facts["Package"], facts["Version"], files, url, f"Organization: {maintainer}")


def document(root, version, librdkafka_version, librdkafka_sha512, created):
    """Of a root_files.Root; `created` as RFC 3339."""
    files = {}  # package -> its files
    for entry in root.entries():
        if entry.content is not None:
            files.setdefault(entry.package or "turnout", []).append(file_of(entry))
    turnout = package_of("turnout", version, files["turnout"], f"pkg:generic/turnout@{version}",
                         "Organization: Turnout", license_declared="Apache-2.0")
    turnout["primaryPackagePurpose"] = "CONTAINER"
    librdkafka = package_of(
        "librdkafka", librdkafka_version, files["librdkafka"],
        f"pkg:github/confluentinc/librdkafka@v{librdkafka_version}", "Organization: Confluent",
        LIBRDKAFKA_SOURCE.format(version=librdkafka_version), "BSD-2-Clause")
    librdkafka["sourceInfo"] = ("built from the copy in the npm package @confluentinc/kafka-javascript"
                                f" with the SHA-512 {librdkafka_sha512}")
    loaded = [debian_package(facts, files.get(name, [])) for name, facts in
              sorted(root.packages.items())]
    headers = [debian_package(facts, []) for facts in root.headers_only]

    top = turnout["SPDXID"]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", top)]
    relations += [(top, "DEPENDS_ON", package["SPDXID"]) for package in [librdkafka, *loaded]]
    relations += [(package["SPDXID"], "BUILD_DEPENDENCY_OF", top) for package in headers]
    for name, of_package in sorted(files.items()):
        relations += [(identifier("Package", name), "CONTAINS", file["SPDXID"])
                      for file in of_package]
    content = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"turnout-{version}",
        "creationInfo": {"created": created, "creators": [f"Tool: turnout-deploy-image-{version}"]},
        "packages": [turnout, librdkafka, *loaded, *headers],
        "files": [file for of_package in files.values() for file in of_package],
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in relations],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {**content, "documentNamespace": f"{NAMESPACE}turnout-{version}-{digest}"}
