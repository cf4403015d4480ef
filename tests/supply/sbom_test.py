#!/usr/bin/python3
"""sbom_test.py PROGRAM...: the bill of materials of these programs, held to what other tools say of them,
and what this test would see if it were wrong."""

import copy
import functools
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = []
# What builds and leaves nothing of itself in the programs.
TOOLS = {"g++", "cmake", "ninja-build", "pkg-config", "git"}
WORDS = {"DESCRIBES", "CONTAINS", "DYNAMIC_LINK", "STATIC_LINK", "DEPENDS_ON", "GENERATED_FROM"}
LICENCES = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "Zlib", "curl",
            "LGPL-2.1-or-later"}


@functools.cache
def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# ---- what others say

def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", "--wide", path))


def libraries(program):
    """By name, those of libraries included: step by step, where the loader's cache has them."""
    cache = {}
    for line in output("/sbin/ldconfig", "--print-cache").splitlines():
        entry = re.match(r"\t(\S+) \(libc6,(?:x86-64|AArch64)\S*.*\) => (\S+)", line)
        if entry:
            cache.setdefault(entry[1], entry[2])
    found, ahead = set(), needed(program)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += needed(cache[name])
    return found


def build_packages():
    """The array in ./dev."""
    text = (ROOT / "dev").read_text(encoding="utf-8")
    return set(re.search(r"^BUILD_PACKAGES=\((.*?)\)$", text, re.MULTILINE | re.DOTALL)[1].split())


def files_of(package):
    return {pathlib.PurePath(line).name for line in output("dpkg-query", "--listfiles", package).splitlines()}


# ---- what is wrong

def of_structure(document):
    if document["spdxVersion"] != "SPDX-2.3" or document["dataLicense"] != "CC0-1.0":
        yield "is no SPDX 2.3"
    if not re.fullmatch(r"https://[^#]+", document["documentNamespace"]):
        yield "has no namespace"
    if not re.fullmatch(r"\d{4}(-\d\d){2}T(\d\d:){2}\d\dZ", document["creationInfo"]["created"]):
        yield "does not say when"
    if not all(re.match(r"(Tool|Person|Organization): ", name)
               for name in document["creationInfo"]["creators"] or [""]):
        yield "does not say by whom"
    elements = [document, *document["packages"], *document["files"]]
    names = [element.get("SPDXID", "") for element in elements]
    for name in names:
        if not re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name):
            yield f"names something {name!r}"
        if names.count(name) > 1:
            yield f"names two things {name}"
    for relation in document["relationships"]:
        if not {relation["spdxElementId"], relation["relatedSpdxElement"]} <= set(names):
            yield f"relates what is not there: {relation['relatedSpdxElement']}"
        if relation["relationshipType"] not in WORDS:
            yield f"has the relation {relation['relationshipType']}"
    related = {relation["relatedSpdxElement"] for relation in document["relationships"]}
    for name in set(names) - related - {"SPDXRef-DOCUMENT"}:
        yield f"does not say what {name} is for"


def of_packages(document):
    for package in document["packages"]:
        name = package["name"]
        if not {"name", "SPDXID", "versionInfo", "supplier", "downloadLocation", "filesAnalyzed",
                "licenseConcluded", "licenseDeclared", "copyrightText"} <= package.keys():
            yield f"lacks fields of {name}"
        elif name != "serverless_exporter":
            version = output("dpkg-query", "--show", "--showformat=${Version}\n", name).splitlines()[0]
            if package["versionInfo"] != version:
                yield f"has another version of {name}"
            purl = package["externalRefs"][0]["referenceLocator"]
            if not re.fullmatch(r"pkg:deb/debian/[\w.%-]+@[\w.%~-]+\?arch=\w+&distro=debian-\d+", purl):
                yield f"has the address {purl}"


def of_licences(document):
    texts = {entry["licenseId"]: entry["extractedText"] for entry in document["hasExtractedLicensingInfos"]}
    for package in document["packages"]:
        name, licence = package["name"], package["licenseDeclared"]
        if licence in LICENCES:
            continue
        if licence not in texts:
            yield f"has no licence of {name}"
        elif texts[licence] != pathlib.Path(f"/usr/share/doc/{name}/copyright").read_text(encoding="utf-8"):
            yield f"has another licence of {name}"
    for licence in texts.keys() - {package["licenseDeclared"] for package in document["packages"]}:
        yield f"has the licence {licence} of nothing"


