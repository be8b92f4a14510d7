//! AXIS for Python.
