# --- networks: each has a block of stand-ins, within that of the one that it is in

# Prints "4 FIRST LENGTH" and "6 FIRST LENGTH" of what a line names, all as long and so in order for sort(1).
function name_networks(line,    word, size, v, hex, bits) {
    gsub(/", "len": /, "/", line)
    while (match(line, /[0-9A-Fa-f:.]+\/[0-9][0-9.]*/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        size = word; sub(/.*\//, "", size); sub(/\/.*/, "", word)
        if (word ~ /:/) {
            if (size ~ /^[0-9]+$/ && size + 0 > 0 && size + 0 < 128 && (hex = expanded(word)) != "" &&
                hex !~ /^00000000000000000000ffff/ && hex !~ /^(fe[89ab]|ff)/) {
                printf "6 %s %d\n", first6(hex, size), 1000 + size
            }
            continue
        }
        bits = size ~ /\./ ? mask_bits(size) : size
        v = number(word)
        if (v < 0 || bits !~ /^[0-9]+$/ || bits + 0 < 1 || bits + 0 > 31 || word ~ /^(127|169\.254|22[4-9]|23[0-9]|255)\./) { continue }
        bits += 0
        printf "4 %.0f %d\n", 10000000000 + int(v / power[32 - bits]) * power[32 - bits], 1000 + bits
    }
}

# Of the section mask/networks: networks; words of comments, which are names wherever they stand; and names that
# somebody chose, which come after all else.
function take_network(line,    p) {
    if (line ~ /^7 /) { add_word(substr(line, 3)); return }
    if (line ~ /^8 /) { chosen[++choices] = substr(line, 3); return }
    if (split(line, p, " ") != 3) { return }
    if (p[1] == "4") { nets++; first[nets] = p[2] - 10000000000; size[nets] = p[3] - 1000 }
    if (p[1] == "6") { nets6++; net6[nets6] = p[2]; size6[nets6] = p[3] - 1000 }
}

# They come in order, whoever holds another one before it.
function lay_out(    i, j, depth, above, cap, total, at, it, span) {
    for (i = 1; i <= nets; i++) {
        while (depth > 0 && first[i] >= first[above[depth]] + power[32 - size[above[depth]]]) { depth-- }
        parent[i] = depth > 0 ? above[depth] : 0
        above[++depth] = i
    }
    for (cap = 16; cap >= 2; cap -= 2) {
        for (i = 0; i <= nets; i++) { inside[i] = 0 }
        for (i = nets; i >= 1; i--) {
            span = 32 - size[i] < cap ? 32 - size[i] : cap
            if (span < 2) { span = 2 }
            while (power[span] < 4 * inside[i]) { span++ }
            width[i] = span
            inside[parent[i]] += power[span]
        }
        if (2 * inside[0] < 10 * power[24]) { break }
    }
    if (2 * inside[0] >= 10 * power[24]) { nets = 0; complain("too many networks: addresses do not tell who is in which") }
    begin[0] = 240 * power[24]; used[0] = begin[0]
    for (i = 1; i <= nets; i++) {
        j = parent[i]
        begin[i] = int((used[j] + power[width[i]] - 1) / power[width[i]]) * power[width[i]]
        used[j] = begin[i] + power[width[i]]
        used[i] = begin[i] + 1
    }
    for (i = 1; i <= nets; i++) {
        it = int(first[i] / power[32 - size[i]]) "/" size[i]
        image[it] = begin[i]; bits_of[it] = 32 - width[i]; length_of[it] = size[i]; free[it] = used[i]
        note("network", "\t" quad(first[i]) "/" size[i] "\t" quad(begin[i]) "/" bits_of[it])
        has_length[size[i]] = 1
    }
    for (i = 32; i >= 0; i--) { if (i in has_length) { length_at[++lengths] = i } }
    lay_out6()
}

# Of IPv6 there is room: a group of digits for each network in another, four deep.
function lay_out6(    i, depth, above, it, number_of, its, level, up) {
    depth = 0
    it = "fe800000000000000000000000000000/64"
    image6[it] = "fe80000000003fff0000000000000000"; bits6[it] = length6[it] = 64
    note("network", "\tfe80::/64\tfe80:0:0:3fff::/64")
    has_length6[64] = 1
    for (i = 1; i <= nets6; i++) {
        while (depth > 0 && first6(net6[i], size6[above[depth]]) != net6[above[depth]]) { depth-- }
        level = depth < 3 ? depth : 3
        up = level > 0 ? image6[net6[above[level]] "/" size6[above[level]]] : "3fff0000"
        its = substr(up, 1, 8 + 4 * level) sprintf("%04x", ++number_of[level, up])
        it = net6[i] "/" size6[i]
        image6[it] = its substr("00000000000000000000000000000000", length(its) + 1)
        bits6[it] = 4 * length(its); length6[it] = size6[i]; free6[it] = 0
        note("network", "\t" shown6(net6[i], "") "/" size6[i] "\t" shown6(image6[it], "") "/" bits6[it])
        has_length6[size6[i]] = 1
        above[++depth] = i
    }
    for (i = 128; i >= 0; i--) { if (i in has_length6) { length_at6[++lengths6] = i } }
}
