//! HPKE: our second writing of it against RFC 9180 and, in both directions, against the `hpke` crate.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _, single_shot_open,
    single_shot_seal_with_rng,
};
use impulse::base::hex;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

use super::client::{Aead, open_hpke, rfc9180, seal_aes, seal_hpke, x_public};

type X25519 = X25519HkdfSha256;

fn key<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// RFC 9180, A.1.1: the whole key schedule, with the AEAD that it is published for.
#[test]
fn the_first_example_of_the_rfc_comes_out() {
    let ephemeral = key("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
    let private = key("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
    let recipient = key("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
    assert_eq!(x_public(private), recipient);
    let info = b"Ode on a Grecian Urn";
    let (enc, secret, context) = rfc9180::send(Aead::Aes128, ephemeral, &recipient, info);
    assert_eq!(enc, key("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    assert_eq!(secret, key("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"));
    assert_eq!(context.key, key::<16>("4531685d41d65f03dc48f6b8302c05b0"));
    assert_eq!(context.nonce, key("56d890e5accaaf011cff4b7d"));
    let plain = b"Beauty is truth, truth beauty";
    let sealed = seal_aes(&context.key, &context.nonce, plain, b"Count-0");
    let published = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9\
                     6d8770ac83d07bea87e13c512a";
    assert_eq!(hex::encode(&sealed), published);
    let received = rfc9180::receive(Aead::Aes128, private, &enc, info);
    assert_eq!((received.key, received.nonce), (context.key, context.nonce));
}

#[test]
fn what_we_seal_opens_with_the_crate_and_the_other_way_round() {
    let private = [0x52; 32];
    let recipient = x_public(private);
    let (info, aad, plain) = (b"info", b"aad", [7; 32]);

    let ours = seal_hpke([0x45; 32], &recipient, info, aad, &plain);
    let enc = <X25519 as Kem>::EncappedKey::from_bytes(&ours[1..33]).unwrap();
    let secret = <X25519 as Kem>::PrivateKey::from_bytes(&private).unwrap();
    let mode = OpModeR::Base;
    let open = |info: &[u8], aad: &[u8]| {
        single_shot_open::<AesGcm256, HkdfSha256, X25519>(
            &mode,
            &secret,
            &enc,
            info,
            &ours[33..],
            aad,
        )
    };
    assert_eq!(open(info, aad).unwrap(), plain);
    assert!(open(b"other", aad).is_err() && open(info, b"other").is_err());

    let public = <X25519 as Kem>::PublicKey::from_bytes(&recipient).unwrap();
    let mut random = UnwrapErr(SysRng);
    let (enc, sealed) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519>(
        &OpModeS::Base,
        &public,
        info,
        &plain,
        aad,
        &mut random,
    )
    .unwrap();
    let mut theirs = [&[1], &enc.to_bytes()[..], &sealed].concat();
    assert_eq!(open_hpke(private, info, aad, &theirs).unwrap(), plain);
    assert_eq!(open_hpke([0x53; 32], info, aad, &theirs), None);
    assert_eq!(theirs.len(), 81);
    for index in [0, 1, 33, 80] {
        theirs[index] ^= 1;
        assert_eq!(open_hpke(private, info, aad, &theirs), None, "byte {index}");
        theirs[index] ^= 1;
    }
}
