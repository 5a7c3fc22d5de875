#!/bin/sh
# install.sh BUILD LIBDIR BINDIR: the library under its soname, the link for the linker, the daemon.
set -eu
build=$1 libdir=${DESTDIR:-}$2 bindir=${DESTDIR:-}$3
mkdir -p "$libdir" "$bindir"
install -m 755 "$build/libjanus_rs.so" "$libdir/libjanus_rs.so.0"
ln -sf libjanus_rs.so.0 "$libdir/libjanus_rs.so"
install -m 755 "$build/janus-rs" "$bindir/janus-rs"
