"""Reporters: a value in, text out. They read nothing but their arguments."""
