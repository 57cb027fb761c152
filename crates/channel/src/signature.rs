//! Message authentication: HMAC-SHA256 over what a message is for, when it was made and its raw bytes.
//!
//! A [`Mac`] has no equality: the only way to compare two is [`Mac::matches`], which takes the same time wherever they
//! differ. What a message is for ([`Role`]) is under the signature, so a request can never be played back as an answer.
//!
//! ```compile_fail
//! use channel::signature::{Mac, Role, Secret};
//! let key = Secret::new("k".into());
//! let mac = Mac::of(&key, Role::Answer, 0, b"");
//! assert!(mac == mac);
//! ```

use std::fmt;

use aws_lc_rs::{digest, hmac};
use kernel::Time;
use kernel::time::{MINUTE_US, SECOND_US};
use subtle::ConstantTimeEq;

use crate::adapter::{Incoming, Refused};

/// How far a message's clock and ours may be apart, in microseconds.
pub const TOLERANCE_US: i64 = 5 * MINUTE_US;

/// A shared key. Never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps the key's text.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// From us to the institution.
    Request,
    /// The institution's answer to it.
    Answer,
    /// The institution's own notification.
    Notification,
}

impl Role {
    const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Notification => "notification",
        }
    }
}

/// A message authentication code.
pub struct Mac([u8; 32]);

impl Mac {
    /// The code of `role.seconds.body` under a key.
    pub fn of(key: &Secret, role: Role, seconds: i64, body: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{}.{seconds}.", role.word()).as_bytes());
        context.update(body);
        let mut code = [0; 32];
        for (to, from) in code.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        Self(code)
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (to, pair) in code.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *to = hex_value(*high)? << 4 | hex_value(*low)?;
        }
        Some(Self(code))
    }

    /// Whether both are the same, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// SHA-256 of a raw message: what evidence keeps of it.
pub fn digest(message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, message).as_ref()) {
        *to = *from;
    }
    out
}

/// The header that carries the moment of signing, in seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "suanpan-timestamp";
/// The header that carries the code, in hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "suanpan-signature";

/// The two headers that sign a body.
pub fn sign(key: &Secret, role: Role, now: Time, body: &[u8]) -> Vec<(String, String)> {
    let seconds = now.micros().div_euclid(SECOND_US);
    let code = Mac::of(key, role, seconds, body).hex();
    vec![(TIMESTAMP_HEADER.to_owned(), seconds.to_string()), (SIGNATURE_HEADER.to_owned(), code)]
}

/// Checks the two headers against the raw body: any of the keys may have signed (two are valid while keys rotate), and
/// the clocks may differ by [`TOLERANCE_US`]. A header given twice counts as missing.
pub fn verify(keys: &[Secret], role: Role, now: Time, message: &Incoming) -> Result<(), Refused> {
    let stamp = message.header(TIMESTAMP_HEADER).ok_or(Refused::SignatureInvalid)?;
    let code = message.header(SIGNATURE_HEADER).and_then(Mac::parse).ok_or(Refused::SignatureInvalid)?;
    let seconds = parse_seconds(stamp).ok_or(Refused::SignatureInvalid)?;
    let mut known = false;
    for key in keys {
        known |= Mac::of(key, role, seconds, &message.body).matches(&code);
    }
    if !known {
        return Err(Refused::SignatureInvalid);
    }
    let apart = now.since(Time::from_micros(seconds.saturating_mul(SECOND_US)));
    if apart.saturating_abs() > TOLERANCE_US { Err(Refused::TimestampOutOfRange) } else { Ok(()) }
}

/// Digits only: one text form per moment.
fn parse_seconds(text: &str) -> Option<i64> {
    let plain = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
