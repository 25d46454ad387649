#!/usr/bin/env bash
# Faults, on loopback, against the daemon itself. Beside each fault honest clients check every byte of their echoes. It
# prints what happened, and ends with 1 when the daemon dies, spins, or loses an echo that it accepted.
#
#   scripts/drill.sh              all faults, with the numbers that they deserve
#   SHORT=1 scripts/drill.sh      the same faults, fewer of each: under a minute
#   scripts/drill.sh slow reset   these faults only
#   scripts/drill.sh --list       the names of the faults
#
# Some faults need root or an installed tool; without it they are left out, in a line that says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset "${!ECHOD_@}" # what somebody set for a daemon of their own

faults=(descriptors memory cgroup slow connects syns resets killed stale closed_log full_log stuck_log broken_file
  successor privileged flood loop)
short=${SHORT:-}
work=$(mktemp -d)
daemon=  # process id while a daemon runs
foundling= # not empty when another daemon started it, so that nobody here is told how it ended
steady=  # process id while honest clients run
others=() # process ids of whatever else runs beside
group= # folder of a cgroup while there is one
patience=60
host=127.0.0.1
port=

cleanup() {
  local status=$? pid
  trap - EXIT
  for pid in $steady "${others[@]}" $daemon; do
    kill -CONT "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  rm -rf "$work"
  [[ -z $group ]] || rmdir "$group" 2>/dev/null || true
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fault= # the one at work
say() { printf 'drill: %-12s %s\n' "$fault" "$*"; }

fail() {
  printf 'scripts/drill.sh: FAILED: %s: %s\n' "$fault" "$*" >&2
  if [[ -s $work/log ]]; then
    printf 'the last lines of the daemon:\n' >&2
    tail -n 20 "$work/log" >&2
  fi
  if [[ -s $work/steady.err ]]; then
    printf 'the honest clients:\n' >&2
    cat "$work/steady.err" >&2
  fi
  exit 1
}

# skip WHY: for what this machine cannot do.
skip() { say "left out: $*"; }

# several N M: N with SHORT, M without.
several() { if [[ -n $short ]]; then printf '%d\n' "$1"; else printf '%d\n' "$2"; fi; }

# await COMMAND...: until the command succeeds, within the patience.
await() {
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.02
  done
}

# alive: whether the daemon runs. One that ended may still have its number, until somebody asks how it ended.
alive() { [[ -r /proc/$daemon/status ]] && ! grep -q '^State:[[:space:]]Z' "/proc/$daemon/status" 2>/dev/null; }
dead() { ! alive; }

# in_log PATTERN: whether the daemon wrote such a line.
in_log() { grep -qE -- "$1" "$work/log"; }

# ask PATH: what the daemon's admin listener answers.
ask() { curl --silent --show-error --fail --max-time 10 --unix-socket "$work/admin.sock" "http://admin$1"; }

# figure NAME: the sum of the figures whose name, with labels or without, has this in it.
figure() { ask /metrics | grep -F "$1" | grep -v '^#' | awk '{ sum += $NF } END { printf "%d\n", sum }'; }

is_ready() {
  alive || fail "the daemon ended before it was ready"
  "$work/echod" healthcheck --timeout 1s "$1" >/dev/null 2>&1
}

# has_port: whether the daemon is ready. Its port is in "port" then.
has_port() {
  port=$(sed -n "s|.*msg=ready .*tcp://$host:\([0-9]*\).*|\1|p" "$work/log")
  [[ -n $port ]]
}

# settled: whether a daemon that was launched is ready, or has given up.
settled() { has_port || dead; }

# launch FLAGS...: a daemon on a free port, or on port_wanted, and on whatever the flags name. The array "under" is what
# it is run under. It has two shards wherever it runs: limits on descriptors and memory are for so many.
under=()
launch() {
  : >"$work/log"
  "${under[@]}" "$work/echod" --shards 2 --admin "unix://$work/admin.sock" \
    --listen "tcp://$host:${port_wanted:-0}" "$@" 2>"$work/log" &
  daemon=$!
  await settled || fail "no ready line within $patience s"
}

# start FLAGS...: a daemon that is ready.
start() {
  launch "$@"
  has_port || fail "the daemon ended before it was ready"
}

# stop ends the daemon, which must end by itself, with 0.
stop() {
  local status=0
  alive || fail "the daemon died"
  kill -TERM "$daemon"
  await dead || fail "the daemon still runs $patience s after SIGTERM"
  [[ -n $foundling ]] || wait "$daemon" || status=$?
  foundling=
  daemon=
  ((status == 0)) || fail "the daemon ended with status $status after SIGTERM, want 0"
}

# accompany CLIENTS...: honest clients from now on, steady or visiting. Each has had an echo when this returns.
accompany() {
  : >"$work/steady.out"
  "$work/echodrill" "$@" >"$work/steady.out" 2>"$work/steady.err" &
  steady=$!
  await served || fail "the honest clients are not served"
}

served() {
  kill -0 "$steady" 2>/dev/null || fail "the honest clients gave up"
  grep -q "^served" "$work/steady.out"
}

# farewell ends the honest clients, which must have lost nothing.
farewell() {
  local status=0
  kill -TERM "$steady"
  wait "$steady" || status=$?
  steady=
  ((status == 0)) || fail "an echo was lost: $(cat "$work/steady.err")"
  say "$(tail -n 1 "$work/steady.out")"
}

# cpu_ticks is the processor time of the daemon so far. The name of the program, in parentheses, may contain anything.
cpu_ticks() {
  local fields
  read -r -a fields < <(sed 's/.*) //' "/proc/$daemon/stat")
  printf '%d\n' $((fields[11] + fields[12])) # utime and stime, the 14th and 15th of all
}

# is_quiet: whether half a second without clients costs the daemon under 6 % of a processor.
is_quiet() {
  local before
  alive || fail "the daemon died"
  before=$(cpu_ticks)
  sleep 0.5
  (($(cpu_ticks) - before <= $(getconf CLK_TCK) * 6 / 200))
}

# settle holds that the daemon lives, and that it rests when its clients do: one that spins never does.
settle() {
  alive || fail "the daemon died"
  [[ -z $steady ]] || kill -STOP "$steady"
  await is_quiet || fail "the daemon spins: it used more than 6 % of a processor for $patience s with nothing to do"
  [[ -z $steady ]] || kill -CONT "$steady"
}

# beside NAME COMMAND...: runs the command beside, its output in NAME.out.
beside() {
  local name=$1
  shift
  : >"$work/$name.out"
  "$@" >"$work/$name.out" 2>&1 &
  others+=("$!")
}

# leave PID: ends what runs beside.
leave() {
  kill -TERM "$1" 2>/dev/null || true
  wait "$1" || true
}

holds() { grep -q "^holding" "$work/held.out"; }

# drill COMMAND...: an echodrill that ends by itself. 77 says that it may not.
drill() {
  local status=0
  "$work/echodrill" "$@" >"$work/drill.out" 2>"$work/drill.err" || status=$?
  if ((status == 77)); then
    skip "$(cat "$work/drill.err")"
    return 77
  fi
  ((status == 0)) || fail "echodrill $*: $(cat "$work/drill.out" "$work/drill.err")"
  say "$(tail -n 1 "$work/drill.out")"
}

# welcome ADDRESS: a new client is served.
welcome() {
  "$work/echod" healthcheck --timeout "${patience}s" "$1" >"$work/health" 2>&1 ||
    fail "a new client is not served: $(cat "$work/health")"
  say "a new client is served"
}

# Silent clients take every descriptor. Those that wait are served when others leave, and nobody spins meanwhile.
fault_descriptors() {
  local held
  under=(prlimit --nofile=64:64)
  start
  under=()
  accompany steady "tcp://$host:$port"
  beside held "$work/echodrill" hold --connections 200 "tcp://$host:$port"
  held=${others[-1]}
  await holds || fail "200 clients cannot connect: $(cat "$work/held.out")"
  settle
  say "200 silent clients at 64 descriptors: it rests"
  leave "$held"
  welcome "tcp://$host:$port"
  settle
  farewell
  stop
}

# Clients that do not read, in a daemon that may not have more memory than its limits add up to. The data limit counts
# what is mapped and writable, as much of it as Go asks for: going over it ends the process.
fault_memory() {
  under=(prlimit --data=$((320 << 20)) env GOMEMLIMIT=96MiB)
  start --high-water 1MiB --max-queued 32MiB --buffers 1024 --write-timeout 3s
  under=()
  accompany steady "tcp://$host:$port"
  drill slow --connections "$(several 200 500)" "tcp://$host:$port"
  settle
  say "at most $(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$daemon/status") MiB were resident"
  farewell
  stop
}

