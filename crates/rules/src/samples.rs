//! The books that come with the program: for whole businesses, to be used as they are or changed first.

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        /// Their names and texts.
        pub const SAMPLES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../books/", $name, ".toml")))),*];
    };
}

samples!(
    "shop.checkout",
    "marketplace.escrow",
    "membership",
    "group.buying",
    "presale",
    "offline.scan",
    "wallet.topup",
    "wallet.payout"
);

/// The text of the book of this name.
pub fn sample(name: &str) -> Option<&'static str> {
    SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}
