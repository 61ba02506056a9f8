"""Answering over HTTP: a server that holds its bounds, and scans in processes of their own.

The server is one thread, so that a scan can be a fork of it: what a scan loads, maps or leaks is gone with
its process, and a scan that crashes or hangs takes nothing with it.
"""
