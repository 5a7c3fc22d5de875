# Sourced by tests that have clients in Python: $PYTHON is an interpreter with the packages of tests/clients.
environment=$(cd "$(dirname "${BASH_SOURCE[0]}")/../clients" && pwd)/.venv
if [ "$environment/../requirements.txt" -nt "$environment/complete" ]; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet --disable-pip-version-check -r "$environment/../requirements.txt"
	touch "$environment/complete"
fi
PYTHON=$environment/bin/python
