//! Pictures of people over real sockets: what is taken, what is refused, what others are shown.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Answer, Client};

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb([10, 120, 200])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// `PUT /api/me/avatar` with bytes that are no JSON.
async fn upload(client: &Client, content_type: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "PUT /api/me/avatar HTTP/1.1\r\n{}Connection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        client.fields(),
        bytes.len()
    );
    client.raw(&[head.as_bytes(), bytes].concat()).await
}

async fn bytes_of(client: &Client, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(client.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end..].to_vec())
}

async fn profile(by: &Client, of: &Client) -> Value {
    by.get(&format!("/api/users/{}", of.uid)).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_picture_is_seen_by_others_at_once_and_its_address_never_changes_its_mind() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let mut socket = ben.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let answer = upload(&anna, "image/png", &encoded(640, 300, ImageFormat::Png)).await.expect(200);
    let event = socket.find("the new face", |frame| frame["op"] == "user").await;
    assert_eq!(event["user"]["avatar"], answer["avatar"]);
    let urls = &profile(&ben, &anna).await["avatar"];
    for size in [96, 384] {
        let url = urls[size.to_string()].as_str().unwrap();
        let (head, bytes) = bytes_of(&ben, url).await;
        assert!(head.starts_with("http/1.1 200") && head.contains("immutable"), "{head}");
        assert!(head.contains("content-type: image/jpeg") && head.contains("nosniff"), "{head}");
        let drawn = image::load_from_memory(&bytes).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (size, size));
    }
    let old = urls["96"].as_str().unwrap().to_owned();
    let other = upload(&anna, "image/jpeg", &encoded(9, 9, ImageFormat::Jpeg)).await.expect(200);
    assert_ne!(other["avatar"]["96"], old.as_str());
    assert!(bytes_of(&ben, &old).await.0.starts_with("http/1.1 404"));
    assert_eq!(anna.delete("/api/me/avatar").await.status, 204);
    assert_eq!(profile(&ben, &anna).await["avatar"], Value::Null);
    let gone = other["avatar"]["384"].as_str().unwrap();
    assert!(bytes_of(&ben, gone).await.0.starts_with("http/1.1 404"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_and_the_old_one_stays() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let png = encoded(50, 50, ImageFormat::Png);
    upload(&anna, "image/png", &png).await.expect(200);
    let before = profile(&anna, &anna).await["avatar"].clone();
    upload(&anna, "image/jpeg", &png).await.refused(400, "bad_request");
    upload(&anna, "image/png", &png[..60]).await.refused(400, "bad_request");
    upload(&anna, "image/png", b"").await.refused(400, "bad_request");
    upload(&anna, "image/svg+xml", b"<svg onload='x()'/>").await.refused(415, "unsupported_type");
    upload(&anna, "text/html", b"<script>x()</script>").await.refused(415, "unsupported_type");
    upload(&anna, "image/png", &encoded(9_000, 2, ImageFormat::Png))
        .await
        .refused(413, "too_large");
    let declared = format!(
        "PUT /api/me/avatar HTTP/1.1\r\n{}Content-Type: image/png\r\nContent-Length: 6000000\r\n\r\n",
        anna.fields()
    );
    anna.raw(declared.as_bytes()).await.refused(413, "too_large");
    let nobody = Client::new(server.address);
    upload(&nobody, "image/png", &png).await.refused(401, "unauthorized");
    assert_eq!(profile(&anna, &anna).await["avatar"], before);
    server.stop().await;
}

/// The kept picture in its large size, as others load it.
async fn drawn(client: &Client, answer: &Value) -> (String, Vec<u8>, RgbaImage) {
    let url = answer["avatar"]["384"].as_str().unwrap().to_owned();
    let (_, bytes) = bytes_of(client, &url).await;
    let image = image::load_from_memory(&bytes).unwrap().to_rgba8();
    (url, bytes, image)
}

fn bytes_as(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG whose Exif block says "turn a quarter clockwise" and, in words, where it was taken.
fn from_a_camera(image: &DynamicImage) -> Vec<u8> {
    let jpeg = bytes_as(image, ImageFormat::Jpeg);
    let exif = [
        b"Exif\0\0MM\0*\0\0\0\x08".as_slice(),
        &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0],
        b"Secret Street 5",
    ]
    .concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..], b"and after the end"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_turned_cropped_to_its_middle_and_forgets_where_it_was_taken() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    // 300 by 100: green at both ends; of the middle the upper half red, the lower blue.
    let mut photo = RgbImage::from_pixel(300, 100, Rgb([0, 250, 0]));
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        if (100..200).contains(&x) {
            *pixel = if y < 50 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) };
        }
    }
    let answer = upload(&anna, "image/jpeg", &from_a_camera(&photo.into())).await.expect(200);
    let (url, bytes, image) = drawn(&anna, &answer).await;
    assert!(url.ends_with("-384.jpg"));
    let strongest = |x, y| {
        let [r, g, b, _] = image.get_pixel(x, y).0;
        if r > 150 && g < 90 && b < 90 {
            "red"
        } else if b > 150 && g < 90 {
            "blue"
        } else {
            "other"
        }
    };
    let corners = [(20, 20), (20, 360), (360, 20), (360, 360)].map(|(x, y)| strongest(x, y));
    assert_eq!(corners, ["blue", "blue", "red", "red"], "turned clockwise, nothing green");
    for secret in ["Exif", "Secret", "after the end"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_stands_still_and_transparency_stays() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut gif = Vec::new();
    let frames = [[250, 0, 0, 255], [0, 250, 0, 255], [0, 0, 250, 255]];
    let frames = frames.map(|colour| Frame::new(RgbaImage::from_pixel(40, 40, Rgba(colour))));
    GifEncoder::new(&mut gif).encode_frames(frames).unwrap();
    let answer = upload(&anna, "image/gif", &gif).await.expect(200);
    let (_, _, image) = drawn(&anna, &answer).await;
    let [r, g, b, _] = image.get_pixel(192, 192).0;
    assert!(r > 200 && g < 50 && b < 50, "the first frame: {r} {g} {b}");
    // A white disc on nothing, whose invisible pixels are black: no grey fringe where they meet.
    let mut disc = RgbaImage::from_pixel(200, 200, Rgba([0, 0, 0, 0]));
    for (x, y, pixel) in disc.enumerate_pixels_mut() {
        if (i64::from(x) - 100).pow(2) + (i64::from(y) - 100).pow(2) < 80 * 80 {
            *pixel = Rgba([255, 255, 255, 255]);
        }
    }
    for (format, content_type) in
        [(ImageFormat::Png, "image/png"), (ImageFormat::WebP, "image/webp")]
    {
        let bytes = bytes_as(&disc.clone().into(), format);
        let answer = upload(&anna, content_type, &bytes).await.expect(200);
        let (url, _, image) = drawn(&anna, &answer).await;
        assert!(url.ends_with("-384.png"), "{url}");
        assert_eq!(image.get_pixel(2, 2).0[3], 0);
        assert_eq!(image.get_pixel(192, 192).0, [255; 4]);
        let grey = image.pixels().find(|pixel| pixel.0[3] > 20 && pixel.0[0] < 240);
        assert_eq!(grey, None);
    }
    let sql = server.sql().await;
    let kept = sql.query_one("SELECT count(*) FROM accounts.avatars", &[]).await.unwrap();
    assert_eq!(kept.get::<_, i64>(0), 2, "two sizes of the last picture and nothing else");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_torn_files_are_refused() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    // A few kilobytes that unpack to 25 million pixels.
    let bomb = bytes_as(&GrayImage::new(5_000, 5_000).into(), ImageFormat::Png);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    upload(&anna, "image/png", &bomb).await.refused(413, "too_large");
    // A small frame on a canvas that no memory holds.
    let mut gif = encoded(9, 9, ImageFormat::Gif);
    gif[6..10].fill(0xff);
    upload(&anna, "image/gif", &gif).await.refused(413, "too_large");
    let whole = RgbImage::from_fn(120, 90, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])).into();
    for (format, content_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        let bytes = bytes_as(&whole, format);
        for part in [12, 40, bytes.len() / 2] {
            let answer = upload(&anna, content_type, &bytes[..part]).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "bad_request"),
                "{format:?} {part}"
            );
            assert!(String::from_utf8_lossy(&answer.body).contains("avatar"));
        }
    }
    assert_eq!(profile(&anna, &anna).await["avatar"], Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_read_only_from_who_may_send_it_and_one_at_a_time() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let png = encoded(30, 30, ImageFormat::Png);
    let head = |client: &Client, length: usize| {
        format!(
            "PUT /api/me/avatar HTTP/1.1\r\n{}Connection: close\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n",
            client.fields()
        )
    };
    // Refused before a byte of the body is there.
    let nobody = Client::new(server.address);
    nobody.raw(head(&nobody, 5_000_000).as_bytes()).await.refused(401, "unauthorized");
    let mut stranger = anna.clone();
    stranger.origin = Some("https://elsewhere.example".into());
    stranger.raw(head(&stranger, 5_000_000).as_bytes()).await.refused(403, "bad_origin");
    // Half an upload holds her place, not his.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let expecting = head(&anna, png.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    slow.write_all(expecting.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    slow.write_all(&png[..20]).await.unwrap();
    let refused = upload(&anna, "image/png", &png).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    upload(&ben, "image/png", &png).await.expect(200);
    slow.write_all(&png[20..]).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Free again; also when an upload is given up half-way.
    let mut given_up = TcpStream::connect(server.address).await.unwrap();
    given_up.write_all(head(&anna, png.len()).as_bytes()).await.unwrap();
    drop(given_up);
    let deadline = tokio::time::Instant::now() + support::client::PATIENCE;
    while upload(&anna, "image/png", &png).await.status != 200 {
        assert!(tokio::time::Instant::now() < deadline, "the place is not free again");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_has_an_address_and_a_removed_account_shows_no_face() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let answer = upload(&anna, "image/png", &encoded(30, 30, ImageFormat::Png)).await.expect(200);
    let url = answer["avatar"]["96"].as_str().unwrap().to_owned();
    let name = url.strip_prefix("/avatars/").unwrap().strip_suffix("-96.jpg").unwrap();
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for wrong in [
        format!("/avatars/{name}-97.jpg"),
        format!("/avatars/{name}-96.png"),
        format!("/avatars/{name}-096.jpg"),
        format!("/avatars/{}-96.jpg", name.to_uppercase() + "0"),
        format!("/avatars/{name}.jpg"),
        "/avatars/".into(),
        "/avatars/../avatars".into(),
    ] {
        let (head, _) = bytes_of(&anna, &wrong).await;
        assert!(!head.starts_with("http/1.1 200"), "{wrong}: {head}");
        assert!(!head.contains("immutable"), "{wrong}: {head}");
    }
    let sql = server.sql().await;
    sql.execute("UPDATE accounts.users SET disabled_at = 1, removed_at = 1", &[]).await.unwrap();
    assert!(bytes_of(&anna, &url).await.0.starts_with("http/1.1 404"));
    server.stop().await;
}
