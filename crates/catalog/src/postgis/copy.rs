//! COPY in its binary format: rows as bytes, in and out.
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>

use futures_util::StreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr};

/// What every binary COPY begins with: a signature, no flags, no extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How many bytes are sent at once: a batch of large documents is not held twice in memory.
const PIECE: usize = 1 << 20;

/// Rows on their way in.
pub(super) struct Rows {
    bytes: Vec<u8>,
    empty: bool,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { bytes: HEADER.to_vec(), empty: true }
    }

    /// Begins a row of so many columns, which follow.
    pub(super) fn row(&mut self, columns: i16) -> &mut Self {
        self.empty = false;
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        self
    }

    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        self.column(&value.to_be_bytes())
    }

    pub(super) fn float(&mut self, value: f64) -> &mut Self {
        self.column(&value.to_be_bytes())
    }

    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.column(value.as_bytes())
    }

    fn column(&mut self, value: &[u8]) -> &mut Self {
        // A value of more than 1 GB is refused by the server in any case.
        let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }
}

/// Writes rows into a table. `statement` is `COPY table (columns) FROM STDIN (FORMAT BINARY)`. No rows, no statement.
pub(super) async fn copy_in(connection: &mut PgConnection, statement: &str, mut rows: Rows) -> sqlx::Result<()> {
    if rows.empty {
        return Ok(());
    }
    rows.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    let mut copy = connection.copy_in_raw(statement).await?;
    for piece in rows.bytes.chunks(PIECE) {
        copy.send(piece).await?;
    }
    copy.finish().await.map(drop)
}

/// The columns of a row being read.
pub(super) struct Columns<'a>(&'a [u8]);

impl<'a> Columns<'a> {
    /// The next column; `None` where the row ends too early or the column is NULL.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(value)
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes()?.try_into().ok()
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        self.fixed().map(|[byte]| byte != 0)
    }

    pub(super) fn uuid(&mut self) -> Option<uuid::Uuid> {
        self.fixed().map(uuid::Uuid::from_bytes)
    }
}

/// Reads the rows of `COPY (…) TO STDOUT (FORMAT BINARY)`, without NULLs.
pub(super) async fn copy_out<T>(
    connection: &mut PgConnection,
    statement: String,
    mut decode: impl FnMut(Columns<'_>) -> Option<T>,
) -> sqlx::Result<Vec<T>> {
    let statement = AssertSqlSafe(statement).into_sql_str();
    let mut stream = connection.copy_out_raw(statement.as_str()).await?;
    let mut reader = Reader::default();
    let mut rows = Vec::new();
    let mut whole = true;
    while let Some(piece) = stream.next().await {
        // What cannot be read is read over to its end, so that the connection stays usable.
        whole = whole && reader.read(&piece?, |columns| decode(columns).map(|row| rows.push(row)));
    }
    if whole && reader.ended { Ok(rows) } else { Err(sqlx::Error::Decode("a row of COPY is broken".into())) }
}

/// Finds the rows in a stream that comes in pieces of any length.
#[derive(Default)]
struct Reader {
    /// What came and was not read yet.
    left: Vec<u8>,
    begun: bool,
    ended: bool,
}

impl Reader {
    /// Reads one more piece; false where it is no such stream, or `row` refuses one.
    fn read(&mut self, piece: &[u8], mut row: impl FnMut(Columns<'_>) -> Option<()>) -> bool {
        if self.ended {
            return piece.is_empty();
        }
        self.left.extend_from_slice(piece);
        let mut at = 0;
        if !self.begun {
            if self.left.len() < HEADER.len() {
                return true;
            }
            if !self.left.starts_with(HEADER) {
                return false;
            }
            self.begun = true;
            at = HEADER.len();
        }
        while let Some((count, rest)) = self.left[at..].split_first_chunk() {
            let count = i16::from_be_bytes(*count);
            if count < 0 {
                self.ended = true;
                return rest.is_empty();
            }
            let Some(length) = length_of(rest, count) else { break };
            if row(Columns(&rest[..length])).is_none() {
                return false;
            }
            at += 2 + length;
        }
        self.left.drain(..at);
        true
    }
}

/// The length of a row of so many columns; `None` where it is not there whole.
fn length_of(bytes: &[u8], columns: i16) -> Option<usize> {
    let mut at = 0_usize;
    for _ in 0..columns {
        let length = i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        at = at.checked_add(4)?.checked_add(usize::try_from(length).unwrap_or(0))?;
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut rows = Rows::new();
        for (number, text) in [(1, ""), (-5, "a text"), (i64::MAX, "ü")] {
            rows.row(2).int(number).text(text);
        }
        let mut bytes = rows.bytes;
        bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        bytes
    }

    fn read(pieces: &[&[u8]]) -> Option<Vec<(i64, String)>> {
        let mut reader = Reader::default();
        let mut rows = Vec::new();
        for piece in pieces {
            let whole = reader.read(piece, |mut columns| {
                let number = columns.int()?;
                rows.push((number, String::from_utf8(columns.bytes()?.to_vec()).ok()?));
                Some(())
            });
            if !whole {
                return None;
            }
        }
        reader.ended.then_some(rows)
    }

    #[test]
    fn rows_are_found_wherever_the_stream_is_cut() {
        let stream = stream();
        let wanted = vec![(1, String::new()), (-5, "a text".to_owned()), (i64::MAX, "ü".to_owned())];
        for cut in 0..=stream.len() {
            let (a, b) = stream.split_at(cut);
            assert_eq!(read(&[a, b]).as_ref(), Some(&wanted), "cut at {cut}");
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&single), Some(wanted));
    }

    #[test]
    fn broken_streams_are_told() {
        let stream = stream();
        assert_eq!(read(&[&stream[..stream.len() - 1]]), None, "cut off");
        assert_eq!(read(&[&stream[1..]]), None, "no signature");
        assert_eq!(read(&[&stream, b"x"]), None, "more after the end");
        let mut null = stream;
        null[21..25].copy_from_slice(&(-1_i32).to_be_bytes());
        assert_eq!(read(&[&null]), None, "a NULL");
    }
}
