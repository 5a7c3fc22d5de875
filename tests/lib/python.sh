# Sourced by tests that have clients in Python: $PYTHON is an interpreter with the packages of tests/clients. Two suites may
# ask at the same time.
clients=$(cd "$(dirname "${BASH_SOURCE[0]}")/../clients" && pwd)
(
	flock 9
	[ "$clients/requirements.txt" -nt "$clients/.venv/complete" ] || exit 0
	python3 -m venv "$clients/.venv"
	"$clients/.venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$clients/requirements.txt" &&
		touch "$clients/.venv/complete"
) 9<"$clients"
PYTHON=$clients/.venv/bin/python
