//! The native half of the Python package: handles, calls and streams. What they take and return is JSON; `python/axis` makes
//! Python of it.

mod call;
mod engine;
mod error;
mod events;
mod gate;
mod job;
mod listener;
mod log;
mod offline;
mod stream;

use pyo3::prelude::*;

/// The module `axis._axis`.
#[pymodule(gil_used = false)]
mod _axis {
    #[pymodule_export]
    use crate::call::Call;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::job::Job;
    #[pymodule_export]
    use crate::offline::{compact, restore};
    #[pymodule_export]
    use crate::stream::Stream;

    use axis_core::wire;
    use pyo3::prelude::*;

    /// The version of AXIS.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Cancels what runs and closes what is open; for the end of the interpreter.
    #[pyfunction]
    fn shutdown(py: Python<'_>) {
        crate::gate::shutdown(py);
    }

    /// Hands over what was logged meanwhile.
    #[pyfunction]
    fn hand_over_log(py: Python<'_>) -> PyResult<()> {
        crate::log::hand_over(py)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("QUESTIONS", pyo3::types::PyTuple::new(module.py(), wire::QUESTIONS)?)
    }
}
