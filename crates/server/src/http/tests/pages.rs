//! The documentation and the health routes: anybody may read them, and they load nothing from elsewhere.

use super::house::House;
use crate::http::errors;
use kernel::Code;

#[tokio::test]
async fn the_document_and_the_pages_are_served() {
    let house = House::test();
    let document = house.get("nobody", "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        document["paths"]["/v1/trades"]["post"]["responses"]["409"]["description"]
            .as_str()
            .unwrap()
            .contains("order_exists")
    );
    for path in ["/docs", "/docs/errors", "/docs/errors/order_exists"] {
        let page = house.get("nobody", path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        for foreign in ["<script", "http://", "src=", "style=\""] {
            assert!(!page.text.contains(foreign), "{path} has {foreign}");
        }
        assert!(page.text.contains("order_exists"), "{path}");
    }
    assert_eq!(house.get("nobody", "/docs/errors/nothing").await.code(), "404 not_found");
    assert_eq!(house.get("nobody", "/").await.header("location"), Some("/docs"));
}

#[tokio::test]
async fn health() {
    let house = House::test();
    for (path, text) in [("/livez", "ok\n"), ("/readyz", "ok\n"), ("/metrics", "suanpan_up 1\n")] {
        assert_eq!(house.get("nobody", path).await.text, text);
    }
}

#[test]
fn every_code_has_its_page() {
    for code in Code::ALL {
        let start = format!("# {code}\n\n{}\n\nKind: [{:?}](README.md#kinds)\n", code.title(), code.kind());
        assert!(errors::page(*code).starts_with(&start), "{code}");
    }
}
