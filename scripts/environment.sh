#!/usr/bin/env bash
# Build the virtual environment $1 from the lock files $2…, with uv if it is installed, else with venv and pip.
# With a build backend among them, the gateway itself is installed, too.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
shift
rm -f "$venv/.ready" "$venv/.runs"

fits() { # A pyenv shim may exist and not run: call it, do not just look it up.
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    # The distribution's Python first: it is built with profile-guided optimisation. One that was
    # built by hand often is not, and then the gateway is a tenth slower.
    local version name
    for version in 3.11 3.12 3.13 3.14 3 ""; do
        for name in "/usr/bin/python$version" "python$version"; do
            if fits "$name"; then
                command -v "$name"
                return
            fi
        done
    done
    echo "environment: no Python 3.11 or newer found" >&2
    return 3
}

can_make_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

make_with_uv() {
    # Never download a toolchain: use the Python of this machine.
    "$uv" venv --quiet --allow-existing --no-python-downloads --python "$python" "$venv"
}

make_with_venv() {
    if ! can_make_venv "$python" && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
    fi
    if ! can_make_venv "$python"; then
        echo "environment: $python lacks the venv module (Debian: apt-get install python3-venv)" >&2
        return 3
    fi
    "$python" -m venv "$venv"
}

install() {
    if [ -n "$uv" ]; then
        VIRTUAL_ENV="$PWD/$venv" "$uv" pip install --quiet "$@"
    else
        "$venv/bin/python" -m pip install --disable-pip-version-check "$@" | progress
    fi
}

progress() { # Show on a terminal how many packages pip has come to; all may take a minute.
    if [ -t 2 ]; then
        awk -v all="$packages" '
             /^Collecting|^Requirement already/ {
                 name = ($1 == "Collecting") ? $2 : $3
                 printf "\r\033[K  %d of %d: %s", ++n, all, name > "/dev/stderr"
             }
             /^Installing collected/ {printf "\r\033[K  installing" > "/dev/stderr"}
             END {printf "\r\033[K" > "/dev/stderr"}'
    else
        cat >/dev/null
    fi
}

python=$(find_python)
uv=$(command -v uv || true)
if ! fits "$venv/bin/python"; then # Absent, or made by a Python that no longer exists.
    rm -rf "$venv"
    if [ -n "$uv" ]; then make_with_uv; else make_with_venv; fi
elif [ -z "$uv" ] && ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    make_with_venv # Made by a uv that no longer exists: add pip.
fi

packages=$(cat "$@" | grep -c '^[a-z].*==')
echo "environment: installing $packages packages in $venv" >&2
install --require-hashes "${@/#/-r}"
if grep -q "^hatchling==" "$@"; then
    # The build backend is there, so nothing is resolved outside the lock files.
    install --no-deps --no-build-isolation -e .
fi
