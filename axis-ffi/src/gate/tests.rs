use std::ptr::{null, null_mut};

use super::*;
use crate::engine::{EngineHandle, axis_engine_free};
use crate::error::{
    AXIS_CLOSED, AXIS_INTERNAL, AXIS_INVALID_ARGUMENT, axis_error_free, axis_error_message, axis_error_status,
};
use crate::options::axis_sync_options;
use crate::read::axis_engine_status;

/// Runs a call and returns its status and message.
fn run(call: impl FnOnce(&Gate) -> Result<()>) -> (axis_status, String) {
    let mut error = null_mut();
    // SAFETY: the error is a local variable.
    let status = unsafe { enter(&raw mut error, call) };
    // SAFETY: it is NULL or an error.
    let (told, message) = unsafe { (axis_error_status(error), axis_error_message(error)) };
    assert_eq!(told, status);
    let message = if message.is_null() {
        String::new()
    } else {
        // SAFETY: it is borrowed from the error, which is there.
        unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned()
    };
    // SAFETY: it is used no more.
    unsafe { axis_error_free(error) };
    (status, message)
}

fn refused(call: impl FnOnce(&Gate) -> Result<()>) -> String {
    let (status, message) = run(call);
    assert_eq!(status, AXIS_INVALID_ARGUMENT);
    message
}

#[test]
fn texts_and_outputs_are_checked() {
    assert_eq!(run(|_| Ok(())), (AXIS_OK, String::new()));
    assert_eq!(refused(|gate| gate.text(null(), "sql").map(drop)), "`sql` is NULL");
    let bad = c"ab\xFFc";
    assert_eq!(
        refused(|gate| gate.text(bad.as_ptr(), "sql").map(drop)),
        "`sql` is not UTF-8 from byte 2 on"
    );
    let message = refused(|gate| gate.json(c"{".as_ptr(), "params_json").map(drop));
    assert!(message.starts_with("`params_json` is not JSON: EOF"), "{message}");
    assert_eq!(
        refused(|gate| gate.out::<u64>(null_mut(), "count_out").map(drop)),
        "`count_out` is NULL"
    );
    let mut value = 7_u64;
    let odd = (&raw mut value).cast::<u8>().wrapping_add(1).cast::<u64>();
    assert_eq!(
        refused(|gate| gate.out(odd, "count_out").map(drop)),
        "`count_out` is no pointer to an output"
    );
    assert_eq!(value, 7);
    assert_eq!(c_text("a\0b").as_c_str(), c"a b");
}

#[test]
fn options_are_read_as_far_as_they_go() {
    #[repr(C)]
    struct Later {
        options: axis_sync_options,
        more: u64,
    }
    let sized = |struct_size| axis_sync_options {
        struct_size,
        mode: 1,
        ..axis_sync_options::default()
    };
    let read = |options: &axis_sync_options| run(|gate| gate.sync_options(options).map(drop));
    assert_eq!(read(&sized(size_of::<axis_sync_options>())).0, AXIS_OK);
    for size in [0, 8, 1 << 20, usize::MAX] {
        let (status, message) = read(&sized(size));
        assert_eq!(status, AXIS_INVALID_ARGUMENT);
        assert!(message.contains("AXIS_SYNC_OPTIONS_INIT"), "{message}");
    }
    for (more, expected) in [(0, AXIS_OK), (1, AXIS_INVALID_ARGUMENT)] {
        let later = Later {
            options: sized(size_of::<Later>()),
            more,
        };
        assert_eq!(
            run(|gate| gate.sync_options((&raw const later).cast()).map(drop)).0,
            expected
        );
    }
}

#[test]
fn a_panic_is_an_error_and_closes_the_engine_that_it_happened_in() {
    let directory = tempfile::tempdir().unwrap();
    let opened = || {
        let path = directory.path().join("s.duckdb");
        let engine = blocking::Engine::open(path).unwrap();
        handle::give(EngineHandle(Arc::new(Open::new(engine))))
    };
    let (status, message) = run(|_| std::panic::resume_unwind(Box::new("outside of any")));
    assert_eq!(status, AXIS_INTERNAL);
    assert_eq!(message, "a call panicked: outside of any");
    let engine = opened();
    let (status, message) = run(|gate| {
        gate.open(engine)?;
        std::panic::resume_unwind(Box::new("in an engine".to_owned()))
    });
    assert_eq!((status, &*message), (AXIS_INTERNAL, "a call panicked: in an engine"));
    let mut json = null_mut();
    // SAFETY: the engine lives, and the output is a local variable.
    let status = unsafe { axis_engine_status(engine, c"monitoring".as_ptr(), &raw mut json, null_mut()) };
    assert_eq!(status, AXIS_CLOSED);
    assert!(json.is_null());
    // SAFETY: it is used no more.
    unsafe { axis_engine_free(engine) };
    let engine = opened();
    assert_eq!(run(|gate| gate.open(engine).map(drop)).0, AXIS_OK);
    // SAFETY: it is used no more.
    unsafe { axis_engine_free(engine) };
}
