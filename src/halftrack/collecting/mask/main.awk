# Masks what the collecting script prints, line by line; says on standard error what was wrong. With
# job=networks it prints the networks that its input names instead, for sort(1) and the section mask/networks.
#
# Variables: map, the file that keeps what stands for what; by, its number, empty where there is none; plain,
# words that name nobody.
# Nothing beyond what mawk 1.3.3 and busybox awk know: no intervals in regular expressions, no bits.

BEGIN {
    for (i = 0; i < 16; i++) { digit[substr("0123456789abcdef", i + 1, 1)] = i }
    for (i = 0; i <= 32; i++) { power[i] = i ? 2 * power[i - 1] : 1 }
    n = split(plain, words, " ")
    for (i = 1; i <= n; i++) { is_plain[words[i]] = 1 }
    n = split("connmark connsecmark continue masquerade netmap nflog nfqueue notrack redirect secmark synproxy " \
        "tproxy", words, " ")
    for (i = 1; i <= n; i++) { is_target[words[i]] = 1 }
    stem = "masked"
    next_loose = 250 * power[24] + 1; next_link = 169 * power[24] + 254 * power[16] + 257
    next_group = 225 * power[24] + 1; next_loose6 = 0; next_link6 = 0; next_group6 = 0
    if (job == "") { note("halftrack-map 1", ""); kept = 0 }
    if (job == "" && by != "") { note("map", "\t" by "\t1") }
}

job == "networks" { name_networks($0); comments($0); name_chosen($0); next }

# Most lines by far; by index, as whoever asks for fields has the whole line taken apart.
laid_out && private == "" && index($0, mark) != 1 { print content($0); next }
NR == 1 { mark = $3; print; next }
$1 == mark && $2 == "stopped" { private = "" }
$1 == mark && $2 == "begin" && $4 ~ /^mask\// { private = $4; next }
$1 == mark && $2 == "end" && private != "" { at_private_end(); next }
private == "mask/names" { add_name($0); next }
private == "mask/networks" { take_network($0); next }
# An address gets its stand-in where it is first seen: until its network is known, everything has to wait.
!laid_out { learn(); held[++holding] = $0; next }
{ one_line() }

END { if (job == "" && !laid_out) { let_go() } }
END { if (job == "") { print "end " kept > map; if (close(map) != 0) complain("the map could not be written") } }

function complain(what) { print "halftrack-collect: " what > "/dev/stderr" }
function note(kind, rest) { if (job == "") { write(kind rest) } }
function write(line) { print line > map; kept++ }
