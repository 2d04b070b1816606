# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# The command line of QEMU. All that leaves a guest is a file in the run directory
# RUN, named in an argument -chardev file,id=NAME,path=FILE:
#
#	console	RUN/console.log	serial console
#	out	RUN/stdout	output of the command; results.ktap for vm run
#	err	RUN/stderr
#	control	RUN/control	lines "start", "reboot", at the end "exit CODE";
#				see guest/start
#	coverage	RUN/coverage.tar	of a kernel built with gcov, its counters
#	trace	RUN/trace	with --report: what the kernel traced of each test
#
# A program named in $VM_QEMU takes the place of QEMU. It gets the same arguments
# and can play a guest by writing to these files.

ARGV=()         # result of build_argv
OUT_FILE=stdout # where the command's output goes, in RUN

# An empty slot each: id, buses, 32-bit memory, prefetchable memory, I/O. The first
# takes a switch with a card in each of 31 slots, the others one card. 8 GiB have room
# for a BAR of 4 GiB wherever the firmware puts them; reserved space costs nothing.
# slot4 is there to be removed: since 7.2 a root port that is found again has no windows.
# slot5 is below a second host bridge, and the last, as QEMU would put others there, too.
readonly ROOT_PORTS=(
	'slot1 40 64M 8G 32K'
	'slot2 2 8M 256M 4K'
	'slot3 2 8M 256M 0'
	'slot4 2 8M 256M 0'
	'slot5 2 8M 256M 0 pxb'
)

# QEMU's IVRS covers the bus below a port only if that is the one bus behind it (-; a
# reserve of 0 would not do, SeaBIOS then gives the same number to two buses). So all
# but the first, which is there to be refused, take a card.
readonly AMD_ROOT_PORTS=(
	'slot1 40 64M 1G 32K'
	'slot2 - 8M 8G 4K'
	'slot3 - 8M 8G 4K'
	'slot4 - 8M 8G 4K'
	'slot5 - 8M 8G 0'
)

# KVM only where guests in it can have guests: a node alone can be useless.
accelerator() {
	if { : <>/dev/kvm; } 2>/dev/null && grep -Eqw 'vmx|svm' /proc/cpuinfo &&
		grep -qs '[Y1]' /sys/module/kvm_{intel,amd}/parameters/nested; then
		echo kvm
	else
		echo tcg
	fi
}

build_argv() { # RUN
	local run=${1//,/,,}

	ARGV=("$QEMU" -no-user-config -nodefaults -display none)
	machine_args
	ARGV+=(-smp "$CPUS" -m "$MEMORY" -kernel "$BOOT_IMAGE" -initrd "$BOOT_INITRAMFS"
		-append "$(kernel_command_line)")
	[[ $OPT_REBOOT ]] || ARGV+=(-no-reboot)
	channel_args "$run"
	share_args root /
	share_args run "$run"
	[[ $KERNEL == running ]] || port_args
	[[ ! $OPT_QMP ]] || monitor_args
	ARGV+=("${OPT_DEVICES[@]}")
}

# The vIOMMU has 48 bits of address, as real ones mostly do: that is the default of QEMU 10,
# and a guest's own may not have more than its host's.
machine_args() {
	local machine=q35,sata=off,smbus=off,smm=off,vmport=off

	[[ $IOMMU == none ]] || machine+=,kernel_irqchip=split
	ARGV+=(-machine "$machine" -accel "$ACCEL" -cpu "$(cpu_model)")
	case $IOMMU in
	intel) ARGV+=(-device 'intel-iommu,intremap=on,caching-mode=on,aw-bits=48') ;;
	amd) ARGV+=(-device 'amd-iommu,intremap=on') ;;
	esac
}

