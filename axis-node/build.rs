//! Lets the linker leave what Node brings.

fn main() {
    napi_build::setup();
}
