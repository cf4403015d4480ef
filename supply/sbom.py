#!/usr/bin/python3
"""sbom.py BUILD: the bill of materials of the programs in that build folder, SPDX 2.3 as JSON, on
standard output: which Debian packages they load, which are compiled into them, under which licences.

Nothing is listed by hand: the loader says what is loaded, the linker what it read, the compiler which
headers it saw, and Debian whose each file is. The same build of the same commit gives the same text."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
HOME = "https://github.com/serverless-exporter/serverless_exporter"
PROGRAMS = ("serverless_exporter", "serverless_simulator")
# Debian's short names of licences -> SPDX's, for those that are one text wherever they stand.
NAMES = {"Apache-2.0": "Apache-2.0", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause",
         "CC0-1.0": "CC0-1.0", "Expat": "MIT", "MIT": "MIT", "Zlib": "Zlib", "curl": "curl",
         "LGPL-2.1+": "LGPL-2.1-or-later"}


def output(*command, cwd=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd,
                          env={**os.environ, "LC_ALL": "C"}).stdout


# ---- which files

def loaded(program):
    """The libraries that the loader finds for it, those of libraries included."""
    listing = output("ldd", program)
    if "not found" in listing:
        sys.exit(f"sbom: {program} cannot be loaded:\n{listing}")
    return set(re.findall(r"(/\S+) \(0x", listing))


def needed(program):
    """The names of libraries that it asks for itself."""
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", "--wide", program)))


def linked(build, program):
    """What the linker put into it: start files and archives that are not ours."""
    text = (build / f"{program}.inputs").read_text(encoding="utf-8")
    words = text.split("\n\n")[0].replace("\\\n", " ").split(":", 1)[1].split()
    return {word for word in words if word.startswith("/") and word.endswith((".a", ".o"))}


def headers(build, program):
    """The headers of others that its files include."""
    wanted = {word for word in output("ninja", "-t", "inputs", program, cwd=build).split("\n")
              if word.endswith(".o")}
    found, missing = set(), set(wanted)
    for block in output("ninja", "-t", "deps", cwd=build).split("\n\n"):
        head, *lines = block.split("\n")
        if head.split(":")[0] not in wanted:
            continue
        missing.discard(head.split(":")[0])
        found |= {line.strip() for line in lines}
    if missing:
        sys.exit(f"sbom: no headers are known of {sorted(missing)}: build it first")
    return {path for path in found if path.startswith("/") and not is_ours(path)}


def is_ours(path):
    return pathlib.Path(path).is_relative_to(ROOT)


# ---- whose they are

def owners(paths):
    """path -> Debian package. /lib is /usr/lib, and packages say either."""
    said = {}
    for path in paths:
        real = os.path.realpath(path)
        for name in {path, real}:
            bare = name.removeprefix("/usr")
            said[bare], said["/usr" + bare] = path, path
    listing = subprocess.run(["dpkg-query", "--search", *sorted(said)], capture_output=True, text=True,
                             check=False, env={**os.environ, "LC_ALL": "C"}).stdout
    found = {}
    for line in listing.splitlines():
        names, _, path = line.rpartition(": ")
        if path in said and not names.startswith("diversion"):
            found[said[path]] = names.split(", ")[0].split(":")[0]
    lost = sorted(set(paths) - found.keys())
    if lost:
        sys.exit(f"sbom: no Debian package has {lost}")
    return found


def facts(package):
    form = "${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\n"
    # Of several architectures the machine's own comes first.
    line = output("dpkg-query", "--show", f"--showformat={form}", package).splitlines()[0]
    return dict(zip(("version", "architecture", "source", "source_version", "homepage"),
                    line.split("\t")))


def licence(package):
    """(SPDX's name or None, what Debian names, the whole text). A name only where all files of the
    package's source have the same one: else the text says more than a name could."""
    text = pathlib.Path("/usr/share/doc", package, "copyright").read_text(encoding="utf-8")
    if "copyright-format/1.0" not in text.split("\n", 1)[0]:
        return None, [], text
    named = set()
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files: *(.*)", stanza, re.MULTILINE)
        name = re.search(r"^License: *(.*)", stanza, re.MULTILINE)
        if files and name and files[1].strip() != "debian/*":
            named.add(name[1].strip())
    only = next(iter(named)) if len(named) == 1 else None
    return NAMES.get(only), sorted(named), text


# ---- the document

def plain(name):
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)


def spdx_id(kind, name):
    return f"SPDXRef-{kind}-{plain(name)}"


