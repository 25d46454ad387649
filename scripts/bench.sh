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

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "scripts/bench.sh: $*"
  exit 1
}

build_ours() { go build -o "$bin/" ./cmd/echod ./cmd/echobench; }

# The peers are a module of their own.
build_peers() { (cd bench && go build -o "$bin/" ./net ./gnet ./netpoll ./nbio ./rio); }

# build_c NAME SOURCE FLAGS...: says so when it cannot be built, and goes on.
build_c() {
  local name=$1 source=$2 cc=${CC:-cc}
  shift 2
  if ! command -v "$cc" >/dev/null; then
    say "without $name: there is no C compiler"
  elif ! "$cc" -O2 -o "$bin/$name" "$source" "$@" 2>"$bin/$name.log"; then
    say "without $name: it cannot be built; $bin/$name.log says why, and bench/README.md what it needs"
  fi
}

build_all_c() {
  local liburing
  liburing=$(pkg-config --modversion liburing 2>/dev/null || echo "of an unknown version")
  rm -f "$bin/epoll" "$bin/uring"
  build_c epoll bench/c/epoll.c
  build_c uring bench/c/uring.c -DLIBURING_VERSION="\"$liburing\"" -luring
}

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

# echod answers UDP clients at any rate here: its limits are for networks where senders can be forged.
write_servers() {
  local connections
  connections=$(ulimit -Hn)
  [[ $connections != unlimited && $connections -lt 100000 ]] || connections=100000
  {
    server echod ours '"tcp", "unix", "udp"' --max-conns "$((connections - 200))" --backlog 4096 \
      --udp-source-rate 0 --udp-total-rate 0 --udp-total-bytes 0
    server epoll c '"tcp", "unix", "udp"'
    server uring c '"tcp", "unix"'
    server net go '"tcp", "unix", "udp"'
    server gnet go '"tcp", "unix", "udp"'
    server netpoll go '"tcp", "unix"'
    server nbio go '"tcp", "udp"'
    server rio go '"tcp", "unix"'
  } >"$servers"
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

# present FILE...: the report has these, with something in them.
present() {
  local file
  for file; do [[ -s $out/$file ]] || fail "the report lacks $file"; done
}

# smoke holds that every part works, with the two servers that can always be built.
smoke() {
  local plots
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
  compare --only echod,net --loads tcp-64b-1,tcp-64b-64 --quick --rounds 2 --duration 100ms --warmup 50ms --seed 1
  present report.html results.json manifest.json bench.txt hdr/tcp-64b-1/echod-1.hlog hdr/tcp-64b-1/net-2.hlog
  plots=$(grep -c 'class="plot"' "$out/report.html")
  ((plots >= 4)) || fail "the report has $plots plots"
  grep -q '^BenchmarkEcho/load=tcp-64b-1/server=echod' "$out/bench.txt" || fail "bench.txt has no line of echod"
  say "well: report, results, manifest, benchmark lines and histograms are there"
}

mkdir -p "$bin"
build_ours
build_peers
if [[ ${1:-} == --smoke ]]; then
  write_servers
  smoke
  exit
fi
build_all_c
write_servers
compare "$@"
