# Sourced by suites whose tests have real browsers, networks and clocks, and by test.sh: what fails is run once more, by
# itself, and both runs are in the output. Each function fails with 3 when something fails again; test.sh then does not run
# the suite a second time. They count on `pipefail`.

# once_more NAMES COMMAND…: the second run. `AGAIN_AFTER` is a file that is locked as long as other suites take the machine:
# the second run is not as crowded as the first, and alone.
once_more() {
	echo "=== once more, only: $1"
	shift
	(
		if [ -n "${AGAIN_AFTER:-}" ]; then flock 8; fi
		"$@" 8>&- || exit 3
	) 8>>"${AGAIN_AFTER:-/dev/null}"
}

# each_again COMMAND… -- FILE…: COMMAND with one file after the other, and then with those that failed.
each_again() {
	local command=() file failed=()
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	each() {
		local file
		failed=()
		for file in "$@"; do "${command[@]}" "$file" || failed+=("$file"); done
		[ ${#failed[@]} = 0 ]
	}
	echo "=== first: ${*##*/}"
	each "$@" || once_more "${failed[*]}" each "${failed[@]}"
}

# cargo_again ARGUMENT… [-- ARGUMENT…]: `cargo test`, and then the tests that failed.
cargo_again() {
	local log names status=0 dashes=--
	log=$(mktemp)
	case " $* " in *' -- '*) dashes= ;; esac
	echo "=== first: cargo test $*"
	cargo test --quiet --no-fail-fast "$@" 2>&1 | tee "$log" || status=3
	# How libtest lists them behind "failures:".
	mapfile -t names < <(sed -nE 's/^    ([A-Za-z_][A-Za-z0-9_:]*)$/\1/p' "$log" | sort -u)
	rm "$log"
	[ $status != 0 ] || return 0
	[ ${#names[@]} != 0 ] || return $status
	# shellcheck disable=SC2086 # nothing, or one word
	once_more "${names[*]}" cargo test --quiet --no-fail-fast "$@" $dashes --exact "${names[@]}"
}

# unittest_again COMMAND… -- ARGUMENT…: Python's unittest by COMMAND, and then the tests that failed.
unittest_again() {
	local command=() log names status=0
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	log=$(mktemp)
	echo "=== first: unittest $*"
	"${command[@]}" -m unittest -v "$@" 2>&1 | tee "$log" || status=3
	mapfile -t names < <(sed -nE 's/^(FAIL|ERROR): \S+ \(([A-Za-z0-9_.]+)\).*/\2/p' "$log" | sort -u)
	rm "$log"
	[ $status != 0 ] || return 0
	[ ${#names[@]} != 0 ] || return $status
	once_more "${names[*]}" "${command[@]}" -m unittest -v "${names[@]}"
}
