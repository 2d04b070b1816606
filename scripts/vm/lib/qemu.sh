# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The command line of QEMU. Everything that leaves the guest is a file named in
# it, in the run directory RUN:
#
#	RUN/console	serial console
#	RUN/out RUN/err	output of the command
#	RUN/control	lines "start", "reboot" and last "exit CODE"; see guest/start
#
# A program in $VM_QEMU takes the place of QEMU; it is given the same arguments
# and can play a guest by writing to these files.

ARGV=() # result of build_argv

# root port: id, buses below it, then 32-bit, prefetchable and I/O window
readonly ROOT_PORTS=(
	"slot1 40 64M 1G 32K"
	"slot2 2 8M 256M 4K"
	"slot3 2 8M 256M 0"
)

qemu_binary() {
	printf '%s\n' "${VM_QEMU:-$OPT_QEMU}"
}

# KVM only where it works: the node opens, the CPU virtualises.
accelerator() {
	if { : <>/dev/kvm; } 2>/dev/null && grep -Eqw 'vmx|svm' /proc/cpuinfo; then
		echo kvm
	else
		echo tcg
	fi
}

build_argv() { # RUN
	local run=${1//,/,,}

	ARGV=("$(qemu_binary)" -no-user-config -nodefaults -display none)
	machine_args
	ARGV+=(-m "$OPT_MEM" -smp "$OPT_SMP"
		-kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" -append "$(kernel_cmdline)")
	[[ $OPT_REBOOT ]] || ARGV+=(-no-reboot)
	channel_args "$run"
	share_args root /
	share_args run "$run"
	port_args
	ARGV+=("${OPT_DEVICES[@]}")
}

machine_args() {
	if [[ $(accelerator) == kvm ]]; then
		ARGV+=(-accel kvm -cpu host)
	else
		ARGV+=(-accel tcg,thread=multi -cpu max)
	fi
	case $OPT_IOMMU in
	intel)
		ARGV+=(-machine q35,kernel_irqchip=split
			-device intel-iommu,intremap=on,caching-mode=on)
		;;
	amd) ARGV+=(-machine q35,kernel_irqchip=split -device amd-iommu,intremap=on) ;;
	none) ARGV+=(-machine q35) ;;
	esac
}

kernel_cmdline() {
	local words=(console=ttyS0 quiet loglevel=5 panic_on_warn=1 oops=panic panic=-1
		nokaslr mitigations=off no_timer_check)

	[[ $OPT_IOMMU != intel ]] || words+=(intel_iommu=on)
	printf '%s\n' "${words[*]}${OPT_APPEND:+ $OPT_APPEND}"
}

channel_args() { # RUN
	local name

	ARGV+=(-chardev "file,id=console,path=$1/console" -serial chardev:console
		-device virtio-serial-pci,disable-legacy=on)
	for name in out err control; do
		ARGV+=(-chardev "file,id=$name,path=$1/$name"
			-device "virtserialport,chardev=$name,name=vfiolab.$name")
	done
}

share_args() { # TAG DIR
	ARGV+=(-fsdev "local,id=$1,path=$2,security_model=none,readonly=on,multidevs=remap"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1,disable-legacy=on")
}

port_args() {
	local port id buses mem pref io n=0

	for port in "${ROOT_PORTS[@]}"; do
		read -r id buses mem pref io <<<"$port"
		ARGV+=(-device "pcie-root-port,id=$id,chassis=$((++n)),slot=$n,hotplug=off,bus-reserve=$buses,mem-reserve=$mem,pref64-reserve=$pref,io-reserve=$io")
	done
}
