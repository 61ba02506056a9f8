"""The only room that opens a socket, a namespace or a file of /proc or /sys. Ends in Evidence's values."""
