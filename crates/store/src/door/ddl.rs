//! DDL: the tables as each engine creates them.
//!
//! SQLite tables are `STRICT` and clustered by their key (`WITHOUT ROWID`, or the rowid itself where the key is one
//! whole number), but for wide rows. PostgreSQL text is compared by bytes, as SQLite does, so that pages by key are the same on both.

use super::bulk::Dialect;
use super::table::{Column, Index, Kind, Table};

impl Table {
    /// The statements that create the table and its indexes.
    pub fn ddl(&self, dialect: Dialect) -> Vec<String> {
        let mut lines: Vec<String> = self.columns.iter().map(|column| self.column_line(column, dialect)).collect();
        if !self.rowid(dialect) {
            let key: Vec<String> = self.key_columns().iter().map(|column| format!("\"{}\"", column.name)).collect();
            lines.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        lines.extend(self.checks.iter().map(|check| match dialect {
            Dialect::Sqlite => format!("CHECK ({})", spelled_out(check)),
            Dialect::Postgres => format!("CHECK ({check})"),
        }));
        let options = match dialect {
            Dialect::Postgres => "",
            Dialect::Sqlite if self.rowid(dialect) || self.wide() => " STRICT",
            Dialect::Sqlite => " STRICT, WITHOUT ROWID",
        };
        let table = format!("CREATE TABLE \"{}\" (\n  {}\n){options}", self.name, lines.join(",\n  "));
        std::iter::once(table).chain(self.indexes.iter().map(|index| self.index_ddl(index))).collect()
    }

    fn rowid(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Sqlite && matches!(self.key_columns(), [Column { kind: Kind::Int, .. }])
    }

    /// Rows with a body are wide. SQLite keeps at most a quarter of a page of a row in a table that is clustered by its
    /// key and gives the rest a page of its own; in a plain table the whole page is the row's.
    fn wide(&self) -> bool {
        self.columns.iter().any(|column| column.name == "body")
    }

    fn column_line(&self, column: &Column, dialect: Dialect) -> String {
        let kind = match (column.kind, dialect) {
            (Kind::Int, Dialect::Sqlite) => "INTEGER",
            (Kind::Int, Dialect::Postgres) => "BIGINT",
            (Kind::Text, Dialect::Sqlite) => "TEXT",
            (Kind::Text, Dialect::Postgres) => "TEXT COLLATE \"C\"",
            (Kind::Bytes, Dialect::Sqlite) => "BLOB",
            (Kind::Bytes, Dialect::Postgres) => "BYTEA",
        };
        let key = self.rowid(dialect) && self.columns.first() == Some(column);
        let suffix = match (key, column.null) {
            (true, _) => " PRIMARY KEY",
            (false, false) => " NOT NULL",
            (false, true) => "",
        };
        format!("\"{}\" {kind}{suffix}", column.name)
    }

    fn index_ddl(&self, index: &Index) -> String {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let columns: Vec<String> = index.columns.iter().map(|column| format!("\"{column}\"")).collect();
        let only = index.only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
        format!("CREATE {unique}INDEX \"{}\" ON \"{}\" ({}){only}", index.name, self.name, columns.join(", "))
    }
}

/// A condition with every `x IN ('a', 'b', …)` as `(x = 'a' OR x = 'b' OR …)`. SQLite builds a table of the words for every
/// row that a list of more than two is checked for, which costs more than the row.
fn spelled_out(check: &str) -> String {
    let mut out = String::new();
    let mut rest = check;
    while let Some((before, after)) = rest.split_once(" IN (") {
        let Some((words, tail)) = after.split_once(')') else { break };
        let column = before.rsplit(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).next();
        let column = column.unwrap_or_default();
        let either: Vec<String> = words.split(", ").map(|word| format!("{column} = {word}")).collect();
        out.push_str(before.strip_suffix(column).unwrap_or(before));
        out.push_str(&format!("({})", either.join(" OR ")));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_spelled_out() {
        assert_eq!(spelled_out("amount > 0"), "amount > 0");
        assert_eq!(spelled_out("op IN ('post', 'hold')"), "(op = 'post' OR op = 'hold')");
        assert_eq!(
            spelled_out("(status IN ('held', 'spent')) = (held_trade IS NOT NULL)"),
            "((status = 'held' OR status = 'spent')) = (held_trade IS NOT NULL)"
        );
    }

    #[test]
    fn no_check_on_sqlite_has_a_list() {
        for table in crate::tables::all() {
            assert!(table.ddl(Dialect::Sqlite).iter().all(|text| !text.contains(" IN (")), "{}", table.name);
        }
    }
}
