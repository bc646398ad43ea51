//! Pictures: how large they are, in which forms they come, what of them is kept back; and what only says it is one.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, ImageFormat};
use impulse::base::limits::files;
use impulse::base::limits::pictures as limits;
use serde_json::{Value, json};

use crate::house::{House, PNG, Slow, TALKATIVE, announce, bytes, id, path_of, put, send, upload};
use crate::process::Process;
use crate::support::postgres;

const SECRET: &[u8] = b"52.5200N 13.4050E";

fn drawing(width: u32, height: u32) -> DynamicImage {
    let colour = |x, y| image::Rgb([(x / 8 % 256) as u8, (y / 8 % 256) as u8, 90]);
    image::RgbImage::from_fn(width, height, colour).into()
}

fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG that a camera has written lying on its side.
fn photo() -> Vec<u8> {
    let plain = encoded(drawing(1300, 700), ImageFormat::Jpeg);
    let entry = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    let exif = [b"Exif\0\0MM\0*\0\0\0\x08", &entry[..], SECRET].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, &exif, &plain[2..], b"film", SECRET].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(name);
    checksum.update(content);
    let length = (content.len() as u32).to_be_bytes();
    [&length[..], name, content, &checksum.sum().to_be_bytes()].concat()
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|found| found == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_says_its_size_comes_in_smaller_forms_and_keeps_back_what_is_about_it() {
    let house = House::new().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let photo = photo();
    let file = announce(&anna, "Photo.JPG", "image/jpeg", photo.len()).await;
    put(&anna, &file, 0, &photo[..9_000]).await.expect(200);
    let done = put(&anna, &file, 9_000, &photo[9_000..]).await.expect(200);
    let size = done["size"].as_u64().unwrap();
    assert_eq!(
        (&done["width"], &done["height"], &done["complete"]),
        (&json!(700), &json!(1300), &json!(true))
    );
    assert!(size < photo.len() as u64 && done["offset"] == size, "{done}");
    // The same once more, because the answer was lost; and how far it is.
    let again = put(&anna, &file, photo.len(), b"").await.expect(200);
    assert_eq!(again, done);
    put(&anna, &file, 9_000, &photo[9_000..]).await.refused(409, "wrong_offset");
    let path = format!("/api/files/{}", id(&file));
    let head = anna.request("HEAD", &path, None).await;
    let offset = size.to_string();
    assert_eq!(
        (head.header("upload-offset"), head.header("upload-length")),
        (Some(&*offset), Some(&*offset))
    );
    let usage = house.server.admin().await.get("/api/admin/files").await.expect(200);
    assert_eq!(usage["unsent"]["bytes"], size);

    let path = format!("/files/{}/x", id(&file));
    let original = anna.get(&path).await;
    assert_eq!(original.body.len() as u64, size);
    assert!(has(&photo, SECRET) && !has(&original.body, SECRET));
    let seen = image::load_from_memory(&original.body).unwrap();
    assert_eq!((seen.width(), seen.height()), (1300, 700), "no pixel was touched");
    let mut etags = vec![original.header("etag").unwrap().to_owned()];
    for (edge, wanted) in [(480, (258, 480)), (1280, (689, 1280))] {
        let sized = format!("{path}?size={edge}");
        let form = anna.get(&sized).await;
        assert_eq!((form.status, form.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(form.header("cache-control"), Some("private, max-age=31536000, immutable"));
        let drawn = image::load_from_memory(&form.body).unwrap();
        assert_eq!((drawn.width(), drawn.height()), wanted, "it stands upright");
        let etag = form.header("etag").unwrap().to_owned();
        let ask = async |method: &str, field: &str| {
            let fields = anna.fields();
            let head =
                format!("{method} {sized} HTTP/1.1\r\n{fields}Connection: close\r\n{field}\r\n");
            anna.raw(head.as_bytes()).await
        };
        let part = ask("GET", "Range: bytes=2-9\r\n").await;
        assert_eq!((part.status, part.body.as_slice()), (206, &form.body[2..10]));
        assert_eq!(ask("GET", &format!("If-None-Match: {etag}\r\n")).await.status, 304);
        let length = form.body.len().to_string();
        assert_eq!(ask("HEAD", "").await.header("content-length"), Some(&*length));
        assert!(!etags.contains(&etag));
        etags.push(etag);
        ben.get(&sized).await.refused(404, "not_found");
    }
    for wrong in ["0", "481", "x", ""] {
        anna.get(&format!("{path}?size={wrong}")).await.refused(400, "bad_request");
    }

    let mut of_anna = anna.socket().await;
    let mid = send(&mut of_anna, &[&file]).await;
    assert_eq!(ben.get(&format!("{path}?size=480")).await.status, 200);
    let page = ben.get(&format!("/api/rooms/1/messages?around={mid}")).await.expect(200);
    let sent = &page["messages"].as_array().unwrap().last().unwrap()["msg"]["f"][0];
    assert_eq!(
        (&sent["width"], &sent["height"], &sent["size"]),
        (&json!(700), &json!(1300), &json!(size))
    );
    // Whoever restores a server without the smaller forms has them again, drawn once for all who ask.
    let original = path_of(house.folder.path(), &file);
    let form = |edge: u32| {
        original.with_file_name(format!("{}-{edge}", original.file_name().unwrap().display()))
    };
    for edge in [480, 1280] {
        std::fs::remove_file(form(edge)).unwrap();
    }
    let sized = format!("{path}?size=480");
    let (one, two, three) = tokio::join!(anna.get(&sized), ben.get(&sized), anna.get(&sized));
    assert_eq!([one.status, two.status, three.status], [200; 3]);
    assert!(
        form(480).exists()
            && form(1280).exists()
            && has(&etags.concat().into_bytes(), one.header("etag").unwrap().as_bytes())
    );
    of_anna
        .ok(json!({"op": "msg.send", "room": "1", "msg": {"mid": mid, "rev": 1, "kind": "del"}}))
        .await;
    house.until_on_disk(0).await;

    // Who wants to keep what is about it says so.
    let kept = bytes(&anna, "POST", "/api/files?name=kept.jpg&keep_metadata=1", "", &photo)
        .await
        .expect(201);
    assert_eq!((&kept["size"], &kept["width"]), (&json!(photo.len()), &json!(700)));
    assert_eq!(anna.get(&format!("/files/{}/x", id(&kept))).await.body, photo);
    let form = anna.get(&format!("/files/{}/x?size=480", id(&kept))).await;
    assert!(!has(&form.body, SECRET));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_ones_come_as_they_are_animations_move_if_they_are_small_and_glass_stays_clear() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut gif = Cursor::new(Vec::new());
    let frame = || image::Frame::new(drawing(500, 20).into_rgba8());
    image::codecs::gif::GifEncoder::new(&mut gif).encode_frames([frame(), frame()]).unwrap();
    let gif = gif.into_inner();
    // One with more about its colours than what may move.
    let (frames, end) = gif.split_at(gif.len() - 1);
    let colours = [&[0xff][..], &[7; 255]].concat().repeat(limits::ANIMATION as usize / 256 + 1);
    let large = [frames, b"!\xff\x0bICCRGBG1012", &colours, &[0], end].concat();
    let glass = image::RgbaImage::from_pixel(600, 300, image::Rgba([200, 10, 10, 90]));
    let glass = encoded(glass.into(), ImageFormat::Png);
    let small = encoded(drawing(480, 20), ImageFormat::WebP);
    for (name, content, media_type, edge) in [
        ("small.webp", &small, "image/webp", 480),
        ("a.gif", &gif, "image/gif", 500),
        ("b.gif", &large, "image/jpeg", 480),
        ("glass.png", &glass, "image/webp", 480),
    ] {
        let file = upload(&anna, name, content).await;
        assert!(file["width"].as_u64() >= Some(edge), "{name}: {file}");
        let form = anna.get(&format!("/files/{}/x?size=480", id(&file))).await;
        assert_eq!(form.header("content-type"), Some(media_type), "{name}");
        assert_eq!(u64::from(image::load_from_memory(&form.body).unwrap().width()), edge, "{name}");
        let whole = anna.get(&format!("/files/{}/x?size=1280", id(&file))).await;
        assert!(whole.body == *content, "{name}: it fits");
    }
    // What lies about its name is what its bytes are.
    let file = upload(&anna, "cat.jpg", PNG).await;
    assert_eq!(
        (&file["type"], &file["width"], &file["height"]),
        (&json!("image/png"), &json!(1), &json!(1))
    );
    let file = upload(&anna, "cat.png", TALKATIVE).await;
    assert_eq!(anna.get(&format!("/files/{}/x", id(&file))).await.body, PNG);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_does_not_wait_for_those_that_are_drawn() {
    let house = House::new().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let picture = encoded(drawing(1_500, 1_500), ImageFormat::Png);
    let (mut pictures, drawn) = (tokio::task::JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..2 * files::DRAWING {
        let file = announce(&anna, "a.png", "image/png", picture.len()).await;
        let mut request = Slow::put(&anna, &file, 0, picture.len()).await;
        request.send(&picture).await;
        let drawn = drawn.clone();
        pictures.spawn(async move {
            request.answer().await.expect(200);
            drawn.fetch_add(1, Ordering::Relaxed);
        });
    }
    upload(&ben, "a.txt", b"hello").await;
    let before = drawn.load(Ordering::Relaxed);
    pictures.join_all().await;
    assert!(before <= files::DRAWING, "{before} pictures were drawn before");
    house.stop().await;
}

/// Pictures that cannot be shown, or only by taking too much.
fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let header = |width: u32, height: u32, depth: u8, colour: u8| {
        let numbers = [width.to_be_bytes(), height.to_be_bytes()].concat();
        let head = chunk(b"IHDR", &[&numbers[..], &[depth, colour, 0, 0, 0]].concat());
        [b"\x89PNG\r\n\x1a\n", &head[..]].concat()
    };
    let zeros = |length: usize| {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..length / 65_536 {
            std::io::Write::write_all(&mut packed, &[0; 65_536]).unwrap();
        }
        packed.finish().unwrap()
    };
    let end = chunk(b"IEND", b"");
    let bomb = chunk(b"IDAT", &zeros(64 * 1024 * 1024));
    let said = chunk(b"iCCP", &[b"x\0\0", &zeros(16 * 1024 * 1024)[..]].concat());
    let photo = photo();
    // Up to the end of its metadata.
    let head =
        photo.windows(SECRET.len()).position(|found| found == SECRET).unwrap() + SECRET.len();
    let long = encoded(drawing(limits::EDGE + 1, 1), ImageFormat::Png);
    vec![
        // Within the bounds of pixels, but of eight bytes each, and all of them packed into little.
        ("bomb.png", [header(7_000, 7_000, 16, 6), bomb.clone(), end.clone()].concat()),
        ("profile.png", [header(9, 9, 8, 2), said, chunk(b"IDAT", b"x"), end.clone()].concat()),
        ("gigabyte.png", [header(32_768, 32_768, 8, 0), bomb, end.clone()].concat()),
        ("header.png", header(32_768, 32_768, 8, 0)),
        ("empty.png", [header(9, 9, 8, 2), chunk(b"IDAT", b""), end].concat()),
        ("long.png", long),
        ("cut.jpg", photo[..photo.len() / 2].to_vec()),
        ("odd.jpg", [&photo[..head], b"\xff\x01", &photo[head..photo.len() / 2]].concat()),
        ("liar.jpg", [&photo[..700], &[7; 3_000][..]].concat()),
        ("liar.gif", b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\0;".to_vec()),
        (
            "liar.webp",
            b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f\0\0\0\0\0\0\0\0\0".to_vec(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_shown_is_kept_as_a_file_and_takes_no_memory() {
    let database = postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[("DATABASE_URL", database.as_str())]);
    let token = server.register("anna");
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    let before = peak();
    for (name, content) in bad() {
        let path = format!("/api/files?name={name}");
        let (status, answer) =
            crate::crashes::exchange(&server.address, &token, "POST", &path, &content).unwrap();
        let file: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((status, &file["complete"]), (201, &json!(true)), "{name}: {file}");
        assert_eq!((&file["width"], &file["height"]), (&Value::Null, &Value::Null), "{name}");
        // What cannot be read to its end may have metadata left, so no browser shows it.
        let is_image = file["type"].as_str().unwrap().starts_with("image/");
        assert!(is_image == (name != "odd.jpg"), "{name}: {file}");
        for form in ["", "?size=480", "?size=1280"] {
            let path = format!("/files/{}/x{form}", id(&file));
            let (status, kept) =
                crate::crashes::exchange(&server.address, &token, "GET", &path, b"").unwrap();
            assert_eq!(
                (status, kept.len() as u64),
                (200, file["size"].as_u64().unwrap()),
                "{name}"
            );
            assert!(!has(&kept, SECRET), "{name}");
        }
    }
    let exchange = |method, path, body: &[u8]| {
        crate::crashes::exchange(&server.address, &token, method, path, body).unwrap()
    };
    assert_eq!(exchange("POST", "/api/files?name=good.png", PNG).0, 201);
    let metrics = String::from_utf8(exchange("GET", "/metrics", b"").1).unwrap();
    for (outcome, count) in [("drawn", 1), ("refused", bad().len())] {
        let line = format!("impulse_file_pictures_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("impulse_file_pictures_seconds_total 0\n"), "{metrics}");
    let grown = peak() - before;
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
}
