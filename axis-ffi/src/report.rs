//! Reports of syncs and verifications: typed for what programs decide by, JSON for everything.

use std::ffi::{CString, c_char};
use std::ptr::null;

use axis_core::{Result, SyncReport, VerifyReport};

use crate::gate::{enter_or, free, to_text};
use crate::handle::{self, Handle};

/// What a sync did. Immutable; may be read from any thread.
#[derive(Debug)]
pub struct axis_sync_report {
    _opaque: (),
}

/// What a comparison of source and store found. Immutable; may be read from any thread.
#[derive(Debug)]
pub struct axis_verify_report {
    _opaque: (),
}

pub(crate) struct SyncHandle {
    report: SyncReport,
    json: CString,
}

pub(crate) struct VerifyHandle {
    report: VerifyReport,
    json: CString,
}

impl SyncHandle {
    pub(crate) fn new(report: SyncReport) -> Result<Self> {
        let json = to_text(&report)?;
        Ok(Self { report, json })
    }
}

impl VerifyHandle {
    pub(crate) fn new(report: VerifyReport) -> Result<Self> {
        let json = to_text(&report)?;
        Ok(Self { report, json })
    }
}

impl Handle for SyncHandle {
    type Opaque = axis_sync_report;
    const TAG: u64 = u64::from_be_bytes(*b"axis syn");
    const KIND: &'static str = "a sync report";
}

impl Handle for VerifyHandle {
    type Opaque = axis_verify_report;
    const TAG: u64 = u64::from_be_bytes(*b"axis ver");
    const KIND: &'static str = "a verify report";
}

/// Looks into a handle; what is none has `otherwise`.
fn read<H: Handle, T>(pointer: *const H::Opaque, otherwise: T, read: impl FnOnce(&H) -> T) -> T {
    enter_or(None, || {
        // SAFETY: the header asks for a report that was not freed, or NULL.
        unsafe { handle::lend::<H>(pointer, "report") }.ok().map(read)
    })
    .unwrap_or(otherwise)
}

/// Tells whether readers see anything new; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_changed(report: *const axis_sync_report) -> bool {
    read(report, false, |handle: &SyncHandle| handle.report.changed)
}

/// Tells whether every table was brought up to date by a part of it alone; false when any was read whole, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_is_incremental(report: *const axis_sync_report) -> bool {
    read(report, false, |handle: &SyncHandle| {
        handle.report.strategy.as_str() == "incremental"
    })
}

/// Returns the dataset's generation after the sync, which grows by one with every change; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_generation(report: *const axis_sync_report) -> u64 {
    read(report, 0, |handle: &SyncHandle| handle.report.generation)
}

/// Returns the rows that were read from the source; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_rows_read(report: *const axis_sync_report) -> u64 {
    read(report, 0, |handle: &SyncHandle| handle.report.rows_read)
}

/// Returns the rows that all tables of the dataset now have; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_rows_total(report: *const axis_sync_report) -> u64 {
    read(report, 0, |handle: &SyncHandle| {
        handle.report.tables.iter().map(|table| table.rows_total).sum()
    })
}

/// Returns the milliseconds from start to commit; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_elapsed_ms(report: *const axis_sync_report) -> u64 {
    read(report, 0, |handle: &SyncHandle| handle.report.elapsed_ms)
}

/// Returns the whole report as a JSON object. Borrowed from the report; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_json(report: *const axis_sync_report) -> *const c_char {
    read(report, null(), |handle: &SyncHandle| handle.json.as_ptr())
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_sync_report_free(report: *mut axis_sync_report) {
    // SAFETY: the header asks for a report that is used no more, or NULL.
    unsafe { free::<SyncHandle>(report) };
}

/// Tells whether source and store are equal; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_verify_report_equal(report: *const axis_verify_report) -> bool {
    read(report, false, |handle: &VerifyHandle| handle.report.equal)
}

/// Returns the whole report, differences included, as a JSON object. Borrowed from the report; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_verify_report_json(report: *const axis_verify_report) -> *const c_char {
    read(report, null(), |handle: &VerifyHandle| handle.json.as_ptr())
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_verify_report_free(report: *mut axis_verify_report) {
    // SAFETY: the header asks for a report that is used no more, or NULL.
    unsafe { free::<VerifyHandle>(report) };
}
