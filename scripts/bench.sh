#!/usr/bin/env bash
# Measures echod beside its peers: builds all of them, runs the matrix of servers and loads, prints the tables and says
# where the report is.
#
#   scripts/bench.sh                        everything: 6 rounds of all loads, an hour or two
#   scripts/bench.sh --quick                a look, in under 3 minutes
#   scripts/bench.sh --smoke                does it work at all? two servers, two tiny loads, a few seconds
#   scripts/bench.sh --loads tcp-64b-64     what echobench compare takes; see bin/bench/echobench compare --help
#   BENCH_DIR=/tmp/x scripts/bench.sh       the report goes there instead of bin/bench/report-DATE
#
# The servers in C need a compiler, and c/uring.c liburing (Debian: apt-get install gcc libc6-dev liburing-dev). What
# cannot be built is left out, and said so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=$PWD/bin/bench
servers=$bin/servers.toml
out=${BENCH_DIR:-$bin/report-$(date +%Y%m%d-%H%M%S)}

fail() {
  printf 'scripts/bench.sh: %s\n' "$*" >&2
  exit 1
}

# shellcheck source=scripts/bench-servers.sh
. scripts/bench-servers.sh

build_ours() { go build -o "$bin/" ./cmd/echod ./cmd/echobench; }

# The peers are a module of their own.
build_peers() { (cd bench && go build -o "$bin/" ./net ./gnet ./netpoll ./nbio ./rio); }

# server NAME GROUP NETWORKS [ARGUMENT...]: one table of the file, if the program is there.
server() {
  local name=$1 group=$2 networks=$3 argument
  shift 3
  [[ -x $bin/$name ]] || return 0
  printf '[[server]]\nname = "%s"\ngroup = "%s"\nnetworks = [%s]\n' "$name" "$group" "$networks"
  printf 'version = ["%s", "--version"]\ncommand = ["%s", "--listen", "{addr}"' "$bin/$name" "$bin/$name"
  for argument; do printf ', "%s"' "$argument"; done
  printf ']\n\n'
}

write_servers() {
  local connections
  connections=$(ulimit -Hn)
  [[ $connections != unlimited && $connections -lt 100000 ]] || connections=100000
  every_server "$((connections - 200))" server >"$servers"
}

# compare runs in a process group of its own: Ctrl-C comes here, and it is asked once to stop. It then ends its servers
# and writes the report of what there is.
compare() {
  local status=0
  set -m
  "$bin/echobench" compare --servers "$servers" --out "$out" "$@" &
  child=$!
  set +m
  trap 'kill -TERM "$child" 2>/dev/null' INT TERM
  while kill -0 "$child" 2>/dev/null; do
    status=0
    wait "$child" || status=$?
  done
  trap - INT TERM
  return "$status"
}

# smoke holds that every part works, with the two servers that can always be built.
smoke() {
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
  compare "${smoke_arguments[@]}"
  check_report "$out"
}

mkdir -p "$bin"
build_ours
build_peers
if [[ ${1:-} == --smoke ]]; then
  write_servers
  smoke
  exit
fi
build_all_c "$bin"
write_servers
compare "$@"
