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
        lines.extend(self.checks.iter().map(|check| format!("CHECK ({check})")));
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
