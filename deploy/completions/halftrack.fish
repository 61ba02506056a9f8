# Completion of halftrack for fish, installed as share/fish/vendor_completions.d/halftrack.fish.
# The program itself says what fits, so that this file is never out of date.
_HALFTRACK_COMPLETE=fish_source halftrack 2>/dev/null | source
