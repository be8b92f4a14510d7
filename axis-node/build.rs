//! Lets the linker leave what Node brings, and the macros write down the types of what they export.

use std::path::Path;

fn main() {
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Node unloads an addon with the last worker that uses it; the threads of the runtime would go on in nothing.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    // One file for each crate, made anew with each compilation; scripts/node-types.mjs makes native.d.ts of it.
    if let Some(types) = std::env::var_os("OUT_DIR").map(|out| Path::new(&out).join("types")) {
        if let Err(error) = std::fs::create_dir_all(&types) {
            println!("cargo:warning=the types of the addon cannot be written: {error}");
        }
        println!("cargo:rustc-env=NAPI_TYPE_DEF_TMP_FOLDER={}", types.display());
    }
}
