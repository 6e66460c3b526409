#!/bin/sh
# What a machine learns from its kernel's command line: name, network, and the plane, which it joins when it boots for the first time.
# ttyS1 is what the world outside hears whatever becomes of the network.
for each in $(cat /proc/cmdline); do
  case $each in node=*) node=${each#*=} ;; url=*) url=${each#*=} ;; token=*) token=${each#*=} ;; esac
done
hostname "$node"
for line in ttyS1 ttyS2; do stty -F /dev/$line raw -echo; done
printf '\n@boot {"boot":"%s","bootstatus":%s}\n' "$(cat /proc/sys/kernel/random/boot_id)" \
  "$(cat /sys/class/watchdog/watchdog0/bootstatus)" >/dev/ttyS1
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 2>/dev/null
ip link set eth0 up
ip route add default via 10.0.2.2
[ -e /var/lib/holdfast/identity.json ] && exit 0
set -a
. /etc/holdfast/agent.env
exec ha-agent join $HA_AGENT_OPTIONS --url "$url" --node "$node" --token "$token"
