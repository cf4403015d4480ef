#!/usr/bin/python3
"""What supply/hardening.py sees: a small program that lacks one thing at a time."""

import pathlib
import platform
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "supply"))
import hardening  # noqa: E402  (found by the line above)

SOURCE = """
#include <cstdio>
#include <cstring>
int copied(const char* text) {
  char room[16];
  std::strcpy(room, text);
  return std::puts(room);
}
int main(int, char** arguments) { return copied(arguments[0]); }
"""
BRANCH = {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}
GOOD = ("-O2", "-g", "-fPIE", "-pie", "-fstack-protector-strong", "-fstack-clash-protection",
        "-D_FORTIFY_SOURCE=3", "-Wl,-z,relro", "-Wl,-z,now", BRANCH[platform.machine()])


def found(without=(), more=()):
    switches = [switch for switch in GOOD if switch not in without]
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory, "tiny.cpp")
        program = pathlib.Path(directory, "tiny")
        source.write_text(SOURCE, encoding="utf-8")
        subprocess.run(["g++", *switches, *more, "-o", program, "tiny.cpp"], check=True, cwd=directory)
        return hardening.complaints(str(program))


class Hardening(unittest.TestCase):
    def test_what_has_all_is_not_complained_of(self):
        self.assertEqual(found(), [])

    def test_a_fixed_address_is_seen(self):
        self.assertIn("is not position independent", found(["-fPIE", "-pie"], ["-no-pie"]))

    def test_symbols_bound_late_are_seen(self):
        self.assertEqual(found(["-Wl,-z,now"], ["-Wl,-z,lazy"]),
                         ["does not bind its symbols at the start, so RELRO leaves out the table of functions"])

    def test_tables_that_stay_writable_are_seen(self):
        self.assertEqual(found(["-Wl,-z,relro"], ["-Wl,-z,norelro"]), ["has no RELRO segment"])

    def test_a_stack_that_can_be_executed_is_seen(self):
        self.assertIn("has a stack that can be executed", found(more=["-Wl,-z,execstack"]))

    def test_a_library_path_is_seen(self):
        self.assertEqual(found(more=["-Wl,-rpath,/tmp"]), ["has RUNPATH"])

    def test_a_stack_without_guard_is_seen(self):
        self.assertEqual(found(["-fstack-protector-strong"]),
                         ["has tiny.cpp compiled without -fstack-protector-strong", "checks no stack"])

    def test_a_stack_that_can_be_jumped_over_is_seen(self):
        self.assertEqual(found(["-fstack-clash-protection"]),
                         ["has tiny.cpp compiled without -fstack-clash-protection"])

    def test_copies_without_bounds_are_seen(self):
        self.assertEqual(found(["-D_FORTIFY_SOURCE=3"]), ["calls nothing that is fortified"])

    def test_a_build_without_optimisation_is_seen(self):
        self.assertIn("has tiny.cpp compiled without optimisation",
                      found(["-O2", "-D_FORTIFY_SOURCE=3"], ["-O0"]))

    def test_a_program_without_debug_information_is_seen(self):
        self.assertEqual(found(["-g"]), ["has no debug information, or none of g++"])

    def test_jumps_to_anywhere_are_seen(self):
        branch = BRANCH[platform.machine()]
        seen = found([branch])
        self.assertIn(f"has tiny.cpp compiled without {branch}", seen)
        if platform.machine() == "x86_64":
            self.assertIn("has main start without endbr64", seen)

    def test_a_tool_that_is_missing_is_an_error(self):
        with self.assertRaises(FileNotFoundError):
            hardening.output("no-such-readelf")


if __name__ == "__main__":
    unittest.main()
