"""The blocks of the doctor's screen, one file each: a diagnosis in, lines out."""
