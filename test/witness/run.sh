#!/bin/sh
# The command of a witnessed service: run.sh lock|no-lock NODE SERVICE FILE [OPTION…]
# The lock is on a descriptor that the service inherits, so it is free exactly when the service's process is gone.
# `no-lock` is for the one scenario in which two copies are expected and are to be measured.
lock=$1 node=$2 service=$3 file=$4
shift 4
if [ "$lock" = lock ]; then
  exec 9>>"$file.lock"
  if ! flock -n 9; then
    read -r up _ </proc/uptime
    printf '{"kind":"refused","atMs":%s,"pid":%s,"boot":"%s","mark":"%s"}\n' \
      "${up%.*}${up#*.}0" "$$" "$HOLDFAST_NODE_BOOT" "$HOLDFAST_SERVICE" >>"$file"
    exit 75
  fi
fi
exec "$node" "$service" "$file" "$@"
