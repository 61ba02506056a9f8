"""What a Prometheus and a Grafana need to know of Halftrack: rules, inhibition, a dashboard.

Everything below ``deploy/prometheus``, ``deploy/alertmanager`` and ``deploy/grafana`` is written from here
(``scripts/generate``), and nothing of it by hand:

    pace.py        how long things are looked at before they count, and what is much
    records.py     what the alerts rest on: recording rules
    alerts.py      the four things worth waking for
    rules.py       both as groups of rules
    inhibition.py  which alert says less than another one
    queries.py     PromQL as the dashboard asks it, for the nodes that were chosen
    panels.py      what the dashboard shows
    dashboard.py   where it stands, as Grafana reads it
    files.py       all of them as files
    __main__.py    the same written for you, with links to where your people read runbooks

Names of metrics are the exporter's. Thresholds of a table's fullness are the doctor's.
"""
