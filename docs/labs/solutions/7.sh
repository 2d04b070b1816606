# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
card=/sys/kernel/config/vfiolab/card7
mkdir $card
echo serial >$card/model
echo mcs9922 >$card/personality
echo 1 >$card/live
for bdf in $(<$card/address); do
	echo vfiolab_vfio_pci >"/sys/bus/pci/devices/$bdf/driver_override"
	[[ ! -e /sys/bus/pci/devices/$bdf/driver ]] ||
		echo "$bdf" >"/sys/bus/pci/devices/$bdf/driver/unbind"
	echo "$bdf" >/sys/bus/pci/drivers_probe
done
read -r first _ <$card/address
$VLAB_NESTED --device "vfio-pci,host=$first" --append 8250.nr_uarts=32 \
	-- grep 16550A /proc/tty/driver/serial >/tmp/lab7
