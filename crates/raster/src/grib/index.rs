//! The walk over the messages of a file.

use std::sync::Arc;

use super::bytes::Head;
use super::field::Field;
use super::grid::Grid;
use super::{edition1, edition2};
use crate::bytes::ByteSource;

/// Why the own reader does not read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is sound as far as was read, but holds what is not read here.
    Foreign(String),
    /// It is broken.
    Broken(String),
}

/// Most fields of one file.
const MOST_FIELDS: usize = 2_000_000;
/// Most bytes between two messages.
const MOST_GAP: u64 = 1 << 20;

/// What a walk over one message gives.
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
    pub(super) length: u64,
}

/// Where headers are wrong, or hold what is not read; the walk puts the message's number before it.
pub(super) type Walked<T> = Result<T, Refusal>;

/// That headers end too early, or cannot be read.
pub(super) fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::Broken(error.to_string())
}

/// The fields of all messages, in the order of the file.
pub(super) fn fields(source: &dyn ByteSource) -> Walked<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    let (mut at, mut number) = (0_u64, 0_usize);
    while let Some(start) = next_message(source, at)? {
        number += 1;
        let place = |refusal| match refusal {
            Refusal::Foreign(why) => Refusal::Foreign(format!("message {number}: {why}")),
            Refusal::Broken(why) => Refusal::Broken(format!("message {number} at byte {start}: {why}")),
        };
        let mut head = Head::at(source, start);
        let edition = head.get(0, 8).map_err(broken).map_err(place)?[7];
        let message = match edition {
            1 => edition1::message(&mut head, start),
            2 => edition2::message(&mut head, start),
            other => Err(Refusal::Foreign(format!("it is of edition {other}"))),
        };
        let message = message.map_err(place)?;
        let end = start.checked_add(message.length).filter(|end| *end <= source.length());
        at = end.ok_or_else(|| Refusal::Broken("the file ends within it".to_owned())).map_err(place)?;
        let mut tail = [0; 4];
        source.read(&mut [(at - 4, &mut tail)]).map_err(broken).map_err(place)?;
        if &tail != b"7777" {
            return Err(place(Refusal::Broken("it does not end with 7777 where it says it ends".to_owned())));
        }
        for mut field in message.fields {
            // Thousands of fields share a grid.
            if let Some(known) = fields.last().map(|last| &last.grid).filter(|grid| **grid == field.grid) {
                field.grid = known.clone();
            }
            fields.push(field);
        }
        if fields.len() > MOST_FIELDS {
            return Err(Refusal::Broken(format!("it has more than {MOST_FIELDS} fields")));
        }
    }
    if fields.is_empty() {
        return Err(Refusal::Broken("it holds no message".to_owned()));
    }
    Ok(fields)
}

/// Where the next message begins, past what lies between two; `None` where only padding follows.
fn next_message(source: &dyn ByteSource, from: u64) -> Walked<Option<u64>> {
    const STEP: usize = 4096;
    let length = source.length();
    let mut at = from;
    let mut zeros = true;
    let mut buffer = vec![0; STEP];
    while at + 4 <= length {
        // Messages follow one another: four bytes are enough to see it.
        let wanted = if at == from { 4 } else { STEP.min(usize::try_from(length - at).unwrap_or(STEP)) };
        let part = &mut buffer[..wanted];
        source.read(&mut [(at, part)]).map_err(broken)?;
        if let Some(found) = part.windows(4).position(|four| four == b"GRIB") {
            return Ok(Some(at + found as u64));
        }
        zeros &= part.iter().all(|byte| *byte == 0);
        if !zeros && at - from > MOST_GAP {
            return Err(Refusal::Broken(format!("no message begins after byte {from}")));
        }
        if at + wanted as u64 >= length {
            break;
        }
        at += (wanted - 3) as u64;
    }
    if !zeros && from == 0 {
        return Err(Refusal::Broken("it does not begin with a message".to_owned()));
    }
    Ok(None)
}

/// A grid that is shared.
pub(super) fn shared(grid: Grid) -> Arc<Grid> {
    Arc::new(grid)
}
