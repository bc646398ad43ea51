//! `impulse admin directory`: the list of everybody's keys after a restore, in words.

use serde_json::{Value, json};

use super::args::Directory;
use super::client::Client;
use super::table::moment;

const PATH: &str = "/api/admin/directory";

/// Shows it, or does what the verb says.
///
/// # Errors
/// The server's own sentence, or what went wrong on the way.
pub(super) async fn call(client: &Client, verb: Option<Directory>) -> Result<Value, String> {
    let answer = match verb {
        None => client.call("GET", PATH, None).await,
        Some(Directory::Open { keep_ours }) => {
            let body = json!({"keep_ours": keep_ours});
            client.call("POST", &format!("{PATH}/open"), Some(body)).await
        }
        Some(Directory::Adopt) => {
            client.call("POST", &format!("{PATH}/adopt"), Some(json!({}))).await
        }
    };
    let mut answer = answer?;
    answer["notice"] = json!(notice(&answer));
    Ok(answer)
}

/// What there is to know or to do, in a few sentences.
fn notice(report: &Value) -> String {
    let in_the_way = in_the_way(report);
    match report["state"].as_str() {
        Some("conflict") => format!("{} {in_the_way}", rival(&report["rival"])).trim().to_owned(),
        Some("closed") => format!(
            "The data were restored. Browsers bring back what was lost; keys cannot be changed until nothing has come \
             back for an hour, or `impulse admin directory open`. {in_the_way}"
        )
        .trim()
        .to_owned(),
        _ => in_the_way,
    }
}

fn rival(rival: &Value) -> String {
    let number = |name: &str| rival[name].as_u64().unwrap_or_default();
    let (theirs, ours) = (number("theirs"), number("ours"));
    let length = if theirs > ours { "longer" } else { "different" };
    let signed_at = moment(rival["signed_at"].as_i64().unwrap_or_default());
    let dropped = rival["dropped"].as_array().map_or(&[][..], Vec::as_slice);
    let named: Vec<_> = dropped.iter().map(described).collect();
    let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
    format!(
        "A {length} list of keys, signed by this server on {signed_at}, parts from ours at {}: theirs has {theirs} \
         entries more, ours {ours}{named}. Restore the backup once more with --restored, or run `impulse admin \
         directory adopt`; to keep ours for good, `impulse admin directory open --keep-ours`.",
        number("parts_at")
    )
}

fn described(dropped: &Value) -> String {
    let what = match dropped["type"].as_str() {
        Some("create") => "first keys",
        Some("rotate") => "rotated",
        Some("rename") => "renamed",
        Some("reset") => "reset",
        _ => "not known",
    };
    let who = dropped["name"].as_str().map(|name| format!("@{name}"));
    let who = who.unwrap_or_else(|| format!("id:{}", dropped["uid"].as_str().unwrap_or("?")));
    format!("{who}: {what}")
}

fn in_the_way(report: &Value) -> String {
    let accounts = report["in_the_way"].as_array().map_or(&[][..], Vec::as_slice);
    if accounts.is_empty() {
        return String::new();
    }
    let named = |account: &Value| {
        let text = |name: &str| account[name].as_str().unwrap_or("?").to_owned();
        format!("@{} ({})", text("username"), text("uid"))
    };
    let named: Vec<_> = accounts.iter().map(named).collect();
    format!(
        "The number or the name of these accounts is somebody else's in the list; remove or rename them: {}.",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_are_told_in_one_sentence_with_who_would_lose_what() {
        let report = json!({
            "state": "conflict",
            "rival": {"n": 381, "signed_at": 1_795_867_380_000_i64, "parts_at": 352, "theirs": 30, "ours": 2,
                      "dropped": [{"n": 352, "uid": "7", "name": "dora", "type": "create"},
                                  {"n": 353, "uid": "8", "name": null, "type": "rotate"}]},
            "in_the_way": [{"uid": "9", "username": "eve", "n": 360}],
        });
        let text = notice(&report);
        let wanted = "A longer list of keys, signed by this server on 28 Nov 2026 12:03:00 GMT, parts from ours at 352: \
                      theirs has 30 entries more, ours 2 (@dora: first keys, id:8: rotated).";
        assert!(text.starts_with(wanted), "{text}");
        assert!(text.ends_with("remove or rename them: @eve (9)."), "{text}");
        assert_eq!(notice(&json!({"state": "open", "rival": null, "in_the_way": []})), "");
    }
}
