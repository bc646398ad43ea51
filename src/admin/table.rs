//! Answers as people read them in a terminal: a list is a table, an object a list of its fields.

use serde_json::Value;

/// Columns of a list, in this order, as far as its entries have them.
const COLUMNS: [&str; 24] = [
    "n",
    "id",
    "at",
    "username",
    "name",
    "display_name",
    "label",
    "by",
    "kind",
    "state",
    "admin",
    "presence",
    "members",
    "owners",
    "sessions",
    "seen_at",
    "created_at",
    "expires_at",
    "uses",
    "uses_max",
    "purge_at",
    "actor",
    "action",
    "target",
];

/// The text of an answer.
pub fn show(answer: &Value) -> String {
    let Value::Object(fields) = answer else { return "done".to_owned() };
    let list = fields.values().find_map(Value::as_array);
    match list {
        Some(entries) if fields.len() <= 2 => table(entries, fields.get("total")),
        _ => object(answer),
    }
}

fn table(entries: &[Value], total: Option<&Value>) -> String {
    let shown = |column: &&&str| entries.iter().any(|entry| entry.get(**column).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(shown).copied().collect();
    let mut rows = vec![columns.iter().map(|column| column.to_uppercase()).collect::<Vec<_>>()];
    for entry in entries {
        rows.push(columns.iter().map(|column| cell(column, entry.get(*column))).collect());
    }
    let width = |place: usize| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    if let Some(total) = total.and_then(Value::as_i64) {
        lines.push(format!("({} of {total})", entries.len()));
    }
    lines.join("\n")
}

fn object(answer: &Value) -> String {
    let mut lines = Vec::new();
    flatten("", answer, &mut lines);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<_> =
        lines.into_iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
    lines.join("\n")
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else {
        return lines.push((prefix.to_owned(), cell(prefix, Some(value))));
    };
    for (name, value) in fields {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        flatten(&name, value, lines);
    }
}

fn cell(column: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "-".to_owned(),
        Some(Value::Number(number)) if column.ends_with("_at") || column == "at" => {
            number.as_i64().map_or_else(|| number.to_string(), moment)
        }
        // Whatever people called themselves must not steer the terminal.
        Some(Value::String(text)) => text.chars().filter(|c| !c.is_control()).collect(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| cell("", Some(value))).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(fields)) => {
            let name = fields.get("name").or(fields.get("username")).and_then(Value::as_str);
            let name = name.unwrap_or_default();
            let id = fields.get("uid").or(fields.get("id")).and_then(Value::as_str);
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            id.filter(|id| !id.is_empty()).map_or(name.clone(), |id| format!("{name} ({id})"))
        }
        Some(other) => other.to_string(),
    }
}

/// A time as HTTP writes it, without the weekday.
fn moment(ms: i64) -> String {
    let since = std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let text = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since);
    text.split_once(", ").map_or(text.clone(), |(_, rest)| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_a_table_and_an_object_its_fields() {
        let list = json!({"users": [{"id": "1", "username": "anna", "admin": true},
                                    {"id": "22", "username": "ben\u{1b}[2J", "admin": false}],
                          "total": 2});
        let text = show(&list);
        assert_eq!(text, "ID  USERNAME  ADMIN\n1   anna      yes\n22  ben[2J    -\n(2 of 2)");
        let one = json!({"link": "http://x/reset#t", "expires_at": 0, "now": {"users": 3}});
        let text = show(&one);
        assert!(text.contains("link        http://x/reset#t"), "{text}");
        assert!(text.contains("now.users   3") && text.contains("01 Jan 1970"), "{text}");
        assert_eq!(show(&Value::Null), "done");
    }
}
