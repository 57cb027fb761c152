//! What can be measured over HTTP, by name.

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Create and pay by balance.
    Balance,
    /// Create and pay by coupon and channel, and wait until paid.
    CouponChannel,
    /// Create, pay by channel, wait, confirm, and for 5 % refund.
    Full,
    /// One payment by balance to three reads.
    Mixed,
    /// Create without paying.
    BatchCreate,
    /// Nothing.
    Echo,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Balance, Self::CouponChannel, Self::Full, Self::Mixed, Self::BatchCreate, Self::Echo];

    /// The word of the command line and the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::CouponChannel => "coupon_channel",
            Self::Full => "full",
            Self::Mixed => "mixed",
            Self::BatchCreate => "batch_create",
            Self::Echo => "echo",
        }
    }
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == word).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|scenario| scenario.as_str()).collect();
            format!("{word:?} is none of {}", words.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.as_str().parse(), Ok(scenario));
        }
        assert!("pay".parse::<Scenario>().unwrap_err().contains("batch_create"));
    }
}
