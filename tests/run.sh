#!/bin/sh
# Everything that `make test` checks. Called with .venv/bin on PATH; ends with what was left out and why.
set -u
cd "$(dirname "$0")/.." || exit 2
LIMIT=${BELLHOP_TEST_LIMIT:-840}
failed=''

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { has postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }

install_programs() {
    wanted=''
    { has prometheus && has promtool; } || wanted="$wanted prometheus"
    { has prometheus-alertmanager || has alertmanager; } || wanted="$wanted prometheus-alertmanager"
    has_postgres || wanted="$wanted postgresql"
    { has apache2 || [ -x /usr/sbin/apache2 ]; } || wanted="$wanted apache2"
    has openssl || wanted="$wanted openssl"
    [ -n "$wanted" ] || return 0
    { has apt-get && [ "$(id -u)" = 0 ]; } || return 0
    echo "installing:$wanted"
    # The packages must not start services of their own: a policy that forbids it, where there is none yet.
    policy=/usr/sbin/policy-rc.d
    made=''
    if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of words
    { timeout 240 apt-get update -qq && timeout 300 apt-get install -y -qq --no-install-recommends $wanted; } \
        >/dev/null 2>&1 </dev/null || echo "could not install:$wanted; their tests are left out"
    [ -z "$made" ] || rm -f "$policy"
}

step() {
    name=$1
    shift
    echo "== $name"
    "$@" </dev/null || failed="$failed $name"
}

install_programs
step ruff ruff check .
step format ruff format --check --quiet .
step mypy mypy
step imports lint-imports --config .importlinter --no-cache
echo "== pytest"
timeout --kill-after=20 "$LIMIT" python -m pytest -n "${BELLHOP_TEST_WORKERS:-3}" --dist loadfile --no-loadscope-reorder "$@" </dev/null
code=$?
[ "$code" = 0 ] || failed="$failed pytest"
[ "$code" != 124 ] || echo "pytest was stopped after $LIMIT s"

if [ -n "$failed" ]; then
    echo "failed:$failed"
    exit 1
fi