# A guest in a guest has a plain one: TCG lets XSETBV through that the guest's KVM
# wants to see, and the kernel in there warns of what it then finds in CPUID. One
# that TCG emulates has no LA57: KASAN trips over five levels (docs/kernel-bugs).
cpu_model() {
	if [[ $KERNEL == running ]]; then
		echo qemu64,+rdrand
	elif [[ $ACCEL == kvm ]]; then
		echo host
	else
		echo max,la57=off
	fi
}

# The last two lines are for speed alone, each for a second or more of emulated time:
# no mitigations; no probing of buses that ACPI did not name, which costs thousands of
# exits; no self-tests of ciphers. With TCG a kernel boots alone, as it patches itself
# while it does (docs/surprises.md); guest/start brings in the other processors.
kernel_command_line() {
	local words=(console=ttyS0 quiet loglevel=5 panic_on_warn=1 oops=panic panic=-1
		nokaslr mitigations=off no_timer_check
		'pci=noearly,lastbus=0' cryptomgr.notests)

	[[ $IOMMU != intel ]] || words+=(intel_iommu=on)
	[[ $ACCEL != tcg ]] || words+=(maxcpus=1)
	# Who sits at a prompt edits files outside, and wants to see that; it is slower.
	[[ ! $OPT_SHELL ]] || words+=(VLAB_CACHE=none)
	echo "${words[*]}${APPEND:+ $APPEND}${OPT_APPEND:+ $OPT_APPEND}"
}

channel_args() { # RUN
	local id file files="out $OUT_FILE"$'\nerr stderr\ncontrol control'

	[[ ! $OPT_REPORT ]] || files+=$'\ntrace trace'
	! counts_lines || files+=$'\ncoverage coverage.tar'
	console_args "$1"
	ARGV+=(-device 'virtio-serial-pci,disable-legacy=on')
	while read -r id file; do
		ARGV+=(-chardev "file,id=$id,path=$1/$file"
			-device "virtserialport,chardev=$id,name=vfiolab.$id")
	done <<<"$files"
}

# Is the kernel built with gcov?
counts_lines() {
	[[ $KERNEL_BUILD ]] && grep -qs '^CONFIG_GCOV_KERNEL=y' "$KERNEL_BUILD/.config"
}

console_args() { # RUN
	if [[ $OPT_SHELL ]]; then
		ARGV+=(-serial mon:stdio)
	else
		ARGV+=(-chardev "file,id=console,path=$1/console.log" -serial chardev:console)
	fi
}

share_args() { # TAG DIR
	ARGV+=(-fsdev "local,id=$1,path=$2,security_model=none,readonly=on,multidevs=remap"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1,disable-legacy=on")
}

port_args() {
	local port id buses mem pref io bus n=0 ports=("${ROOT_PORTS[@]}")

	[[ $IOMMU != amd ]] || ports=("${AMD_ROOT_PORTS[@]}")
	for port in "${ports[@]}"; do
		read -r id buses mem pref io bus <<<"$port"
		n=$((n + 1))
		[[ ! $bus ]] || ARGV+=(-device "pxb-pcie,id=$bus,bus_nr=128")
		port="pcie-root-port,id=$id,chassis=$n,slot=$n,hotplug=off${bus:+,bus=$bus}"
		[[ $buses == - ]] || port+=",bus-reserve=$buses"
		ARGV+=(-device "$port,mem-reserve=$mem,pref64-reserve=$pref,io-reserve=$io")
	done
}

# A hand on the machine while it runs. Its ports are hot-plugged as real ones are, by
# themselves and not by ACPI.
monitor_args() {
	ARGV+=(-global 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'
		-chardev "pipe,id=qmp,path=${OPT_QMP//,/,,}" -mon 'chardev=qmp,mode=control')
}

# One option a line, so that it can be read, and pasted.
print_argv() {
	local word sep=''

	for word in "${ARGV[@]}"; do
		[[ $word != -* ]] || sep=$' \\\n\t'
		printf '%s%s' "$sep" "$(quote "$word")"
		sep=' '
	done
	echo
}
