"""Commands: a file for each verb, named after it (``main`` lists them), and what several of them share.

A verb's file has its ``command``: it parses, calls and reports. What they share:

    options, completing, durations                  words and options as they are typed
    sources, unread, journaled                      evidence to work on, and what of it was not seen
    since, moments                                  several moments: for ``doctor``, for ``whatif``
    output, progress, saving                        stdout, stderr, files
    run_dir, last_document, last_counts, last_screen  what lives until the next boot
    choosing, counting, ordering, entry_lines, one_entry  the answers of ``list``
    repeating, plan_files, carried, rehearsing, changed    plans and changes
    masking                                         a masked bundle and its map
    lean, scanning, serving                         scans for who watches a node
    replay_run                                      the run of ``replay``
"""