# The same under the limit of a cgroup, which counts pages and what the kernel keeps for the process; over it, it kills.
fault_cgroup() {
  if ! group=$(make_cgroup $((128 << 20))); then
    skip "no cgroup with a limit on memory can be made here"
    return
  fi
  # shellcheck disable=SC2016 # the shell in the cgroup is to expand it
  under=(sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" env GOMEMLIMIT=48MiB)
  start --high-water 256KiB --max-queued 16MiB --buffers 1024 --write-timeout 3s
  under=()
  accompany steady "tcp://$host:$port"
  drill slow --connections "$(several 200 500)" "tcp://$host:$port"
  settle
  farewell
  stop
  await rmdir "$group" 2>/dev/null || fail "the cgroup is in use though the daemon has ended"
  group=
}

# make_cgroup BYTES: a cgroup below ours with a limit on memory, v2 or v1; its folder.
make_cgroup() {
  local parent name limit
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    parent=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
  else
    parent=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
  fi
  name=$parent/echod-drill.$$
  mkdir "$name" 2>/dev/null || return 1
  for limit in "$name/memory.max" "$name/memory.limit_in_bytes"; do
    if [[ -w $limit ]] && printf '%d' "$1" >"$limit" 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  rmdir "$name"
  return 1
}

# A thousand clients send and read nothing.
fault_slow() {
  local count=1000
  if (($(ulimit -n) < 2 * count)); then
    count=$(($(ulimit -n) / 2 - 100))
    say "only $count clients: ulimit -n is $(ulimit -n)"
  fi
  start --high-water 64KiB --max-queued 8MiB --write-timeout "$(several 3 10)s"
  accompany steady "tcp://$host:$port"
  drill slow --connections "$count" "tcp://$host:$port"
  (($(figure 'echod_connections_ended_total{reason="write_timeout"}') == count)) ||
    fail "/metrics does not count $count clients that did not read"
  settle
  farewell
  stop
}

fault_connects() {
  start
  accompany steady "tcp://$host:$port"
  drill storm left "$host:$port" --count "$(several 5000 50000)"
  settle
  welcome "tcp://$host:$port"
  farewell
  stop
}

fault_syns() {
  start --backlog 64
  accompany steady "tcp://$host:$port"
  if drill storm syns "$host:$port" --count "$(several 20000 500000)"; then
    settle
    welcome "tcp://$host:$port"
  fi
  farewell
  stop
}

fault_resets() {
  start
  accompany steady "tcp://$host:$port"
  drill storm resets "$host:$port" --count "$(several 5000 50000)"
  settle
  welcome "tcp://$host:$port"
  farewell
  stop
}

# kill_daemon ends the daemon as a crash does.
kill_daemon() {
  kill -KILL "$daemon"
  wait "$daemon" 2>/dev/null || true
}

# revive FLAGS...: a daemon where the one that was killed was. How many milliseconds that took is in late. Kernel:
# what a killed process had in a ring is closed by a worker, some time after the process is gone, and in use until then.
revive() {
  local begun
  begun=$(date +%s%3N)
  until launch "$@" && has_port; do
    in_log 'address already in use' || fail "the daemon does not start again"
    (($(date +%s%3N) - begun < patience * 1000)) || fail "the address of a killed daemon stays in use"
    sleep 0.02
  done
  late=$(($(date +%s%3N) - begun))
}

# What was under way when the daemon was killed is gone; the clients come again, to the same port.
fault_killed() {
  local round rounds port_wanted late latest=0
  rounds=$(several 3 10)
  start
  port_wanted=$port
  accompany steady --reconnect "tcp://$host:$port"
  for ((round = 0; round < rounds; round++)); do
    kill_daemon
    revive
    ((late <= latest)) || latest=$late
    welcome "tcp://$host:$port" >/dev/null
  done
  say "killed and started again $rounds times, on the same port, within $latest ms"
  settle
  farewell
  stop
}

# A killed daemon leaves its path behind, where nobody listens.
fault_stale() {
  local late
  start --listen "unix://$work/echo.sock"
  kill_daemon
  [[ -S $work/echo.sock ]] || fail "a killed daemon left no path behind: this fault is none"
  revive --listen "unix://$work/echo.sock"
  welcome "unix://$work/echo.sock"
  accompany steady "unix://$work/echo.sock"
  settle
  farewell
  stop
  [[ ! -e $work/echo.sock ]] || fail "the path of a Unix listener is still there in the end"
  say "the path that was left behind was replaced, and removed in the end"
}

# unheard closed|full|stuck: a daemon whose log goes nowhere; it is found by its path.
unheard() {
  local serve=("$work/echod" --shards 2 --log-level debug --listen "unix://$work/echo.sock")
  : >"$work/log"
  case $1 in
    closed) "${serve[@]}" 2>&- & ;;
    full) "${serve[@]}" 2>/dev/full & ;; # it answers as a disk that is full
    stuck) "${serve[@]}" 2>"$work/pipe" & ;;
  esac
  daemon=$!
  await is_ready "unix://$work/echo.sock" || fail "the daemon does not serve"
  accompany visit "unix://$work/echo.sock"
  kill -HUP "$daemon"
  kill -USR1 "$daemon"
  sleep 1
  settle
  farewell
  stop
}

