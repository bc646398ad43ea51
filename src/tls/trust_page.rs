//! `/ca` and `/ca.crt`: the certificate of the server's own authority, and a page that says how to trust it, without a
//! script. Both are served on the plain address, too, because whoever needs them does not trust the other one yet.

use std::sync::LazyLock;

use super::authority::Authority;
use super::constraints::PRIVATE_NAMES;
use super::trust_texts::texts;
use crate::http::{Head, Language, Response, content_security_policy};

/// Where the page is.
pub const PAGE_PATH: &str = "/ca";

/// Where the certificate is.
pub const CERTIFICATE_PATH: &str = "/ca.crt";

const PAGE: &str = include_str!("trust.html");

static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| content_security_policy(PAGE));

/// For whom there are steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Ios,
    Android,
    Windows,
    MacOs,
    Linux,
    Firefox,
}

impl System {
    /// As the page lists them.
    pub const ALL: [Self; 6] =
        [Self::Ios, Self::Android, Self::Windows, Self::MacOs, Self::Linux, Self::Firefox];

    /// The one that the browser says it runs on; its steps are shown open.
    fn of(user_agent: &str) -> Option<Self> {
        let names = [
            ("iPhone", Self::Ios),
            ("iPad", Self::Ios),
            ("Android", Self::Android),
            // On these three, Firefox has a list of authorities of its own.
            ("Firefox/", Self::Firefox),
            ("Windows", Self::Windows),
            ("Macintosh", Self::MacOs),
            ("Linux", Self::Linux),
        ];
        names.into_iter().find_map(|(name, system)| user_agent.contains(name).then_some(system))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ios => "iPhone, iPad",
            Self::Android => "Android",
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
            Self::Linux => "Linux",
            Self::Firefox => "Firefox",
        }
    }
}

/// The page or the certificate, if this path is one of the two.
pub fn respond(authority: &Authority, head: &Head) -> Option<Response> {
    match head.path.as_str() {
        PAGE_PATH => Some(page(authority, head)),
        CERTIFICATE_PATH => Some(certificate(authority)),
        _ => None,
    }
}

/// PEM, because `update-ca-certificates` takes nothing else; everything that takes DER takes this as well.
fn certificate(authority: &Authority) -> Response {
    Response::new(200, "application/x-x509-ca-cert", authority.pem())
        .header("Cache-Control", "no-cache")
}

fn page(authority: &Authority, head: &Head) -> Response {
    let language = Language::of(head);
    let texts = texts(language);
    let here = System::of(head.headers.get("user-agent").unwrap_or_default());
    let systems = System::ALL.iter().zip(&texts.systems).map(|(system, steps)| {
        let open = if here == Some(*system) { " open" } else { "" };
        let steps = steps.iter().map(|step| format!("<li>{step}</li>")).collect::<String>();
        format!(
            "<details name=\"system\"{open}><summary>{}</summary><ol>{steps}</ol></details>\n",
            system.name()
        )
    });
    let names = authority.constraints().names().iter().map(|name| match name.as_str() {
        "localhost" => "<b>localhost</b>".to_owned(),
        name if PRIVATE_NAMES.contains(&name) => format!("<b>*.{name}</b>"),
        name => format!("<b>{name}</b>, <b>*.{name}</b>"),
    });
    let page = PAGE
        .replace("{lang}", language.tag())
        .replace("{title}", texts.title)
        .replace("{lead}", texts.lead)
        .replace("{download}", texts.download)
        .replace("{compare}", texts.compare)
        .replace("{fingerprint}", &authority.fingerprint())
        .replace("{steps}", texts.steps)
        .replace("{systems}", &systems.collect::<String>())
        .replace("{limits}", texts.limits)
        .replace("{vouches}", texts.vouches)
        .replace("{addresses}", texts.addresses)
        .replace("{names}", &names.collect::<Vec<_>>().join(", "))
        .replace("{nothing_else}", texts.nothing_else)
        .replace("{until}", &texts.until.replace("{time}", &authority.last_day()))
        .replace("{without}", texts.without)
        .replace("{chat}", texts.chat)
        .replace("{name}", authority.name());
    Response::new(200, "text/html; charset=utf-8", page)
        .header("Content-Security-Policy", &**CONTENT_SECURITY_POLICY)
        .header("Cache-Control", "no-cache")
        .header("Vary", "Accept-Language, User-Agent")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::http::parse;

    fn asked(authority: &Authority, path: &str, fields: &str) -> Option<Response> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        respond(authority, &head)
    }

    fn body(response: &Response) -> String {
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    #[test]
    fn the_page_explains_itself_in_three_languages_and_opens_the_steps_of_the_system_that_asks() {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::open(place.path(), Some("chatbox"), SystemTime::now()).unwrap();
        for (fields, title, open) in [
            ("User-Agent: Mozilla/5.0 (iPhone; CPU)\r\n", "Trust this server", "iPhone, iPad"),
            (
                "Accept-Language: ru\r\nUser-Agent: (Linux; Android 15)\r\n",
                "Доверять этому серверу",
                "Android",
            ),
            (
                "Accept-Language: es-MX\r\nUser-Agent: (X11; Linux) Firefox/1\r\n",
                "Confiar en este servidor",
                "Firefox",
            ),
            ("User-Agent: (Windows NT 10.0) Chrome/1\r\n", "Trust this server", "Windows"),
            ("User-Agent: (Macintosh) Safari/1\r\n", "Trust this server", "macOS"),
            ("User-Agent: (X11; Linux x86_64) Chrome/1\r\n", "Trust this server", "Linux"),
        ] {
            let page = asked(&authority, "/ca?x=1", fields).unwrap();
            assert!(
                page.get("content-security-policy")
                    .unwrap()
                    .contains("default-src 'none'; style-src 'sha256-")
            );
            let page = body(&page);
            assert!(page.contains(&format!("<h1>{title}</h1>")), "{fields}");
            assert!(page.contains(&format!("open><summary>{open}</summary>")), "{fields}");
            assert_eq!(page.matches(" open>").count(), 1, "{fields}");
            assert_eq!(page.matches("<li>").count(), 6 * 3 + 2);
            assert!(page.contains(&authority.fingerprint()) && page.contains("Impulse on chatbox"));
            assert!(
                page.contains("<b>chatbox</b>, <b>*.chatbox</b>")
                    && page.contains("<b>*.local</b>")
            );
            assert!(page.contains(&authority.last_day()));
            let rest = page.split_once("</style>").unwrap().1;
            assert!(!rest.contains(['{', '}']) && !page.contains("<script"), "{rest}");
        }
        assert_eq!(body(&asked(&authority, "/ca", "").unwrap()).matches(" open>").count(), 0);
    }

    #[test]
    fn the_certificate_is_what_phones_install_and_nothing_else_is_answered() {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::open(place.path(), None, SystemTime::now()).unwrap();
        let file = asked(&authority, "/ca.crt", "").unwrap();
        assert_eq!(file.get("content-type"), Some("application/x-x509-ca-cert"));
        assert_eq!(body(&file).matches("-----BEGIN").count(), 1, "no key");
        for path in ["/", "/ca/", "/ca.crt/x", "/CA"] {
            assert!(asked(&authority, path, "").is_none(), "{path}");
        }
    }
}
