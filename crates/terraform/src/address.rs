//! Addresses as Terraform writes them: `module.network["a"].aws_subnet.private[0]`.

use serde_json::Value;

/// The address of one instance.
pub(crate) fn of(module: Option<&str>, type_name: &str, name: &str, key: Option<&Value>) -> String {
    let module = module.map(|module| format!("{module}.")).unwrap_or_default();
    format!("{module}{type_name}.{name}{}", key.map(index).unwrap_or_default())
}

fn index(key: &Value) -> String {
    match key {
        // As HCL quotes: a template would begin with `${` or `%{`.
        Value::String(text) => {
            let mut quoted = String::new();
            let mut rest = text.chars().peekable();
            while let Some(c) = rest.next() {
                match c {
                    '"' | '\\' => quoted.extend(['\\', c]),
                    '\n' => quoted.push_str("\\n"),
                    '\r' => quoted.push_str("\\r"),
                    '\t' => quoted.push_str("\\t"),
                    '$' | '%' if rest.peek() == Some(&'{') => quoted.extend([c, c]),
                    c => quoted.push(c),
                }
            }
            format!("[\"{quoted}\"]")
        }
        Value::Null => String::new(),
        other => format!("[{other}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_written_as_terraform_writes_them() {
        let cases = [
            (None, json!(null), "aws_vpc.main"),
            (Some("module.vpc"), json!(0), "module.vpc.aws_vpc.main[0]"),
            (
                Some("module.network[\"a\"].module.x[1]"),
                json!("b"),
                "module.network[\"a\"].module.x[1].aws_vpc.main[\"b\"]",
            ),
            (None, json!("say \"${x}\" \\"), "aws_vpc.main[\"say \\\"$${x}\\\" \\\\\"]"),
            (None, json!("$5 100%"), "aws_vpc.main[\"$5 100%\"]"),
        ];
        for (module, key, expected) in cases {
            assert_eq!(of(module, "aws_vpc", "main", Some(&key)), expected);
        }
    }
}
