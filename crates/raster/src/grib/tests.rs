//! Files made byte by byte.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use super::*;
use crate::grib::index::Refusal;

/// Edition 1: 2 metre temperature of 2 × 3 points, 8 bits, hour `hour` of 2019-03-01.
pub(super) fn edition1(hour: u8, values: [u8; 6]) -> Vec<u8> {
    let mut product =
        vec![0, 0, 28, 128, 98, 145, 255, 0x80, 167, 1, 0, 0, 19, 3, 1, hour, 0, 1, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0];
    let mut grid = vec![0, 0, 32, 0, 255, 0, 0, 3, 0, 2];
    for n in [50_000, 0x80_0000 + 10_000] {
        grid.extend(&u32::to_be_bytes(n)[1..]);
    }
    grid.push(0x80);
    for n in [49_750, 0x80_0000 + 9_500] {
        grid.extend(&u32::to_be_bytes(n)[1..]);
    }
    grid.extend([0, 250, 0, 250, 0, 0, 0, 0, 0]);
    // R = 1, E = 1, 8 bits.
    let mut data = vec![0, 0, 18, 0, 0, 1, 0x41, 0x10, 0, 0, 8];
    data.extend(values);
    data.push(0);
    let length = 8 + product.len() + grid.len() + data.len() + 4;
    let mut message = b"GRIB".to_vec();
    message.extend(&u32::to_be_bytes(u32::try_from(length).unwrap())[1..]);
    message.push(1);
    message.append(&mut product);
    message.append(&mut grid);
    message.append(&mut data);
    message.extend(b"7777");
    message
}

