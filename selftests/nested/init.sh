#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Init of a guest that has a kernel, busybox and one card, and nothing of ours. Its
# kernel's 8250 driver is told of the card's id; then port 3 is a line to whoever
# started the guest, over which it says how many ports it found, sends back what it is
# sent, says how many interrupts that took, and goes when it is told to.
#
# shellcheck shell=dash

BOARD=3 # of drivers/tty/serial/8250/8250_pci.c: four ports in BAR0, at 115200

/bin/busybox mkdir -p /proc /sys /dev /sbin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
export PATH=/bin

card=$(grep -lx 0x10f1 /sys/bus/pci/devices/*/device)
card=${card%/device}
echo "init: the card is ${card##*/}"
echo 1af4 10f1 ffffffff ffffffff 0 0 $BOARD >/sys/bus/pci/drivers/serial/new_id
ttys=$(find "$card/" -name 'ttyS*' | sed 's/.*ttyS//' | sort -n)
tty=ttyS$(echo "$ttys" | sed -n 4p)
echo "init: $tty of" "$ttys"

# Sent by interrupts is what more than one FIFO of bytes takes.
interrupts() {
	grep -w "$tty" /proc/interrupts | awk '{ print $2 }'
}

stty -F "/dev/$tty" 115200 raw -echo clocal
exec 3<>"/dev/$tty"
echo "ports $(echo "$ttys" | wc -l)" >&3
while read -r line <&3; do
	[ "$line" != bye ] || break
	echo "$line" >&3
	echo "interrupts $(interrupts)" >&3
done
echo "init: bye"
poweroff -f
