//! The AXIS HTTP server, as a library that other programs and the tests run in their own process.
//!
//! ```no_run
//! # async fn example(engine: axis_core::Engine) -> axis_core::Result<()> {
//! use axis_core::CancellationToken;
//!
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8500)).await.expect("the port is free");
//! let shutdown = CancellationToken::new();
//! axis_http::serve(engine, listener, shutdown).await
//! # }
//! ```
//!
//! # How it fits together
//! * [`serve`] syncs at startup, runs the schedule, answers until it is told to stop, and closes the engine.
//! * [`router`] is the routes with their keys and limits, for programs that bring their own server.
//! * [`demo`] makes a SQLite file with made-up data, and the configuration that reads it.

pub mod demo;

mod app;
mod audit;
mod auth;
mod edge;
mod extract;
mod fresh;
mod gate;
mod openapi;
mod routes;
mod server;
mod work;

pub use routes::has_dashboard;
pub use routes::rows_added;
pub use server::{ServeOptions, router, serve, serve_with};
