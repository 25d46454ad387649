#!/usr/bin/env bash
# The daemon against clients that others wrote: socat, ncat, redis-benchmark, dnsperf, resperf, curl and the shell's
# own /dev/tcp. One line for each check; the first that fails ends the run. Runs from any folder, on loopback only, on
# ports that it is given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset "${!ECHOD_@}" # what somebody set for a daemon of their own

work=$(mktemp -d)
daemon= # process id while a daemon runs
client= # process id while a client runs beside
host=127.0.0.1
port=
opened= # descriptor of the last connection
patience=20 # seconds after which a client counts as stuck; none needs a tenth of that

cleanup() {
  local status=$?
  trap - EXIT
  local pid
  for pid in $client $daemon; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf 'clients: %s\n' "$*"; }

fail() {
  printf 'scripts/clients.sh: FAILED: %s\n' "$*" >&2
  if [[ -s $work/log ]]; then
    printf 'the last lines of the daemon:\n' >&2
    tail -n 20 "$work/log" >&2
  fi
  exit 1
}

# need TOOL PACKAGE
need() {
  command -v "$1" >/dev/null || fail "$1 is not installed; install the Debian package $2 (apt-get install $2)"
}

# await SECONDS COMMAND...: until the command succeeds, at most so long.
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.02
  done
}

# ready finds the port in the daemon's ready line.
ready() {
  kill -0 "$daemon" 2>/dev/null || fail "the daemon ended before it was ready"
  port=$(sed -n "s|.*msg=ready .*tcp://$host:\([0-9]*\).*|\1|p" "$work/log")
  [[ -n $port ]]
}

# start LIMIT FLAGS...: a daemon that may open LIMIT descriptors, or as many as this shell when LIMIT is empty.
start() {
  local limit=$1
  shift
  : >"$work/log"
  (
    [[ -z $limit ]] || ulimit -n "$limit"
    exec "$work/echod" --listen "tcp://$host:0" "$@" 2>"$work/log"
  ) &
  daemon=$!
  await "$patience" ready || fail "no ready line within $patience s"
}

gone() { ! kill -0 "$daemon" 2>/dev/null; }

# stop asks the daemon to end, which it does with status 0.
stop() {
  local status=0
  kill -TERM "$daemon"
  await "$patience" gone || fail "the daemon still runs $patience s after SIGTERM"
  wait "$daemon" || status=$?
  daemon=
  ((status == 0)) || fail "the daemon ended with status $status after SIGTERM, want 0"
}

# through CLIENT...: what the client reads from the file "sent" and gets back must be the same bytes. The client must
# end by itself, which it does at the end of the stream.
through() {
  timeout "$patience" "$@" <"$work/sent" >"$work/received" || fail "$1 ended with status $? (124: it was stuck)"
  cmp "$work/sent" "$work/received" || fail "$1 got other bytes back than it sent"
}

# After the end of its input socat ends its side of the connection and would wait so long for the other's end.
socat_through() { through socat -t 600 - "TCP:$host:$port"; }

text_through() {
  printf 'hello\nwith two lines\n' >"$work/sent"
  socat_through
}

check_text() {
  text_through
  say "socat got its text back"
}

check_ncat() {
  printf 'hello from ncat\n' >"$work/sent"
  through ncat "$host" "$port"
  say "ncat got its text back"
}

check_redis() {
  timeout 120 redis-benchmark -h "$host" -p "$port" -t ping_mbulk -n 200000 -c 50 -P 16 -q \
    >"$work/redis" 2>&1 || fail "redis-benchmark ended with status $?: $(tail -n 3 "$work/redis")"
  local rate
  rate=$(tr '\r' '\n' <"$work/redis" | sed -n 's/.*: \([0-9.]* requests per second\).*/\1/p' | tail -n 1)
  [[ -n $rate ]] || fail "redis-benchmark printed no result: $(tail -n 3 "$work/redis")"
  say "redis-benchmark got 200000 replies, $rate"
}

check_bulk() {
  head -c 50000000 /dev/urandom >"$work/sent"
  patience=120 socat_through
  say "socat got 50 MB back, byte for byte"
}

# socat sends everything and its end of the stream at once; the replies come after, and then the daemon's end.
check_half_close() {
  head -c 3000000 /dev/urandom >"$work/sent"
  socat_through
  : >"$work/sent"
  socat_through
  say "a client that ended its side got every byte, then the end of the stream"
}

# connect opens a connection; its descriptor is in opened.
connect() { exec {opened}<>"/dev/tcp/$host/$port"; }

hang_up() {
  local fd=$1
  exec {fd}>&-
}

# answered FD SECONDS TEXT: whether the line comes back in time.
answered() {
  local line
  IFS= read -r -t "$2" -u "$1" line && [[ $line == "$3" ]]
}

# cpu_ticks is the processor time of the daemon so far. The name of the program, in parentheses, may contain anything.
cpu_ticks() {
  local fields
  read -r -a fields < <(sed 's/.*) //' "/proc/$daemon/stat")
  printf '%d\n' $((fields[11] + fields[12])) # utime and stime, the 14th and 15th of all
}

