#!/usr/bin/env bash
# Builds janus-rs and starts it over Debian's compiled modules, with a page to look at.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh

# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES $MODULE_PACKAGES
if systemctl is-active --quiet janus 2>/dev/null; then
	echo "Debian's own janus runs and holds the ports. Stop it first: sudo systemctl stop janus" >&2
	exit 1
fi
cargo build --release

echo
echo "  Open http://localhost:8090/ in a browser and press Start."
echo "  Ctrl-C stops the server."
echo
exec target/release/janus-rs --configs-folder demos/config "$@"
