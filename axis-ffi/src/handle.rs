//! What stands behind the opaque pointers: a box of one kind each, which is given out once and taken back once.

use std::ptr::NonNull;

use axis_core::{Error, ErrorKind, Result};

/// A kind of handle. It owns what is in it; what is shared is in an `Arc` inside.
pub(crate) trait Handle: Sized {
    /// The opaque type that C sees.
    type Opaque;
    /// The number that stands in front of every handle of this kind, and of no other.
    const TAG: u64;
    /// What it is, for messages.
    const KIND: &'static str;
    /// Whether threads of the library work for it.
    const HAS_THREADS: bool = false;
}

#[repr(C)]
struct Tagged<H> {
    tag: u64,
    value: H,
}

/// Gives a handle out.
pub(crate) fn give<H: Handle>(value: H) -> *mut H::Opaque {
    Box::into_raw(Box::new(Tagged { tag: H::TAG, value })).cast()
}

/// Lends what is behind a pointer.
///
/// # Safety
/// The pointer is NULL, or leads to at least eight bytes that may be read, as every handle of ours does. Nobody frees it in
/// the meantime.
pub(crate) unsafe fn lend<'a, H: Handle>(pointer: *const H::Opaque, name: &str) -> Result<&'a H> {
    let tagged = pointer.cast::<Tagged<H>>();
    if tagged.is_null() {
        return Err(wrong(format!("`{name}` is NULL")));
    }
    // SAFETY: eight bytes are there, as the caller promises.
    if !tagged.is_aligned() || unsafe { tagged.cast::<u64>().read() } != H::TAG {
        return Err(wrong(format!("`{name}` is no pointer to {}", H::KIND)));
    }
    // SAFETY: only `give` writes this tag, in front of this kind of value.
    Ok(unsafe { &(*tagged).value })
}

/// Takes a handle back, unless the pointer is NULL or leads to something else.
///
/// # Safety
/// As [`lend`], and nobody uses the pointer any more.
pub(crate) unsafe fn take<H: Handle>(pointer: *mut H::Opaque) -> Option<H> {
    // SAFETY: as the caller promises.
    unsafe { lend::<H>(pointer, "handle") }.ok()?;
    let mut tagged = NonNull::new(pointer.cast::<Tagged<H>>())?;
    // SAFETY: the tag said that it is one of ours. Without the tag a second look at it is more likely to be noticed.
    unsafe { tagged.as_mut().tag = 0 };
    // SAFETY: `give` made it by a box.
    Some(unsafe { Box::from_raw(tagged.as_ptr()) }.value)
}

pub(crate) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fruit(&'static str);
    struct Stone;
    enum OpaqueFruit {}
    enum OpaqueStone {}

    impl Handle for Fruit {
        type Opaque = OpaqueFruit;
        const TAG: u64 = 1;
        const KIND: &'static str = "a fruit";
    }
    impl Handle for Stone {
        type Opaque = OpaqueStone;
        const TAG: u64 = 2;
        const KIND: &'static str = "a stone";
    }

    #[test]
    fn a_handle_is_lent_and_taken_as_what_it_is() {
        let fruit = give(Fruit("apple"));
        // SAFETY: it was given just now.
        assert_eq!(unsafe { lend::<Fruit>(fruit, "fruit") }.unwrap().0, "apple");
        // SAFETY: it leads to a handle, if to one of another kind.
        let error = unsafe { lend::<Stone>(fruit.cast(), "stone") }.err().unwrap();
        assert_eq!(error.message(), "`stone` is no pointer to a stone");
        // SAFETY: the same.
        assert!(unsafe { take::<Stone>(fruit.cast()) }.is_none());
        // SAFETY: NULL is allowed.
        assert!(unsafe { take::<Fruit>(std::ptr::null_mut()) }.is_none());
        // SAFETY: it is used no more.
        assert_eq!(unsafe { take::<Fruit>(fruit) }.unwrap().0, "apple");
    }

    #[test]
    fn null_and_what_is_not_aligned_are_noticed() {
        // SAFETY: NULL is allowed.
        let error = unsafe { lend::<Fruit>(std::ptr::null(), "fruit") }.err().unwrap();
        assert_eq!(error.message(), "`fruit` is NULL");
        let bytes = [0_u64; 2];
        let odd = bytes.as_ptr().cast::<u8>().wrapping_add(1);
        // SAFETY: eight bytes may be read there.
        assert!(unsafe { lend::<Fruit>(odd.cast(), "fruit") }.is_err());
    }
}
