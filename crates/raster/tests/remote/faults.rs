//! Faults of servers: those that pass are survived with the right pixels, those that stay are errors in time.

use std::time::{Duration, Instant};

use cube_geo::Window;
use cube_raster::{Compression, RasterError};

use crate::scene::{access, cog, from_disk, open, read};
use crate::server::{Reply, Server};

/// Across four tiles: several ranges.
const WINDOW: Window = Window { row: 400, col: 400, rows: 300, cols: 300 };

/// Each fault at the head and at the pixels, of a packed and of a raw file.
fn each(faults: &[Reply], test: impl Fn(&[u8], Reply, usize) + Sync) {
    for compress in [Compression::Deflate, Compression::None] {
        let file = cog(compress);
        std::thread::scope(|scope| {
            for fault in faults {
                for first in [0, 1] {
                    let (file, test) = (&file, &test);
                    scope.spawn(move || test(file, *fault, first));
                }
            }
        });
    }
}

#[test]
fn what_happens_once_is_survived_with_the_right_pixels() {
    let faults = [
        Reply::Status(503),
        Reply::Status(429),
        Reply::Status(403),
        Reply::Reset,
        Reply::Truncated,
        Reply::Shorter,
        Reply::Shifted,
        Reply::NoContentRange,
        Reply::Whole,
        Reply::Hangs,
        Reply::Trickles,
    ];
    each(&faults, |file, fault, first| {
        let server = Server::start(file.to_vec(), move |number, _| if number == first { fault } else { Reply::Fine });
        let pixels = read(&access(), &format!("{}/scene.tif", server.root), WINDOW);
        let pixels = pixels.unwrap_or_else(|error| panic!("{fault:?} at request {first}: {error}"));
        assert_eq!(pixels, from_disk(file, WINDOW), "{fault:?} at request {first}");
    });
}

#[test]
fn what_stays_is_an_error_with_url_range_and_attempts_in_time() {
    let faults = [
        Reply::Status(503),
        Reply::Status(500),
        Reply::Reset,
        Reply::Truncated,
        Reply::Shorter,
        Reply::Shifted,
        Reply::NoContentRange,
        Reply::Whole,
        Reply::Hangs,
        Reply::Trickles,
    ];
    each(&faults, |file, fault, first| {
        let server = Server::start(file.to_vec(), move |number, _| if number >= first { fault } else { Reply::Fine });
        let url = format!("{}/scene.tif", server.root);
        let begun = Instant::now();
        let error = read(&access(), &format!("{url}?token=hunter2"), WINDOW).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(15), "{fault:?} from {first}: {:?}", begun.elapsed());
        let RasterError::Unreachable { location, range, attempts, .. } = &error else {
            panic!("{fault:?} from request {first}: {error}")
        };
        assert_eq!(location, &url);
        assert!((2..=4).contains(attempts), "{fault:?}: {error}");
        let range = range.clone().unwrap();
        assert_eq!(range.start == 0, first == 0, "{fault:?}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    });
}

#[test]
fn an_answer_that_will_not_change_is_not_asked_for_again() {
    let file = cog(Compression::None);
    let ask = |fault: Reply| {
        let server = Server::start(file.clone(), move |_, _| fault);
        let error = read(&access(), &format!("{}/scene.tif", server.root), WINDOW).unwrap_err();
        (error, server.seen().len())
    };
    let (error, requests) = ask(Reply::Status(404));
    assert!(matches!(error, RasterError::Missing { .. }) && requests == 1, "{error}, {requests}");
    let (error, requests) = ask(Reply::Status(400));
    assert!(matches!(error, RasterError::Unreachable { attempts: 1, .. }) && requests == 1, "{error}, {requests}");
    assert!(!error.to_string().contains("hunter2"), "a body is not told: {error}");
    // Once more, with credentials as they are now.
    let (error, requests) = ask(Reply::Status(403));
    assert!(matches!(error, RasterError::Denied { attempts: 2, .. }) && requests == 2, "{error}, {requests}");
}

#[test]
fn a_file_that_changes_between_reads_is_an_error() {
    each(&[Reply::Changed, Reply::Status(412)], |file, fault, _| {
        let server = Server::start(file.to_vec(), move |number, _| if number > 0 { fault } else { Reply::Fine });
        let error = read(&access(), &format!("{}/scene.tif", server.root), WINDOW).unwrap_err();
        assert!(matches!(error, RasterError::Changed { .. }), "{fault:?}: {error}");
    });
}

#[test]
fn what_is_slow_but_alive_comes() {
    let file = cog(Compression::None);
    let server = Server::start(file.clone(), |_, _| Reply::Slow);
    let pixels = read(&access(), &format!("{}/scene.tif", server.root), WINDOW).unwrap();
    assert_eq!(pixels, from_disk(&file, WINDOW));
}

#[test]
fn nobody_listening_is_an_error_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scene.tif", listener.local_addr().unwrap());
    drop(listener);
    let begun = Instant::now();
    let error = open(&access(), &url).err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert!(matches!(error, RasterError::Unreachable { attempts: 4, .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn an_outage_costs_at_most_half_as_many_requests_again() {
    let server = Server::start(Vec::new(), |_, _| Reply::Status(503));
    let access = access();
    std::thread::scope(|scope| {
        for i in 0..60 {
            let (access, url) = (&access, format!("{}/{i}.tif", server.root));
            scope.spawn(move || assert!(open(access, &url).is_err()));
        }
    });
    let requests = server.seen().len();
    assert!((60..=90).contains(&requests), "{requests} requests for 60 files");
}

#[test]
fn a_failure_told_ahead_is_told_to_who_reads() {
    let file = cog(Compression::None);
    let server = Server::start(file, |number, _| if number > 0 { Reply::Status(503) } else { Reply::Fine });
    let mut raster = open(&access(), &format!("{}/scene.tif", server.root)).unwrap();
    assert!(raster.expect(0, &[WINDOW]));
    let error = raster.read(0, WINDOW).unwrap_err();
    assert!(matches!(error, RasterError::Unreachable { .. }), "{error}");
}
