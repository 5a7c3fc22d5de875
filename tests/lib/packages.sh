# Sourced by run.sh and test.sh: installs Debian packages by name, only those that are missing.

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
	local missing=() name
	for name in "$@"; do
		dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
	done
	[ ${#missing[@]} = 0 ] && return
	echo "Installing: ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What the library links with, what its build uses, and the reference with its modules.
BUILD_PACKAGES="build-essential pkg-config libglib2.0-dev libjansson-dev libssl-dev"
MODULE_PACKAGES="janus"
TEST_PACKAGES="libmicrohttpd-dev lua-json lua-ansicolors janus-dev janus-demos janus-tools chromium firefox-esr python3-venv python3-dev libsrtp2-1 libusrsctp2 openssl ffmpeg valgrind curl iproute2 coturn keepalived debhelper mmdebstrap mosquitto kore libwebsockets-dev strace"