def of_contents(document, programs):
    names = {package["name"] for package in document["packages"]} - {"serverless_exporter"}
    there = set().union(*(files_of(name) for name in names))
    for program in programs:
        for library in sorted(libraries(program) - there):
            yield f"lacks the package of {library}"
    for package in sorted(build_packages() - TOOLS - names):
        yield f"lacks {package}, which is built with"
    if [entry["fileName"] for entry in document["files"]] != [
            f"./{pathlib.Path(program).name}" for program in programs]:
        yield "has other programs"
    for entry, program in zip(document["files"], programs):
        sums = {checksum["algorithm"]: checksum["checksumValue"] for checksum in entry["checksums"]}
        for name, tool in (("SHA1", "sha1sum"), ("SHA256", "sha256sum")):
            if sums[name] != output(tool, program).split()[0]:
                yield f"has another {name} of {entry['fileName']}"


def complaints(document, programs):
    return [*of_structure(document), *of_packages(document), *of_licences(document),
            *of_contents(document, programs)]


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.command = [str(ROOT / "supply/sbom.py"), str(pathlib.Path(PROGRAMS[0]).parent)]
        cls.text = output(*cls.command)

    def setUp(self):
        self.document = json.loads(self.text)

    def without(self, name):
        """The document without a package and what is said of it."""
        package = next(entry for entry in self.document["packages"] if entry["name"] == name)
        self.document["packages"].remove(package)
        self.document["relationships"] = [
            entry for entry in self.document["relationships"]
            if entry["relatedSpdxElement"] != package["SPDXID"]]
        return complaints(self.document, PROGRAMS)

    def test_it_is_complete(self):
        self.assertEqual(complaints(self.document, PROGRAMS), [])

    def test_the_same_programs_have_the_same_one(self):
        self.assertEqual(output.__wrapped__(*self.command), self.text)

    def test_what_is_loaded_is_told_from_what_is_compiled_in(self):
        kinds = {(entry["relationshipType"], entry["relatedSpdxElement"])
                 for entry in self.document["relationships"]
                 if entry["spdxElementId"] == "SPDXRef-File-serverless-exporter"}
        for kind, name in (("DYNAMIC_LINK", "libcurl4"), ("DEPENDS_ON", "libnghttp2-14"),
                           ("STATIC_LINK", "libgcc-12-dev"), ("GENERATED_FROM", "libexpected-dev"),
                           ("GENERATED_FROM", "nlohmann-json3-dev")):
            self.assertIn((kind, f"SPDXRef-Package-{name}"), kinds)

    def test_a_library_that_is_missing_is_seen(self):
        self.assertEqual(self.without("libcurl4"), ["lacks the package of libcurl.so.4"])

    def test_a_library_of_a_library_that_is_missing_is_seen(self):
        self.assertIn("lacks the package of libnghttp2.so.14", self.without("libnghttp2-14"))

    def test_headers_that_are_missing_are_seen(self):
        self.assertEqual(self.without("libexpected-dev"), ["lacks libexpected-dev, which is built with"])

    def test_a_wrong_version_is_seen(self):
        entry = next(entry for entry in self.document["packages"] if entry["name"] == "libcurl4")
        entry["versionInfo"] = "1"
        self.assertEqual(complaints(self.document, PROGRAMS), ["has another version of libcurl4"])

    def test_a_licence_that_is_missing_is_seen(self):
        entry = next(entry for entry in self.document["packages"] if entry["name"] == "libc6")
        entry["licenseDeclared"] = "NOASSERTION"
        self.assertEqual(complaints(self.document, PROGRAMS), ["has no licence of libc6"])

    def test_a_broken_reference_is_seen(self):
        self.document["relationships"].append(copy.deepcopy(self.document["relationships"][0]))
        self.document["relationships"][-1]["relatedSpdxElement"] = "SPDXRef-Nothing"
        self.assertEqual(complaints(self.document, PROGRAMS),
                         ["relates what is not there: SPDXRef-Nothing"])

    def test_another_program_is_seen(self):
        for checksum in self.document["files"][0]["checksums"]:
            checksum["checksumValue"] = "0" * 64
        self.assertEqual(complaints(self.document, PROGRAMS), ["has another SHA1 of ./serverless_exporter",
                          "has another SHA256 of ./serverless_exporter"])


if __name__ == "__main__":
    PROGRAMS = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
