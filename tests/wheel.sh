#!/bin/sh
# Install a wheel into an empty environment and run its main commands: sh tests/wheel.sh PYTHON WHEEL
set -eu
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$1" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
cd "$environment"
bin/rnncli summary
bin/rnncli forward --timesteps 100
bin/rnncli export input:2,gru:3 --to c
bin/python -m rnncli --version
test -f share/man/man1/rnncli.1
