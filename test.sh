#!/usr/bin/env bash
# Installs what the tests need, builds, and runs everything. `./test.sh NAME…` runs only the named suites.
# Longer forms are started by hand: `tests/NAME/run --long`, where a suite has one.
set -euo pipefail
cd "$(dirname "$0")"
. tests/lib/packages.sh
. tests/lib/count.sh
. tests/lib/again.sh

suites=("$@")
results=$(mktemp -d)
# Nothing is built twice from a fresh clone, and what would make the second time faster takes time.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
trap 'rm -rf "$results"' EXIT

# Seconds that a suite may take on two quiet cores; more is a warning.
declare -A budget=(
	[format]=5 [clippy]=170 [build]=260 [rust]=180
	[aarch64]=90 [bindings]=90 [browser]=240 [clients]=300 [debian13]=5 [dialects]=90 [docs]=60 [fuzz]=140 [held]=60 [metrics]=40 [hostile]=40 [loom]=40 [miri]=120 [misbehave]=100 [network]=150 [openssl]=30 [oracle]=120 [packages]=90 [peers]=150 [products]=40 [sanitizers]=180 [scale]=45 [soak]=60 [tsan]=60
)

wanted() {
	[ ${#suites[@]} = 0 ] && return 0
	local name
	for name in "${suites[@]}"; do [ "$name" = "$1" ] && return 0; done
	return 1
}

# suite NAME COMMAND…: runs it, notes how it ended in $results/NAME.row, goes on with the next.
suite() {
	local name=$1 began=$SECONDS output=$results/$1.output result=passed seconds warning='' count
	shift
	wanted "$name" || return 0
	echo "=== $name"
	"$@" 2>&1 | tee "$output" || result=FAILED
	[ "$result" = passed ] && grep -q '^=== once more[:,]' "$output" && result=AGAIN
	seconds=$((SECONDS - began))
	read -ra count <<<"$(count_tests <"$output")"
	[ "$seconds" -le "${budget[$name]:-60}" ] || warning=' over'
	printf '%-12s %-7s %7d %7d %9d %7d%s\n' \
		"$name" "$result" "${count[@]}" "$seconds" "${budget[$name]:-60}" "$warning" >"$results/$name.row"
	echo "=== $name took $seconds s"
}

# shellcheck disable=SC2086 # lists of names
install_packages $BUILD_PACKAGES $MODULE_PACKAGES $TEST_PACKAGES
# Node.js of another origin brings its own npm, which the distribution's package would clash with.
command -v npm >/dev/null || install_packages nodejs npm

# Inside our macros as well, which cargo's formatter leaves alone.
format() {
	cargo fmt --check && python3 tests/lib/macros.py --check
}
suite format format
suite clippy cargo clippy --quiet --workspace --all-targets -- -D warnings
# What several suites run is built here, so that none of them pays for the others; the library and its tests at the same time.
build() {
	cargo test --quiet --lib --tests --no-run && cargo build && cargo test --quiet -p peers --no-run
}
suite build build

# These work with real browsers, clients and clocks, and machines are sometimes busy: what fails is run once more, and
# both runs are in the output.
twice() {
	local status=0
	"$@" || status=$?
	case $status in
	0) return ;;
	3) return 1 ;; # it has run what failed once more itself
	esac
	echo "=== once more: $*"
	"$@"
}
# Browsers and clients mostly wait: theirs run beside all the others, and are shown behind them.
beside=(browser clients)
folder() {
	if [ -x "tests/$1/run" ]; then suite "$1" twice "tests/$1/run"; fi
}
# What fails of theirs waits with its second run until the others are through.
exec 9>"$results/others"
flock 9
# Each with ports of its own.
first_port=12000
for name in "${beside[@]}"; do
	AGAIN_AFTER="$results/others" TEST_PORTS="$first_port 6000" folder "$name" >"$results/$name.shown" 2>&1 9>&- &
	first_port=$((first_port + 6000))
done
export TEST_PORTS="$first_port 8000"
# Without what an embedded library can do without.
suite features cargo clippy --quiet --lib --no-default-features -- -D warnings
# Programs of tests/embedding.rs have real clocks, too.
suite rust cargo_again --lib --tests
for folder in tests/*/; do
	name=$(basename "$folder")
	[[ " ${beside[*]} " == *" $name "* ]] || folder "$name"
done
flock --unlock 9
wait
cat "$results"/*.shown

rows=$(cat "$results"/*.row 2>/dev/null || true)
if [ -z "$rows" ]; then
	echo "no suite has such a name: ${suites[*]}" >&2
	exit 2
fi
echo
# AGAIN: passed, but only the second time.
printf '%-12s %-7s %7s %7s %9s %7s\n' suite result passed failed seconds budget
echo "$rows"
echo
awk '
	{ passed += $3; failed += $4; if ($2 == "FAILED") names = names " " $1; else good++ }
	END {
		bad = split(names, each, " ")
		print "suites: " good + 0 " passed, " bad " failed" (bad ? " (" substr(names, 2) ")" : "")
		print passed " passed, " failed " failed"
		exit bad > 0
	}' <<<"$rows"