def license_id(package):
    """Of its text in Debian."""
    return f"LicenseRef-{plain(package)}"


def of_debian(package, distribution, texts):
    known = facts(package)
    name, named, text = licence(package)
    if not name:
        # Packages of one source share their text.
        name = license_id(texts.setdefault(text, package))
    quoted = urllib.parse.quote(known["version"], safe="")
    purl = (f"pkg:deb/debian/{urllib.parse.quote(package, safe='')}@{quoted}"
            f"?arch={known['architecture']}&distro={distribution}")
    entry = {
        "SPDXID": spdx_id("Package", package),
        "name": package,
        "versionInfo": known["version"],
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"built from the Debian source package {known['source']} {known['source_version']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": name,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": purl}],
    }
    if known["homepage"]:
        entry["homepage"] = known["homepage"]
    if named:
        entry["licenseComments"] = "Debian names: " + "; ".join(named)
    return entry


def of_program(build, program):
    content = (build / program).read_bytes()
    return {
        "SPDXID": spdx_id("File", program),
        "fileName": f"./{program}",
        "fileTypes": ["BINARY"],
        "checksums": [{"algorithm": name.upper(), "checksumValue": hashlib.new(name, content).hexdigest()}
                      for name in ("sha1", "sha256")],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["Apache-2.0"],
        "copyrightText": "NOASSERTION",
    }


def of_project(files, version):
    sums = sorted(entry["checksums"][0]["checksumValue"] for entry in files)
    return {
        "SPDXID": spdx_id("Package", "project"),
        "name": "serverless_exporter",
        "versionInfo": version,
        "supplier": "NOASSERTION",
        "downloadLocation": f"git+{HOME}",
        "homepage": HOME,
        "primaryPackagePurpose": "APPLICATION",
        "filesAnalyzed": True,
        "packageVerificationCode": {
            "packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()},
        "hasFiles": [entry["SPDXID"] for entry in files],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoFromFiles": ["Apache-2.0"],
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
    }


def related(build, program):
    """(kind, package, why) of all that the program is made of."""
    path = str(build / program)
    libraries = owners(loaded(path))
    asked = needed(path)
    direct = {package for file, package in libraries.items() if os.path.basename(file) in asked}
    for package in direct:
        yield "DYNAMIC_LINK", package, "loads it"
    for package in set(libraries.values()) - direct:
        yield "DEPENDS_ON", package, "loads it for a library that it loads"
    for package in set(owners(linked(build, program)).values()):
        yield "STATIC_LINK", package, "has its start files or archives linked in"
    for package in set(owners(headers(build, program)).values()):
        yield "GENERATED_FROM", package, "has its headers compiled in"


def version_of(build):
    line = output(str(build / PROGRAMS[0]), "--version").split("\n")[0]
    return re.search(r"\d+\.\d+\.\d+", line)[0]


def created():
    stamp = os.environ.get("SOURCE_DATE_EPOCH") or output("git", "-C", str(ROOT), "log", "-1",
                                                          "--format=%ct")
    return datetime.datetime.fromtimestamp(int(stamp), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def distribution():
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(
        encoding="utf-8"), re.MULTILINE))
    return f"{fields['ID']}-{fields['VERSION_ID']}"


def document(build):
    version, files, texts = version_of(build), [of_program(build, name) for name in PROGRAMS], {}
    project = of_project(files, version)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", project["SPDXID"], None)]
    relations += [(project["SPDXID"], "CONTAINS", entry["SPDXID"], None) for entry in files]
    names = set()
    for program in PROGRAMS:
        for kind, package, why in sorted(related(build, program)):
            names.add(package)
            relations.append((spdx_id("File", program), kind, spdx_id("Package", package),
                              f"{program} {why}"))
    system = distribution()
    packages = [project] + [of_debian(name, system, texts) for name in sorted(names)]
    identity = hashlib.sha256(json.dumps([files, packages]).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"serverless_exporter-{version}",
        "documentNamespace": f"{HOME}/spdx/{version}-{identity}",
        "creationInfo": {"created": created(), "creators": [f"Tool: sbom.py-{version}"]},
        "packages": packages,
        "files": files,
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other,
             **({"comment": comment} if comment else {})} for one, kind, other, comment in relations],
        "hasExtractedLicensingInfos": [
            {"licenseId": license_id(package), "name": f"/usr/share/doc/{package}/copyright",
             "extractedText": text} for text, package in texts.items()],
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    json.dump(document(pathlib.Path(sys.argv[1]).resolve()), sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
