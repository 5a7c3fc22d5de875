#!/usr/bin/env bash
# Installs what the tests need, builds, and runs everything. `./test.sh NAME…` runs only the named suites.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh

suites=("$@")
passed=() failed=()

wanted() {
	[ ${#suites[@]} = 0 ] && return 0
	local name
	for name in "${suites[@]}"; do [ "$name" = "$1" ] && return 0; done
	return 1
}

# suite NAME COMMAND…: runs it, remembers how it ended, goes on with the next.
suite() {
	local name=$1 began=$SECONDS
	shift
	wanted "$name" || return 0
	echo "=== $name"
	if "$@"; then passed+=("$name"); else failed+=("$name"); fi
	echo "=== $name took $((SECONDS - began)) s"
}

# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES $MODULE_PACKAGES $TEST_PACKAGES
# Node.js of another origin brings its own npm, which the distribution's package would clash with.
command -v npm >/dev/null || install_packages nodejs npm

suite format cargo fmt --check
suite clippy cargo clippy --quiet --workspace --all-targets -- -D warnings
suite build cargo build
suite rust cargo test --quiet --lib --tests

# These work with real browsers, clients and clocks, and machines are sometimes busy: what fails is run once more, and
# both runs are in the output.
twice() {
	"$@" && return
	echo "=== once more: $*"
	"$@"
}
for folder in tests/*/; do
	[ -x "$folder/run" ] && suite "$(basename "$folder")" twice "$folder/run"
done

echo
echo "suites: ${#passed[@]} passed, ${#failed[@]} failed${failed[*]:+ (${failed[*]})}"
[ ${#failed[@]} = 0 ]
