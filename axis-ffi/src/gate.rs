//! The only way in: checks what C hands over, catches panics, writes outputs on success and errors on failure.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axis_core::{Error, ErrorKind, Result, blocking, wire};
use serde::Serialize;
use serde_json::Value;

use crate::engine::axis_engine;
use crate::error::{AXIS_OK, axis_error, axis_status};
use crate::handle::{self, Handle, wrong};

/// An open engine as handles, streams and jobs share it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) engine: blocking::Engine,
    poisoned: AtomicBool,
}

impl Open {
    pub(crate) fn new(engine: blocking::Engine) -> Self {
        Self {
            engine,
            poisoned: AtomicBool::new(false),
        }
    }

    /// After a panic nobody knows what state it left: the engine answers no more.
    pub(crate) fn poison(&self, panic: &(dyn Any + Send)) -> Error {
        self.poisoned.store(true, Ordering::SeqCst);
        panicked(panic)
    }

    fn check(&self) -> Result<()> {
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Closed,
                "the engine is closed, because a call panicked",
            ));
        }
        if self.engine.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
        }
        Ok(())
    }
}

/// One call. Its methods check what it was given.
pub(crate) struct Gate {
    entered: RefCell<Option<Arc<Open>>>,
}

/// Runs one call.
///
/// # Safety
/// `error_out`, and every pointer that is handed to the gate, is NULL or what the header asks for, and stays so for the call.
pub(crate) unsafe fn enter(error_out: *mut *mut axis_error, call: impl FnOnce(&Gate) -> Result<()>) -> axis_status {
    let gate = Gate {
        entered: RefCell::default(),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| check_process().and_then(|()| call(&gate))));
    let error = match outcome {
        Ok(Ok(())) => return AXIS_OK,
        Ok(Err(error)) => error,
        Err(panic) => match gate.entered.take() {
            Some(open) => open.poison(&*panic),
            None => panicked(&*panic),
        },
    };
    let status = error.kind().number();
    if let Some(mut error_out) = NonNull::new(error_out).filter(|out| out.is_aligned()) {
        // SAFETY: it is what the header asks for, as the caller promises.
        unsafe { *error_out.as_mut() = handle::give(crate::error::Failure::new(&error)) };
    }
    status
}

/// Runs what cannot fail and has a value for when it cannot be known.
pub(crate) fn enter_or<T>(otherwise: T, call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(otherwise)
}

/// The process that has opened an engine.
static OWNER: OnceLock<u32> = OnceLock::new();

/// Remembers that engines, which have threads, are of this process.
pub(crate) fn own() {
    OWNER.get_or_init(process::id);
}

/// Tells whether this process was forked off the one that has engines: their threads did not come along, and what they had
/// locked stays locked.
pub(crate) fn is_forked() -> bool {
    OWNER.get().is_some_and(|owner| *owner != process::id())
}

/// Refuses calls in such a process, where they would wait for ever.
pub(crate) fn check_process() -> Result<()> {
    if !is_forked() {
        return Ok(());
    }
    let message = "this process was forked off one that has opened engines, whose threads did not come along; \
                   fork before the first engine is opened, or call exec in the child";
    Err(Error::new(ErrorKind::Closed, message).during("fork"))
}

/// Frees a handle, but what lives on threads that did not come along with a fork.
///
/// # Safety
/// As [`handle::take`].
pub(crate) unsafe fn free<H: Handle>(pointer: *mut H::Opaque) {
    if H::HAS_THREADS && is_forked() {
        return;
    }
    // SAFETY: as the caller promises.
    enter_or((), || drop(unsafe { handle::take::<H>(pointer) }));
}

/// Turns a panic into an error.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    Error::new(ErrorKind::Internal, format!("a call panicked: {message}"))
}

impl Gate {
    /// Enters an engine that is open.
    pub(crate) fn open(&self, engine: *const axis_engine) -> Result<Arc<Open>> {
        let open = self.any(engine)?;
        open.check()?;
        Ok(open)
    }

