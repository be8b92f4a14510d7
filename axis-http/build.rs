//! Has the program built anew when the dashboard was.

use std::path::Path;

fn main() {
    // Cargo takes a path that is not there for one that has always just changed.
    let built = Path::new("ui/dist");
    let watched = if built.exists() { "ui/dist" } else { "ui" };
    println!("cargo:rerun-if-changed={watched}");
}
