"""What is said of a diagnosis, in words without markup, which screen, page and reply put into theirs."""
