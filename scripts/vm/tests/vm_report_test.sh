# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm run --report: the page of a run.

# shellcheck source=vm_lib.sh
. "$TESTS/vm_lib.sh"

report() { # FAKE_GUEST [ARGUMENT...]
	project
	FAKE_GUEST=$1 vm run --report "${@:2}"
	PAGE=$T/top/out/report.html
}

expect_page() { # REGEX
	expect_file "$PAGE" "$1"
}

expect_page_without() { # REGEX
	! grep -nE -e "$1" "$PAGE" || fail "the page has /$1/"
}

test_report_has_each_lane_its_verdict_and_its_cases() {
	report pass one two
	expect_rc 0
	expect_err 'report: .*out/report.html$'
	expect_page '<title>vfiolab: 4 passed, 0 failed, 2 skipped</title>'
	expect_page 'href="#lane-two">two</a></th><td><b class="pass">pass</b></td>'
	expect_page '<section id="lane-one">'
	expect_page 'class="pass">passed</b> <span class="name">first.case<'
	expect_page '<p>SKIP not on this card</p>'
}

test_report_is_asked_for_or_not_written() {
	project
	FAKE_GUEST=pass vm run one
	expect_rc 0
	[[ ! -e $T/top/out/report.html ]] || fail "nobody wanted a report"
	! grep -rq trace "$T/top/out/one/summary.json" || fail "there is a channel for traces"
}

test_report_shows_what_a_case_that_failed_said_and_how_long_it_took() {
	report traced one
	expect_rc 1
	expect_page '<details open><summary><b class="fail">failed</b>.*<time>2.0 ms</time>'
	expect_page 'expected &lt;script&gt;alert\(&quot;&amp;&quot;\)'
	expect_page 'nasty_test</span> 1 failed <time>1.2 s</time>'
}

test_report_draws_what_was_traced_against_time() {
	report traced one
	expect_page 'aria-label="BARs: 1 read, 1 written"><path class="up" d="M100 0v9"/><path class="down" d="M50 11v9"/>'
	expect_page 'aria-label="DMA: 1 denied"><path class="bad" d="M500 0v20"/>'
	expect_page 'aria-label="resets: 1 reset"><path class="all" d="M950 0v20"/>'
	expect_page '0.100 ms  access  0000:01:00.0 bar0\+0x3 write8 0x80'
	expect_page '4 events, and 99 that were not kept'
}

test_report_takes_no_text_for_markup() {
	report traced one
	expect_page_without '<script|<i>|case<b>'
	expect_page '&lt;i&gt;flr'
}

test_report_loads_nothing_from_anywhere() {
	report traced one
	expect_page_without 'https?:|//[a-z]|url\(|@import|src=|<link|<script'
}

test_report_of_a_guest_that_died_shows_its_last_lines() {
	report panic one
	expect_rc 5
	expect_page '<b class="fail">lost</b>'
	expect_page '<p class="fail">kernel: .*BUG: kernel NULL pointer'
	expect_page 'Kernel panic - not syncing'
	expect_page 'first.case'
}

test_report_of_a_lane_that_never_ran_says_so() {
	report refuse one
	expect_rc 2
	expect_page '<b class="fail">error</b>'
	expect_page '0 passed, 1 failed, 0 skipped'
}

# Each element that is opened is closed, in the right order.
test_report_is_well_formed() {
	report traced one
	perl -0 -ne '
		s/<!DOCTYPE html>//; s/<style>.*?<\/style>//s;
		while (m{<(/?)(\w+)([^<>]*?)(/?)>}g) {
			next if $4 || $2 =~ /^(meta|input)$/;
			if (!$1) { push(@open, $2) } else { ($o = pop(@open)) eq $2 or die "$o ended by $2\n" }
		}
		die "open: @open\n" if @open;' "$PAGE" || fail "elements do not nest"
}

# In a browser, if there is one: what it draws is neither empty nor wider than the window.
test_report_renders_light_and_dark_narrow_and_wide() {
	local size

	type -P chromium >/dev/null || skip "no chromium"
	report traced one
	for size in 360,800 1280,800; do
		render "$size"
		render "$size" --force-dark-mode --blink-settings=preferredColorScheme=0
	done
}

# SIZE OPTION...: the shot is a picture, and the browser had nothing to complain of.
render() {
	rm -f "$T/shot.png"
	timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --enable-logging=stderr \
		--user-data-dir="$T/browser" "--window-size=$1" "${@:2}" \
		"--screenshot=$T/shot.png" "file://$PAGE" >"$T/browser.log" 2>&1 || fail "chromium: $(tail -n 3 "$T/browser.log")"
	[[ $(stat -c %s "$T/shot.png") -gt 5000 ]] || fail "the page looks empty"
	! grep -E 'CONSOLE|net::ERR' "$T/browser.log" || fail "the browser complains"
}

# selftests/results.sh: what the kernel traced since the last result is the next one's.
# shellcheck disable=SC1091,SC2317 # relative to what is tested; take_results calls them
take_guest_results() {
	. "$TOP/selftests/ktap.sh"
	. "$TOP/selftests/results.sh"
	trace_begin() { echo begun; }
	trace_end() { echo "ended $1"; }
	take_results
}

test_report_has_a_timeline_for_each_case_that_a_guest_runs() {
	run take_guest_results < <(printf '%s\n' 'result ok one' '# noise' 'result not ok two')
	expect_rc 0
	diff "$T/out" - <<-END || fail "other events"
		ended one
		begun
		# noise
		ended two
		begun
	END
}