check_descriptor_limit() {
  local clients=() fd i
  start 64 --shards 2
  for ((i = 0; i < 100; i++)); do
    connect
    printf 'client %d\n' "$i" >&"$opened"
    clients+=("$opened")
  done
  answered "${clients[0]}" "$patience" "client 0" || fail "the first of 100 clients was not served"

  # The last client waits while nothing else happens: its patience is the measurement.
  local before after elapsed=3 percent
  before=$(cpu_ticks)
  if answered "${clients[99]}" "$elapsed" "client 99"; then
    fail "100 clients were served with 64 descriptors; nothing was starved"
  fi
  gone && fail "the daemon ended when descriptors ran out"
  after=$(cpu_ticks)
  percent=$(((after - before) * 100 / (elapsed * $(getconf CLK_TCK))))
  ((percent < 5)) || fail "starved of descriptors the daemon used $percent % of a processor, want less than 5 %"
  say "at 64 descriptors and 100 clients the daemon stayed up and used $percent % of a processor"

  # Most of them leave: some descriptors are kept for the daemon's own. Those that waited get their turn.
  for fd in "${clients[@]:0:80}"; do hang_up "$fd"; done
  answered "${clients[99]}" "$patience" "client 99" || fail "a waiting client was not served when others left"
  for fd in "${clients[@]:80}"; do hang_up "$fd"; done
  text_through
  say "it served again when clients left"
  stop
}

check_connection_limit() {
  local first second round
  start "" --max-conns 1 --shards 2
  # The kernel spreads connections over the shards: after some rounds the two met on one shard and on two.
  for ((round = 0; round < 10; round++)); do
    connect
    first=$opened
    printf 'first\n' >&"$first"
    answered "$first" "$patience" first || fail "round $round: the only client was not served"
    connect
    second=$opened
    printf 'second\n' >&"$second"
    if answered "$second" 0.2 second; then
      fail "round $round: a second client was served beside the first with --max-conns 1"
    fi
    hang_up "$first"
    answered "$second" "$patience" second || fail "round $round: the second client was not served when the first left"
    hang_up "$second"
  done
  say "with --max-conns 1 --shards 2 the second client waited for the first to leave, ten times"
  stop
}

check_stop() {
  start "" --drain-timeout 5s
  connect
  printf 'last words\n' >&"$opened"
  answered "$opened" "$patience" "last words" || fail "a client was not served"
  stop
  hang_up "$opened"
  say "SIGTERM ended the daemon with status 0, a client still connected"
}

# at FIELD: what a pattern finds in the ready line.
at() { sed -n "s|.*msg=ready .*$1.*|\1|p" "$work/log"; }

# datagrams_through NAME CLIENT...: the client reads a text, sends it as a datagram, and gets it back. It does not know
# when an answer is the last, and is ended.
datagrams_through() {
  local name=$1 input
  shift
  printf 'hello over UDP\n' >"$work/sent"
  rm -f "$work/input"
  mkfifo "$work/input"
  exec {input}<>"$work/input"
  : >"$work/received"
  "$@" <"$work/input" >"$work/received" &
  client=$!
  cat "$work/sent" >&"$input"
  await "$patience" cmp -s "$work/sent" "$work/received" || fail "$name got no datagram back, or another one"
  kill -KILL "$client"
  wait "$client" 2>/dev/null || true
  client=
  hang_up "$input"
  say "$name got its datagram back"
}

# healthy ADDRESS...: what echod's own healthcheck says of it.
healthy() { "$work/echod" healthcheck --timeout "${patience}s" "$@" >"$work/health" 2>&1; }

check_addresses() {
  local udp path=$work/echo.sock name=echod-clients-$$ address
  start "" --listen "udp://$host:0" --listen "unix://$path" --listen "unix://@$name"
  udp=$(at "udp://$host:\([0-9]*\)")
  datagrams_through "socat" socat - "UDP:$host:$udp"
  datagrams_through "ncat -u" ncat -u "$host" "$udp"
  head -c 1000000 /dev/urandom >"$work/sent"
  through socat -t 600 - "UNIX-CONNECT:$path"
  say "socat got 1 MB back through a Unix socket"
  through socat -t 600 - "ABSTRACT-CONNECT:$name"
  say "socat got 1 MB back through an abstract one"
  for address in "tcp://$host:$port" "udp://$host:$udp" "unix://$path" "unix://@$name"; do
    healthy "$address" || fail "healthcheck $address: $(cat "$work/health")"
  done
  say "echod healthcheck found all four addresses well"
  stop
  [[ ! -e $path ]] || fail "the path of the Unix socket is still there"
  if healthy "unix://$path"; then fail "healthcheck found a daemon that has ended well"; fi
}

