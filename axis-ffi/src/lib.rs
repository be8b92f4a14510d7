//! AXIS for C.
