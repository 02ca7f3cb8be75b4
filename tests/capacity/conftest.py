"""Properties of numerical code are checked without deadlines: a busy machine is no defect."""

from hypothesis import settings

settings.register_profile("numerical", deadline=None)
settings.load_profile("numerical")
