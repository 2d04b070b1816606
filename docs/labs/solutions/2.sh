# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
bdf=$(cat /sys/kernel/config/vfiolab/card0/address)
echo "$bdf" >"/sys/bus/pci/devices/$bdf/driver/unbind"
echo vfiolab_vfio_pci >"/sys/bus/pci/devices/$bdf/driver_override"
echo "$bdf" >/sys/bus/pci/drivers_probe
