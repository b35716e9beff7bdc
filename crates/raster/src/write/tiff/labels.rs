//! What a GeoTIFF says of its bands: GDAL's own tags.

use cube_model::{DataType, Measurement};
use jiff::Timestamp;

/// A band's name and what its pixels are.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) measurement: Measurement,
}

/// GDAL's metadata as XML: the time, and name, scale, offset and unit of each band.
pub(super) fn metadata(time: Option<Timestamp>, bands: &[Label]) -> String {
    let mut xml = String::from("<GDALMetadata>\n");
    if let Some(time) = time {
        item(&mut xml, "name=\"time\"", &time.to_string());
    }
    for (sample, band) in bands.iter().enumerate() {
        let mut say = |name: &str, role: &str, value: &str| {
            item(&mut xml, &format!("name=\"{name}\" sample=\"{sample}\" role=\"{role}\""), value);
        };
        say("DESCRIPTION", "description", &band.name);
        let measurement = &band.measurement;
        // GDAL wants both or none.
        if measurement.scale_factor.is_some() || measurement.add_offset.is_some() {
            say("OFFSET", "offset", &number(measurement.add_offset.unwrap_or(0.0)));
            say("SCALE", "scale", &number(measurement.scale_factor.unwrap_or(1.0)));
        }
        if measurement.units != "1" {
            say("UNITTYPE", "unittype", &measurement.units);
        }
    }
    xml.push_str("</GDALMetadata>\n");
    xml
}

fn item(xml: &mut String, attributes: &str, value: &str) {
    xml.push_str("  <Item ");
    xml.push_str(attributes);
    xml.push('>');
    for letter in value.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // XML has no control characters.
            letter if letter.is_control() && !matches!(letter, '\t' | '\n') => xml.push(' '),
            letter => xml.push(letter),
        }
    }
    xml.push_str("</Item>\n");
}

/// The nodata value as text, such as `-9999` or `nan`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit the type; `as` clamps")]
pub(super) fn nodata(dtype: DataType, value: f64) -> String {
    match dtype {
        DataType::UInt64 => (value as u64).to_string(),
        DataType::Int64 => (value as i64).to_string(),
        _ => number(value),
    }
}

/// A number that reads back as the same.
fn number(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else if value != 0.0 && !(1e-5..1e17).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// The time as TIFF has it, in UTC.
pub(super) fn date_time(time: Timestamp) -> String {
    time.strftime("%Y:%m:%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_defaults_left_out() {
        let mut measurement = Measurement::new("a", DataType::UInt8, None);
        let plain = Label { name: "a<b&\"c\"".into(), measurement: measurement.clone() };
        measurement.scale_factor = Some(0.0001);
        measurement.units = "K".into();
        let scaled = Label { name: "t".into(), measurement };
        let time = "2034-05-01T10:00:00Z".parse().unwrap();
        assert_eq!(
            metadata(Some(time), &[plain, scaled]),
            "<GDALMetadata>\n  <Item name=\"time\">2034-05-01T10:00:00Z</Item>\n  \
             <Item name=\"DESCRIPTION\" sample=\"0\" role=\"description\">a&lt;b&amp;&quot;c&quot;</Item>\n  \
             <Item name=\"DESCRIPTION\" sample=\"1\" role=\"description\">t</Item>\n  \
             <Item name=\"OFFSET\" sample=\"1\" role=\"offset\">0</Item>\n  \
             <Item name=\"SCALE\" sample=\"1\" role=\"scale\">0.0001</Item>\n  \
             <Item name=\"UNITTYPE\" sample=\"1\" role=\"unittype\">K</Item>\n</GDALMetadata>\n"
        );
    }

    #[test]
    fn nodata_reads_back_as_it_was() {
        assert_eq!(nodata(DataType::Int16, -9999.0), "-9999");
        assert_eq!(nodata(DataType::UInt64, 18_446_744_073_709_551_615.0), "18446744073709551615");
        assert_eq!(nodata(DataType::Float32, f64::NAN), "nan");
        let lowest = f64::from(f32::MIN);
        assert_eq!(nodata(DataType::Float32, lowest).parse(), Ok(lowest));
    }
}
