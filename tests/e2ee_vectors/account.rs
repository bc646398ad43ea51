//! The keys of an account: what only clients make, and only they can open.

use hmac::{Hmac, KeyInit as _, Mac as _};
use impulse::e2ee::account::stretch;
use impulse::e2ee::directory::DirectoryView as _;
use impulse::e2ee::pack::{kdf, number, pack, unpack};
use impulse::e2ee::signature::SigningKey;
use sha2::{Digest as _, Sha256};

use super::client::{open_box, open_hpke, seal_box, seal_hpke, x_public};
use super::directory::{INSTANCE, chain};
use super::{array, bytes, vectors};

const AK: [u8; 32] = [0x22; 32];
const CODE: [u8; 16] = [0x33; 16];
const TRUST_KEY: [u8; 32] = [0x61; 32];

fn kek() -> [u8; 32] {
    array(&vectors()["server_stretch"]["out"]["KEK"])
}

fn rmac() -> [u8; 32] {
    kdf(&CODE, "rc-mac", &[])
}

fn recovery_public() -> [u8; 32] {
    x_public(kdf(&CODE, "rc-x25519", &[]))
}

#[test]
fn a_password_becomes_the_published_keys() {
    let vectors = vectors();
    let out = &vectors["password"]["out"];
    let salt = [&b"impulse/e2ee/1/password"[..], &[0x11; 16]].concat();
    let mut master = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(b"correct horse battery staple", &salt, 600_000, &mut master);
    assert_eq!(master.to_vec(), bytes(&out["MK"]));
    assert_eq!(kdf(&master, "auth", &[]).to_vec(), bytes(&out["AUTH"]));
    assert_eq!(kdf(&master, "pwk", &[]).to_vec(), bytes(&out["PWK"]));
}

#[test]
fn the_server_stretches_auth_to_the_published_verifier_and_share() {
    let vectors = vectors();
    let (password, out) = (&vectors["password"]["out"], &vectors["server_stretch"]["out"]);
    let stretched = stretch(&array(&password["AUTH"]), &[0x12; 16], 65_536, 3, 1).unwrap();
    assert_eq!(stretched.verifier.to_vec(), bytes(&out["VERIFIER"]));
    assert_eq!(stretched.share.to_vec(), bytes(&out["SHARE"]));
    let a = bytes(&out["A"]);
    assert_eq!(kdf(&a, "verifier", &[]), stretched.verifier);
    assert_eq!(kdf(&a, "share", &[]), stretched.share);
    // What the client makes of it, with its own half.
    let both = [bytes(&password["PWK"]), stretched.share.to_vec()].concat();
    assert_eq!(kdf(&both, "kek", &[]), kek());
}

#[test]
fn the_account_key_is_sealed_under_the_password() {
    let wanted = bytes(&vectors()["ak_password"]["out"]);
    let context: [&[u8]; 2] = [b"42", &number(1)];
    assert_eq!(seal_box(&kek(), [1; 12], "ak-password", &context, &AK), wanted);
    assert_eq!(wanted.len(), 61);
    assert_eq!(open_box(&kek(), "ak-password", &context, &wanted).unwrap(), AK);
    let next: [&[u8]; 2] = [b"42", &number(2)];
    assert_eq!(open_box(&kek(), "ak-password", &next, &wanted), None);
}

/// Crockford's base 32.
fn code_text(code: &[u8; 16]) -> String {
    let check = Sha256::digest([&b"impulse/e2ee/1/rc-check"[..], code].concat());
    let bytes = [&code[..], &check[..4]].concat();
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let number = five.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        for shift in (0..40).step_by(5).rev() {
            let digit = usize::try_from(number >> shift & 31).unwrap();
            text.push(char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit]));
        }
    }
    let groups: Vec<&str> = (0..8).map(|group| &text[group * 4..group * 4 + 4]).collect();
    groups.join("-")
}

#[test]
fn a_recovery_code_becomes_the_published_keys() {
    let vectors = vectors();
    let out = &vectors["recovery"]["out"];
    assert_eq!(code_text(&CODE), out["text"].as_str().unwrap());
    assert_eq!(recovery_public().to_vec(), bytes(&out["X25519_public"]));
    assert_eq!(rmac().to_vec(), bytes(&out["RMAC"]));
    let rauth = kdf(&CODE, "rc-auth", &[]);
    assert_eq!(rauth.to_vec(), bytes(&out["RAUTH"]));
    assert_eq!(Sha256::digest(rauth).to_vec(), bytes(&out["RAUTH_digest"]));
}

