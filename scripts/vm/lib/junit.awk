# SPDX-License-Identifier: GPL-2.0-only
#
# results.tsv to JUnit XML, as CI servers read it; -v lane=NAME seconds=N verdict=WORD
#
# A lane is a suite, a program a class. A lane that did not pass, though no test of
# it failed, has an error, so that it never looks passed.

function escaped(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	gsub(/[[:cntrl:]]/, " ", text)
	return text
}

function testcase(class, name, inside) {
	cases++
	body = body sprintf("\t<testcase classname=\"%s\" name=\"%s\"", escaped(class), escaped(name))
	body = body (inside ? ">" inside "</testcase>\n" : "/>\n")
}

BEGIN {
	FS = "\t"
	word["fail"] = "failure"
	word["skip"] = "skipped"
}

{
	slash = index($2, "/")
	count[$1]++
	testcase(lane "." (slash ? substr($2, 1, slash - 1) : $2), substr($2, slash + 1),
		 word[$1] ? "<" word[$1] " message=\"" escaped($3) "\"/>" : "")
}

END {
	if (verdict != "pass" && verdict != "skip" && !count["fail"]) {
		errors = 1
		testcase(lane, "verdict", "<error message=\"" escaped(verdict) "\"/>")
	}
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	printf "<testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\"",
		escaped(lane), cases, count["fail"], errors, count["skip"]
	printf " time=\"%s\">\n%s</testsuite>\n", seconds, body
}
