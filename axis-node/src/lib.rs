//! AXIS for Node.
