"""A diagnosis as Prometheus' metrics: values in, text out."""

from __future__ import annotations

from halftrack.reporters.prometheus import series
from halftrack.reporters.prometheus.series import aged, failed, of
from halftrack.reporters.prometheus.sums import Sums, added
from halftrack.reporters.prometheus.text import CONTENT_TYPE, exposition

__all__ = ["CONTENT_TYPE", "Sums", "added", "aged", "exposition", "failed", "of", "series"]
