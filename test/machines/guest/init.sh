#!/bin/sh
# A node's init: brings up what an agent needs, keeps one running, and offers a shell on the console, where the test types.
# /run/no-agent: none is started. /run/crash-loop: each is killed so many seconds after it said that it begins.
# ttyS1 is what the world outside hears whatever becomes of the network.
export PATH=/bin:/usr/bin
for each in $(cat /proc/cmdline); do
  case $each in node=*) node=${each#*=} ;; url=*) url=${each#*=} ;; token=*) token=${each#*=} ;; esac
done
for each in /run /tmp; do mount -t tmpfs tmpfs $each; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t ext4 /dev/vdb /var/lib/holdfast
hostname "$node"
stty -F /dev/ttyS1 raw -echo
printf '\n@boot {"boot":"%s","bootstatus":%s}\n' "$(cat /proc/sys/kernel/random/boot_id)" \
  "$(cat /sys/class/watchdog/watchdog0/bootstatus)" >/dev/ttyS1
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2

keep_agent() {
  export MALLOC_ARENA_MAX=1 UV_THREADPOOL_SIZE=2
  while :; do
    if [ -e /run/no-agent ]; then
      sleep 0.2
      continue
    fi
    set -- --watchdog /dev/watchdog0 --drivers process --node "$node" --url "$url" --join-token "$token"
    if [ -e /run/crash-loop ]; then
      ha-agent run "$@" >/run/agent.log 2>&1 &
      agent=$!
      until grep -q 'agent begins' /run/agent.log || [ ! -d /proc/$agent ]; do sleep 0.2; done
      echo '@life' >/dev/ttyS1
      sleep "$(cat /run/crash-loop)"
      kill -9 $agent
      cat /run/agent.log
    else
      ha-agent run "$@" &
      agent=$!
      echo $agent >/run/agent.pid
    fi
    wait $agent
    echo "init: the agent ended with $?"
    [ -e /run/crash-loop ] || sleep 1
  done
}
keep_agent &
while :; do setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'; done
