# --- text

# Addresses first, then names, as the way back takes them in the other order.
function anywhere(line) { return names(addresses(line)) }

function addresses(line,    done, word, before, after, pair, was_turned) {
    done = ""
    if (line ~ /ip-[0-9]/) { line = dashed(line) }
    if (line ~ /(en|wl|ww)x[0-9a-f][0-9a-f]/) { line = called_by_mac(line) }
    was_turned = line ~ /in-addr/
    if (was_turned) { line = turned(line) }
    while (match(line, /[0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.]+|[0-9A-Fa-f]*::[0-9A-Fa-f:.]*/)) {
        word = substr(line, RSTART, RLENGTH)
        before = RSTART > 1 ? substr(line, RSTART - 1, 1) : substr(done, length(done), 1)
        done = done substr(line, 1, RSTART - 1)
        line = substr(line, RSTART + RLENGTH)
        after = ""
        if (match(line, /^\/[0-9][0-9.]*/)) { after = substr(line, 2, RLENGTH - 1) }
        if (after != "" && (pair = with_length(word, after)) != "") {
            done = done pair
            line = substr(line, length(after) + 2)
        } else {
            done = done run(word, before, substr(line, 1, 1))
        }
    }
    line = done line
    # Hidden from what looks for addresses that are not turned round.
    if (was_turned) { gsub(/\001addr/, "-addr", line); gsub(/\001/, ".", line) }
    return line
}

# run WORD: what has no signs in it but those of addresses. before, after: the signs beside it.
function run(word, before, after,    n, p, i, found, head, tail) {
    if (word in spelled) { return spelled[word] }
    if (word ~ /:.*:/) {
        head = word ~ /^:([^:]|::)/ ? ":" : ""
        tail = word ~ /([^:]|::):$/ ? ":" : (word ~ /[^.]\.$/ ? "." : "")
        if ((head != "" || before !~ /[0-9A-Za-z]/) && (tail != "" || after !~ /[0-9A-Za-z]/)) {
            found = substr(word, 1 + length(head), length(word) - length(head) - length(tail))
            found = is_mac(found) ? macs(found) : six(found)
            if (found != "") { return head found tail }
        }
    }
    n = split(word, p, ":")
    found = ""
    for (i = 1; i <= n; i++) {
        if (i > 1) { found = found ":" }
        if (p[i] ~ /[.]/) {
            found = found dotted(p[i])
        } else if ((length(p[i]) == 8 || length(p[i]) == 32) && (i > 1 || before !~ /[0-9A-Za-wyz]/) && (i < n || after !~ /[0-9A-Za-z]/)) {
            found = found perhaps(p[i])
        } else {
            found = found id(p[i])
        }
    }
    return found
}

# Of a container, in full.
function id(word) { return length(word) == 64 && word ~ /^[0-9a-f]+$/ ? identity(word) : word }

# dotted WORD: the first four numbers, whatever follows.
function dotted(word,    n, p, i, its, rest) {
    n = split(word, p, ".")
    if (n < 4) { return id(p[1]) substr(word, length(p[1]) + 1) }
    for (i = 1; i <= 4; i++) { if (p[i] !~ /^[0-9]+$/ || p[i] > 255) { return word } }
    its = (p[1] + 0) "." (p[2] + 0) "." (p[3] + 0) "." (p[4] + 0)
    rest = ""
    for (i = 5; i <= n; i++) { rest = rest "." p[i] }
    return four(its) rest
}

function dashed(line,    done, word) {
    done = ""
    while (match(line, /ip-[0-9]+-[0-9]+-[0-9]+-[0-9]+/)) {
        word = substr(line, RSTART + 3, RLENGTH - 3)
        gsub(/-/, ".", word)
        word = dotted(word)
        gsub(/\./, "-", word)
        done = done substr(line, 1, RSTART + 2) word
        line = substr(line, RSTART + RLENGTH)
    }
    return done line
}

# As udev calls an interface of which it knows no more than that.
function called_by_mac(line,    done, word) {
    done = ""
    while (match(line, /(en|wl|ww)x[0-9a-f]+/)) {
        word = substr(line, RSTART + 3, RLENGTH - 3)
        done = done substr(line, 1, RSTART + 2)
        line = substr(line, RSTART + RLENGTH)
        if (length(word) == 12) {
            gsub(/../, "&:", word)
            word = macs(substr(word, 1, 17))
            gsub(/:/, "", word)
        }
        done = done word
    }
    return done line
}

