//! A refusal as a page, for people whose browser was sent to an address that has nothing for them. Programs, and the
//! client's own calls, do not ask for a page and get JSON.

use std::sync::LazyLock;

use super::head::Head;
use super::response::Response;
use super::standalone_page::{Language, content_security_policy, items};
use crate::base::error::{Code, Error};

/// It needs no other file: where the server does not know the name it is asked by, it refuses those, too.
const PAGE: &str = include_str!("refusal.html");

static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| content_security_policy(PAGE));

/// What a page says in one language: title and lead of each kind, then the way home.
struct Texts {
    nothing: (&'static str, &'static str),
    unknown_host: (&'static str, &'static str),
    /// Before the address that is the right one.
    elsewhere: &'static str,
    failed: (&'static str, &'static str),
    home: &'static str,
}

fn texts(language: Language) -> Texts {
    match language {
        Language::En => Texts {
            nothing: (
                "There is nothing here",
                "The address may be wrong, or what was here is gone.",
            ),
            unknown_host: (
                "The server does not know this address",
                "Ask its administrator for the right one.",
            ),
            elsewhere: "Open this one instead:",
            failed: ("That did not work", "Try again in a moment."),
            home: "To the chat",
        },
        Language::Ru => Texts {
            nothing: (
                "Здесь ничего нет",
                "Возможно, в адресе ошибка или то, что здесь было, удалено.",
            ),
            unknown_host: (
                "Сервер не знает этого адреса",
                "Спросите правильный адрес у администратора.",
            ),
            elsewhere: "Откройте вместо него этот:",
            failed: ("Не получилось", "Попробуйте ещё раз чуть позже."),
            home: "В чат",
        },
        Language::Es => Texts {
            nothing: (
                "Aquí no hay nada",
                "Puede que la dirección sea incorrecta o que ya no exista.",
            ),
            unknown_host: (
                "El servidor no conoce esta dirección",
                "Pide la correcta a quien lo administra.",
            ),
            elsewhere: "Abre esta en su lugar:",
            failed: ("No ha funcionado", "Inténtalo de nuevo dentro de un momento."),
            home: "Ir al chat",
        },
    }
}

/// The same refusal as a page, if whoever asked wants one.
pub fn readable(refusal: Response, head: &Head) -> Response {
    if refusal.status() < 400 || !wants_page(head) {
        return refusal;
    }
    let language = Language::of(head);
    let texts = texts(language);
    let (title, lead) = match refusal.status() {
        404 => texts.nothing,
        421 => texts.unknown_host,
        _ => texts.failed,
    };
    page(refusal, language, title, lead, ("/", texts.home))
}

/// The refusal of a request by a name that is not the server's. It says which address to open instead.
pub(super) fn elsewhere(address: &str, head: &Head) -> Response {
    let sentence = format!("This server does not go by that name. Open {address}/ instead.");
    let refusal = Response::error(&Error::new(Code::Misdirected, sentence));
    if !wants_page(head) {
        return refusal;
    }
    let (language, home) = (Language::of(head), format!("{address}/"));
    let texts = texts(language);
    page(refusal, language, texts.unknown_host.0, texts.elsewhere, (&home, &home))
}

/// A refusal as a page, with a link: where it leads to, and what it says.
fn page(
    refusal: Response,
    language: Language,
    title: &str,
    lead: &str,
    (address, link): (&str, &str),
) -> Response {
    let page = PAGE
        .replace("{lang}", language.tag())
        .replace("{title}", title)
        .replace("{lead}", lead)
        .replace("{address}", address)
        .replace("{home}", link);
    refusal
        .replaced("text/html; charset=utf-8", page)
        .header("Content-Security-Policy", &**CONTENT_SECURITY_POLICY)
        .header("Vary", "Accept, Accept-Language")
}

fn wants_page(head: &Head) -> bool {
    matches!(head.method.as_str(), "GET" | "HEAD")
        && !head.path.starts_with("/api/")
        && items(head, "accept").any(|item| item.eq_ignore_ascii_case("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parse;

    fn asked(line: &str, fields: &str, code: Code) -> Response {
        let text = format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        readable(Response::error(&Error::new(code, "No.").retry_after(1_500)), &head)
    }

    fn body(response: &Response) -> String {
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    #[test]
    fn a_browser_gets_a_page_in_its_language_and_a_program_json() {
        const BROWSER: &str = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n";
        for (languages, title) in [
            ("", "There is nothing here"),
            ("Accept-Language: de, ru-RU;q=0.8, en;q=0.5\r\n", "Здесь ничего нет"),
            ("Accept-Language: es\r\n", "Aquí no hay nada"),
            ("Accept-Language: х, *\r\n", "There is nothing here"),
        ] {
            let page = asked("GET /nowhere", &format!("{BROWSER}{languages}"), Code::NotFound);
            assert_eq!(page.status(), 404);
            assert_eq!(page.get("content-type"), Some("text/html; charset=utf-8"));
            assert!(body(&page).contains(&format!("<h1>{title}</h1>")), "{languages}");
            assert!(!body(&page).contains('{') || body(&page).contains("<style>"));
            assert!(!body(&page).contains("{title}") && !body(&page).contains("{home}"));
            assert!(page.get("content-security-policy").unwrap().contains("style-src 'sha256-"));
        }
        let unknown = asked("GET /", BROWSER, Code::Misdirected);
        assert!(unknown.status() == 421 && body(&unknown).contains("does not know this address"));
        let limited = asked("GET /", BROWSER, Code::RateLimited);
        assert!(limited.get("retry-after").is_some() && body(&limited).contains("Try again"));
        for (line, fields) in [
            ("GET /nowhere", ""),
            ("GET /nowhere", "Accept: */*\r\n"),
            ("GET /api/nowhere", BROWSER),
            ("POST /nowhere", BROWSER),
        ] {
            let json = asked(line, fields, Code::NotFound);
            assert_eq!(json.get("content-type"), Some("application/json"), "{line} {fields}");
        }
    }
}
