# Shared by the scripts beside it: where the project is, and its virtual environment.
# Sourced, not run. SPARSESOLVE_VENV moves the environment, SPARSESOLVE_PYTHON names the interpreter.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=${SPARSESOLVE_VENV:-$PWD/.venv}

say() { printf '\n== %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# The first interpreter of at least Python 3.11.
find_python() {
    local candidate
    for candidate in ${SPARSESOLVE_PYTHON:-} python3.11 python3 python3.14 python3.13 python3.12; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed. On Debian 12: apt-get install python3 python3-venv"
}

# Run a command up to three times: registries have bad moments.
retry() {
    local try
    for try in 1 2 3; do
        "$@" && return
        [ "$try" = 3 ] || { say "failed, trying again: $*" && sleep $((5 * try)); }
    done
    fail "gave up after three tries: $*"
}

apt_install() {
    [ "$(id -u)" = 0 ] || fail "these Debian packages are missing: $*
Run this as root, or first: sudo apt-get update && sudo apt-get install -y $*"
    say "installing Debian packages: $*"
    retry apt-get update -qq
    retry env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

make_venv() {
    local python
    if [ -x "$VENV/bin/python" ]; then
        return
    fi
    python=$(find_python)
    say "creating a virtual environment in $VENV"
    # Debian splits venv from Python
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    "$python" -m venv "$VENV"
}

# Install into the environment, unless this pyproject.toml was installed there before.
pip_install() {
    local done="$VENV/.installed" key
    key="$(cksum <pyproject.toml) $PWD $*"
    if grep -qxF "$key" "$done" 2>/dev/null; then
        return
    fi
    say "pip install $*"
    retry "$VENV/bin/python" -m pip install -qq --disable-pip-version-check "$@" >&2
    printf '%s\n' "$key" >>"$done"
}
