#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ioatdma-gone.sh pulled|unbound - an I/OAT card goes while somebody has its channel
#
# As root in a guest whose kernel has dmatest, after a run of its lane has built modules:
# scripts/vm/vm exec --lane src-7.2 -- docs/kernel-bugs/ioatdma-gone.sh pulled
#
# pulled: the card goes, then the channel's user. unbound: the driver goes while a copy
# is under way.
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$DIR/../..
PARAMETERS=/sys/module/dmatest/parameters

"$TOP/selftests/card.sh" --modules "$TOP/out/$VLAB_LANE/modules" up name=gone driver= \
	model=ioat
modprobe ioatdma
modprobe dmatest noverify=1 test_buf_size=8192 threads_per_chan=8
bdf=$(</sys/kernel/config/vfiolab/gone/address)
dev=/sys/bus/pci/devices/$bdf

# Whoever asks for a channel has it from here on.
take_channel() {
	local channel=("$dev"/dma/dma*chan*)

	echo "${channel[0]##*/}" >$PARAMETERS/channel
}

case ${1:-} in
pulled)
	take_channel
	echo 0 >/sys/kernel/config/vfiolab/gone/live
	echo 0 >$PARAMETERS/run
	;;
unbound)
	for ((round = 1; round <= 30; round++)); do
		echo "round $round"
		take_channel
		echo 1 >$PARAMETERS/run
		sleep 0.3
		echo "$bdf" >"$dev/driver/unbind"
		sleep 3 # a timer that was set meanwhile has two seconds
		echo 0 >$PARAMETERS/run
		echo "$bdf" >/sys/bus/pci/drivers/ioatdma/bind
	done
	;;
*)
	sed -n '4p' "$0" >&2
	exit 2
	;;
esac
echo "nothing happened"