/// Edition 2: temperature at 850 hPa of member 3 on HEALPix H1, six hours after 2034-07-12, 8 bits, the last cell missing.
pub(super) fn edition2() -> Vec<u8> {
    let section = |number: u8, body: &[u8]| {
        let mut section = u32::to_be_bytes(u32::try_from(body.len()).unwrap() + 5).to_vec();
        section.push(number);
        section.extend(body);
        section
    };
    let mut message = b"GRIB\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    message.extend(section(1, &[0, 98, 0, 0, 32, 0, 1, 0x07, 0xf2, 7, 12, 0, 0, 0, 0, 1]));
    let mut grid = vec![0, 0, 0, 0, 12, 0, 0, 0, 150, 6];
    grid.extend([255; 15]);
    grid.extend([48, 0, 0, 0, 1]);
    grid.extend(u32::to_be_bytes(45_000_000));
    grid.extend([4, 1, 0]);
    message.extend(section(3, &grid));
    let mut product = vec![0, 0, 0, 1, 0, 0, 4, 255, 128, 0, 0, 0, 1, 0, 0, 0, 6, 100, 0];
    product.extend(u32::to_be_bytes(85_000));
    product.extend([255, 0, 0, 0, 0, 0, 0, 3, 50]);
    message.extend(section(4, &product));
    let mut representation = vec![0, 0, 0, 11, 0, 0];
    representation.extend(f32::to_be_bytes(200.0));
    representation.extend([0, 0, 0, 0, 8, 0]);
    message.extend(section(5, &representation));
    message.extend(section(6, &[0, 0xff, 0xe0]));
    message.extend(section(7, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    message.extend(b"7777");
    let length = u64::to_be_bytes(message.len() as u64);
    message[8..16].copy_from_slice(&length);
    message
}

fn open(bytes: Vec<u8>) -> Result<Arc<GribFile>, Refusal> {
    GribFile::new(Box::new(bytes)).map(Arc::new)
}

fn location(band: usize) -> RasterLocation {
    RasterLocation { url: "f.grib".to_owned(), layer: None, band }
}

fn values(file: &Arc<GribFile>, band: usize) -> Vec<f64> {
    let mut raster = GribRaster::of(file.clone(), &location(band)).unwrap();
    let whole = raster.header().shape.whole();
    raster.read(0, whole).unwrap().to_f64().into_iter().collect()
}

#[test]
fn messages_of_both_editions_are_bands_of_one_file() {
    let mut bytes = edition1(6, [0, 1, 2, 3, 4, 5]);
    bytes.extend([0; 7]);
    bytes.extend(edition2());
    bytes.extend(edition1(7, [9; 6]));
    bytes.extend([0; 5000]);
    let file = open(bytes).unwrap();
    let planes = file.planes();
    assert_eq!(planes.iter().map(|p| p.name.as_deref().unwrap()).collect::<Vec<_>>(), ["2t", "t", "2t"]);
    let times: Vec<String> = planes.iter().map(|p| p.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2019-03-01T06:00:00Z", "2034-07-12T06:00:00Z", "2019-03-01T07:00:00Z"]);
    assert_eq!(planes[0].header.affine, Some(cube_geo::Affine::new(0.25, 0.0, -10.125, 0.0, -0.25, 50.125)));
    assert_eq!(planes[0].header.units.as_deref(), Some("K"));
    let keys: Vec<(&str, &str)> = planes[1].keys.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let due = [("level", "850"), ("number", "3"), ("param", "0.0.0"), ("step", "6"), ("typeOfLevel", "isobaricInhPa")];
    assert_eq!(keys, due);
    assert_eq!(planes[1].header.healpix.unwrap().to_string(), "HEALPix H1 nested");
    assert_eq!(values(&file, 1), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
    assert_eq!(values(&file, 3), [19.0; 6]);
    let cells = values(&file, 2);
    assert_eq!(cells[..11], [200.0, 201.0, 202.0, 203.0, 204.0, 205.0, 206.0, 207.0, 208.0, 209.0, 210.0]);
    assert!(cells[11].is_nan());
}

#[test]
fn a_window_is_cut_out() {
    let file = open(edition1(0, [0, 1, 2, 3, 4, 5])).unwrap();
    let mut raster = GribRaster::of(file, &location(1)).unwrap();
    let window = raster.read(0, Window::new(1, 1, 1, 2)).unwrap();
    assert_eq!(window.to_f64().into_iter().collect::<Vec<_>>(), [9.0, 11.0]);
    raster.read(0, Window::new(1, 1, 2, 2)).unwrap_err();
}

#[test]
fn bands_and_layers_that_are_not_there_are_refused() {
    let file = open(edition1(0, [0; 6])).unwrap();
    for band in [0, 2] {
        let error = GribRaster::of(file.clone(), &location(band)).err().unwrap().to_string();
        assert!(error.contains(&format!("there is no band {band}")), "{error}");
    }
    let layered = RasterLocation { layer: Some("2t".to_owned()), ..location(1) };
    assert!(matches!(GribRaster::of(file, &layered), Err(RasterError::NoLayer { .. })));
}

/// Bytes that write down what was read of them.
struct Watched {
    bytes: Vec<u8>,
    reads: Arc<Mutex<Vec<Range<u64>>>>,
}

impl ByteSource for Watched {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn gap(&self) -> u64 {
        0
    }

    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        let ranges = parts.iter().map(|(offset, buffer)| *offset..*offset + buffer.len() as u64);
        self.reads.lock().unwrap().extend(ranges);
        self.bytes.read(parts)
    }
}

#[test]
fn values_are_read_of_the_wanted_message_alone() {
    // Messages that are long: zeros stand between header and end of the data.
    let long = |hour| {
        let mut message = edition1(hour, [hour; 6]);
        let at = message.len() - 4;
        message.splice(at..at, std::iter::repeat_n(0, 100_000));
        let length = u32::to_be_bytes(u32::try_from(message.len()).unwrap());
        message[4..7].copy_from_slice(&length[1..]);
        message
    };
    let bytes: Vec<u8> = (0..10).flat_map(long).collect();
    let (all, reads) = (bytes.len() as u64, Arc::new(Mutex::new(Vec::new())));
    let file = Arc::new(GribFile::new(Box::new(Watched { bytes, reads: reads.clone() })).unwrap());
    let of = |reads: &Mutex<Vec<Range<u64>>>| reads.lock().unwrap().drain(..).map(|r| r.end - r.start).sum::<u64>();
    let headers = of(&reads);
    assert!(headers < 10 * 1100, "{headers} of {all} bytes for headers");
    assert_eq!(values(&file, 4), [7.0; 6]);
    let one = of(&reads);
    assert!(one < 100, "{one} bytes of one message");
    // Readers of one field unpack it once.
    assert_eq!(values(&file, 4), [7.0; 6]);
    assert_eq!(of(&reads), 0);
}

#[test]
fn broken_files_are_told_by_message_and_byte() {
    let whole: Vec<u8> = [edition1(0, [0; 6]), edition2()].concat();
    let first = edition1(0, [0; 6]).len();
    for (bytes, says) in [
        (whole[..whole.len() - 1].to_vec(), format!("message 2 at byte {first}: the file ends within it")),
        (whole[..first + 9].to_vec(), format!("message 2 at byte {first}:")),
        ([&whole[..], b"GRIBGRIB"].concat(), "message 3".to_owned()),
    ] {
        let Err(Refusal::Broken(why) | Refusal::Foreign(why)) = open(bytes) else { panic!("it is broken") };
        assert!(why.contains(&says), "{why}");
    }
    let mut unended = edition1(0, [0; 6]);
    let at = unended.len() - 1;
    unended[at] = 0;
    assert!(matches!(open(unended), Err(Refusal::Broken(why)) if why.contains("7777")));
    // What is sound but not for us is for GDAL.
    let mut gaussian = edition1(0, [0; 6]);
    gaussian[8 + 28 + 5] = 4;
    assert!(matches!(open(gaussian), Err(Refusal::Foreign(why)) if why.contains("message 1: its grid is of type 4")));
}

#[test]
fn no_byte_makes_a_panic() {
    for whole in [edition1(3, [5; 6]), edition2()] {
        for at in 0..whole.len() {
            for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                let Ok(file) = open(bytes) else { continue };
                for band in 1..=file.planes().len() {
                    let Ok(mut raster) = GribRaster::of(file.clone(), &location(band)) else { continue };
                    let shape = raster.header().shape;
                    if shape.rows.saturating_mul(shape.cols) < 1 << 20 {
                        let _ = raster.read(0, shape.whole());
                    }
                }
            }
        }
        for end in 0..whole.len() {
            assert!(open(whole[..end].to_vec()).is_err());
        }
    }
}
