#!/usr/bin/env bash
# Builds janus-rs and starts it with pages to look at: over Debian's compiled modules where they are to be had, else by itself.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh

packages=$BUILD_PACKAGES
without="only the built-in echo and rooms are served: modules of Janus would add calls by name (videocall), drops through the server, streaming, SIP and more."
if command -v apt-get >/dev/null; then
	apt-cache show janus >/dev/null 2>&1 || as_root apt-get update -qq
	if apt-cache show janus >/dev/null 2>&1; then
		packages="$packages $MODULE_PACKAGES"
	else
		echo "There is no package janus here: $without"
	fi
	# shellcheck disable=SC2086 # a list of names
	install_packages $packages
else
	echo "No apt-get here: Rust, a C compiler and the headers of GLib, Jansson and OpenSSL have to be there. Without modules $without"
fi
if systemctl is-active --quiet janus 2>/dev/null; then
	echo "Debian's own janus runs and holds the ports. Stop it first: sudo systemctl stop janus" >&2
	exit 1
fi
cargo build --release

echo
echo "  Open http://localhost:8090/ in a browser."
echo "  Ctrl-C stops the server."
echo
exec target/release/janus-rs --configs-folder demos/config "$@"
