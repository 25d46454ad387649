#!/usr/bin/env bash
# Builds the image of the Dockerfile and checks it: what is inside and how large that is, that a second build gives the
# same bytes, that it builds for arm64, and what it says where it may not have a ring. Runs from any folder.
#
#   scripts/image.sh                       all of it, on images that are removed afterwards; some minutes
#   scripts/image.sh contents refusal      these checks only
#   scripts/image.sh --list                the names of the checks
#
# Needs a Docker engine, jq, and what scripts/docker-base.sh needs; without an engine it says so and checks nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

checks=(contents repeat arm64 refusal memlock)
limit=25000000 # bytes
version=v0.0.0-check
revision=0123456789abcdef0123456789abcdef01234567
patience=60    # seconds for what takes one or two
name=ringport-image-check-$$
work=$(mktemp -d)
images=()    # that were made here
leftovers=() # images of their steps, as the classic builder leaves them, but for those that were there before

cleanup() {
  local status=$? container image
  trap - EXIT
  for container in "$work"/*.container; do
    [[ ! -e $container ]] || docker rm --force "$(<"$container")" >/dev/null 2>&1 || true
  done
  for image in "${images[@]}" "${leftovers[@]}"; do
    docker rmi --no-prune "$image" >/dev/null 2>&1 || true # it may have gone already, or be of use to another build
  done
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf 'image: %-9s %s\n' "$check" "$*"; }

fail() {
  printf 'scripts/image.sh: %s\n' "$*" >&2
  exit 1
}

# build makes the image with a tag, and further options.
build() {
  local tag=$1 id
  shift
  images+=("$name:$tag")
  docker build --tag "$name:$tag" --build-arg "GO_IMAGE=$base" --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" "$@" "$work/tree" >"$work/build" 2>&1 ||
    fail "docker build: $(tail -n 20 "$work/build")"
  while read -r id; do
    [[ $id == "$base_id" ]] || leftovers=("$id" "${leftovers[@]}") # the last one first: the others are below it
  done < <(awk '/^ ---> Using cache$/ { cached = 1; next }
    /^ ---> [0-9a-f]+$/ { if (!cached) print $2; cached = 0 }' "$work/build")
}

# built is the image that all checks look at.
built() {
  docker image inspect "$name:first" >/dev/null 2>&1 || build first
}

# create makes a container, which goes with this script, and prints its id. The arguments are those of docker create.
create() {
  local file
  file=$(mktemp --dry-run --tmpdir="$work" --suffix=.container)
  docker create --cidfile "$file" "$@"
}

# unpack puts the program of an image into a file.
unpack() { docker cp "$(create "$name:$1"):/usr/bin/ringport" "$2"; }

check_contents() {
  local size files user program engines='^(dev|etc|proc|sys)/|^\.dockerenv$'
  local wanted="usr/ usr/bin/ usr/bin/echobench usr/bin/echod usr/bin/ringport usr/bin/uringprobe "
  built
  size=$(docker image inspect --format '{{.Size}}' "$name:first")
  ((size < limit)) || fail "the image has $size bytes; it must have less than $limit"
  # An engine adds folders and files of its own to a container.
  files=$(docker export "$(create "$name:first")" | tar --list | grep --invert-match --extended-regexp "$engines" |
    sort | tr '\n' ' ')
  [[ $files == "$wanted" ]] || fail "the image holds $files"
  user=$(docker image inspect --format '{{.Config.User}}' "$name:first")
  [[ $user == 65532:65532 ]] || fail "the image runs as $user, and not as 65532"
  for program in echod echobench uringprobe; do
    docker run --rm --entrypoint "$program" "$name:first" --version >"$work/version"
    grep --quiet "^$program $version $revision go" "$work/version" ||
      fail "$program of the image says that it is $(<"$work/version"), and not $version $revision"
  done
  say "$size bytes: $files"
}

check_repeat() {
  local tag
  built
  build second --no-cache
  for tag in first second; do
    unpack "$tag" "$work/$tag"
    docker image inspect --format '{{json .RootFS.Layers}}' "$name:$tag" >"$work/$tag.layers"
  done
  cmp "$work/first" "$work/second" || fail "two builds of the same sources gave different programs"
  cmp "$work/first.layers" "$work/second.layers" || fail "two builds of the same sources gave different layers"
  say "two builds gave the program $(sha256sum <"$work/first" | cut -c 1-64)"
  say "and the layer $(<"$work/first.layers")"
}

check_arm64() {
  local machine
  build arm64 --build-arg TARGETARCH=arm64
  unpack arm64 "$work/arm64"
  machine=$(od --address-radix=n --format=u2 --skip-bytes=18 --read-bytes=2 --endian=little "$work/arm64" | tr -d ' ')
  [[ $machine == 183 ]] || fail "the ELF machine of the program is $machine, and not 183 (AArch64)"
  say "an ELF program for AArch64, $(stat --format %s "$work/arm64") bytes"
}

# refused runs the daemon with options under which it has no ring: one line, and status 1. It prints the line.
refused() {
  local status=0
  timeout "$patience" docker run --rm "$@" "$name:first" >"$work/said" 2>&1 || status=$?
  ((status == 1)) || fail "docker run $*: the status is $status, and not 1: $(cat "$work/said")"
  (($(wc -l <"$work/said") == 1)) || fail "docker run $*: it says more, or less, than one line: $(cat "$work/said")"
  cat "$work/said"
}

# explained runs the probe with the same options: it says the same in more words, and ends with status 2.
explained() {
  local status=0
  docker run --rm --entrypoint uringprobe "$@" "$name:first" --json >"$work/probe" || status=$?
  ((status == 2)) || fail "docker run $*: the probe's status is $status, and not 2"
  jq --exit-status '.problem.cause != "" and .problem.mend != ""' "$work/probe" >/dev/null ||
    fail "docker run $*: the probe does not say why and what to do: $(cat "$work/probe")"
  jq --raw-output '.problem | .error + ": " + .cause + "; " + .mend' "$work/probe"
}

# names holds that a text has each of some words.
names() {
  local text=$1 word
  shift
  for word in "$@"; do [[ $text == *"$word"* ]] || fail "$text: this does not name $word"; done
}

# Docker 25 answers EPERM, which is its profile without the last rule of ours; Podman answers ENOSYS.
check_refusal() {
  local profile text command='docker run --security-opt seccomp=deploy/seccomp.json ringport'
  built
  jq 'del(.syscalls[-1])' deploy/seccomp.json >"$work/eperm.json"
  jq '.syscalls[-1] |= {names, action: "SCMP_ACT_ERRNO", errnoRet: 38}' deploy/seccomp.json >"$work/enosys.json"
  for profile in eperm enosys; do
    text=$(refused --security-opt "seccomp=$work/$profile.json")
    names "$text" io_uring_setup seccomp deploy/seccomp.json "$command"
    say "$profile: $text"
    text=$(explained --security-opt "seccomp=$work/$profile.json")
    names "$text" seccomp "$command"
  done
  follow "$command"
  say "the command that it names works"
}

# follow runs the command of the message, but on our image and in the background, until the daemon is ready.
follow() {
  local words container
  read -ra words <<<"$1"
  [[ ${words[0]} == docker && ${words[-1]} == ringport ]] || fail "this is no command: $1"
  container=$(create "${words[@]:2:${#words[@]}-3}" "$name:first")
  docker start "$container" >/dev/null
  timeout "$patience" grep --quiet --max-count=1 'msg=ready' < <(docker logs --follow "$container" 2>&1) ||
    fail "$1: the daemon is not ready: $(docker logs "$container" 2>&1)"
  docker stop "$container" >/dev/null
  [[ $(docker inspect --format '{{.State.ExitCode}}' "$container") == 0 ]] || fail "the daemon does not end well"
}

check_memlock() {
  local text
  built
  text=$(refused --security-opt seccomp=deploy/seccomp.json --ulimit memlock=0)
  names "$text" "locked memory" "limit is 0 bytes" "docker run --ulimit memlock=-1"
  say "$text"
  text=$(explained --security-opt seccomp=deploy/seccomp.json --ulimit memlock=0)
  names "$text" "locked memory" "docker run --ulimit memlock=-1"
  # Whether an engine may lift the limit is for its host to say; with the usual one it works.
  follow "docker run --security-opt seccomp=deploy/seccomp.json --ulimit memlock=8388608 ringport"
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${checks[@]}"
  exit 0
fi
if (($# > 0)); then
  for check in "$@"; do
    declare -F "check_$check" >/dev/null || fail "no check $check; there are: ${checks[*]}"
  done
  checks=("$@")
fi
if ! docker version >/dev/null 2>&1; then
  printf 'left out: no Docker engine answers\n'
  exit 0
fi
command -v jq >/dev/null || fail "jq is not installed (Debian: apt-get install jq)"
base=$(scripts/docker-base.sh | tail -n 1)
base_id=$(docker image inspect --format '{{slice .Id 7 19}}' "$base")
# All builds are of the tree as it is now, whoever edits it meanwhile.
mkdir "$work/tree"
git ls-files -z --cached --others --exclude-standard --deduplicate |
  tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | tar --extract --directory "$work/tree"
for check in "${checks[@]}"; do "check_$check"; done
printf 'all well: %s\n' "${checks[*]}"
