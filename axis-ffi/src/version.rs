//! Which version this is, at build time by macros and at run time by functions.

use std::ffi::{CStr, c_char};

/// The first part of the version. While it is 0, a new second part may change anything.
pub const AXIS_VERSION_MAJOR: u32 = 0;
/// The second part of the version.
pub const AXIS_VERSION_MINOR: u32 = 1;
/// The third part of the version.
pub const AXIS_VERSION_PATCH: u32 = 0;
/// The version as one number that grows: major * 1000000 + minor * 1000 + patch.
pub const AXIS_VERSION_NUMBER: u32 = 1000;

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("a version has no NUL"),
};

/// Returns the version of the library as text, such as `0.1.0`. Static, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn axis_version() -> *const c_char {
    TEXT.as_ptr()
}

/// Returns the version of the library as one number, to be compared with AXIS_VERSION_NUMBER of the header.
#[unsafe(no_mangle)]
pub extern "C" fn axis_version_number() -> u32 {
    AXIS_VERSION_NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_those_of_the_package() {
        let parts = [AXIS_VERSION_MAJOR, AXIS_VERSION_MINOR, AXIS_VERSION_PATCH];
        assert_eq!(parts.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
        assert_eq!(AXIS_VERSION_NUMBER, parts[0] * 1_000_000 + parts[1] * 1_000 + parts[2]);
    }
}
