//! Texts that are handed out.

use std::ffi::{CString, c_char};

use crate::gate::enter_or;

/// Frees a text that a function has written to an output. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_text_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the header asks for a text that `Out::json` made and nobody uses any more.
        enter_or((), || drop(unsafe { CString::from_raw(text) }));
    }
}
