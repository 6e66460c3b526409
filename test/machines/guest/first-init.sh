#!/bin/sh
# The initial RAM disk's init: loads the modules listed in /modules/order, and goes over to the read-only disk.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# Some only serve processors that have an instruction this one lacks.
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do sleep 0.05; done
mount -t squashfs -o ro /dev/vda /root
for each in proc sys dev; do mount --move "/$each" "/root/$each"; done
exec switch_root /root /bin/node-init
