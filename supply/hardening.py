#!/usr/bin/python3
"""hardening.py PROGRAM...: what each program, as it is shipped, lacks of what CMakeLists.txt hardens it
with. It needs the debug information: that says how each file was compiled."""

import pathlib
import re
import subprocess
import sys

SWITCHES = ("-fstack-protector-strong", "-fstack-clash-protection")
# By the machine of the ELF header.
BRANCHES = {"Advanced Micro Devices X86-64": "-fcf-protection=full",
            "AArch64": "-mbranch-protection=standard"}
OPTIMISED = re.compile(r" -O[23s]( |$)")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def of_headers(program):
    """What the loader is told."""
    header = output("readelf", "--file-header", "--wide", program)
    segments = output("readelf", "--program-headers", "--wide", program)
    dynamic = output("readelf", "--dynamic", "--wide", program)
    flags = re.search(r"\(FLAGS_1\) +Flags: (.*)", dynamic)
    if not re.search(r"Type: +DYN ", header) or not flags or "PIE" not in flags[1]:
        yield "is not position independent"
    if "GNU_RELRO" not in segments:
        yield "has no RELRO segment"
    if not flags or "NOW" not in flags[1]:
        yield "does not bind its symbols at the start, so RELRO leaves out the table of functions"
    stack = re.search(r"GNU_STACK .* (R?W?E?) +0x", segments)
    if not stack or "E" in stack[1]:
        yield "has a stack that can be executed"
    if re.search(r"LOAD .* RWE ", segments):
        yield "has memory that can be written and executed"
    for tag in ("TEXTREL", "RPATH", "RUNPATH"):
        if f"({tag})" in dynamic:
            yield f"has {tag}"


def units(program):
    """(file, switches) of each file that was compiled into it."""
    info = output("readelf", "--debug-dump=info", "--dwarf-depth=1", program)
    for unit in info.split("DW_TAG_compile_unit")[1:]:
        producer = re.search(r"DW_AT_producer +:.*?(GNU C.*)", unit)
        name = re.search(r"DW_AT_name +:(?: \(.*?\):)? (.*)", unit)
        if producer and name:
            yield name[1].strip(), producer[1]


def of_files(program, branch):
    """How each file was compiled, by the compiler's own record."""
    seen = 0
    for name, switches in units(program):
        seen += 1
        for switch in (*SWITCHES, branch):
            if f" {switch}" not in switches:
                yield f"has {name} compiled without {switch}"
        if not OPTIMISED.search(switches):
            yield f"has {name} compiled without optimisation"
    if not seen:
        yield "has no debug information, or none of g++"


def of_calls(program):
    """What those switches have made of the code."""
    symbols = output("readelf", "--dyn-syms", "--wide", program)
    wanted = set(re.findall(r" UND (\w+)", symbols))
    if "__stack_chk_fail" not in wanted:
        yield "checks no stack"
    if not {name for name in wanted if re.fullmatch(r"__\w+_chk", name)}:
        yield "calls nothing that is fortified"


def of_entries(program):
    """On x86-64 an indirect jump may only land on endbr64: whatever another file can name starts so."""
    names = {}
    for line in output("readelf", "--symbols", "--wide", program).splitlines():
        symbol = re.match(r" *\d+: ([0-9a-f]+) +\d+ FUNC +(?:GLOBAL|WEAK) +\S+ +\d+ (\S+)", line)
        if symbol:
            names[int(symbol[1], 16)] = symbol[2]
    landings = set()
    for line in output("objdump", "--disassemble", "--no-show-raw-insn", program).splitlines():
        instruction = re.match(r" +([0-9a-f]+):\s+endbr64", line)
        if instruction:
            landings.add(int(instruction[1], 16))
    # The linker's own, from the start files of Debian, which are compiled without.
    ours = {place: name for place, name in names.items() if name not in ("_start", "_init", "_fini")}
    if not ours:
        yield "has no symbols"
    for place in sorted(ours.keys() - landings):
        yield f"has {ours[place]} start without endbr64"


def complaints(program):
    machine = re.search(r"Machine: +(.*)", output("readelf", "--file-header", program))[1]
    if machine not in BRANCHES:
        return [f"is for a machine that is not known here: {machine}"]
    found = [*of_headers(program), *of_files(program, BRANCHES[machine]), *of_calls(program)]
    if machine == "Advanced Micro Devices X86-64":
        found += of_entries(program)
    return found


def main():
    found = [f"{pathlib.Path(program).name} {complaint}" for program in sys.argv[1:]
             for complaint in complaints(program)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    if not sys.argv[1:]:
        sys.exit(__doc__)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
