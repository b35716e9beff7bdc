//! An explanation for people.

use std::collections::BTreeMap;
use std::fmt;

use super::Explanation;
use crate::memory::Bytes;

/// More time planes than these are told by their first and last.
const PLANES_SHOWN: usize = 12;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "output    {}", self.geobox)?;
        self.planes(f)?;
        for (i, m) in self.measurements.iter().enumerate() {
            let nodata = m.nodata.as_ref().map_or(String::new(), |v| format!(", nodata {v}"));
            let scaled = if m.scaled { ", scaled" } else { "" };
            let head = if i == 0 { "arrays" } else { "" };
            writeln!(f, "{head:<9} {}: {}{nodata}, {}{scaled}", m.name, m.dtype, m.resampling)?;
        }
        let provenance = if self.provenance { ", with provenance" } else { "" };
        writeln!(f, "fuse      {}{provenance}", self.fuse)?;
        self.files(f)?;
        let cost = &self.cost;
        writeln!(
            f,
            "decode    {} of pixels at most, {} of one core",
            Bytes(cost.decoded_bytes),
            Seconds(cost.decode_seconds)
        )?;
        if cost.warped_pixels > 0 {
            let millions = f64::from(u32::try_from(cost.warped_pixels / 10_000).unwrap_or(u32::MAX)) / 100.0;
            writeln!(f, "warp      {millions:.2} million pixels at most, {} of one core", Seconds(cost.warp_seconds))?;
        }
        let limit = self.memory_limit.map_or(String::new(), |limit| format!(", limit {}", Bytes(limit)));
        writeln!(
            f,
            "memory    {} for the result; {} at most to load it, {} to write it to a file{limit}",
            Bytes(self.output_bytes),
            Bytes(self.memory_bytes),
            Bytes(self.streamed_memory_bytes)
        )?;
        write!(f, "work      {} chunks of {}", self.chunks, self.chunk)?;
        for broken in &self.broken {
            write!(f, "\nbroken    {broken}")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning   {warning}")?;
        }
        Ok(())
    }
}

impl Explanation {
    fn planes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = match &self.times[..] {
            [] => "none".to_owned(),
            [one] => one.time.to_string(),
            [first, .., last] => format!("{} to {}", first.time, last.time),
        };
        writeln!(f, "times     {}: {span}", self.times.len())?;
        if (2..=PLANES_SHOWN).contains(&self.times.len()) {
            for plane in &self.times {
                let n = plane.datasets.len();
                writeln!(f, "          {}: {n} dataset{}", plane.time, if n == 1 { "" } else { "s" })?;
            }
        }
        Ok(())
    }

    fn files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored: u64 = self.files.iter().filter_map(|file| file.stored_bytes).sum();
        writeln!(
            f,
            "read      {} at most of {} files, {} datasets, {} stored",
            Bytes(self.bytes_to_read),
            self.files.len(),
            self.datasets,
            Bytes(stored)
        )?;
        let mut kinds: BTreeMap<(&str, usize, &'static str, &str), usize> = BTreeMap::new();
        for file in &self.files {
            *kinds.entry((&file.measurement, file.level, file.way, &file.driver)).or_default() += 1;
        }
        for ((measurement, level, way, driver), n) in kinds {
            let level = if level == 0 { "full resolution".to_owned() } else { format!("overview {level}") };
            writeln!(f, "          {measurement}: {n} by {driver}, {level}, {way}")?;
        }
        Ok(())
    }
}

/// A duration as people read it.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s < 0.1 => f.write_str("less than 0.1 s"),
            s if s < 120.0 => write!(f, "about {s:.1} s"),
            s if s < 7200.0 => write!(f, "about {:.0} minutes", s / 60.0),
            s => write!(f, "about {:.1} hours", s / 3600.0),
        }
    }
}
