#!/usr/bin/env bash
# Run all tests in two lanes, each of which keeps about one core busy.
#
#   tests.sh PYTEST
#
# One lane begins with the tests that start whole processes, which do not run in parallel with each
# other; the other begins with those of the decision, for its coverage. Then both take groups of the
# remaining tests, one from the end and one from the beginning, until none is left. Both end at
# about the same time, whichever is quicker on this machine. What failed is printed again at the end.
set -euo pipefail

pytest=${1:?the pytest to run}
processes="tests/cli tests/end_to_end tests/project tests/reloading tests/soak tests/supervisor"
# The last group is short, so that no lane waits long for the other. What no group names is in the first.
named=("tests/proxy" "tests/suites tests/lints" "tests/settings" "tests/agreement tests/seeded")

# Word splitting of groups is intended here and below: one argument per folder.
others="tests $(printf -- '--ignore=%s ' tests/decision $processes ${named[*]})"
groups=("$others" "${named[@]}")
count=${#groups[@]}

# Run pytest so that an interrupt can be passed on to it: a shell makes background processes ignore
# interrupts, and the programs that the tests interrupt would inherit that.
child=
run() {
    env --default-signal=INT "$pytest" "$@" &
    child=$!
    wait "$child" || {
        echo "pytest $* ended with $?" >>"$GATEWAY_FAILURES"
        status=1
    }
    child=
}

# Run the groups with the numbers given that the other lane has not taken.
run_groups() {
    local number
    for number in "$@"; do
        if mkdir "$taken/$number" 2>/dev/null; then
            run ${groups[number]}
        fi
    done
}

interrupt() {
    if [ -n "$child" ]; then
        kill -INT "$child" 2>/dev/null || true
        wait "$child" || true
    fi
}

status=0
if [ -n "${2:-}" ]; then # the second lane
    taken=$2
    trap 'interrupt; exit 130' INT
    run $processes
    run_groups $(seq $((count - 1)) -1 0)
    exit "$status"
fi

taken=$(mktemp -d)
export GATEWAY_FAILURES="$taken/failures" # see tests/conftest.py
second=
end() {
    interrupt
    if [ -n "$second" ]; then
        kill -INT "$second" 2>/dev/null || true
        wait "$second" || true
        cat "$taken/log"
    fi
    rm -rf "$taken"
}
trap end EXIT
trap 'exit 130' INT

env --default-signal=INT "$0" "$pytest" "$taken" >"$taken/log" 2>&1 &
second=$!

# If the tests of the decision fail, the rest still runs.
run tests/decision --cov=gateway.decision --cov-fail-under=100
run_groups $(seq 0 $((count - 1)))
echo "waiting for the tests that run in parallel, the last of them: $processes"
wait "$second" || status=1
second=
cat "$taken/log"
if [ -s "$GATEWAY_FAILURES" ]; then
    echo "what failed:"
    cat "$GATEWAY_FAILURES"
fi
exit "$status"
