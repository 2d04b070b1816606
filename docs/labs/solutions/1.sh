# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
mkdir /sys/kernel/config/vfiolab/card1
cd /sys/kernel/config/vfiolab/card1 || exit
echo serial >model
echo mcs9922 >personality
echo 1 >live
