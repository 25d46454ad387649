#!/usr/bin/env bash
# Containers, on the local engine: runs every command of the section "Containers" of deploy/README.md, as it is read
# from there, and holds what the section and the image promise. Ends with 1 when a promise is broken, or when the
# section has a command that no case takes.
#
#   scripts/docker-test.sh                  all cases
#   scripts/docker-test.sh drain compose    these only; the image is built first in any case
#   scripts/docker-test.sh --list           the names of the cases
#
# What differs from the README: the image and the containers have names of their own, ports are free ones on 127.0.0.1,
# and docker-compose does where "docker compose" is not installed. Without an engine nothing is tested, in a line that
# says so. Needs go, jq and curl. It removes what it made; what a builder keeps for the next build stays with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset "${!ECHOD_@}" "${!COMPOSE_@}" # what somebody set for containers of their own

cases=(build image serve drain health memory memlock refused profile compose)
patience=120 # seconds; a machine may be busy
run=docker-test-$$
image=ringport-docker-test:$$ # what the README calls ringport
name=                         # what it calls echod: the container of the case
label=ringport.docker-test=$run
project=com.docker.compose.project=$run
work=$(mktemp -d)
taken=() # commands of the README that cases have taken

cleanup() {
  local status=$? made
  trap - EXIT
  trap '' INT TERM # it is quick
  for made in "$label" "$project"; do
    docker ps --all --quiet --filter "label=$made" | xargs --no-run-if-empty docker rm --force --volumes
    docker network ls --quiet --filter "label=$made" | xargs --no-run-if-empty docker network rm
    docker image ls --quiet --filter "label=$made" | sort -u | xargs --no-run-if-empty docker image rm --force
  done >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

case= # the one at work
say() { printf 'docker: %-8s %s\n' "$case" "$*"; }

fail() {
  printf 'scripts/docker-test.sh: FAILED: %s: %s\n' "$case" "$*" >&2
  if [[ -n $name ]] && docker logs --tail 20 "$name" >"$work/last" 2>&1; then
    printf 'the last lines of the container:\n' >&2
    cat "$work/last" >&2
  fi
  exit 1
}

# skip WHY: for what this machine cannot do.
skip() { say "left out: $*"; }

# await COMMAND...: until the command succeeds, within the patience.
await() {
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

section() { awk '/^## / { inside = ($0 == "## Containers") } inside' deploy/README.md; }

# documented: the commands of the section, one a line: indented lines, with those that continue them, and code in the
# text that begins like a command. Such code may be a part of another command; then it only speaks of it.
documented() {
  local shown code
  shown=$(section | sed -n 's/^    //p' | sed -e ':more' -e '/\\$/ { N; s/ *\\\n */ /; b more' -e '}')
  printf '%s\n' "$shown"
  # shellcheck disable=SC2016 # backquotes of Markdown
  section | grep -v '^    ' | tr '\n' ' ' | grep -oE '`(docker|scripts/)[^`]*`' | tr -d '`' | sort -u |
    while IFS= read -r code; do
      [[ $shown == *"$code"* ]] || printf '%s\n' "$code"
    done
}

# take PATTERN: the one command of the README that matches is "line", and "command" as it is run here.
take() {
  local found
  mapfile -t found < <(documented | grep -E -- "$1")
  ((${#found[@]} == 1)) || fail "deploy/README.md has ${#found[@]} commands like \"$1\", want one: ${found[*]@Q}"
  line=${found[0]}
  command=$(adapted "$line")
  taken+=("$line")
}

# adapted COMMAND: with names that nobody else has, and free ports.
adapted() {
  sed -E -e "s/(^| )ringport( |\$)/\1$image\2/g" -e "s/(^| )echod( |\$)/\1$name\2/g" \
    -e 's/--publish [0-9]+:/--publish 127.0.0.1::/g' -e "s/^docker (build|run) /&--label $label /" \
    -e "s/^docker compose /${compose[*]:-docker compose} /" <<<"$1"
}

# with OPTIONS...: the command of a "docker run" gets options.
with() { command=${command/#docker run/docker run ${*@Q}}; }

# execute: the command ends well. What it writes is in the file out.
execute() {
  say "$line"
  eval "$command" >"$work/out" 2>&1 || fail "$command: status $?: $(tail -n 20 "$work/out")"
}

# status: how the command ends. What it writes is in the file out.
status() {
  local status=0
  eval "$command" >"$work/out" 2>&1 || status=$?
  printf '%d\n' "$status"
}

# untaken: commands of the README that no case has taken.
untaken() { grep -vxFf <(printf '%s\n' "${taken[@]}") <(documented) || true; }

# state TEMPLATE: of the container of the case.
state() { docker inspect --format "$1" "$name"; }
running() { [[ $(state '{{.State.Running}}') == true ]]; }
ended() { ! running; }

# told PATTERN [CONTAINER]: whether the container wrote such a line.
told() { grep -qE -- "$1" <(docker logs "${2:-$name}" 2>&1); }
ready() { told 'msg=ready'; }

# settled: whether the daemon is ready, or has given up.
settled() { ready || ended; }

# launch OPTIONS... [-- ARGUMENTS...]: the README's container, with more options for docker and arguments for echod.
launch() {
  local options=()
  while (($# > 0)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  take '^docker run --detach'
  with "${options[@]}"
  command+=" ${*:2}"
  execute
  await settled || fail "the daemon is neither ready nor gone after $patience s"
}

# serve ...: as launch, and the daemon is ready.
serve() {
  launch "$@"
  ready || fail "the daemon ended before it was ready"
}

# stop: the README's stop, after which the daemon has ended by itself, with 0.
stop() {
  local exit
  take '^docker stop'
  execute
  exit=$(state '{{.State.ExitCode}}')
  ((exit == 0)) || fail "the daemon ended with status $exit after docker stop, want 0"
}

# published PORT: where the host reaches a port of the container.
published() { docker port "$name" "$1/tcp" | sed -n 's/^127\.0\.0\.1:\|^0\.0\.0\.0://p'; }

# echoes PORT: whether a line comes back from there.
echoes() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'hello, container\n' >&3 && IFS= read -r -t 10 <&3 &&
      [[ $REPLY == 'hello, container' ]]
  ) 2>/dev/null
}

# is_health STATUS: whether the engine says so.
is_health() { [[ $(state '{{.State.Health.Status}}') == "$1" ]]; }

# beside COMMAND...: an echodrill in the network of the container, where nothing is between the two.
beside() {
  docker create --label "$label" --name "$name-client" --network "container:$name" --entrypoint /echodrill "$image" \
    "$@" >/dev/null
  docker cp "$work/echodrill" "$name-client:/echodrill" >"$work/out" 2>&1 || fail "docker cp: $(cat "$work/out")"
  docker start "$name-client" >/dev/null
}

# said_once WORDS...: the ended container wrote one line, with each of these in it, and ended with 1.
said_once() {
  local exit lines word
  exit=$(state '{{.State.ExitCode}}')
  lines=$(docker logs "$name" 2>&1 | wc -l)
  ((exit == 1)) || fail "the daemon ended with status $exit, want 1"
  ((lines == 1)) || fail "the daemon wrote $lines lines, want one"
  for word; do told "$word" || fail "the daemon does not name $word"; done
}

# Where no registry is reached the first command of the README cannot work, and the other one is for that.
case_build() {
  local base
  base=$(sed -n 's/^ARG GO_IMAGE=//p' Dockerfile)
  take '^docker build --tag ringport \.$'
  if docker image inspect "$base" >/dev/null 2>&1 || timeout 600 docker pull --quiet "$base" >"$work/pull" 2>&1; then
    execute
  else
    skip "$line: $base is not here, and cannot be had: $(tail -n 1 "$work/pull")"
  fi
  take '^docker build .*docker-base\.sh'
  execute
}

# promise WHAT FILTER: the filter of jq holds for what the engine says of the image.
promise() { jq --exit-status ".[0] | $2" "$work/image" >/dev/null || fail "the image does not have $1: not so: $2"; }

# What takes minutes, such as a second build without a cache, is a step of check.sh of its own.
case_image() {
  local key program
  take '^scripts/image\.sh$'
  command+=' contents'
  execute
  docker image inspect "$image" >"$work/image"
  promise 'less than 25 MB' '.Size < 25000000'
  promise 'a user' '.Config.User == "65532:65532"'
  promise 'a signal to stop' '.Config.StopSignal == "SIGTERM"'
  promise 'an entry point without a shell' '.Config.Entrypoint == ["/usr/bin/echod"] and .Config.Cmd == null'
  promise 'a health check without a shell' \
    '.Config.Healthcheck.Test == ["CMD", "/usr/bin/echod", "healthcheck", "tcp://127.0.0.1:7007"]'
  promise 'its ports' '.Config.ExposedPorts | has("7007/tcp") and has("7007/udp") and has("9107/tcp")'
  promise 'its address' '.Config.Env | index("ECHOD_LISTEN=tcp://0.0.0.0:7007")'
  for key in title description source documentation licenses version revision created; do
    promise "the label $key" ".Config.Labels[\"org.opencontainers.image.$key\"] | length > 0"
  done
  for program in echod echobench uringprobe; do
    docker run --rm --label "$label" --entrypoint "$program" "$image" --version >"$work/out" 2>&1 ||
      fail "$program --version in the image: $(cat "$work/out")"
    grep -q "^$program " "$work/out" || fail "$program of the image says that it is $(cat "$work/out")"
  done
  say "$(jq '.[0].Size' "$work/image") bytes, and all that a registry and an engine ask for"
}

case_serve() {
  local user
  serve
  user=$(docker top "$name" -o uid,pid | awk 'NR > 1 { print $1 }')
  [[ $user == 65532 ]] || fail "the process is user $user's, want 65532"
  await echoes "$(published 7007)" || fail "no echo comes back from port $(published 7007)"
  stop
  say "an echo came back from the published port"
}

# What is owed is more than sockets hold, so that the daemon holds a rest; and less than what it may queue here.
case_drain() {
  serve -- --high-water=16MiB
  beside drain tcp://127.0.0.1:7007
  await told '^owed' "$name-client" || fail "the clients have no data under way: $(docker logs "$name-client" 2>&1)"
  stop
  told 'msg=stopping .*connections=[4-9]' || fail "the daemon did not have the clients when it was stopped"
  [[ $(timeout "$patience" docker wait "$name-client") == 0 ]] || fail "$(docker logs "$name-client" 2>&1)"
  say "$(docker logs "$name-client" 2>&1 | tail -n 1)"
}

case_health() {
  serve --health-interval 500ms --health-timeout 1s --health-retries 1 --health-start-period 0s
  await is_health healthy || fail "a daemon that serves does not become healthy"
  docker kill --signal STOP "$name" >/dev/null
  await is_health unhealthy || fail "a daemon that is stuck stays healthy"
  docker kill --signal CONT "$name" >/dev/null
  await is_health healthy || fail "a daemon that is stuck no longer stays unhealthy"
  stop
  say "healthy, stuck and unhealthy, and healthy again"
}

# 16 messages of 16 KiB are under way on each connection: 256 MiB in all.
case_memory() {
  serve --memory 64m
  if [[ $(state '{{.HostConfig.Memory}}') != $((64 << 20)) ]]; then
    skip "the engine does not limit memory: $(cat "$work/out")"
    return
  fi
  docker run --rm --label "$label" --network "container:$name" --security-opt seccomp=deploy/seccomp.json \
    --entrypoint echobench "$image" run --conns 1000 --pattern pipelined --size 16KiB --duration 2s --warmup 0s \
    --timeout "${patience}s" --json tcp://127.0.0.1:7007 >"$work/load" 2>"$work/out" || true # void when it is too busy
  jq --exit-status '.total | .connects == 1000 and .lost == 0 and .echoes >= 1000 and .echoes == .sent' "$work/load" \
    >/dev/null || fail "1000 connections did not get every echo: $(cat "$work/load" "$work/out")"
  jq --exit-status '.gates[] | select(.name == "payload") | .ok' "$work/load" >/dev/null || fail "echoes were changed"
  running || fail "the daemon died"
  [[ $(state '{{.State.OOMKilled}} {{.RestartCount}}') == 'false 0' ]] || fail "the kernel killed for memory"
  stop
  say "$(jq .total.echoes "$work/load") echoes on 1000 connections in 64 MiB"
}

# Who has CAP_IPC_LOCK, or a kernel that charges nothing, is served.
case_memlock() {
  launch --ulimit memlock=0
  if running; then
    await echoes "$(published 7007)" || fail "no echo comes back from port $(published 7007)"
    stop
    say "it serves without locked memory"
    return
  fi
  said_once io_uring_setup 'locked memory' 'limit is 0 bytes' '--ulimit memlock='
  say "it says what is missing, and ends with 1"
}

# Without its last rule the profile is what engines have by default from Docker 25 on. This one may be more generous.
case_refused() {
  local refusing=$work/refusing.json exit
  jq 'del(.syscalls[-1])' deploy/seccomp.json >"$refusing"
  take '^docker run --detach'
  command=${command/seccomp=deploy\/seccomp.json/seccomp=$refusing}
  execute
  await ended || fail "the daemon runs under a profile that refuses io_uring"
  said_once io_uring_setup seccomp deploy/seccomp.json
  follow
  take '^docker run .*--entrypoint uringprobe'
  exit=$(status)
  say "$line: status $exit under the engine's own profile"
  explained "$exit"
  with --security-opt "seccomp=$refusing"
  exit=$(status)
  ((exit == 2)) || fail "the probe ends with status $exit under a profile that refuses io_uring, want 2"
  explained "$exit"
}

# follow: the command in the message of the container works as it stands. Its container stays for the case.
follow() {
  local found
  mapfile -t found < <(docker logs "$name" 2>&1 | grep -oE 'docker run [^(;,"]*[^(;," ]')
  ((${#found[@]} == 1)) || fail "the daemon names ${#found[@]} commands, want one"
  line=${found[0]}
  name+=-again
  command=$(adapted "$line")
  with --detach --name "$name"
  execute
  await settled || fail "the daemon is neither ready nor gone after $patience s"
  ready || fail "the command that the daemon names does not work: $line"
  stop
  say "it ends with 1 and one line, whose command works"
}

# explained STATUS: the probe in the file out says what its status does.
explained() {
  case $1 in
    0 | 1) grep -q 'ringport runs' "$work/out" || fail "the probe does not say that it runs: $(cat "$work/out")" ;;
    2) grep -q 'the seccomp profile' "$work/out" || fail "the probe does not say why: $(cat "$work/out")" ;;
    *) fail "the probe ended with status $1: $(cat "$work/out")" ;;
  esac
}

# The check of the profile passes, and fails when there is anything else in it.
case_profile() {
  local change changes=('.defaultAction = "SCMP_ACT_ALLOW"' '.syscalls[0].names += ["kexec_load"]' 'del(.syscalls[0])'
    '.syscalls[0].names -= ["accept"]' 'del(.syscalls[-1])' '.syscalls[-1].names += ["bpf"]'
    '.syscalls[-1].names -= ["io_uring_enter"]' '.syscalls += [{names: ["bpf"], action: "SCMP_ACT_ALLOW"}]')
  take '^scripts/seccomp\.sh --check$'
  execute
  mkdir -p "$work/tree/scripts" "$work/tree/deploy"
  cp scripts/seccomp.sh "$work/tree/scripts"
  cp deploy/seccomp.json "$work/tree/deploy"
  "$work/tree/scripts/seccomp.sh" --check >"$work/out" 2>&1 || fail "the check fails on a copy: $(cat "$work/out")"
  for change in "${changes[@]}"; do
    jq --tab "$change" deploy/seccomp.json >"$work/tree/deploy/seccomp.json"
    ! "$work/tree/scripts/seccomp.sh" --check >/dev/null 2>&1 || fail "the check lets this pass: $change"
  done
  say "it differs from the engine's in the three calls; the check finds each of ${#changes[@]} other changes"
}

# promised WHAT TEMPLATE WANT: the engine applied it to the container of the case.
promised() {
  local got
  got=$(state "$2")
  [[ $got == "$3" ]] || fail "$1: the engine has $got, want $3"
}

# scraped: whether the admin listener gives figures.
scraped() {
  curl --silent --fail --max-time 10 "http://127.0.0.1:$(published 9107)/metrics" >"$work/metrics" &&
    grep -q '^echod_connections_accepted_total' "$work/metrics"
}

# exit_code SINCE: of the container, which is gone by now.
exit_code() {
  docker events --since "$1" --until "$(date +%s.%N)" --filter "container=$name" --filter event=die \
    --format '{{.Actor.Attributes.exitCode}}'
}

case_compose() {
  local begun exit
  if ((${#compose[@]} == 0)); then
    skip "neither docker compose nor docker-compose is installed"
    return
  fi
  begun=$(date +%s)
  take '^docker compose up'
  (cd deploy && execute)
  name=$(cd deploy && "${compose[@]}" ps --quiet echod)
  await is_health healthy || fail "the service does not become healthy"
  promised 'a read-only root' '{{.HostConfig.ReadonlyRootfs}}' true
  promised 'capabilities' '{{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.Privileged}}' '[ALL] [] false'
  promised 'the limit on memory' '{{.HostConfig.Memory}}' $((256 << 20))
  promised 'the limit on processes' '{{.HostConfig.PidsLimit}}' 64
  promised 'the limits on descriptors' '{{range .HostConfig.Ulimits}}{{.Name}} {{.Soft}} {{.Hard}}{{end}}' \
    'nofile 4000 4000'
  state '{{json .HostConfig.SecurityOpt}}' >"$work/options"
  jq --exit-status 'index("no-new-privileges") or index("no-new-privileges:true")' "$work/options" >/dev/null ||
    fail "the container may get new privileges"
  jq --exit-status --slurpfile profile deploy/seccomp.json \
    '[.[] | select(startswith("seccomp=")) | ltrimstr("seccomp=") | fromjson] == $profile' "$work/options" >/dev/null ||
    fail "the container has another seccomp profile than deploy/seccomp.json"
  await echoes "$(published 7007)" || fail "no echo comes back from port $(published 7007)"
  await scraped || fail "no figures come from the admin listener"
  take '^docker compose down'
  (cd deploy && execute)
  exit=$(exit_code "$begun")
  [[ $exit == 0 ]] || fail "the daemon ended with status $exit after docker compose down, want 0"
  ! docker inspect "$name" >/dev/null 2>&1 || fail "the container is still there"
  say "healthy, limited, scraped, and ended with 0"
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${cases[@]}"
  exit 0
fi
all=yes
if (($# > 0)); then
  for case in "$@"; do
    declare -F "case_$case" >/dev/null || fail "there is no such case; there are: ${cases[*]}"
  done
  cases=(build)
  for case in "$@"; do [[ $case == build ]] || cases+=("$case"); done
  all=
fi
if ! command -v docker >/dev/null || ! docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
  printf 'docker: left out: no Docker engine answers here\n'
  exit 0
fi
for tool in go jq curl; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done
compose=()
if docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif command -v docker-compose >/dev/null; then
  compose=(docker-compose)
fi
export COMPOSE_PROJECT_NAME=$run IMAGE=$image ECHO_PORT=0 ADMIN_PORT=0

CGO_ENABLED=0 go build -o "$work/" ./cmd/echodrill
begun=$SECONDS
for case in "${cases[@]}"; do
  name=$run-$case
  "case_$case"
done
case=end
name=
if [[ -n $all ]]; then
  mapfile -t left < <(untaken)
  ((${#left[@]} == 0)) || fail "deploy/README.md has commands that no case takes: ${left[*]@Q}"
fi
say "all well in $((SECONDS - begun)) s: ${cases[*]}"
