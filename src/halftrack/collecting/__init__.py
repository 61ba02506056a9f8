"""The script that collects evidence where nothing may be installed: ``collect.sh``, as it is."""
