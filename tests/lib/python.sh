# Sourced by tests that have clients in Python: $PYTHON is an interpreter with the packages of tests/clients.
clients=$(cd "$(dirname "${BASH_SOURCE[0]}")/../clients" && pwd)
if [ "$clients/requirements.txt" -nt "$clients/.venv/complete" ]; then
	python3 -m venv "$clients/.venv"
	"$clients/.venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$clients/requirements.txt"
	touch "$clients/.venv/complete"
fi
PYTHON=$clients/.venv/bin/python