# lost: how many queries dnsperf or resperf lost, and completed: how many got an answer.
lost() { sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' "$work/dns"; }
completed() { sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p' "$work/dns"; }

# An echoed query has the number of the question, and counts as an answer.
check_dns() {
  local mode dns count=20000
  start "" --listen "udp://$host:0" --udp-source-rate 0
  seq -f 'n%.0f.example A' "$count" >"$work/queries"
  for mode in udp tcp; do
    dns=$(at "$mode://$host:\([0-9]*\)")
    timeout 60 dnsperf -m "$mode" -s "$host" -p "$dns" -d "$work/queries" -n 1 -q 20 >"$work/dns" 2>&1 ||
      fail "dnsperf -m $mode ended with status $?: $(tail -n 3 "$work/dns")"
    [[ $(completed) == "$count" ]] || fail "dnsperf -m $mode lost $(lost) of $count queries"
    say "dnsperf -m $mode got $count answers"
    timeout 60 resperf -M "$mode" -s "$host" -p "$dns" -d "$work/queries" -r 1 -m 10000 -t 5 -P "$work/plot" \
      >"$work/dns" 2>&1 || fail "resperf -M $mode ended with status $?: $(tail -n 3 "$work/dns")"
    # It asks faster and faster. On a machine that does something else at the moment a socket's buffer overflows.
    ((10 * $(lost) <= $(completed))) || fail "resperf -M $mode lost $(lost) queries and got $(completed) answers"
    say "resperf -M $mode got $(completed) answers and lost $(lost)"
  done
  stop
}

# page PATH: a page of the admin address, in the file "page". It must be there.
page() {
  local status
  status=$(curl --silent --show-error --max-time "$patience" --output "$work/page" --write-out '%{http_code}' \
    "$admin$1") || fail "curl $admin$1 ended with status $?"
  [[ $status == 200 ]] || fail "curl $admin$1 got status $status: $(head -c 200 "$work/page")"
}

# shows TEXT: whether a page has the text.
shows() { grep -qF -- "$1" "$work/page" || fail "the page does not have $1"; }

check_admin() {
  local admin
  start "" --admin "$host:0"
  admin=$(at "admin=\(http://[^ ]*\)")
  page /livez
  page /readyz
  text_through
  page /metrics
  shows 'echod_connections_accepted_total 1'
  shows 'echod_build_info{'
  healthy "$admin" || fail "healthcheck $admin: $(cat "$work/health")"
  say "curl got /livez, /readyz and /metrics, and healthcheck asked there too"
  if command -v promtool >/dev/null; then
    promtool check metrics <"$work/page" || fail "promtool does not like the metrics"
    say "promtool found nothing wrong with /metrics"
  else
    say "left out: promtool is not installed"
  fi
  stop
}

# ended FD: whether the stream ends, with nothing before its end. More than 128 is that nothing came in time.
ended() {
  local status=0 line
  IFS= read -r -t "$patience" -u "$1" line || status=$?
  ((status > 0 && status <= 128)) && [[ -z $line ]]
}

logged() { grep -qE -- "$1" "$work/log"; }

# A limit that the file gets while the daemon runs holds for the next client.
check_reload() {
  local first second
  printf 'max-conns-per-ip = 0\n' >"$work/echod.toml"
  start "" --config "$work/echod.toml"
  connect
  first=$opened
  printf 'first\n' >&"$first"
  answered "$first" "$patience" first || fail "a client was not served"
  printf 'max-conns-per-ip = 1\n' >"$work/echod.toml"
  kill -HUP "$daemon"
  await "$patience" logged 'level=INFO.*reloaded' || fail "SIGHUP does not reload"
  connect
  second=$opened
  ended "$second" || fail "a second client was not closed after max-conns-per-ip = 1"
  hang_up "$second"
  printf 'max-cons = 1\n' >"$work/echod.toml"
  kill -HUP "$daemon"
  await "$patience" logged 'level=ERROR.*max-cons' || fail "a broken file is not told of"
  printf 'still\n' >&"$first"
  answered "$first" "$patience" still || fail "the first client was lost"
  hang_up "$first"
  say "SIGHUP brought a limit from the file, and a broken file changed nothing"
  stop
}

# systemd opens the socket, and the first client has it start the daemon, which leaves the path alone in the end.
check_activation() {
  local path=$work/activated.sock
  if ! command -v systemd-socket-activate >/dev/null; then
    say "left out: systemd-socket-activate is not installed"
    return
  fi
  : >"$work/log"
  systemd-socket-activate --fdname=echo --listen="$path" "$work/echod" 2>"$work/log" &
  daemon=$!
  await "$patience" test -S "$path" || fail "systemd-socket-activate does not listen"
  printf 'hello through systemd\n' >"$work/sent"
  through socat -t 600 - "UNIX-CONNECT:$path"
  stop
  [[ -S $path ]] || fail "the daemon removed a path that is systemd's"
  say "a client started the daemon through systemd-socket-activate, and was served"
}

need go golang-go
need socat socat
need ncat ncat
need redis-benchmark redis-tools
need dnsperf dnsperf
need resperf dnsperf
need curl curl
need cmp diffutils
need timeout coreutils

say "building echod"
go build -o "$work/echod" ./cmd/echod

start ""
say "serving on port $port"
check_text
check_ncat
check_redis
check_bulk
check_half_close
stop
say "SIGTERM ended the daemon with status 0"
check_descriptor_limit
check_connection_limit
check_stop
check_addresses
check_dns
check_admin
check_reload
check_activation
say "all well"
