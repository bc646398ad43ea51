//! What is found in which language: each query and the messages it finds, before and after they are filed, and after
//! the index was made anew.

use serde_json::json;

use crate::finder::{closed, filed, fill, found, search, wait};
use crate::support::TestServer;

/// Messages, each with a name for the table.
const MESSAGES: &[(&str, &str)] = &[
    ("meeting", "The meeting begins at noon"),
    ("meetings", "Too many Meetings this week"),
    ("met", "We met in the hall"),
    ("resume", "My résumé is attached"),
    ("go", "don't go, John's running"),
    ("code", "see v1.2.3 of foo_bar at https://example.org/a-b"),
    ("tag", "a <b>bold</b> claim, 100% sure"),
    ("emoji", "shipped 🎉👩‍👧"),
    ("vstrecha", "Завтра встреча в девять"),
    ("vstrechi", "Слишком много встреч на этой неделе"),
    ("elka", "Ёлка стоит у нового здания"),
    ("pisali", "Мы написали им длинное письмо"),
    ("reunion", "Mañana hay una reunión con los niños"),
    ("reuniones", "Demasiadas reuniones esta semana"),
    ("hablando", "Estaba hablando por teléfono"),
    ("negocios", "Los negocios van claramente bien"),
    ("beijing", "我们明天在北京大学开会"),
    ("shanghai", "上海的天气很好"),
    ("tokyo", "東京都の会議は明日です"),
    ("kaigi", "カイギとﾃｽﾄを終わりました"),
    ("hakgyo", "학교에서 회의가 있습니다"),
    ("hoeui", "내일 회의는 취소되었어요"),
    ("arabic", "الاجتماعُ غدًا في المكتب"),
    ("thai", "ประชุมพรุ่งนี้ตอนเช้า"),
    ("greek", "Η Συνάντηση είναι αύριο"),
    ("german", "Die Besprechung in der Straße fällt aus"),
];

/// Queries and the names of the messages they find.
const QUERIES: &[(&str, &[&str])] = &[
    // English.
    ("meeting", &["meeting", "meetings"]),
    ("MEETINGS week", &["meetings"]),
    ("\"the meeting\"", &["meeting"]),
    ("\"many meeting\"", &[]),
    ("meet", &["meeting", "meetings"]),
    ("meeti*", &["meeting", "meetings"]),
    ("me*", &["meeting", "meetings", "met"]),
    ("resume", &["resume"]),
    ("résumés", &["resume"]),
    ("attach", &["resume"]),
    ("run", &["go"]),
    ("runni*", &["go"]),
    ("john", &["go"]),
    ("dont", &["go"]),
    ("v1.2", &["code"]),
    ("foo_bar", &["code"]),
    ("foo bar -example", &[]),
    ("has:link", &["code"]),
    ("bold", &["tag"]),
    ("100%", &["tag"]),
    ("🎉", &["emoji"]),
    ("👧", &["emoji"]),
    ("many -week", &[]),
    ("the", &["meeting", "met"]),
    // Russian.
    ("встреча", &["vstrecha", "vstrechi"]),
    ("встречами", &["vstrecha", "vstrechi"]),
    ("встре*", &["vstrecha", "vstrechi"]),
    ("елка", &["elka"]),
    ("ёлки", &["elka"]),
    ("новые здания", &["elka"]),
    ("писать", &[]),
    ("написал письма", &["pisali"]),
    ("длинный", &["pisali"]),
    ("\"много встреч\"", &["vstrechi"]),
    ("\"много встречи\"", &[]),
    // Spanish.
    ("reunión", &["reunion", "reuniones"]),
    ("reunion", &["reunion", "reuniones"]),
    ("reuniones semana", &["reuniones"]),
    ("hablar", &["hablando"]),
    ("hablamos", &["hablando"]),
    ("telefono", &["hablando"]),
    ("nino", &["reunion"]),
    ("negocio", &["negocios"]),
    ("claro", &["negocios"]),
    // Chinese.
    ("北京", &["beijing"]),
    ("京", &["beijing", "tokyo"]),
    ("大学开会", &["beijing"]),
    ("北大", &[]),
    ("明天 北京", &["beijing"]),
    ("天", &["beijing", "shanghai"]),
    // Japanese.
    ("東京", &["tokyo"]),
    ("会議", &["tokyo"]),
    ("会議 明日", &["tokyo"]),
    ("カイギ", &["kaigi"]),
    ("テスト", &["kaigi"]),
    ("終わり", &["kaigi"]),
    ("ｶｲｷﾞ", &["kaigi"]),
    ("明日です", &["tokyo"]),
    // Korean.
    ("회의", &["hakgyo", "hoeui"]),
    ("학교", &["hakgyo"]),
    ("회의는", &["hoeui"]),
    ("취소", &["hoeui"]),
    ("내일 회의", &["hoeui"]),
    // Others.
    ("الاجتماع", &["arabic"]),
    ("الاجتماع غدا", &["arabic"]),
    ("พรุ่งนี้", &["thai"]),
    ("ΣΥΝΑΝΤΗΣΗ", &["greek"]),
    ("strasse", &["german"]),
    ("fallt", &["german"]),
];

async fn check(client: &crate::support::client::Client, state: &str) {
    for (query, expected) in QUERIES {
        let found = found(client, query).await;
        let mut names: Vec<_> = found
            .iter()
            .map(|text| MESSAGES.iter().find(|(_, known)| known == text).expect("one of these").0)
            .collect();
        names.reverse();
        assert_eq!(names, *expected, "{query} {state}");
    }
}

#[tokio::test]
async fn messages_are_found_in_every_language_before_and_after_they_are_filed_and_filed_again() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let room = closed(&boss, "languages").await;
    let mut socket = boss.socket().await;
    for (_, text) in MESSAGES {
        socket.send_text(&room, text).await;
    }
    check(&boss, "at once").await;
    fill(&mut socket, &room).await;
    let sql = server.sql().await;
    filed(&sql, &room).await;
    check(&boss, "once filed").await;
    // The index is what finds them, and it is made anew while searches go on.
    sql.batch_execute("UPDATE chat.search SET keys = ''::tsvector").await.unwrap();
    assert_eq!(search(&boss, "meeting").await["results"], json!([]));
    let report = boss.post("/api/admin/search/rebuild", json!({})).await.expect(202);
    assert!(report["rebuilding"]["of"].as_u64().unwrap() > 0, "{report}");
    wait("the index to be made anew", async || {
        boss.get("/api/admin/search").await.expect(200)["rebuilding"].is_null()
    })
    .await;
    check(&boss, "filed again").await;
    server.stop().await;
}
