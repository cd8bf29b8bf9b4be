# SPDX-License-Identifier: GPL-2.0-or-later
# A rig file, YAML of the plainest kind, to lines "rig NAME", "set NAME KEY VALUE":
#
#	rig0:                       # a rig
#	  compliance_fl_per_pa: 500 # its parameters: integers or words
#	rig1: {}                    # one with nothing but defaults

function bad(what)
{
	printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
	failed = 1
}

# Quotes are allowed around a name or value.
function bare(text)
{
	if (text ~ /^".*"$/ || text ~ /^'.*'$/)
		return substr(text, 2, length(text) - 2)
	return text
}

{
	sub(/\r$/, "")
	sub(/(^|[ \t])#.*/, "")
	sub(/[ \t]+$/, "")
}

/^$/ || /^---$/ { next }

/\t/ {
	bad("a tab; YAML is indented with spaces")
	next
}

{
	indent = match($0, /[^ ]/) - 1
	line = substr($0, indent + 1)
	colon = match(line, /:( |$)/)
	if (!colon) {
		bad(sprintf("'%s' is not of the form name: value", line))
		next
	}
	name = bare(substr(line, 1, colon - 1))
	value = substr(line, colon + 1)
	sub(/^ +/, "", value)
	value = bare(value)
	if (name !~ /^[A-Za-z0-9_.-]+$/) {
		bad(sprintf("'%s' is not a name: letters, digits, _ - . only", name))
		next
	}
}

indent == 0 {
	rig = name
	depth = 0
	if (value != "" && value != "{}" && value != "null" && value != "~")
		bad(sprintf("rig '%s' must hold parameters below it, one a line, indented", rig))
	if (rig in seen)
		bad(sprintf("rig '%s' is there twice", rig))
	seen[rig] = 1
	rigs++
	print "rig", rig
	next
}

{
	if (rig == "") {
		bad("a parameter without a rig above it")
		next
	}
	if (!depth)
		depth = indent
	if (indent != depth) {
		bad(sprintf("'%s' is indented by %d, the parameters before it by %d", name, indent, depth))
		next
	}
	if (value !~ /^[A-Za-z0-9_.+-]+$/) {
		bad(sprintf("parameter '%s' needs a value, an integer or a word", name))
		next
	}
	if ((rig, name) in set)
		bad(sprintf("parameter '%s' is there twice in rig '%s'", name, rig))
	set[rig, name] = 1
	print "set", rig, name, value
}

END {
	if (!failed && !rigs) {
		printf "%s: no rig in it\n", FILENAME > "/dev/stderr"
		failed = 1
	}
	exit failed
}
