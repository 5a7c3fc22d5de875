#!/bin/sh
# cargo.sh CARGO SOURCE BUILD PROFILE FOLDER LIBRARY PROGRAM: builds with cargo and puts both files where meson wants them.
# JANUS_RS_CARGO_TARGET: a folder that cargo has built in before, so that not everything is built anew.
set -eu
cargo=$1 source=$2 target=${JANUS_RS_CARGO_TARGET:-$3/cargo} profile=$4 folder=$5 library=$6 program=$7
"$cargo" build --manifest-path "$source/Cargo.toml" --target-dir "$target" --profile "$profile"
cp -f "$target/$folder/libjanus_rs.so" "$library"
cp -f "$target/$folder/janus-rs" "$program"
