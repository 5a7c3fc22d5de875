# Sourced by tests that have browsers: the packages of tests/browser are there. Two suites may ask at the same time.
browser=$(cd "$(dirname "${BASH_SOURCE[0]}")/../browser" && pwd)
(
	flock 9
	[ "$browser/package.json" -nt "$browser/node_modules/complete" ] || exit 0
	cd "$browser" && npm install --no-audit --no-fund --silent && touch node_modules/complete
) 9<"$browser"