fault_closed_log() {
  unheard closed
  say "it served with stderr closed"
}

fault_full_log() {
  unheard full
  say "it served with a log that takes nothing"
}

# A pipe takes 64 KiB, and then makes whoever writes to it wait.
fault_stuck_log() {
  local reader
  mkfifo "$work/pipe"
  exec {reader}<>"$work/pipe"
  unheard stuck
  exec {reader}>&-
  say "it served with a log that nobody reads"
}

# A broken file changes nothing, a mended one does.
fault_broken_file() {
  local round
  printf 'max-conns = 100\nidle-timeout = "1h"\n' >"$work/echod.toml"
  start --config "$work/echod.toml"
  accompany steady "tcp://$host:$port"
  for ((round = 0; round < $(several 5 50); round++)); do
    printf 'max-conns = "many"\nnonsense = 1\n' >"$work/echod.toml"
    : >"$work/log"
    kill -HUP "$daemon"
    await in_log 'level=ERROR.*not reloaded' || fail "a broken file is not told of"
    printf 'max-conns = %d\n' $((100 + round)) >"$work/echod.toml"
    : >"$work/log"
    kill -HUP "$daemon"
    await in_log 'level=INFO.*reloaded' || fail "a good file is not told of"
  done
  say "$round broken files were refused, $round good ones taken"
  settle
  welcome "tcp://$host:$port"
  farewell
  stop
}

