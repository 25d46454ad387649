#!/usr/bin/env bash
# Measures echod beside its peers as scripts/bench.sh does, in containers: an image and a container for each server, and
# one for echobench compare. Prints the tables and says where the report is.
#
#   scripts/bench-docker.sh                 everything: 6 rounds of all loads, an hour or two
#   scripts/bench-docker.sh --quick         a look, in under 5 minutes, once the images are there
#   scripts/bench-docker.sh --smoke         does it work at all? two servers, two tiny loads
#   scripts/bench-docker.sh --bridge ...    through a bridge network instead of loopback
#   scripts/bench-docker.sh --clean ...     remove the images afterwards; they stay otherwise, for the next time
#   scripts/bench-docker.sh --go-image X    build in X; otherwise in the image that the Dockerfile names, or where no
#                                           registry is reached in what scripts/docker-base.sh makes
#   scripts/bench-docker.sh --only echod,net --loads tcp-64b-64 --server-cpu 2 --client-cpu 3
#                                           and what echobench compare takes besides; see echobench compare --help
#   BENCH_DIR=/tmp/x scripts/bench-docker.sh    the report goes there instead of bin/bench/report-docker-DATE
#
# How: every server's container has a set of CPUs, the seccomp profile deploy/seccomp.json and nothing to do at first
# but echobench agent. The first one has a network of its own with nothing but loopback in it. The others join that, and
# so does the container of echobench compare, on another set of CPUs, which generates the load. For each run compare has
# the agent of a server start a fresh server in its container, and reads from /proc what it uses: all of them share
# process numbers. So a run costs no more than outside, and no container needs to reach the engine. With --bridge each
# container has an address of its own in a network made for this, which leads nowhere else.
#
# Needs a Docker engine; for the C servers a compiler and static libraries (Debian: gcc, libc6-dev, liburing-dev), since
# they are compiled here. What cannot be built is left out, and said so. Containers, network and volume are removed at
# the end, also after Ctrl-C; what it makes has the label io.ringport.bench. The image of scripts/docker-base.sh has no
# label and stays also with --clean: other scripts build in it, too (docker image rm, its name begins ringport-go-base).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "scripts/bench-docker.sh: $*"
  exit 1
}

# shellcheck source=scripts/bench-servers.sh
. scripts/bench-servers.sh

bin=$PWD/bin/bench
out=${BENCH_DIR:-$bin/report-docker-$(date +%Y%m%d-%H%M%S)}
images=ringport-bench          # the repository of the images; their tags are names of servers
label=io.ringport.bench        # what this run made has its name in it
run=$$-$(date +%s)
work=$(mktemp -d)
log=$work/log                  # of what docker says
bridge='' clean='' smoke='' go_image='' only=''
server_cpu='' client_cpu=''
arguments=()                   # for echobench compare
child='' patience=''           # a docker command that runs, and whether Ctrl-C lets it end by itself
generator=''                   # the container of echobench compare
names=() ids=()                # of the servers, and of their containers

# value OPTION [VALUE]: an option's value, which must be there.
value() {
  (($# > 1)) || fail "$1 needs a value"
  printf '%s' "$2"
}

parse() {
  local expanded=() argument
  for argument; do # --name=value is --name value
    case $argument in
      --*=*) expanded+=("${argument%%=*}" "${argument#*=}") ;;
      *) expanded+=("$argument") ;;
    esac
  done
  set -- "${expanded[@]}"
  while (($# > 0)); do
    case $1 in
      --help | -h) usage ;;
      --bridge) bridge=yes ;;
      --clean) clean=yes ;;
      --smoke) smoke=yes; only=echod,net; arguments+=("${smoke_arguments[@]}") ;;
      --go-image) go_image=$(value "$@"); shift ;;
      --server-cpu) server_cpu=$(value "$@"); shift ;;
      --client-cpu) client_cpu=$(value "$@"); shift ;;
      --only) only=$(value "$@"); arguments+=(--only "$only"); shift ;;
      --out) fail "say where the report goes with BENCH_DIR=DIR" ;;
      --server | --servers) fail "$1 is not for here: the servers are those of scripts/bench-servers.sh" ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
}

