//! Files that are part of the program, to try it out.

use crate::error::{Error, ErrorKind, Result};

const EXAMPLES: [(&str, &[u8]); 1] = [("hitl", include_bytes!("example/hitl.csv"))];

pub(super) fn find(name: &str) -> Result<&'static [u8]> {
    let found = EXAMPLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| {
        let known: Vec<&str> = EXAMPLES.iter().map(|(known, _)| *known).collect();
        let message = format!("there is no example `{name}`; there are: {}", known.join(", "));
        Error::new(ErrorKind::NotFound, message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::upload;
    use super::*;
    use crate::uploads::Limits;

    #[test]
    fn every_example_is_accepted() {
        for (name, bytes) in EXAMPLES {
            let (cases, description) = upload::read(bytes, Limits::default()).unwrap();
            assert_eq!(cases.len(), 12, "{name}");
            assert!(
                cases
                    .iter()
                    .all(|case| case.metrics.len() == 3 && !case.conversation.is_empty())
            );
            assert_eq!(description.promoted, ["reviewer"]);
            assert!(description.schema.source_fields.contains(&"source_name".to_owned()));
        }
        assert_eq!(
            find("other").unwrap_err().message(),
            "there is no example `other`; there are: hitl"
        );
    }
}