    /// Enters an engine that may be closed.
    pub(crate) fn any(&self, engine: *const axis_engine) -> Result<Arc<Open>> {
        let open = Arc::clone(&self.lend::<crate::engine::EngineHandle>(engine, "engine")?.0);
        *self.entered.borrow_mut() = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Enters an engine and finds a dataset of it.
    pub(crate) fn dataset(&self, engine: *const axis_engine, name: *const c_char) -> Result<blocking::Dataset> {
        let open = self.open(engine)?;
        open.engine.dataset(self.text(name, "dataset")?)
    }

    /// Lends what is behind a handle.
    pub(crate) fn lend<H: Handle>(&self, pointer: *const H::Opaque, name: &str) -> Result<&H> {
        // SAFETY: `enter` was promised so.
        unsafe { handle::lend(pointer, name) }
    }

    /// Reads a text.
    pub(crate) fn text(&self, pointer: *const c_char, name: &str) -> Result<&str> {
        self.text_or_null(pointer, name)?
            .ok_or_else(|| wrong(format!("`{name}` is NULL")))
    }

    /// Reads a text that may be missing.
    pub(crate) fn text_or_null(&self, pointer: *const c_char, name: &str) -> Result<Option<&str>> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: `enter` was promised that it ends with NUL and stays as it is for the call.
        let text = unsafe { CStr::from_ptr(pointer) };
        let not_text = |error: std::str::Utf8Error| {
            let at = error.valid_up_to();
            wrong(format!("`{name}` is not UTF-8 from byte {at} on"))
        };
        text.to_str().map(Some).map_err(not_text)
    }

    /// Reads a JSON text; NULL is `null`.
    pub(crate) fn json(&self, pointer: *const c_char, name: &str) -> Result<Value> {
        let Some(text) = self.text_or_null(pointer, name)? else {
            return Ok(Value::Null);
        };
        wire::json(text, name)
    }

    /// Reads a structure of options: so many bytes of it as its first member says, and zeros for what the caller does not know.
    pub(crate) fn options<T: crate::options::Options>(&self, pointer: *const T, name: &str) -> Result<T> {
        if pointer.is_null() {
            return Ok(T::default());
        }
        if !pointer.is_aligned() {
            return Err(wrong(format!("`{name}` is no pointer to options")));
        }
        // SAFETY: `enter` was promised that it begins with its size.
        let size = unsafe { pointer.cast::<usize>().read() };
        if !(T::FIRST_SIZE..=T::LARGEST).contains(&size) {
            let message = format!(
                "`struct_size` of `{name}` is {size}; initialise it with {}, which sets {}",
                T::INITIALISER,
                size_of::<T>()
            );
            return Err(wrong(message));
        }
        // SAFETY: it has so many bytes, as its first member says.
        let given = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), size) };
        let (known, more) = given.split_at(size.min(size_of::<T>()));
        if more.iter().any(|byte| *byte != 0) {
            let message = format!("`{name}` sets a member that this version of the library does not know");
            return Err(wrong(message));
        }
        let mut options = T::default();
        // SAFETY: `Options` promises that any bytes are a value, and there are no more of them than it has.
        unsafe { std::ptr::copy_nonoverlapping(known.as_ptr(), (&raw mut options).cast::<u8>(), known.len()) };
        Ok(options)
    }

    /// Takes the place of an output.
    pub(crate) fn out<T>(&self, pointer: *mut T, name: &str) -> Result<Out<T>> {
        let place = NonNull::new(pointer).ok_or_else(|| wrong(format!("`{name}` is NULL")))?;
        if place.is_aligned() {
            Ok(Out(place))
        } else {
            Err(wrong(format!("`{name}` is no pointer to an output")))
        }
    }
}

/// The place of an output, which is written on success alone.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// Writes it, and drops nothing: what was there before is not ours.
    pub(crate) fn write(self, value: T) -> Result<()> {
        // SAFETY: whoever called `Gate::out` was promised a place of this type.
        unsafe { self.0.write(value) };
        Ok(())
    }
}

impl Out<*mut c_char> {
    /// Writes a value as a JSON text that the caller frees.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<()> {
        self.write(to_text(value)?.into_raw())
    }

    /// Writes a text that the caller frees.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        self.write(c_text(text).into_raw())
    }
}

/// Writes a value as JSON.
pub(crate) fn to_text(value: &impl Serialize) -> Result<CString> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(error))?;
    Ok(c_text(json))
}

/// Makes a text for C; a NUL in it, which JSON never has, becomes a blank.
pub(crate) fn c_text(text: impl Into<Vec<u8>>) -> CString {
    let mut bytes: Vec<u8> = text.into();
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
