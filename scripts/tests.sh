#!/usr/bin/env bash
# Run all tests. Those that start whole processes run in parallel with the others: each half uses about one core.
#
#   tests.sh PYTEST
set -euo pipefail

pytest=${1:?the pytest to run}
processes="tests/cli tests/end_to_end tests/project tests/soak tests/supervisor"

ignored=$(printf -- '--ignore=%s ' tests/decision $processes)
log=$(mktemp)
beside=
end() {
    if [ -n "$beside" ]; then
        kill -INT "$beside" 2>/dev/null || true
        wait "$beside" || true
        cat "$log"
    fi
    rm -f "$log"
}
trap end EXIT
trap 'exit 130' INT

# Word splitting is intended: one argument per folder. A shell makes background processes ignore
# interrupts, and the programs that the tests interrupt would inherit that.
env --default-signal=INT "$pytest" $processes >"$log" 2>&1 &
beside=$!

# The decision first, for its coverage; if it fails, the rest still runs.
status=0
"$pytest" tests/decision --cov=gateway.decision --cov-fail-under=100 || status=1
"$pytest" $ignored || status=1
echo "waiting for the tests that run in parallel: $processes"
wait "$beside" || status=1
beside=
cat "$log"
exit "$status"
