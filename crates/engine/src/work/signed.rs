//! Messages that are signed as webhooks are (Standard Webhooks 1.0): in the form of the specification, so that the other
//! side can use its libraries.
//!
//! `webhook-signature: v1,BASE64(HMAC-SHA256(secret, id.timestamp.body))`, the secret being the base64 part of `whsec_…`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Time;
use kernel::time::{MINUTE_US, SECOND_US};

/// How far a message's clock and ours may be apart, in microseconds.
const TOLERANCE_US: i64 = 5 * MINUTE_US;

/// The headers of a message; `None` where the secret is none. `wall` is what this machine's clock shows.
pub fn headers(secret: &str, id: String, wall: Time, body: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let seconds = wall.micros().div_euclid(SECOND_US);
    let tag = STANDARD.encode(hmac::sign(&key(secret)?, &signed(&id, &seconds.to_string(), body)));
    let signature = format!("v1,{tag}");
    Some(vec![("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)])
}

/// Whether a message with these values of its headers is signed with this secret, and was just now.
pub fn is_signed(secret: &str, [id, timestamp, signature]: [&str; 3], wall: Time, body: &[u8]) -> bool {
    let Ok(seconds) = timestamp.parse::<i64>() else { return false };
    let fresh = wall.micros().saturating_sub(seconds.saturating_mul(SECOND_US)).saturating_abs() <= TOLERANCE_US;
    let Some(key) = key(secret).filter(|_| fresh) else { return false };
    // While a secret is changed there are two signatures.
    let mut tags = signature.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    let signed = signed(id, timestamp, body);
    tags.any(|tag| hmac::verify(&key, &signed, &tag).is_ok())
}

/// Whether a text is a secret that messages can be signed with.
pub fn is_secret(text: &str) -> bool {
    key(text).is_some()
}

fn key(secret: &str) -> Option<hmac::Key> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const AT: Time = Time::from_micros(1_614_265_330 * SECOND_US);

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let headers = headers(SECRET, ID.to_owned(), AT, BODY).unwrap();
        assert_eq!(headers[1], ("webhook-timestamp", "1614265330".to_owned()));
        assert_eq!(headers[2], ("webhook-signature", SIGNATURE.to_owned()));
        assert_eq!(super::headers("a", ID.to_owned(), AT, BODY), None);
    }

    #[test]
    fn only_what_is_signed_just_now_with_the_secret_is_believed() {
        let named = |id: &str, at: &str, signature: &str| is_signed(SECRET, [id, at, signature], AT, BODY);
        assert!(named(ID, "1614265330", SIGNATURE));
        assert!(named(ID, "1614265330", &format!("v1,AAAA v2,x {SIGNATURE}")), "one of several");
        assert!(!named("msg_other", "1614265330", SIGNATURE));
        assert!(!named(ID, "1614265331", SIGNATURE));
        assert!(!named(ID, "soon", SIGNATURE) && !named(ID, "", SIGNATURE));
        for no_signature in ["", "v1,", "v1,AAAA", "v1", "v1,????", &SIGNATURE[3..]] {
            assert!(!named(ID, "1614265330", no_signature), "{no_signature}");
        }
        assert!(!is_signed(SECRET, [ID, "1614265330", SIGNATURE], AT, b"{}"));
        assert!(!is_signed("whsec_AAAA", [ID, "1614265330", SIGNATURE], AT, BODY));
        let tolerance = |micros: i64| is_signed(SECRET, [ID, "1614265330", SIGNATURE], AT.plus(micros), BODY);
        assert!(tolerance(TOLERANCE_US) && tolerance(-TOLERANCE_US));
        assert!(!tolerance(TOLERANCE_US + SECOND_US) && !tolerance(-TOLERANCE_US - SECOND_US));
    }
}
