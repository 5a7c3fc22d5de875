#!/bin/sh
# Rows of builds.txt from installed plugins: builds.sh ORIGIN RELEASE FILE…
# For example: builds.sh debian-bookworm 1.1.2 /usr/lib/x86_64-linux-gnu/janus/plugins/*.so
set -eu
origin=$1 release=$2
shift 2
for file in "$@"; do
	id=$(readelf -nW "$file" | sed -n 's/.*Build ID: *//p')
	[ -z "$id" ] || echo "$id $release $origin $(basename "$file" .so)"
done
