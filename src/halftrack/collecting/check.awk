# Lets pass what the mask has been through, up to the first line in which an address stands that is no
# stand-in: by its shape alone, and by other means than those of the mask.

function stop(what) {
    print "halftrack-collect: " what " would have been sent: stopped before it" > "/dev/stderr"
    stopped = 1
    exit 3
}

{
    rest = $0
    while (match(rest, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/)) {
        split(substr(rest, RSTART, RLENGTH), p, ".")
        rest = substr(rest, RSTART + RLENGTH)
        if (rest ~ /^\.in-addr/) { p[1] = p[4]; p[2] = p[3] }
        if (p[1] + 0 >= 224 || p[1] == "127" || p[1] "." p[2] == "169.254" || p[1] + p[2] + p[3] + p[4] == 0) { continue }
        if (p[1] > 255 || p[2] > 255 || p[3] > 255 || p[4] > 255) { continue }
        stop("an IPv4 address")
    }
    if (index($0, "::") || $0 ~ /:[0-9A-Fa-f]+:[0-9A-Fa-f]+:/) {
        rest = tolower($0)
        while (match(rest, /[0-9a-f]*:[0-9a-f:]*:[0-9a-f.:]*/)) {
            word = substr(rest, RSTART, RLENGTH)
            beside = substr(rest, RSTART + RLENGTH, 1)
            if (RSTART > 1) { beside = beside substr(rest, RSTART - 1, 1) }
            rest = substr(rest, RSTART + RLENGTH)
            if (beside ~ /[a-z]/ || word ~ /^(:|0*:)*:0*1?:?$/) { continue }
            n = split(word, p, ":")
            if (n == 6 && word !~ /::/ && word !~ /[0-9a-f][0-9a-f][0-9a-f]/) {
                if (word !~ /^(f2:ff:ff|00:00:00:00|ff:ff:ff:ff)/) { stop("a MAC address") }
                continue
            }
            if (word !~ /[0-9a-f]::|::[0-9a-f]/ && n < 8) { continue }
            if (word !~ /^:?(3fff:|fe80:(0+:0+:3fff:|:)|ff0|ff1e:|::ffff:|(0+:)+ffff:)/) { stop("an IPv6 address") }
        }
    }
    if ($1 ~ /^[0-9]+:$/ && $2 ~ /^[0-9A-F]+:[0-9A-F]+$/ && $3 ~ /^[0-9A-F]+:[0-9A-F]+$/) {
        for (i = 2; i <= 3; i++) {
            word = $i
            sub(/:.*/, "", word)
            last = substr(word, length(word) - 7)
            if (length(word) == 8 || substr(word, 1, 24) == "0000000000000000FFFF0000") {
                if (last !~ /([EF][0-9A-F]|FEA9|7F|00000000)$/) { stop("an address in hexadecimal") }
            } else if (word !~ /^(....FF3F|000080FE|....1EFF|....0.FF|000000000000000000000000)/) {
                stop("an address in hexadecimal")
            }
        }
    }
    print
}
