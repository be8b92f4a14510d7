"""Makes a shared library keep its symbols to itself, but for those whose names begin with a prefix.

Usage: hide_symbols.py LIBRARY PREFIX

A library of C++ exports thousands of symbols. When a process loads two versions of it, each would call into the other. Symbols
that are hidden are found by nobody else, and the library itself finds its own.
"""

import struct
import sys

SHT_DYNSYM = 11
STV_HIDDEN = 2
SYMBOL = struct.Struct("<IBBHQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")


def sections(elf):
    """Yields the header of each section."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise SystemExit("hide_symbols: not a 64-bit little-endian ELF file")
    (start,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    for index in range(count):
        yield SECTION.unpack_from(elf, start + index * size)


def main(path, prefix):
    """Changes the library at this path."""
    with open(path, "rb") as file:
        elf = bytearray(file.read())
    headers = list(sections(elf))
    kept = hidden = 0
    for _, kind, _, _, start, length, link, _, _, size in headers:
        if kind != SHT_DYNSYM:
            continue
        texts = headers[link][4]
        for at in range(start, start + length, size):
            name, _, other, section, _, _ = SYMBOL.unpack_from(elf, at)
            if section == 0:
                continue  # somebody else's
            if elf.startswith(prefix, texts + name):
                kept += 1
            else:
                hidden += 1
                elf[at + 5] = other & ~3 | STV_HIDDEN
    if not kept or not hidden:
        raise SystemExit(f"hide_symbols: {kept} symbols to keep and {hidden} to hide in {path}")
    with open(path, "wb") as file:
        file.write(elf)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].encode())
