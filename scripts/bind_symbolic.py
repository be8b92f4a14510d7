"""Makes a shared library find its own symbols in itself before it looks elsewhere, as the linker's -Bsymbolic does.

Usage: bind_symbolic.py LIBRARY

A library of C++ exports thousands of symbols. When a process loads two versions of it, the second would otherwise call into the
first. The linker leaves spare entries at the end of the dynamic section; one of them becomes DT_SYMBOLIC.
"""

import struct
import sys

PT_DYNAMIC = 2
DT_NULL, DT_SYMBOLIC = 0, 16


def dynamic_section(elf):
    """Returns where the dynamic section begins in the file, and how many entries it has room for."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise SystemExit("bind_symbolic: not a 64-bit little-endian ELF file")
    (offset,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for index in range(count):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", elf, offset + index * size)
        if kind == PT_DYNAMIC:
            return start, length // 16
    raise SystemExit("bind_symbolic: not a shared library")


def main(path):
    """Changes the library at this path."""
    with open(path, "r+b") as file:
        elf = file.read()
        start, room = dynamic_section(elf)
        tags = [struct.unpack_from("<q", elf, start + index * 16)[0] for index in range(room)]
        if DT_SYMBOLIC in tags:
            return
        end = tags.index(DT_NULL)
        if end + 1 >= room:
            raise SystemExit("bind_symbolic: no spare entry in the dynamic section")
        file.seek(start + end * 16)
        file.write(struct.pack("<qq", DT_SYMBOLIC, 0))


if __name__ == "__main__":
    main(sys.argv[1])