usage() {
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "scripts/bench-docker.sh"
  exit 0
}

# shielded COMMAND...: runs it where Ctrl-C does not reach it. Who is interrupted meanwhile lets it end first, so that
# nothing comes into being behind the back of the cleaning.
shielded() { patience=yes apart "$@"; }

# stoppable COMMAND...: the same for what takes long and leaves nothing when it is told to end.
stoppable() { patience='' apart "$@"; }

apart() {
  local status=0
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child" || status=$?
  child=''
  return "$status"
}

# Nothing is left but images, and those only as they are wanted.
clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM
  if [[ -n $child ]]; then
    [[ -n $patience ]] || kill -TERM "$child"
    wait "$child" || true
  fi
  remove "ps --all" "rm --force --volumes" || status=1
  remove "network ls" "network rm" || status=1
  remove "volume ls" "volume rm" || status=1
  [[ -z $clean ]] || remove_images || status=1
  rm -rf "$work"
  exit "$status"
}

# remove LIST REMOVE: what this run made of a kind, by the docker commands for it.
remove() {
  local ids
  # shellcheck disable=SC2086 # commands of several words
  mapfile -t ids < <(docker $1 --quiet --filter "label=$label=$run")
  # shellcheck disable=SC2086
  ((${#ids[@]} == 0)) || shielded docker $2 "${ids[@]}" >/dev/null
}

# remove_images removes those that have a tag of ours, then the stages that they were built in, as far as the engine has
# kept those and nobody else builds on them, and what older images have left.
remove_images() {
  local tags stages
  mapfile -t tags < <(docker image ls --format '{{.Repository}}:{{.Tag}}' "$images")
  if ((${#tags[@]} > 0)); then
    mapfile -t stages < <(docker image inspect --format '{{.Parent}}' "${tags[@]}" | grep .)
    shielded docker image rm "${tags[@]}" >/dev/null
    if ((${#stages[@]} > 0)); then shielded docker image rm "${stages[@]}" >/dev/null 2>&1 || true; fi
  fi
  prune_images
}

# prune_images removes the images of earlier builds, whose tags newer ones have.
prune_images() { shielded docker image prune --force --filter "label=$label=image" >/dev/null; }

check_engine() {
  local complaint
  command -v docker >/dev/null ||
    fail "docker is not installed; install a Docker engine (Debian: apt-get install docker.io), or use scripts/bench.sh"
  complaint=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null) ||
    fail "no Docker engine answers ($complaint); start it, or ask for access to it, or use scripts/bench.sh"
}

# One CPU for the server, another for the generator. An engine with one has both on it, and the figures say little.
choose_cpus() {
  local count
  count=$(docker info --format '{{.NCPU}}')
  ((count > 1)) || say "the engine has one CPU: server and generator share it, and the figures say little"
  server_cpu=${server_cpu:-0}
  client_cpu=${client_cpu:-$((count > 1 ? 1 : 0))}
}

# The image to build in: the one that was asked for, the one that the Dockerfile names, or one made from this machine.
choose_go_image() {
  local named
  [[ -z $go_image ]] || return 0
  named=$(sed -n 's/^ARG GO_IMAGE=//p' Dockerfile)
  if docker image inspect "$named" >/dev/null 2>&1 || stoppable docker pull --quiet "$named" >"$log" 2>&1; then
    go_image=$named
    return
  fi
  say "$named is not here and cannot be pulled: $(tail -n 1 "$log")"
  say "scripts/docker-base.sh makes an image to build in from this machine's Go"
  go_image=$(scripts/docker-base.sh | tail -n 1) ||
    fail "there is no image to build in; name one that has Go with --go-image"
}

# choose_server NAME ...: takes a server that was asked for and can be built.
choose_server() {
  local name=$1 static=$work/context/static
  [[ -z $only || ,$only, == *,$name,* ]] || return 0
  case $name in
    epoll | uring) [[ -x $static/$name/usr/bin/$name ]] || return 0 ;;
  esac
  names+=("$name")
}

# The context of bench/Dockerfile. The C servers are static: there is nothing else in their images.
make_context() {
  local context=$work/context name
  mkdir -p "$context/src" "$context/static" "$bin/static"
  cp bench/Dockerfile "$context"
  tar --create --directory bench --exclude '*_test.go' --exclude '*.md' --exclude ./c --exclude ./Dockerfile . |
    tar --extract --directory "$context/src"
  build_all_c "$bin/static" -static
  for name in epoll uring; do
    [[ ! -x $bin/static/$name ]] || install -D "$bin/static/$name" "$context/static/$name/usr/bin/$name"
  done
}

# build TAG ARGUMENT...: one image. What the builder says is shown when it fails.
build() {
  local tag=$1
  shift
  say "building $images:$tag"
  stoppable docker build --force-rm --label "$label=image" --tag "$images:$tag" "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "$images:$tag cannot be built; the builder's last words are above"
  }
}

build_images() {
  local name context=$work/context
  # The stages that are built in have tags, too, so that they can be found and removed.
  build build-ringport --build-arg "GO_IMAGE=$go_image" --target build .
  build ringport --build-arg "GO_IMAGE=$go_image" .
  build build-peers --build-arg "GO_IMAGE=$go_image" --build-arg "RINGPORT=$images:ringport" --target build "$context"
  for name in "${names[@]}"; do
    build "$name" --build-arg "GO_IMAGE=$go_image" --build-arg "RINGPORT=$images:ringport" --build-arg "SERVER=$name" \
      "$context"
  done
  prune_images
}

# container VERB NAME CPUS IMAGE ARGUMENT...: a container of this run, which may do no more than it needs to. Prints its
# id.
container() {
  local verb=$1 name=$2 cpus=$3 image=$4
  shift 4
  # shellcheck disable=SC2086 # run --detach is two words
  docker $verb --name "ringport-bench-$run-$name" --label "$label=$run" --cpuset-cpus "$cpus" \
    --security-opt seccomp=deploy/seccomp.json --security-opt no-new-privileges --cap-drop ALL --read-only \
    --log-driver json-file --volume "ringport-bench-$run:/shared" "${limits[@]}" "${network[@]}" "${processes[@]}" \
    "$image" "$@"
}

# Loopback: the first server's container has the network that the others join. Bridge: each has an address of its own.
make_network() {
  limits=() processes=() network=(--network none)
  if [[ -n $bridge ]]; then
    shielded docker network create --internal --label "$label=$run" "ringport-bench-$run" >/dev/null
    network=(--network "ringport-bench-$run")
  fi
  shielded docker volume create --label "$label=$run" "ringport-bench-$run" >/dev/null
}

# Loads have up to 10,000 connections, and rio wants a table of 65,535 descriptors. An engine that may not give as many
# gives what it has, and what does not fit is left out of the report, with the reason.
choose_limits() {
  limits=(--ulimit nofile=131072:131072)
  shielded container "run --rm" probe "$server_cpu" "$images:${names[0]}" --version >/dev/null 2>&1 || limits=()
}

# start_agents: the containers of the servers. All join the first one's process numbers, and its loopback.
start_agents() {
  local name first=''
  for name in "${names[@]}"; do
    start_agent "$name"
    [[ -z $first ]] || continue
    first=${ids[0]}
    processes=(--pid "container:$first")
    [[ -n $bridge ]] || network=(--network "container:$first")
  done
}

start_agent() {
  local name=$1 id
  shielded container "run --detach" "$name" "$server_cpu" "$images:$name" agent "/shared/$name.sock" >"$log" ||
    fail "the container of $name cannot be started; the engine's words are above"
  id=$(tail -n 1 "$log")
  ids+=("$id")
  for ((i = 0; i < 300; i++)); do
    ! docker logs "$id" 2>&1 | grep --quiet '^ready ' || return 0
    [[ $(docker inspect --format '{{.State.Running}}' "$id") == true ]] || break
    sleep 0.1
  done
  docker logs "$id" >&2
  fail "the agent in the container of $name is not ready; its words are above"
}

# server_table NAME GROUP NETWORKS [ARGUMENT...]: one table of the file, if the server has a container.
server_table() {
  local name=$1 group=$2 networks=$3 argument i
  shift 3
  # The network leads nowhere, so nobody can use it to have others answered.
  [[ $name != echod || -z $bridge ]] || set -- "$@" --udp-public
  for i in "${!names[@]}"; do
    [[ ${names[i]} == "$name" ]] || continue
    printf '[[server]]\nname = "%s"\ngroup = "%s"\nnetworks = [%s]\n' "$name" "$group" "$networks"
    printf 'agent = "/shared/%s.sock"\n' "$name"
    [[ -z $bridge ]] || printf 'host = "%s"\n' "$(address "${ids[i]}")"
    printf 'version = ["%s", "--version"]\ncommand = ["%s", "--listen", "{addr}"' "$name" "$name"
    for argument; do printf ', "%s"' "$argument"; done
    printf ']\n\n'
  done
}

# address ID: where a container is in the bridge network.
address() { docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }

# make_generator: the container of the comparison. In a bridge network connections that were closed keep their ports,
# so it has as many as there are, and uses them again as on loopback.
make_generator() {
  [[ -z $bridge ]] || network+=(--sysctl "net.ipv4.ip_local_port_range=1024 65000" --sysctl net.ipv4.tcp_tw_reuse=1)
  shielded container create generator "$client_cpu" "$images:${names[0]}" compare --servers /shared/servers.toml \
    --out /shared/report --server-cpu "$server_cpu" --client-cpu "$client_cpu" "${arguments[@]}" >"$log"
  generator=$(tail -n 1 "$log")
  every_server 100000 server_table >"$work/servers.toml"
  shielded docker cp "$work/servers.toml" "$generator:/shared/servers.toml" >/dev/null
}

# compare runs in a process group of its own: Ctrl-C comes here, and echobench is asked once to stop, a second time to
# do so at once. It writes the report of what there is.
compare() {
  local status
  patience=yes
  set -m
  docker start --attach "$generator" </dev/null >"$log" &
  child=$!
  set +m
  trap 'docker kill --signal TERM "$generator" >/dev/null 2>&1 || true' INT TERM
  while kill -0 "$child" 2>/dev/null; do wait "$child" || true; done
  child=''
  trap 'exit 130' INT TERM
  status=$(docker wait "$generator")
  if docker cp "$generator:/shared/report" "$out" >/dev/null 2>&1; then
    sed "s|/shared/report|$out|" "$log"
  else
    cat "$log"
    ((status != 0)) || fail "the report cannot be copied out of the container to $out"
  fi
  return "$status"
}

trap 'rm -rf "$work"' EXIT
parse "$@"
[[ ! -e $out ]] || fail "$out is there already; name a new folder with BENCH_DIR"
check_engine
trap clean_up EXIT
trap 'exit 130' INT TERM
mkdir -p "$(dirname "$out")"
[[ -z $smoke ]] || out=$work/report
choose_cpus
choose_go_image
make_context
every_server 0 choose_server
((${#names[@]} > 0)) || fail "--only $only: there is no such server, or it cannot be built"
build_images
make_network
choose_limits
start_agents
make_generator
compare
[[ -z $smoke ]] || check_report "$out"
