#!/usr/bin/env python3
"""Prints C that defines every function of a header with its exact prototype, so that its types can be compared."""

import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
plain = re.sub(r"//[^\n]*|/\*.*?\*/|^\s*#[^\n]*", "", text, flags=re.S | re.M)
# One function takes it, for programs that use it themselves.
print("#include <jansson.h>\n#include <janus_rs.h>")
for prototype in re.findall(r"(\w[\w\s*]*\bjanus_rs_\w+\([^;{}]*\));", plain):
    print(" ".join(prototype.split()), "{ __builtin_trap(); }")
