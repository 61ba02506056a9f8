"""The only room that opens sockets, /proc, /sys or a namespace. Ends in Evidence's values."""
