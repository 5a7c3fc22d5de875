#!/usr/bin/env python3
"""Writes the C header of one ABI generation from layouts.txt.

    header.py B3 > layout.h

Every struct is written with its padding, and asserted: a compiler that lays it out otherwise refuses it. HAS_NAME and
HAS_STRUCT_FIELD are defined for what exists in this generation, ARGUMENTS_NAME is how many arguments a function takes.
"""

import pathlib
import re
import sys

TYPES = """
typedef GMutex janus_mutex;
typedef struct janus_plugin janus_plugin;
typedef struct janus_callbacks janus_callbacks;
typedef struct janus_plugin_session janus_plugin_session;
typedef struct janus_plugin_result janus_plugin_result;
typedef struct janus_recorder janus_recorder;
typedef struct rtp_header janus_rtp_header;
"""


def main():
    wanted = sys.argv[1]
    generations, entries = [], []
    for line in (pathlib.Path(__file__).parent / "layouts.txt").read_text().splitlines():
        if line.startswith("  "):
            entries[-1][1].append(line.strip())
        elif line.startswith("generation "):
            generations.append(line.split()[1:])
        elif line and not line.startswith("#"):
            entries.append((line, []))
    names = [name for name, _, _ in generations]
    place = names.index(wanted)
    _, release, api = generations[place]
    print(f"/* Generation {wanted}, as of {release}. Written by header.py. */")
    print(f"#ifndef DIALECT_LAYOUT\n#define DIALECT_LAYOUT\n\n#include <glib.h>\n#include <jansson.h>\n#include <stdint.h>")
    print(f"\n#define DIALECT \"{wanted}\"\n#define DIALECT_RELEASE \"{release}\"\n#define DIALECT_API {api}")
    print(f"#define DIALECT_MULTISTREAM {int(wanted.startswith('B'))}")
    print(TYPES)
    kinds = {"enum": [], "struct": [], "function": []}
    for head, body in entries:
        span, kind, rest = head.split(" ", 2)
        first, last = (names.index(name) for name in span.split(".."))
        if first <= place <= last:
            kinds[kind].append((rest, body))
    for name, body in kinds["enum"]:
        constants = ",\n".join(f"\t{constant} = {value}" for value, constant in map(str.split, body))
        print(f"typedef enum {name} {{\n{constants}\n}} {name};")
        for line in body:
            print(f"#define HAS_{line.split()[1]} 1")
        print()
    structs = [rest.split() for rest, _ in kinds["struct"]]
    for name, _, _ in structs:
        if f" {name};" not in TYPES and name != "rtp_header":
            print(f"typedef struct {name} {name};")
    print()
    for (name, size, align), (_, body) in zip(structs, kinds["struct"]):
        struct(name, int(size), int(align), [line.split(" ", 3) for line in body])
    for rest, _ in kinds["function"]:
        function(rest)
    print("\n#endif")


def struct(name, size, align, fields):
    print(f"struct {name} {{")
    end = 0
    for offset, length, field, kind in fields:
        if int(offset) > end:
            print(f"\tunsigned char hole_{end}[{int(offset) - end}];")
        print(f"\t{declaration(kind, field)};")
        end = int(offset) + int(length)
    if size > end:
        print(f"\tunsigned char hole_{end}[{size - end}];")
    print("};")
    print(f"_Static_assert(sizeof({name_of(name)}) == {size} && _Alignof({name_of(name)}) == {align}, \"{name}\");")
    for offset, length, field, _ in fields:
        print(f"_Static_assert(offsetof({name_of(name)}, {field}) == {offset} && "
              f"sizeof((({name_of(name)} *)0)->{field}) == {length}, \"{field}\");")
        print(f"#define HAS_{name}_{field} 1")
    print()


def name_of(name):
    return f"struct {name}"


def declaration(kind, name):
    """A declaration of `name` from a type as in `int (*const)(void)`, `uint8_t[256]` or `char *`."""
    for pointer in ("(*const)", "(*)"):
        if pointer in kind:
            return kind.replace(pointer, pointer[:-1] + " " * ("const" in pointer) + name + ")", 1)
    array = re.fullmatch(r"(.*?)(\[\d+\])", kind)
    if array:
        return f"{array[1]} {name}{array[2]}"
    return f"{kind} {name}"


def function(rest):
    name, signature = rest.split(" ", 1)
    result, arguments = signature[:-1].split(" (", 1)
    count = 0 if arguments == "void" else len(arguments.replace(", ...", "").split(", "))
    print(f"{result} {name}({arguments});")
    print(f"#define HAS_{name} 1\n#define ARGUMENTS_{name} {count}")


main()
