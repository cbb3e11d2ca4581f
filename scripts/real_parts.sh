#!/usr/bin/env bash
# Install the real programs that tests and benchmarks use, or list those that are missing.
#
#   real_parts.sh install [bench|soak]   as root on Debian: install what is missing; else do nothing
#   real_parts.sh missing [bench|soak]   list what is missing, and what was not run because of it
set -euo pipefail

verb=${1:?install or missing}
set_of_parts=${2:-test}

# program  package         what it is for
test_parts="
nginx      nginx           the upstream of the end-to-end tests, and a proxy to compare the corpus with
haproxy    haproxy         another proxy to compare the corpus with
nghttpx    nghttp2-proxy   another proxy, to compare the cases of HTTP/2 with
node       nodejs          runs the certified OpenID provider of the end-to-end tests
npm        npm             installs that provider, as locked
openssl    openssl         a client that shows what it sees of TLS, and an authority
prometheus prometheus      scrapes a gateway, evaluates the alert rules and fills the dashboard
promtool   prometheus      checks and tests the alert rules, and checks the metrics
kustomize  kustomize       builds the Kubernetes manifests as a cluster receives them
systemd-analyze systemd    checks the systemd units; systemd itself runs them
redis-server redis-server  counts requests of several gateways
chromium-headless-shell chromium-headless-shell  a browser with pages that call other origins
java       default-jdk-headless  its HTTP client, which offers HTTP/2 with every request
curl       curl            an HTTP client that does so with --http2
h2load     nghttp2-client  load and requests over HTTP/2, along with nghttp
nghttpd    nghttp2-server  a service that speaks HTTP/2
/usr/share/doc/ruby-grpc ruby-grpc a client and a service of gRPC
zsh        zsh             completes command lines
fish       fish            completes command lines
mandoc     mandoc          checks the manual page
man        man-db          shows the manual page
ip         iproute2        configures the network of the machine that runs systemd
/usr/lib/apache2/modules/mod_auth_openidc.so libapache2-mod-auth-openidc Apache's login, to compare with
"
bench_parts="
nginx      nginx           the upstream of every proxy, and a proxy to compare with
haproxy    haproxy         a proxy to compare with
apache2    apache2-bin     a proxy to compare with in the row about sessions
/usr/lib/apache2/modules/mod_auth_openidc.so libapache2-mod-auth-openidc its login
wrk        wrk             load at the highest rate
h2load     nghttp2-client  load at a fixed rate, and over HTTP/2
nghttpx    nghttp2-proxy   a proxy to compare with in the rows about HTTP/2
redis-server redis-server  counts requests in the row about rate limits
taskset    util-linux      one core for each side
"
soak_parts="
slowhttptest slowhttptest  slow headers, bodies and reads, before the soak test
"

missing_parts() {
    local parts=$test_parts program package purpose
    [ "$set_of_parts" = bench ] && parts=$bench_parts
    [ "$set_of_parts" = soak ] && parts=$soak_parts
    while read -r program package purpose; do
        # Debian keeps nginx and haproxy in /usr/sbin, which a plain user's PATH may lack.
        if [ -n "$program" ] && ! [ -e "$program" ] &&
            ! PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null; then
            echo "$program $package $purpose"
        fi
    done <<<"$parts"
}

install_parts() {
    local packages
    packages=$(missing_parts | awk '{print $2}')
    [ -n "$packages" ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    echo "installing" $packages >&2
    apt-get update -qq
    # Word splitting is intended: one argument per package. No recommended extras, no questions,
    # and no service is started: the tests start their own on free ports.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -qq -y --no-install-recommends $packages >/dev/null
}

name_missing() {
    local program package purpose
    missing_parts | while read -r program package purpose; do
        echo "not run, because $program is missing (Debian package $package): $purpose"
    done
}

case $verb in
install) install_parts ;;
missing) name_missing ;;
*) echo "usage: real_parts.sh install|missing [bench|soak]" >&2 && exit 2 ;;
esac