# has_successor: whether the old daemon left its clients to another one, and is gone. That one is the daemon then.
has_successor() {
  local pid
  pid=$(sed -n 's/.*msg=retiring successor=\([0-9]*\).*/\1/p' "$work/log" | tail -n 1)
  [[ -n $pid && $pid != "$daemon" ]] && dead || return 1
  daemon=$pid
  foundling=yes
}

# Restarts under load: no client is refused or cut.
fault_successor() {
  local round rounds
  rounds=$(several 3 20)
  start
  accompany visit "tcp://$host:$port"
  for ((round = 0; round < rounds; round++)); do
    kill -USR2 "$daemon"
    await has_successor || fail "no successor took over"
  done
  say "$rounds successors took over"
  settle
  welcome "tcp://$host:$port"
  farewell
  stop
}

# udp_port is where the daemon listens for datagrams.
udp_port() { sed -n "s|.*msg=ready .*udp://$host:\([0-9]*\).*|\1|p" "$work/log"; }

# drops REASON: how many datagrams were dropped for it.
drops() { figure "echod_datagrams_dropped_total{reason=\"$1\"}"; }

# Datagrams from port 19, where chargen would answer the answer.
fault_privileged() {
  local count
  count=$(several 2000 100000)
  start --listen "udp://$host:0"
  accompany steady "tcp://$host:$port"
  if drill datagrams --source 127.0.0.19:19 --count "$count" "$host:$(udp_port)"; then
    grep -q ', 0 answered' "$work/drill.out" || fail "datagrams from a privileged port were answered"
    (($(drops privileged_port) > 0)) || fail "/metrics does not tell of dropped datagrams"
  fi
  settle
  farewell
  stop
}

# More datagrams than one source may have answered.
fault_flood() {
  start --listen "udp://$host:0" --udp-source-rate 100 --udp-source-burst 100
  accompany steady "tcp://$host:$port"
  drill datagrams --count "$(several 20000 1000000)" "$host:$(udp_port)"
  (($(drops source_rate) > 0)) || fail "a flood from one source was answered in full"
  settle
  farewell
  stop
}

told() { (($(figure echod_datagrams_received_total) > 0)); }

# Two daemons are made to talk: a forged datagram has each take the other for a client.
fault_loop() {
  local first_port second_port second before
  start --listen "udp://$host:0"
  first_port=$(udp_port)
  ECHOD_ADMIN="unix://$work/second.sock" beside second "$work/echod" --shards 2 --listen "udp://$host:0"
  second=${others[-1]}
  await grep -q 'msg=ready' "$work/second.out" || fail "a second daemon is not ready"
  second_port=$(sed -n "s|.*udp://$host:\([0-9]*\).*|\1|p" "$work/second.out")
  if drill forge "$host:$second_port" "$host:$first_port"; then
    await told || fail "the forged datagram did not arrive"
    settle
    before=$(figure echod_datagrams_received_total)
    ((before <= 4)) || fail "two daemons that were made to talk sent each other $before datagrams"
    say "two daemons that were made to talk fell silent: it received $before in all"
  fi
  leave "$second"
  stop
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${faults[@]}"
  exit 0
fi
if (($# > 0)); then
  for fault in "$@"; do
    declare -F "fault_$fault" >/dev/null || fail "there is no such fault; there are: ${faults[*]}"
  done
  faults=("$@")
fi
command -v curl >/dev/null || fail "curl is not installed; install the Debian package curl (apt-get install curl)"
command -v prlimit >/dev/null || fail "prlimit is not installed; install the Debian package util-linux"

fault=build
go build -o "$work/" ./cmd/echod ./cmd/echodrill
begun=$SECONDS
for fault in "${faults[@]}"; do
  "fault_$fault"
done
fault=end
say "all well in $((SECONDS - begun)) s: ${faults[*]}"
