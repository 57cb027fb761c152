//! What bounds a book, so that checking and asking one take a bounded time.

/// Longest text of a book, in bytes.
pub const MAX_SOURCE: usize = 16_384;
/// Most rules of a book.
pub const MAX_RULES: usize = 64;
/// Most definitions of a book.
pub const MAX_DEFINITIONS: usize = 32;
/// Longest condition, in bytes.
pub const MAX_CONDITION: usize = 500;
/// Deepest nesting of a condition, as written.
pub const MAX_DEPTH: u16 = 24;
/// Most steps that one condition may take, those of the definitions it uses included.
pub const MAX_STEPS: usize = 200;
/// Most steps that all conditions of a book may take together.
pub const MAX_BOOK_STEPS: usize = 2_000;
/// Most entries of a list.
pub const MAX_LIST: usize = 32;
/// Longest name of a book, rule or definition, in bytes.
pub const MAX_NAME: usize = 40;
/// Longest sentence for people, in characters.
pub const MAX_SENTENCE: usize = 200;
/// Most findings that are told of one book.
pub const MAX_FINDINGS: usize = 20;
/// Most payments that a velocity limit can let through.
pub const MAX_VELOCITY_COUNT: i64 = 1_000_000;
/// The largest fee, in hundredths of a percent.
pub const MAX_FEE_BP: i64 = 10_000;
/// Shortest time over which a velocity limit counts, in microseconds (1 minute).
pub const MIN_WINDOW_US: i64 = kernel::time::MINUTE_US;
/// Longest time over which a velocity limit counts, in microseconds (31 days).
pub const MAX_WINDOW_US: i64 = 31 * kernel::time::DAY_US;
/// Shortest life of an order that a rule may ask for, in microseconds (10 seconds).
pub const MIN_ORDER_LIFE_US: i64 = 10 * kernel::time::SECOND_US;
