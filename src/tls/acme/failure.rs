//! Why there is no certificate, in one sentence that says what to do.

use std::time::{Duration, SystemTime};

use instant_acme::{Error, Problem};

use super::attempts::Cost;
use super::transport::{Transport, Trouble};
use crate::base::limits::acme as limits;

/// The types of problems (RFC 8555, 6.7) begin with this.
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it has cost.
    pub cost: Cost,
    /// What went wrong and what to do, without a full stop.
    pub sentence: String,
    /// The authority wants to hear nothing before.
    pub not_before: Option<SystemTime>,
    /// The authority does not know the account, or does not want it any more.
    pub account_is_gone: bool,
}

impl Failure {
    /// Something on this machine.
    pub fn here(sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { cost: Cost::Nothing, sentence, not_before: None, account_is_gone: false }
    }

    /// The authority said something else than expected.
    pub fn refusal(sentence: impl Into<String>) -> Self {
        Self { cost: Cost::Refusal, ..Self::here(sentence) }
    }

    /// Whatever `instant-acme` says. `names` are those of the order.
    pub fn of(error: &Error, authority: &str, names: &str, transport: &Transport) -> Self {
        match error {
            Error::Api(problem) => {
                Self::of_problem(problem, authority, names, transport.retry_after())
            }
            Error::Timeout(_) => Self::refusal(format!("{authority} did not finish in time")),
            Error::Other(other) => match other.downcast_ref::<Trouble>() {
                Some(Trouble::Away(reason)) => Self::here(format!(
                    "cannot reach {authority}: {}; check the network and IMPULSE_TLS_ACME_DIRECTORY",
                    detail(reason)
                )),
                Some(Trouble::Nonsense(reason)) => Self {
                    not_before: transport.retry_after(),
                    ..Self::here(nonsense(authority, &detail(reason)))
                },
                Some(Trouble::Refusal(problem)) => {
                    Self::of_problem(problem, authority, names, transport.retry_after())
                }
                None => Self::refusal(nonsense(authority, &detail(&other.to_string()))),
            },
            error => Self::refusal(nonsense(authority, &detail(&error.to_string()))),
        }
    }

    /// What the authority says. `names` are those it speaks of.
    pub fn of_problem(
        problem: &Problem,
        authority: &str,
        names: &str,
        retry_after: Option<SystemTime>,
    ) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = kind.strip_prefix(NAMESPACE).unwrap_or(kind);
        let named =
            problem.subproblems.iter().filter_map(|part| Some(part.detail.as_deref()?.to_owned()));
        let said: Vec<_> = problem.detail.clone().into_iter().chain(named).collect();
        let said = detail(&said.join("; "));
        let is_limited = kind == "rateLimited";
        let wait = is_limited.then(|| SystemTime::now() + limits::LIMITED_WAIT);
        let is_about_account = said.to_ascii_lowercase().contains("account");
        Self {
            cost: Cost::Refusal,
            sentence: format!("{authority} says {said:?}: {}", advice(kind, names)),
            not_before: retry_after.or(wait),
            account_is_gone: kind == "accountDoesNotExist"
                || (kind == "unauthorized" && is_about_account),
        }
    }
}

/// What to do about a problem of that kind.
fn advice(kind: &str, names: &str) -> String {
    match kind {
        "connection" => format!(
            "it could not open http://{names}/ on port 80; let port 80 of {names} lead to this server \
             (IMPULSE_HTTP_LISTEN), through firewall and router"
        ),
        "unauthorized" | "incorrectResponse" => format!(
            "something else than this server answers at http://{names}/; let port 80 of {names} lead to this server \
             (IMPULSE_HTTP_LISTEN), and check that its addresses in DNS (A and AAAA) are those of this machine"
        ),
        "dns" => {
            format!("{names} has no address in DNS that it can find; check the A and AAAA records")
        }
        "caa" => {
            format!("the CAA records of {names} in DNS allow other authorities only; add this one")
        }
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            format!("it issues no certificate for {names}; check IMPULSE_TLS_DOMAINS")
        }
        "rateLimited" => "its limit is reached; it is asked again when it allows that".to_owned(),
        "externalAccountRequired" => {
            "set IMPULSE_TLS_ACME_EAB_KID and IMPULSE_TLS_ACME_EAB_KEY to what it gave you"
                .to_owned()
        }
        "invalidContact" | "unsupportedContact" => "check IMPULSE_TLS_ACME_MAIL".to_owned(),
        "userActionRequired" => "do what it asks for; then restart".to_owned(),
        "accountDoesNotExist" => "it does not know this server's account".to_owned(),
        "serverInternal" => "it has trouble of its own; it is asked again".to_owned(),
        _ => format!("no certificate for {names} was issued"),
    }
}

fn nonsense(authority: &str, reason: &str) -> String {
    format!(
        "{authority} does not answer as an ACME server does ({reason}); check IMPULSE_TLS_ACME_DIRECTORY"
    )
}

/// What somebody else wrote, short and on one line.
fn detail(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().trim_end_matches('.').chars().take(limits::DETAIL).map(plain).collect()
}

/// A period as people say it.
pub fn period(period: Duration) -> String {
    match period.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, detail: &str) -> Failure {
        let problem = json!({"type": format!("{NAMESPACE}{kind}"), "detail": detail});
        Failure::of_problem(
            &serde_json::from_value(problem).unwrap(),
            "ca.example",
            "a.example.org",
            None,
        )
    }

    #[test]
    fn every_refusal_says_who_said_what_about_which_name_and_what_to_do() {
        for (kind, parts) in [
            ("connection", ["port 80", "IMPULSE_HTTP_LISTEN"]),
            ("unauthorized", ["something else", "AAAA"]),
            ("dns", ["a.example.org", "A and AAAA"]),
            ("caa", ["CAA", "a.example.org"]),
            ("rejectedIdentifier", ["a.example.org", "IMPULSE_TLS_DOMAINS"]),
            ("rateLimited", ["limit", "again"]),
            ("externalAccountRequired", ["EAB_KID", "EAB_KEY"]),
            ("invalidContact", ["IMPULSE_TLS_ACME_MAIL", "check"]),
            ("somethingNew", ["a.example.org", "no certificate"]),
        ] {
            let failure = of(kind, "Because.");
            assert!(failure.sentence.starts_with("ca.example says \"Because\": "), "{failure:?}");
            assert!(parts.iter().all(|part| failure.sentence.contains(part)), "{failure:?}");
            assert!(!failure.sentence.contains('\n'));
            assert_eq!(failure.not_before.is_some(), kind == "rateLimited");
        }
    }

    #[test]
    fn what_the_authority_says_is_short_and_on_one_line() {
        let failure = of("dns", &format!("a\u{1b}[31m\nb{}", "x".repeat(10_000)));
        assert!(!failure.sentence.contains(['\n', '\u{1b}']));
        assert!(failure.sentence.chars().count() < limits::DETAIL + 200);
    }

    #[test]
    fn only_what_is_said_about_the_account_makes_a_new_one() {
        assert!(of("accountDoesNotExist", "x").account_is_gone);
        assert!(
            of("unauthorized", "Account is not valid, has status \"deactivated\"").account_is_gone
        );
        assert!(!of("unauthorized", "The key authorization file is wrong").account_is_gone);
    }

    #[test]
    fn a_period_is_said_in_the_unit_that_fits() {
        let said = |seconds| period(Duration::from_secs(seconds));
        assert_eq!(
            [said(5), said(600), said(86_400), said(864_000)],
            ["5 s", "10 min", "24 h", "10 days"]
        );
    }
}