#[test]
fn the_account_key_is_sealed_to_the_recovery_code_and_vouched_for() {
    let info = pack("ak-recovery", &[b"42", &number(1)]);
    let sealed = seal_hpke([0x44; 32], &recovery_public(), &info, b"", &AK);
    let mut mac = Hmac::<Sha256>::new_from_slice(&rmac()).unwrap();
    mac.update(&pack("ak-recovery-tag", &[b"42", &number(1), &sealed]));
    let blob = [sealed.clone(), mac.finalize().into_bytes().to_vec()].concat();
    assert_eq!(blob, bytes(&vectors()["ak_recovery"]["out"]));
    assert_eq!(blob.len(), 113);
    let private = kdf(&CODE, "rc-x25519", &[]);
    assert_eq!(open_hpke(private, &info, b"", &sealed).unwrap(), AK);
}

#[test]
fn the_published_identity_is_that_of_its_seeds() {
    let vectors = vectors();
    let out = &vectors["identity"]["out"];
    assert_eq!(SigningKey::from_seed(&[0x51; 32]).public().to_vec(), bytes(&out["ed"]));
    assert_eq!(x_public([0x52; 32]).to_vec(), bytes(&out["x"]));
    assert_eq!(chain().ed_key(impulse::base::ids::Uid(42), 1).unwrap().to_vec(), bytes(&out["ed"]));
}

#[test]
fn bundles_are_packed_and_sealed_as_published() {
    let generation =
        |number: u64, seed: [u8; 32], x: [u8; 32]| [&number.to_be_bytes()[..], &seed, &x].concat();
    let one = generation(1, [0x51; 32], [0x52; 32]);
    let two = [generation(1, [0; 32], [0x52; 32]), generation(2, [0x53; 32], [0x54; 32])].concat();
    let (recovery, rmac) = (recovery_public(), rmac());
    let cases: [(&str, u64, [&[u8]; 5], u8); 2] = [
        ("bundle", 1, [b"42", &TRUST_KEY, &recovery, &rmac, &one], 2),
        ("bundle_two_generations", 2, [b"42", &TRUST_KEY, b"", b"", &two], 0x0b),
    ];
    for (name, ak_gen, fields, nonce) in cases {
        let out = vectors()[name]["out"].clone();
        let plain = pack("bundle-pt", &fields);
        assert_eq!(plain, bytes(&out["plaintext"]));
        let (key, context) = (kdf(&AK, "bundle", &[]), [&b"42"[..], &number(ak_gen)]);
        assert_eq!(seal_box(&key, [nonce; 12], "bundle", &context, &plain), bytes(&out["box"]));
        assert_eq!(open_box(&key, "bundle", &context, &bytes(&out["box"])).unwrap(), plain);
        assert_eq!(unpack::<5>("bundle-pt", &plain), Ok(fields));
    }
}

#[test]
fn the_trust_store_is_sealed_and_a_proof_has_its_message_as_published() {
    let vectors = vectors();
    let boxed = seal_box(&TRUST_KEY, [5; 12], "trust", &[b"42", &number(1)], b"{}");
    assert_eq!(boxed, bytes(&vectors["trust"]["out"]));
    let message = pack("proof", &[&INSTANCE, b"42", b"rewrap", &[0xc1; 32]]);
    assert_eq!(message, bytes(&vectors["proof"]["out"]));
}

#[test]
fn a_safety_number_is_made_of_two_fingerprints() {
    let vectors = vectors();
    let root = bytes(&vectors["given"]["out"]["root"]);
    let mine = impulse::e2ee::pack::hash("fingerprint", &[&INSTANCE, b"42", &root]);
    assert_eq!(mine.to_vec(), bytes(&vectors["fingerprint"]["out"]));
    let mut both = [mine, [0x99; 32]];
    both.sort_unstable();
    let mut digits = [0; 60];
    let info = pack("safety", &[]);
    hkdf::Hkdf::<Sha256>::new(None, both.as_flattened()).expand(&info, &mut digits).unwrap();
    let groups = digits.chunks(5).map(|five| {
        let number = five.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % 100_000)
    });
    let text = groups.collect::<Vec<_>>().join(" ");
    assert_eq!(text, vectors["safety_number"]["out"].as_str().unwrap());
}
