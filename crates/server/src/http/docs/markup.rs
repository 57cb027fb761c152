//! HTML by hand: escaped text, and the little Markdown that the pages of errors use (paragraphs, `code`, **strong**,
//! [links]). Anything else stays the text it is.

use std::fmt::Write as _;

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"></head>\n<body>\n{body}</body></html>\n"
    )
}

/// Text that is only text.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Headings and paragraphs of a page of errors.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let _infallible = match block.strip_prefix("# ") {
            Some(heading) => writeln!(out, "<h1>{}</h1>", inline(heading)),
            None => writeln!(out, "<p>{}</p>", inline(block)),
        };
    }
    out
}

/// What stands inside a line. Code is taken out first, so nothing inside it is read as anything else.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::new();
    for (place, piece) in text.split('`').enumerate() {
        if place % 2 == 1 {
            out.push_str(&format!("<code>{}</code>", escape(piece)));
        } else {
            out.push_str(&links(&strong(&escape(piece))));
        }
    }
    out
}

fn strong(text: &str) -> String {
    let mut out = String::new();
    for (place, piece) in text.split("**").enumerate() {
        if place > 0 {
            out.push_str(if place % 2 == 1 { "<strong>" } else { "</strong>" });
        }
        out.push_str(piece);
    }
    out
}

/// Links between the pages: `[code](code.md)` and the index.
fn links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, label, target, after)) = next_link(rest) {
        let target = target.split_once('#').map_or(target, |(file, _)| file);
        let name = target.strip_suffix(".md").unwrap_or(target);
        let address = if name == "README" { "/docs/errors".to_owned() } else { format!("/docs/errors/{name}") };
        out.push_str(&format!("{before}<a href=\"{address}\">{label}</a>"));
        rest = after;
    }
    out + rest
}

fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (label, rest) = rest.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    let is_page = target.split('#').next().is_some_and(|file| {
        file.strip_suffix(".md").is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    });
    is_page.then_some((before, label, target, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        assert_eq!(inline("`<b>**x**`"), "<code>&lt;b&gt;**x**</code>");
        assert_eq!(inline("<script>"), "&lt;script&gt;");
    }

    #[test]
    fn the_markdown_of_the_pages() {
        let text = "# a_b\n\nKind: [Invalid](README.md#kinds)\n\n**When.** See [c](c_d.md) and `[x](y.md)`.\n";
        let html = "<h1>a_b</h1>\n<p>Kind: <a href=\"/docs/errors\">Invalid</a></p>\n\
                    <p><strong>When.</strong> See <a href=\"/docs/errors/c_d\">c</a> and <code>[x](y.md)</code>.</p>\n";
        assert_eq!(markdown(text), html);
        assert_eq!(inline("[x](javascript:alert)"), "[x](javascript:alert)");
    }
}
