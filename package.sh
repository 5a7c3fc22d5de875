#!/usr/bin/env bash
# Builds the Debian packages into target/packages. PROFILE=dev: of the debug build that is there anyway, for tests of the packaging.
# The maintainer's address in debian/ reaches nobody: who publishes packages puts in their own.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh
# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES debhelper
export PROFILE=${PROFILE:-release}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --locked --profile "$PROFILE"
built=$PROFILE
[ "$PROFILE" = dev ] && built=debug
export JANUS_RS_BUILT=$CARGO_TARGET_DIR/$built
out=$PWD/target/packages
# From the files that are kept in git, so that the build leaves nothing among them.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
git ls-files -z | xargs -0 cp --parents --no-dereference -t "$work/source"
python3 tests/dependencies/sbom.py >"$work/source/sbom.cdx.json"
(cd "$work/source" && dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes) >"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}
rm -rf "$out"
mkdir -p "$out"
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"
ls "$out"
