#!/bin/sh
# container.sh FOLDER PORT: the image of the Containerfile in FOLDER, built and run by who calls this, without and with modules. FOLDER
# has the Containerfile, target/packages, a tree of Debian as base.tar, and etc/ with a configuration for PORT.
set -eu
cd "$1"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot XDG_RUNTIME_DIR="$1/run" HOME="$1/home"
[ -p etc/stop ] || mkfifo etc/stop
mkdir -p "$XDG_RUNTIME_DIR" "$HOME"
base=$(buildah from scratch)
buildah add -q "$base" base.tar /
buildah commit -q "$base" localhost/base
for modules in "" janus; do
	buildah bud --quiet --pull-never --build-arg BASE=localhost/base --build-arg MODULES=$modules --tag "janus-rs$modules" .
	container=$(buildah from --pull-never "janus-rs$modules")
	# It ends when somebody writes into the pipe, by the signal that the image names.
	buildah run --volume "$1/etc:/etc/janus:ro" "$container" -- \
		sh -c '/usr/bin/janus-rs --disable-colors & read -r _ </etc/janus/stop; kill -TERM $!; wait $!' >"log$modules" 2>&1 &
	for _ in $(seq 300); do
		curl --silent "http://127.0.0.1:$2/janus/info" >"info$modules" && break
		sleep 0.2
	done
	echo >etc/stop
	wait $!
	echo "image with modules '$modules': user $(buildah run "$container" -- id -un), ended with 0"
done
buildah rm --all >/dev/null
buildah rmi --all --force >/dev/null
