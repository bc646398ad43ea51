//! Replies as text for a terminal: a list becomes a table, an object a list of its fields.

use comfy_table::{Table, presets};
use serde_json::Value;

/// Columns of a list, in this order, as far as its entries have them.
const COLUMNS: [&str; 26] = [
    "n",
    "id",
    "at",
    "username",
    "name",
    "display_name",
    "label",
    "by",
    "kind",
    "files",
    "bytes",
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

/// The text of a reply.
pub fn render(reply: &Value) -> String {
    let Value::Object(fields) = reply else { return "done".to_owned() };
    let list = fields.values().find_map(Value::as_array);
    match list {
        Some(entries) if fields.len() <= 2 => table(entries, fields.get("total")),
        _ => object(reply),
    }
}

fn table(entries: &[Value], total: Option<&Value>) -> String {
    let is_present = |column: &&&str| entries.iter().any(|entry| entry.get(**column).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(is_present).copied().collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    for entry in entries {
        table.add_row(columns.iter().map(|column| cell(column, entry.get(*column))));
    }
    let mut text = aligned(table);
    if let Some(total) = total.and_then(Value::as_i64) {
        text.push_str(&format!("\n({} of {total})", entries.len()));
    }
    text
}

fn object(reply: &Value) -> String {
    let mut fields = Vec::new();
    flatten("", reply, &mut fields);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_rows(fields);
    aligned(table)
}

/// Columns as wide as their cells appear in a terminal, two spaces apart.
fn aligned(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

fn flatten(prefix: &str, value: &Value, fields: &mut Vec<[String; 2]>) {
    let Value::Object(members) = value else {
        return fields.push([prefix.to_owned(), cell(prefix, Some(value))]);
    };
    for (name, value) in members {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        flatten(&name, value, fields);
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
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(values)) => {
            values.iter().map(|value| cell("", Some(value))).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(fields)) => {
            let name = fields.get("name").or(fields.get("username")).and_then(Value::as_str);
            let name = name.unwrap_or_default();
            let id = fields.get("uid").or(fields.get("id")).and_then(Value::as_str);
            let name = printable(name);
            id.filter(|id| !id.is_empty()).map_or(name.clone(), |id| format!("{name} ({id})"))
        }
        Some(other) => other.to_string(),
    }
}

/// A text without control characters: a name must not control the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A time as HTTP writes it, without the weekday.
pub fn moment(ms: i64) -> String {
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
        let text = render(&list);
        assert_eq!(text, "ID  USERNAME  ADMIN\n1   anna      yes\n22  ben[2J    -\n(2 of 2)");
        let one = json!({"link": "http://x/reset#t", "expires_at": 0, "now": {"users": 3}});
        let text = render(&one);
        assert!(text.contains("link        http://x/reset#t"), "{text}");
        assert!(text.contains("now.users   3") && text.contains("01 Jan 1970"), "{text}");
        assert_eq!(render(&Value::Null), "done");
    }

    #[test]
    fn wide_and_combining_characters_are_aligned() {
        let list = json!({"users": [{"username": "\u{5c71}\u{7530}", "state": "active"},
                                    {"username": "Zoe\u{308}", "state": "active"}], "total": 2});
        let expected =
            "USERNAME  STATE\n\u{5c71}\u{7530}      active\nZoe\u{308}       active\n(2 of 2)";
        assert_eq!(render(&list), expected);
    }
}
