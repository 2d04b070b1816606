# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm argv and vm list: what people and scripts read, against files. After a change
# that is meant: UPDATE_GOLDEN=1 scripts/vm/tests/run 'argv*' 'list*'

# shellcheck source=vm_lib.sh
. "$TESTS/vm_lib.sh"

# stdout against a file, without what differs between machines and runs.
expect_golden() { # NAME
	sed -E "s|$T|DIR|g; s|$TESTS|TESTS|g; s|-accel .*|-accel ACCEL \\\\|; s|-cpu .*|-cpu CPU \\\\|
		s|(notests( intel_iommu=on)?) maxcpus=1|\1|
		s|(boot/[^ ]*)-[0-9a-f]{16}|\1-HASH|" "$T/out" >"$T/is"
	[[ ! ${UPDATE_GOLDEN:-} ]] || cp "$T/is" "$TESTS/golden/$1"
	diff -u "$TESTS/golden/$1" "$T/is"
}

test_argv_of_a_lane_with_an_intel_iommu() {
	project
	vm argv one
	expect_rc 0
	expect_golden argv.intel
}

test_argv_of_a_lane_with_an_amd_iommu() {
	project
	sed -i '2s/intel/amd/' "$T/top/scripts/vm/lanes"
	vm argv two
	expect_rc 0
	expect_golden argv.amd
}

test_argv_options_take_the_place_of_what_the_lane_says() {
	project
	mkfifo "$T/tmp/qmp.in" "$T/tmp/qmp.out"
	vm argv one --iommu none --mem 512M --cpus 1 --append 'quiet maxcpus=1' \
		--device edu --device 'vfio-pci,host=0000:01:00.0' --allow-reboot --qmp "$T/tmp/qmp"
	expect_rc 0
	expect_golden argv.options
}

# Without hardware help: nobody looks on as the kernel patches itself, and KASAN's bug with
# LA57 stays away. A guest's first script has the other processors come.
# shellcheck disable=SC2034 # what is sourced reads them
test_argv_without_kvm_boots_with_one_processor_of_four_levels() {
	local ACCEL IOMMU=none KERNEL=deb:6.1 OPT_SHELL='' APPEND='' OPT_APPEND=''

	. "$VM_DIR/lib/qemu.sh"
	ACCEL=tcg
	[[ $(kernel_command_line) == *' maxcpus=1'* ]] || fail "TCG: $(kernel_command_line)"
	[[ $(cpu_model) == max,la57=off ]] || fail "TCG: $(cpu_model)"
	ACCEL=kvm
	[[ $(kernel_command_line) != *maxcpus* ]] || fail "KVM: $(kernel_command_line)"
	[[ $(cpu_model) == host ]] || fail "KVM: $(cpu_model)"
	grep -q '^online_all$' "$VM_DIR/guest/start" || fail "the others never come"
}

test_argv_has_a_channel_for_what_gcov_counts_if_the_kernel_does() {
	project
	echo '# CONFIG_GCOV_KERNEL is not set' >"$T/kernel/.config"
	vm argv one
	! grep -q coverage "$T/out" || fail "a channel for nothing"
	echo 'CONFIG_GCOV_KERNEL=y' >"$T/kernel/.config"
	vm argv one
	expect_out 'file,id=coverage,path=.*/out/one/coverage.tar'
	expect_out 'virtserialport,chardev=coverage,name=vfiolab.coverage'
}

test_argv_runs_as_it_is_printed() {
	project
	vm argv one
	mkdir -p "$T/top/out/one"
	FAKE_GUEST=pass bash "$T/out"
	expect_file "$T/top/out/one/control" '^exit 0$'
}

test_list_shows_the_lanes() {
	project
	vm list
	expect_rc 0
	expect_golden list
}

test_help_names_every_command_and_option() {
	local word

	project
	vm help
	expect_rc 0
	for word in run shell exec list argv --kernel --tests --timeout 'Exit code'; do
		expect_out "$word"
	done
}

# lifetime_test was taken for one of lane life's, by a glob, and ran nowhere.
test_lane_stock_leaves_out_what_has_a_lane_of_its_own_and_nothing_else() {
	local file name glob

	shopt -s extglob
	glob=$(awk '$1 == "stock" { print $6 }' "$VM_DIR/lanes")
	[[ $glob ]] || fail "lane stock has no tests"
	for file in "$TOP"/selftests/*_test.{c,sh}; do
		name=${file##*/}
		name=${name%_test.*}
		# shellcheck disable=SC2053 # a glob is meant
		if [[ $name == @(labs|life|life_*) ]]; then
			[[ $name != $glob ]] || fail "lane stock runs $name"
		else
			[[ $name == $glob ]] || fail "lane stock leaves out $name"
		fi
	done
}

test_glob_means_a_test_by_its_name_with_or_without_its_ending() {
	local glob

	eval "$(sed -n '/^is_wanted() {/,/^}/p' "$TOP/selftests/run.sh")"
	for glob in unload 'unl*' unload_test unload_test.sh '!(uart)' '!(un|load)'; do
		is_wanted unload_test.sh "$glob" || fail "$glob does not mean unload_test.sh"
	done
	is_wanted lifetime_test '!(life|life_*)' || fail "lifetime is taken for life's"
}

# Whoever left out uart ran uart_test, as that is not "uart".
test_glob_that_leaves_a_test_out_does_so_with_any_ending() {
	local glob

	eval "$(sed -n '/^is_wanted() {/,/^}/p' "$TOP/selftests/run.sh")"
	for glob in '!(unload)' '!(uart|unload_test)' '!(un*)' '!(*.sh)' '!unload'; do
		! is_wanted unload_test.sh "$glob" || fail "$glob means unload_test.sh"
	done
}
