//! A CSV file, one record a line, plain or gzip (told by its first two bytes, not by its name).
//!
//! The files of this dataset never have a line break inside a field, so lines are cut before they are parsed: a stray
//! quote spoils its own line and not the rest of the file. A line is at most [`MAX_LINE_BYTES`]; a longer one is a fault
//! like any other and is skipped without being held in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::Error;

/// Longest line that is read.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The fields of a line, in the order of the wanted columns; or why they cannot be had, with the first column's text
/// where at least that much could be read.
pub type Fields = Result<Vec<String>, (String, Option<String>)>;

/// Reads a file and hands every line after the header to `each` with its number (the header is line 1).
///
/// `columns` are found by their names in the header; other columns are ignored. Fails when the file cannot be read to
/// its end or a column is missing.
pub fn read_columns<const N: usize>(
    path: &Path,
    columns: [&str; N],
    mut each: impl FnMut(u64, Fields),
) -> Result<(), Error> {
    let fail = |reason: String| Error::File { path: path.to_owned(), reason };
    let mut reader = open(path)?;
    let mut buffer = Vec::new();
    let mut places = None;
    for line in 1_u64.. {
        match next_line(&mut reader, &mut buffer).map_err(|error| fail(format!("line {line}: {error}")))? {
            Line::End => break,
            Line::TooLong => match places {
                None => return Err(fail("the header is too long".to_owned())),
                Some(_) => each(line, Err((format!("longer than {MAX_LINE_BYTES} bytes"), None))),
            },
            Line::Read => match &places {
                None => places = Some(find(&buffer, columns).map_err(fail)?),
                Some(_) if buffer.is_empty() => each(line, Err(("empty line".to_owned(), None))),
                Some((places, width)) => each(line, fields(&buffer, places, *width)),
            },
        }
    }
    match places {
        Some(_) => Ok(()),
        None => Err(fail("the file is empty".to_owned())),
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let fail = |error: std::io::Error| Error::File { path: path.to_owned(), reason: error.to_string() };
    let mut file = BufReader::with_capacity(64 * 1024, File::open(path).map_err(fail)?);
    let zipped = file.fill_buf().map_err(fail)?.starts_with(&GZIP_MAGIC);
    Ok(if zipped { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
}

enum Line {
    Read,
    TooLong,
    End,
}

/// Reads up to the next line break, which is not kept.
fn next_line(reader: &mut Box<dyn BufRead>, buffer: &mut Vec<u8>) -> std::io::Result<Line> {
    buffer.clear();
    let mut too_long = false;
    loop {
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let read = reader.by_ref().take(limit).read_until(b'\n', buffer)?;
        if buffer.ends_with(b"\n") {
            buffer.pop();
            if buffer.ends_with(b"\r") {
                buffer.pop();
            }
            return Ok(if too_long { Line::TooLong } else { Line::Read });
        }
        if buffer.len() >= MAX_LINE_BYTES {
            too_long = true;
            buffer.clear();
            continue;
        }
        return Ok(match (too_long, read == 0 && buffer.is_empty()) {
            (true, _) => Line::TooLong,
            (false, true) => Line::End,
            (false, false) => Line::Read,
        });
    }
}

/// Where the wanted columns stand, and how many columns there are.
fn find<const N: usize>(header: &[u8], columns: [&str; N]) -> Result<([usize; N], usize), String> {
    let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
    let names = record(header).map_err(|reason| format!("the header: {reason}"))?;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let mut found = names.iter().enumerate().filter(|(_, name)| *name == column).map(|(at, _)| at);
        *place = found.next().ok_or_else(|| format!("no column {column:?} in the header"))?;
        if found.next().is_some() {
            return Err(format!("column {column:?} is in the header twice"));
        }
    }
    Ok((places, names.len()))
}

fn fields<const N: usize>(line: &[u8], places: &[usize; N], width: usize) -> Fields {
    let record = record(line).map_err(|reason| (reason, None))?;
    let first = places.first().and_then(|place| record.get(*place)).map(str::to_owned);
    if record.len() != width {
        return Err((format!("{} fields, the header has {width}", record.len()), first));
    }
    Ok(places.iter().filter_map(|place| record.get(*place)).map(str::to_owned).collect())
}

fn record(line: &[u8]) -> Result<csv::StringRecord, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len().max(64))
        .from_reader(line);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record),
        Ok(false) => Err("nothing in the line".to_owned()),
        Err(error) => Err(match error.kind() {
            csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
            _ => error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(content: &[u8]) -> Result<Vec<(u64, Fields)>, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut lines = Vec::new();
        read_columns(file.path(), ["id", "v"], |line, fields| lines.push((line, fields)))?;
        Ok(lines)
    }

    fn good(fields: [&str; 2]) -> Fields {
        Ok(fields.map(str::to_owned).to_vec())
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_with_or_without_a_mark() {
        let lines = read(b"\xef\xbb\xbfv,other,id\r\n1,x,a\r\n\"2\",y,\"b\"").unwrap();
        assert_eq!(lines, vec![(2, good(["a", "1"])), (3, good(["b", "2"]))]);
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_even_in_several_members() {
        let mut zipped = Vec::new();
        for part in [&b"id,v\na,1\n"[..], b"b,2\n"] {
            let mut encoder = flate2::write::GzEncoder::new(&mut zipped, flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap();
        }
        assert_eq!(read(&zipped).unwrap().len(), 2);
        zipped.truncate(zipped.len() - 9);
        assert!(read(&zipped).is_err(), "a truncated file must not pass for a short one");
    }

    #[test]
    fn a_bad_line_spoils_itself_only() {
        let long = "x".repeat(3 * MAX_LINE_BYTES);
        let content = format!("id,v\na,\"1\nb,2\n{long}\nc\n\nd,4,5\ne,5\n");
        let mut content = content.into_bytes();
        content.extend_from_slice(b"f,\xff\ng,7\n");
        let lines = read(&content).unwrap();
        let bad: Vec<u64> = lines.iter().filter(|(_, fields)| fields.is_err()).map(|(line, _)| *line).collect();
        assert_eq!(bad, [4, 5, 6, 7, 9]);
        assert_eq!(lines.len(), 9, "every line is told");
        assert_eq!(lines.last(), Some(&(10, good(["g", "7"]))));
        assert_eq!(lines[3].1, Err(("1 fields, the header has 2".to_owned(), Some("c".to_owned()))));
    }

    #[test]
    fn a_missing_or_doubled_column_and_an_empty_file_are_refused() {
        assert!(read(b"id,w\na,1\n").unwrap_err().to_string().contains("no column \"v\""));
        assert!(read(b"id,v,v\n").is_err());
        assert!(read(b"").is_err());
    }
}
