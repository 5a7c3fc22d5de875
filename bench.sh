#!/usr/bin/env bash
# What forwarding a packet costs janus-rs and Debian's janus. Prints a Markdown table; `./bench.sh --help` lists options.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh

# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES $MODULE_PACKAGES libmicrohttpd-dev
cargo build --quiet --release --package libjanus_rs --package benches
exec target/release/bench "$@"
