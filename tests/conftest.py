"""What holds for all tests: nothing has to be done within a time, on a machine that others use, too."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
