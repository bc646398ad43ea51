//! Keys and signatures that are refused before they are used (3.4).

use impulse::e2ee::signature::{Refused, SigningKey, check_ed_public, check_x_public, verify};

use super::{array, bytes, vectors};

const MESSAGE: &[u8] = b"refuse me";

fn rule(refused: Result<(), Refused>) -> u64 {
    match refused {
        Ok(()) => 0,
        Err(Refused::SmallOrder) => 1,
        Err(Refused::NotReduced) => 2,
        Err(Refused::LargeS) => 3,
        Err(Refused::Wrong) => 4,
    }
}

#[test]
fn every_published_point_of_small_order_is_refused() {
    let vectors = vectors();
    let out = &vectors["small_order"]["out"];
    let key = SigningKey::from_seed(&[1; 32]);
    let points = out["ed25519"].as_array().unwrap();
    assert_eq!(points.len(), 14);
    for point in points {
        let point: [u8; 32] = array(point);
        assert_eq!(check_ed_public(&point), Err(Refused::SmallOrder));
        let mut signature = key.sign(MESSAGE);
        signature[..32].copy_from_slice(&point);
        assert_eq!(verify(&key.public(), MESSAGE, &signature), Err(Refused::SmallOrder), "as R");
        assert_eq!(verify(&point, MESSAGE, &key.sign(MESSAGE)), Err(Refused::SmallOrder), "as key");
    }
    let points = out["x25519"].as_array().unwrap();
    assert_eq!(points.len(), 7);
    for point in points {
        let mut point: [u8; 32] = array(point);
        assert_eq!(check_x_public(&point), Err(Refused::SmallOrder));
        point[31] |= 0x80;
        assert_eq!(check_x_public(&point), Err(Refused::SmallOrder), "with its top bit");
        let shared = x25519_dalek::x25519([0x52; 32], point);
        assert_eq!(shared, [0; 32], "which is why");
    }
    assert_eq!(check_x_public(&[9; 32]), Ok(()));
}

#[test]
fn what_is_published_as_refused_is_refused_by_its_rule_and_the_rest_accepted() {
    let vectors = vectors();
    for case in vectors["refuse"]["out"].as_array().unwrap() {
        let (key, wanted) = (array(&case["key"]), case["rule"].as_u64().unwrap());
        let refused = match case["what"].as_str().unwrap() {
            "key" => check_ed_public(&key),
            _ => verify(&key, MESSAGE, &array(&case["sig"])),
        };
        assert_eq!(rule(refused), wanted, "{case}");
    }
    let accepted = &vectors["accept"]["out"];
    let (key, signature) = (array(&accepted["key"]), array(&accepted["sig"]));
    assert_eq!(verify(&key, MESSAGE, &signature), Ok(()));
    assert_eq!(bytes(&accepted["sig"]), SigningKey::from_seed(&[0x51; 32]).sign(MESSAGE));
}

#[test]
fn coordinates_and_scalars_are_reduced() {
    let key = SigningKey::from_seed(&[0x51; 32]);
    let signature = key.sign(MESSAGE);
    // y = p + 2 and the greatest y, with either sign: as a key, and as an R.
    for lowest in [0xef, 0xff] {
        for highest in [0x7f, 0xff] {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (lowest, highest);
            assert_eq!(check_ed_public(&point), Err(Refused::NotReduced));
            let mut changed = signature;
            changed[..32].copy_from_slice(&point);
            assert_eq!(verify(&key.public(), MESSAGE, &changed), Err(Refused::NotReduced));
        }
    }
    // S + L is the same number modulo L, and refused.
    let order = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\
                   \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10";
    let (mut large, mut carry) = (signature, 0);
    for (digit, added) in large[32..].iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(added) + carry;
        (*digit, carry) = (u8::try_from(sum & 0xff).unwrap(), sum >> 8);
    }
    assert_eq!(verify(&key.public(), MESSAGE, &large), Err(Refused::LargeS));
    let mut exactly = signature;
    exactly[32..].copy_from_slice(&order);
    assert_eq!(verify(&key.public(), MESSAGE, &exactly), Err(Refused::LargeS));
}
