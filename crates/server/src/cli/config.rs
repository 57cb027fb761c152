//! `suanpan config`

use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use super::{Common, Exit, say};
use crate::config::default_of;
use crate::config::keys::KEYS;

/// Shows or checks the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Every value that counts and where it comes from; secrets are masked
    Show(Common),
    /// Read all layers and say what is wrong
    Check(Common),
    /// What each key means, its default, its unit and what is allowed
    Keys,
}

impl Config {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        match self {
            Self::Show(common) => {
                let mut table = table(["key", "value", "from"]);
                for (key, value, source) in common.load()?.rows() {
                    table.add_row([key, &value, &source]);
                }
                say(&table.to_string());
            }
            Self::Check(common) => {
                common.load()?;
                say("the configuration is good");
            }
            Self::Keys => {
                let mut table = table(["key", "default", "unit", "allowed", "meaning"]);
                for key in KEYS {
                    let allowed = key.range.map_or_else(String::new, |(least, most)| format!("{least} to {most}"));
                    table.add_row([key.name, &default_of(key.name), key.unit, &allowed, key.meaning]);
                }
                say(&table.to_string());
            }
        }
        Ok(Exit::Ok)
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table
}
