#!/usr/bin/env bash
# What scripts/bench.sh and scripts/bench-docker.sh have in common, which source it: the servers, how those in C are
# compiled, and what a report must have. It does nothing by itself.

# every_server CONNECTIONS COMMAND...: calls the command with NAME GROUP NETWORKS [ARGUMENT...] for each server, which
# must be able to have so many connections. echod answers UDP clients at any rate here: its limits are for networks in
# which senders can be forged.
every_server() {
  local connections=$1
  shift
  "$@" echod ours '"tcp", "unix", "udp"' --max-conns "$connections" --backlog 4096 \
    --udp-source-rate 0 --udp-total-rate 0 --udp-total-bytes 0
  "$@" epoll c '"tcp", "unix", "udp"'
  "$@" uring c '"tcp", "unix"'
  "$@" net go '"tcp", "unix", "udp"'
  "$@" gnet go '"tcp", "unix", "udp"'
  "$@" netpoll go '"tcp", "unix"'
  "$@" nbio go '"tcp", "udp"'
  "$@" rio go '"tcp", "unix"'
}

# build_c TO SOURCE FLAGS...: says so when it cannot be built, and goes on.
build_c() {
  local to=$1 source=$2 cc=${CC:-cc} name
  name=$(basename "$to")
  shift 2
  if ! command -v "$cc" >/dev/null; then
    printf 'without %s: there is no C compiler\n' "$name" >&2
  elif ! "$cc" -O2 -o "$to" "$source" "$@" 2>"$to.log"; then
    printf 'without %s: it cannot be built; %s says why, and bench/README.md what it needs\n' "$name" "$to.log" >&2
  fi
}

# build_all_c FOLDER [FLAG...]: the servers in C, into the folder.
build_all_c() {
  local folder=$1 liburing
  shift
  liburing=$(pkg-config --modversion liburing 2>/dev/null || echo "of an unknown version")
  rm -f "$folder/epoll" "$folder/uring"
  build_c "$folder/epoll" bench/c/epoll.c "$@"
  build_c "$folder/uring" bench/c/uring.c "$@" -DLIBURING_VERSION="\"$liburing\"" -luring
}

# check_report FOLDER: a smoke run of echod and net under tcp-64b-1 and tcp-64b-64 has left all that a report has.
check_report() {
  local folder=$1 file plots
  for file in report.html results.json manifest.json bench.txt hdr/tcp-64b-1/echod-1.hlog hdr/tcp-64b-1/net-2.hlog; do
    [[ -s $folder/$file ]] || fail "the report lacks $file"
  done
  plots=$(grep -c 'class="plot"' "$folder/report.html")
  ((plots >= 4)) || fail "the report has $plots plots"
  grep -q '^BenchmarkEcho/load=tcp-64b-1/server=echod' "$folder/bench.txt" || fail "bench.txt has no line of echod"
  printf 'well: report, results, manifest, benchmark lines and histograms are there\n' >&2
}

# smoke_arguments are those of echobench compare for such a run.
# shellcheck disable=SC2034 # for those who source it
smoke_arguments=(--only "echod,net" --loads "tcp-64b-1,tcp-64b-64" --seed 1
  --quick --rounds 2 --duration 100ms --warmup 50ms)
