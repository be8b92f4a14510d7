//! `include/axis.h`: made from the source, and current.

use std::path::Path;

use cbindgen::{Builder, Config, DocumentationStyle, Language, SortKey, Style};

use super::support::root;

/// The header as it must be.
fn header() -> String {
    let mut config = Config {
        language: Language::C,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(str::to_owned).to_vec(),
        header: Some(include_str!("../../header/top.h").trim_end().to_owned()),
        include_guard: None,
        after_includes: Some(include_str!("../../header/arrow.h").trim_end().to_owned()),
        trailer: None,
        cpp_compat: true,
        style: Style::Both,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::C99,
        line_length: 120,
        tab_width: 2,
        ..Config::default()
    };
    config.function.sort_by = Some(SortKey::None);
    let rename = ("FFI_ArrowArrayStream", "struct ArrowArrayStream");
    config.export.rename.insert(rename.0.to_owned(), rename.1.to_owned());
    let mut text = Vec::new();
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let builder = Builder::new().with_crate(crate_dir).with_config(config);
    builder.generate().unwrap().write(&mut text);
    let text = String::from_utf8(text).unwrap();
    // The guard encloses everything but the conventions.
    let (top, rest) = text.split_once("#include").unwrap();
    let bottom = include_str!("../../header/bottom.h");
    format!("{top}#ifndef AXIS_H\n#define AXIS_H\n\n#include{rest}{bottom}")
}

#[test]
fn the_header_is_current() {
    let path = root().join("include/axis.h");
    let wanted = header();
    if std::env::var_os("AXIS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "include/axis.h is not current; AXIS_BLESS=1 cargo test -p axis-ffi header writes it"
    );
}
