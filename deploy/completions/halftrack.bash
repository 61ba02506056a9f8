# Completion of halftrack for bash, installed as share/bash-completion/completions/halftrack.
# The program itself says what fits, so that this file is never out of date.
eval "$(_HALFTRACK_COMPLETE=bash_source halftrack 2>/dev/null)"