function turned(line,    word, p, at, size) {
    while (match(line, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\.in-addr/)) {
        at = RSTART; size = RLENGTH
        word = substr(line, at, size - 8)
        split(word, p, ".")
        split(dotted(p[4] "." p[3] "." p[2] "." p[1]), p, ".")
        line = substr(line, 1, at - 1) p[4] "\001" p[3] "\001" p[2] "\001" p[1] ".in\001addr" substr(line, at + size)
    }
    return line
}

# with_length ADDRESS LENGTH-OR-MASK: both anew, or nothing where that is no such pair.
function with_length(word, size,    hex, v, first, bits, it) {
    if (word ~ /^(127|169\.254|224)\.[0.]*$/) { return word "/" size }
    if (word ~ /:/) {
        if (word ~ /^(fe80|ff00)::$/ && size + 0 < 64) { return word "/" size }
        if (size !~ /^[0-9]+$/ || size + 0 > 128 || (hex = expanded(word)) == "") { return "" }
        size += 0
        if (size == 128 || hex ~ /^00000000000000000000ffff/) { return six(word) "/" size }
        it = find6(hex, size)
        if (it == "") { unplaced = 1; return six(word) "/" size }
        return (hex == first6(hex, size) ? shown6(image6[it], word) : six(word)) "/" bits6[it]
    }
    if ((v = number(word)) < 0) { return "" }
    bits = size
    if (size ~ /\./) { bits = mask_bits(size) }
    if (bits !~ /^[0-9]+$/ || bits + 0 > 32) { return "" }
    bits += 0
    it = int(v / power[32 - bits]) "/" bits
    if (bits < 32 && !(it in image)) { unplaced = 1 }
    if (bits == 32 || !(it in image)) { return four(word) "/" size }
    first = int(v / power[32 - bits]) * power[32 - bits]
    word = v == first ? quad(image[it]) : four(word)
    return word "/" (size ~ /\./ ? quad(power[32] - power[32 - bits_of[it]]) : bits_of[it])
}

function mask_bits(text,    v, i) {
    v = number(text)
    for (i = 0; i <= 32; i++) { if (v == power[32] - power[32 - i]) { return i } }
    return -1
}

# hexadecimal DIGITS SWAPPED: 8 or 32 of them.
function hexadecimal(word, swapped,    key, low, its) {
    key = word " " swapped
    if (key in spelled) { return spelled[key] }
    low = tolower(word)
    if (swapped) { low = words_turned(low) }
    if (length(low) == 8) {
        its = hex_of(four(quad(hexnum(low))))
    } else if (low ~ /^00000000000000000000ffff/) {
        its = substr(low, 1, 24) hex_of(four(quad(hexnum(substr(low, 25)))))
    } else {
        its = known(low)
    }
    if (swapped) { its = words_turned(its) }
    if (word == toupper(word)) { its = toupper(its) }
    spelled[key] = its
    return its
}

# perhaps DIGITS: replaced only where it is known that there is such an address.
function perhaps(word,    low, turned_low) {
    low = tolower(word); turned_low = words_turned(low)
    if (length(low) == 8) {
        if (quad(hexnum(turned_low)) in spelled) { return hexadecimal(word, 1) }
        if (quad(hexnum(low)) in spelled) { return hexadecimal(word, 0) }
    } else {
        if (turned_low in known6 || turned_low ~ /^00000000000000000000ffff/) { return hexadecimal(word, 1) }
        if (low in known6 || low ~ /^00000000000000000000ffff/) { return hexadecimal(word, 0) }
    }
    return word
}

function words_turned(low,    i, found) {
    found = ""
    for (i = 1; i < length(low); i += 8) {
        found = found substr(low, i + 6, 2) substr(low, i + 4, 2) substr(low, i + 2, 2) substr(low, i, 2)
    }
    return found
}

function hexnum(low,    i, v) {
    v = 0
    for (i = 1; i <= length(low); i++) { v = v * 16 + digit[substr(low, i, 1)] }
    return v
}

function hex_of(text,    p) {
    split(text, p, ".")
    return sprintf("%02x%02x%02x%02x", p[1], p[2], p[3], p[4])
}
