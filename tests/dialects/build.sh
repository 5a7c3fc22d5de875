#!/usr/bin/env bash
# build.sh FOLDER [FLAG…]: a plugin for each generation, FOLDER/GENERATION/libdialect_GENERATION.so, as a distribution would
# ship it: optimised, without symbols and debugging information.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=c-plugins/dialects
flags=$(pkg-config --cflags glib-2.0 jansson)

make_one() {
	local folder=$1 generation=$2
	shift 2
	mkdir -p "$folder/$generation"
	python3 $here/header.py "$generation" >"$folder/$generation/layout.h"
	# shellcheck disable=SC2086 # a list of flags
	cc -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -s "$@" -I"$folder/$generation" $flags \
		-Wl,-soname,liborg.example.dialect."$generation".so.0 $here/dialect.c -o "$folder/$generation/libdialect_$generation.so"
}

folder=$1
shift
jobs=()
for generation in $(awk '$1 == "generation" { print $2 }' $here/layouts.txt); do
	make_one "$folder" "$generation" "$@" &
	jobs+=($!)
done
for job in "${jobs[@]}"; do
	wait "$job"
done
