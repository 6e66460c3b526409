#!/bin/sh
# The initial RAM disk's init: loads the modules listed in /modules/order, and goes over to the disk: the small read-only one,
# or a whole system.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# Some only serve processors that have an instruction this one lacks.
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do sleep 0.05; done
init=/bin/node-init
mount -t squashfs -o ro /dev/vda /root 2>/dev/null || {
  mount -t ext4 -o rw /dev/vda /root
  init=/sbin/init
}
for each in proc sys dev; do mount --move "/$each" "/root/$each"; done
exec switch_root /root $init
