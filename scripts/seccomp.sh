#!/usr/bin/env bash
# Makes deploy/seccomp.json: Docker's own default profile, and the three system calls of io_uring allowed. Runs from any
# folder.
#
#   scripts/seccomp.sh           write the file
#   scripts/seccomp.sh --check   only see that it is what would be written, and that nothing but the three calls differs
#
# The default profile comes from the module that Docker Engine is built with, by the Go module proxy, whose checksums
# prove it. Needs go and jq.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module=github.com/moby/profiles/seccomp@v0.2.3 # Docker Engine 29
profile=deploy/seccomp.json
calls='["io_uring_enter", "io_uring_register", "io_uring_setup"]'

fail() {
  printf 'scripts/seccomp.sh: %s\n' "$*" >&2
  exit 1
}

for tool in go jq; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

folder=$(cd "$work" && go mod download -json "$module" | jq --raw-output '.Dir // empty') || folder=
[[ -n $folder ]] || fail "$module cannot be downloaded; is the module proxy reached (go env GOPROXY)?"
upstream=$folder/default.json

jq --tab --argjson calls "$calls" '.syscalls += [{names: $calls, action: "SCMP_ACT_ALLOW"}]' "$upstream" >"$work/made.json"

if [[ ${1:-} == --check ]]; then
  cmp --quiet "$work/made.json" "$profile" || fail "$profile is not what this script makes; run it without --check"
  # Taken the other way: without its last rule the file is the default profile, and that rule is the three calls alone.
  jq --sort-keys 'del(.syscalls[-1])' "$profile" | cmp --quiet - <(jq --sort-keys . "$upstream") ||
    fail "$profile differs from the default profile in more than one rule"
  jq --exit-status --argjson calls "$calls" '.syscalls[-1] == {names: $calls, action: "SCMP_ACT_ALLOW"}' "$profile" >/dev/null ||
    fail "the last rule of $profile is not the three calls of io_uring"
  printf 'scripts/seccomp.sh: %s is the profile of %s and %s\n' "$profile" "$module" "$calls"
  exit 0
fi
cp "$work/made.json" "$profile"
printf 'scripts/seccomp.sh: wrote %s from %s\n' "$profile" "$module"
