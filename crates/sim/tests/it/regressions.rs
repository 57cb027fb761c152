//! Plans that once found something find nothing any more.

use std::path::Path;

use sim::{Plan, play};

#[test]
fn what_was_found_once_stays_away() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "there are no plans");
    for file in files {
        let plan: Plan = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let verdict = play(&plan, None).unwrap();
        assert!(verdict.findings.is_empty(), "{}: {:#?}", file.display(), verdict.findings);
    }
}
