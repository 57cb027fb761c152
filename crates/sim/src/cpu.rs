//! How much of a processor this process has used, as the system counts it.

/// Nanoseconds on a processor so far; `None` where the system does not say.
pub fn nanoseconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
