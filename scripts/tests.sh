#!/usr/bin/env bash
# Run all tests, those that start whole processes beside the others: each half keeps about one core busy.
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

# Word splitting is wanted: one argument per folder. A shell has what runs beside it ignore
# interrupts, and so would the programs that the tests interrupt.
env --default-signal=INT "$pytest" $processes >"$log" 2>&1 &
beside=$!

# The decision alone first, for its coverage; a red run still shows what else is red.
status=0
"$pytest" tests/decision --cov=gateway.decision --cov-fail-under=100 || status=1
"$pytest" $ignored || status=1
echo "waiting for the tests that run beside these: $processes"
wait "$beside" || status=1
beside=
cat "$log"
exit "$status"
