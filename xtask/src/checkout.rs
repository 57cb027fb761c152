//! The files of the checkout as the rules see them: what git tracks, and what it would track if it were added.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::step;

/// A text file; the path is relative to the root, with forward slashes.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// What follows the last dot of the path, or nothing.
    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split('\n').enumerate().map(|(place, line)| (place + 1, line))
    }
}

/// All of it: text files with their text, and the paths of everything (files that are not text, folders).
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) paths: BTreeSet<String>,
}

impl Checkout {
    /// Reads the files that git lists and that exist.
    pub(crate) fn read() -> Result<Self, Failure> {
        let root = root()?;
        let listed = step::output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&root),
        )?;
        let mut checkout = Self { root, files: Vec::new(), paths: BTreeSet::new() };
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // A listed file that is gone was deleted and not yet committed.
            if let Ok(bytes) = std::fs::read(checkout.root.join(path)) {
                checkout.add(path, String::from_utf8(bytes).ok());
            }
        }
        Ok(checkout)
    }

    fn add(&mut self, path: &str, text: Option<String>) {
        self.paths.extend(Path::new(path).ancestors().filter_map(Path::to_str).map(str::to_owned));
        if let Some(text) = text {
            self.files.push(SourceFile { path: path.to_owned(), text });
        }
    }

    /// The text files whose name ends in one of these.
    pub(crate) fn with_extension(&self, extensions: &[&str]) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(move |file| extensions.contains(&file.extension()))
    }

    /// A checkout that exists only in a test.
    #[cfg(test)]
    pub(crate) fn of(samples: &[(&str, &str)]) -> Self {
        let root = PathBuf::from("/somewhere/of/its/own");
        let mut checkout = Self { root, files: Vec::new(), paths: BTreeSet::new() };
        for (path, text) in samples {
            checkout.add(path, Some((*text).to_owned()));
        }
        checkout
    }
}

/// The folder that holds the workspace; asked of cargo at run time, because several checkouts may share a target folder and
/// so this very program.
pub(crate) fn root() -> Result<PathBuf, Failure> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    own.as_deref()
        .and_then(Path::parent)
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure::usage("run this tool as `cargo xtask`"))
}
