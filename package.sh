#!/usr/bin/env bash
# Builds the Debian packages into target/packages. PROFILE=dev: in a minute, for tests of the packaging.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh
# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES debhelper
out=$PWD/target/packages
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
# From the files that are kept in git, so that the build leaves nothing among them.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
git ls-files -z | xargs -0 cp --parents --no-dereference -t "$work/source"
(cd "$work/source" && dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes)
rm -rf "$out"
mkdir -p "$out"
mv "$work"/*.deb "$out"
ls "$out"
