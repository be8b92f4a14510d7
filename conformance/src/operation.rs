//! The operations of a driver, and the line of text that asks for one.

use serde_json::Value;

/// What a field of a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A plain word: a handle, a dataset, a number.
    Word,
    /// JSON on one line.
    Json,
}

/// An operation and its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The first word of the line.
    pub name: &'static str,
    /// What follows.
    pub fields: &'static [Field],
}

const fn operation(name: &'static str, fields: &'static [Field]) -> Operation {
    Operation { name, fields }
}

const W: Field = Field::Word;
const J: Field = Field::Json;

/// Every operation. A driver has all of them.
pub const OPERATIONS: &[Operation] = &[
    operation("open", &[W, J]),
    operation("close", &[W]),
    operation("version", &[]),
    operation("questions", &[]),
    operation("datasets", &[W]),
    operation("status", &[W, W]),
    operation("watermarks", &[W, W]),
    operation("reset_watermarks", &[W, W]),
    operation("sync", &[W, W, J]),
    operation("sync_all", &[W, J]),
    operation("sync_start", &[W, W, W, J]),
    operation("sync_wait", &[W]),
    operation("sync_cancel", &[W]),
    operation("cancel_sync", &[W, W]),
    operation("progress", &[W, W, J]),
    operation("verify", &[W, W, J]),
    operation("verify_all", &[W, J]),
    operation("query", &[W, J, J, J]),
    operation("query_arrow", &[W, J, J, J]),
    operation("query_start", &[W, W, J, J, J]),
    operation("query_wait", &[W]),
    operation("queries", &[W]),
    operation("cancel_query", &[W, W]),
    operation("page", &[W, W, J]),
    operation("metadata", &[W, W]),
    operation("ask", &[W, W, J]),
    operation("runs", &[W, W]),
];

/// One operation with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which.
    pub operation: &'static Operation,
    /// As many as the operation has fields.
    pub arguments: Vec<Value>,
}

impl Call {
    /// Reads `["sync", "e", "shop", {…}]`; fields of JSON at the end that are missing are null.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_json(parts: &[Value]) -> Result<Self, String> {
        let name = parts.first().and_then(Value::as_str).unwrap_or_default();
        let operation = OPERATIONS.iter().find(|operation| operation.name == name);
        let operation = operation.ok_or_else(|| format!("there is no operation `{name}`"))?;
        let mut arguments = parts[1..].to_vec();
        while operation.fields.get(arguments.len()) == Some(&Field::Json) {
            arguments.push(Value::Null);
        }
        if arguments.len() != operation.fields.len() {
            let (wanted, given) = (operation.fields.len(), arguments.len());
            return Err(format!("`{name}` has {wanted} arguments, and {given} are given"));
        }
        for (argument, field) in arguments.iter().zip(operation.fields) {
            let is_word = match argument {
                Value::String(text) => !text.is_empty() && !text.contains(['\t', '\n']),
                value => value.is_u64(),
            };
            if *field == Field::Word && !is_word {
                return Err(format!("`{name}`: {argument} is no word"));
            }
        }
        Ok(Self { operation, arguments })
    }

    /// Returns the operation's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.operation.name
    }

    /// Returns an argument as text, which those that are words have.
    #[must_use]
    pub fn word(&self, index: usize) -> String {
        match self.arguments.get(index) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    /// Returns an argument as JSON.
    #[must_use]
    pub fn json(&self, index: usize) -> Value {
        self.arguments.get(index).cloned().unwrap_or_default()
    }

    /// Writes the line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.name().to_owned();
        for (index, field) in self.operation.fields.iter().enumerate() {
            line.push('\t');
            match field {
                Field::Word => line.push_str(&self.word(index)),
                Field::Json => line.push_str(&self.json(index).to_string()),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(parts: &Value) -> Result<Call, String> {
        Call::from_json(parts.as_array().unwrap())
    }

    #[test]
    fn a_call_is_one_line() {
        let query = call(&json!(["query", "e", "select 'a\tb'\n"])).unwrap();
        assert_eq!(query.line(), "query\te\t\"select 'a\\tb'\\n\"\tnull\tnull");
        assert_eq!(call(&json!(["runs", "e", 5])).unwrap().line(), "runs\te\t5");
    }

    #[test]
    fn wrong_calls_are_told() {
        assert_eq!(call(&json!(["fly"])).unwrap_err(), "there is no operation `fly`");
        assert_eq!(call(&json!([])).unwrap_err(), "there is no operation ``");
        assert_eq!(
            call(&json!(["close"])).unwrap_err(),
            "`close` has 1 arguments, and 0 are given"
        );
        assert_eq!(
            call(&json!(["close", "a\tb"])).unwrap_err(),
            r#"`close`: "a\tb" is no word"#
        );
    }
}
