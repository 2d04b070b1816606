# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests that hand a card to a guest of somebody else's: libvirt's, or any
# VMM's that boots a kernel. The card has four ports, the first two more are wired to
# each other, and the last to a tty of this side, where nested/init.sh answers.

# shellcheck disable=SC2034 # those who source this use it
GUEST_CMDLINE="console=ttyS0 quiet panic=-1 no_timer_check 8250.nr_uarts=32"
GUEST_PATIENCE=$((120 * ${VLAB_PATIENCE:-1})) # seconds

# NAME: plug it in, for its native driver to take
plug_guest_card() {
	"$DIR/card.sh" up "name=$1" driver= ports=4 "port1/far=null-modem:$1/2" \
		"port2/far=null-modem:$1/1" port3/far=tty
}

# BDF: its native driver has it, and a byte goes from port 1 to port 2
works_natively() {
	local ttys from to byte

	expect_driver "$1" "$NATIVE"
	mapfile -t ttys < <(find "/sys/bus/pci/devices/$1/" -name 'ttyVCARD*' -printf '/dev/%f\n' |
		sort -V)
	stty -F "${ttys[1]}" 115200 raw -echo clocal
	stty -F "${ttys[2]}" 115200 raw -echo clocal
	exec {from}>"${ttys[1]}" {to}<"${ttys[2]}"
	printf x >&"$from"
	IFS= read -r -n 1 -t 20 -u "$to" byte
	exec {from}>&- {to}<&-
	[[ $byte == x ]]
}

# DIR: the kernel of this guest, and a file system with nested/init.sh, where any user
# may read them
make_guest_files() {
	mkdir -p "$1/tree/bin"
	cp /run/vfiolab/busybox "$1/tree/bin/"
	cp "$DIR/nested/init.sh" "$1/tree/init"
	(cd "$1/tree" && find . | cpio --quiet -o -H newc) >"$1/initrd"
	# shellcheck source=/dev/null
	(. /run/vfiolab/host/kernel && cp "$BOOT_IMAGE" "$1/kernel")
}

# BEGINNING: the guest's next line has it; into line of the caller
hear() {
	read -r -t "$GUEST_PATIENCE" -u "$tty" line || :
	echo "the guest says: $line"
	[[ $line == "$1"* ]]
}

# CARD COMMAND...: it starts the guest; more than a FIFO of bytes goes there and back by
# interrupts, then the guest is told to power off
talk_to_guest() {
	local line='' tty sent

	tty=/dev/$(<"$CONFIGFS/$1/port3/node")
	stty -F "$tty" 115200 raw -echo clocal
	exec {tty}<>"$tty"
	"${@:2}"
	hear "ports 4"
	sent=$(head -c 150 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
	echo "$sent" >&"$tty"
	hear "$sent"
	hear "interrupts "
	((${line#* } > 0))
	echo bye >&"$tty"
	exec {tty}>&-
}

# COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + GUEST_PATIENCE))

	until "$@"; do
		((SECONDS < end)) || {
			echo "this did not happen in $GUEST_PATIENCE s: $*"
			return 1
		}
	done
}
