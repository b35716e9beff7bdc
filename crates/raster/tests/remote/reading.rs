//! How many requests and bytes a read takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cube_geo::Window;
use cube_raster::{Access, AccessSettings, Compression, RasterError};

use crate::scene::{SIDE, access, cog, from_disk, open, read};
use crate::server::{Reply, Seen, Server};

fn bytes(seen: &[Seen]) -> u64 {
    seen.iter().filter_map(|seen| seen.range).map(|(from, to)| to - from).sum()
}

#[test]
fn a_window_takes_one_request_of_the_head_and_one_of_its_blocks() {
    let file = cog(Compression::Deflate);
    let server = Server::start(file.clone(), |_, _| Reply::Fine);
    let (access, url) = (access(), format!("{}/a%20b/scene.tif", server.root));
    let window = Window::new(100, 600, 300, 300);
    assert_eq!(read(&access, &url, window).unwrap(), from_disk(&file, window));
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.method == "GET" && seen.path == "/a%20b/scene.tif"), "{seen:?}");
    assert_eq!((seen[0].range, seen[0].if_match.as_deref()), (Some((0, 32_768)), None));
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[1..].iter().all(|seen| seen.if_match.as_deref() == Some("\"one\"")), "{seen:?}");
    // One tile of 512 pixels a side that does not compress, and what stands beside it.
    assert!(bytes(&seen) < 32_768 + 600_000, "{} bytes", bytes(&seen));

    // The head is known: opening it again takes nothing.
    read(&access, &url, window).unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn what_is_told_ahead_is_fetched_once_and_at_once() {
    let file = cog(Compression::Deflate);
    let server = Server::start(file.clone(), |_, _| Reply::Fine);
    let access = access();
    let mut raster = open(&access, &format!("{}/scene.tif", server.root)).unwrap();
    let whole = Window::new(0, 0, SIDE, SIDE);
    assert!(raster.expect(0, &[whole]) && raster.expect(0, &[whole]));
    for part in whole.tiles(cube_geo::Shape::new(512, 512)) {
        assert_eq!(raster.read(0, part).unwrap(), from_disk(&file, part), "{part}");
    }
    let told = server.seen();
    assert!(bytes(&told) < file.len() as u64 + 32_768, "nothing comes twice: {} bytes", bytes(&told));
    // What was read is not kept.
    raster.read(0, Window::new(0, 0, 10, 10)).unwrap();
    assert_eq!(server.seen().len(), told.len() + 1);
}

#[test]
fn a_document_is_fetched_whole_up_to_a_limit() {
    let server = Server::start(b"id: 1\n".to_vec(), |_, _| Reply::Fine);
    let (access, url) = (access(), format!("{}/doc.yaml?token=hunter2", server.root));
    assert_eq!(access.get(&url, 6).unwrap(), b"id: 1\n");
    assert_eq!(server.seen()[0].path, "/doc.yaml?token=hunter2");
    let error = access.get(&url, 5).unwrap_err();
    assert!(matches!(error, RasterError::TooLarge { .. }) && !error.to_string().contains("hunter2"), "{error}");
    let missing = Server::start(Vec::new(), |_, _| Reply::Status(404));
    let error = access.get(&format!("{}/none.yaml?token=hunter2", missing.root), 5).unwrap_err();
    assert!(matches!(error, RasterError::Missing { .. }) && !error.to_string().contains("hunter2"), "{error}");
    assert_eq!(missing.seen().len(), 1);
}

#[test]
fn only_allowed_places_are_read() {
    let server = Server::start(b"id: 1\n".to_vec(), |_, _| Reply::Fine);
    let folder = tempfile::tempdir().unwrap();
    let allowed = folder.path().join("allowed");
    std::fs::create_dir(&allowed).unwrap();
    std::fs::write(folder.path().join("secret.yaml"), "x").unwrap();
    std::fs::write(allowed.join("doc.yaml"), "y").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("secret.yaml"), allowed.join("link.yaml")).unwrap();
    let roots = vec![allowed.display().to_string(), format!("{}/open", server.root), "s3://bucket/data".to_owned()];
    let access = Access::new(AccessSettings { only_under: Some(roots), ..AccessSettings::default() }).unwrap();
    let path = |name: &str| allowed.join(name).display().to_string();
    assert_eq!(access.get(&path("doc.yaml"), 10).unwrap(), b"y");
    assert_eq!(access.get(&format!("{}/open/doc.yaml", server.root), 10).unwrap(), b"id: 1\n");
    for refused in [
        path("../secret.yaml"),
        path("link.yaml"),
        format!("{}/closed/doc.yaml", server.root),
        format!("{}/open/../closed/doc.yaml", server.root),
        "s3://bucket/other/doc.yaml".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let error = access.get(&refused, 10).unwrap_err();
        assert!(matches!(error, RasterError::NotAllowed { .. }), "{refused}: {error}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_redirect_leads_to_no_place_that_is_not_allowed() {
    let inside = Server::start(b"inside".to_vec(), |_, _| Reply::Fine);
    let target = format!("{}/meta", inside.root);
    // A server that sends all who come to another one.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let read = stream.read(&mut [0; 4096]).unwrap_or(0);
            assert!(read > 0, "a request is small enough to come at once");
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let url = format!("{root}/doc.yaml");
    assert_eq!(access().get(&url, 10).unwrap(), b"inside", "where all is allowed it is followed");
    let only = AccessSettings { only_under: Some(vec![root]), ..AccessSettings::default() };
    let error = Access::new(only).unwrap().get(&url, 10).unwrap_err();
    assert!(error.to_string().contains("302"), "{error}");
    assert_eq!(inside.seen().len(), 1);
}

#[test]
fn a_new_version_is_read_as_such_when_it_is_opened_again() {
    let file = cog(Compression::None);
    let changed = Arc::new(AtomicBool::new(false));
    let now = changed.clone();
    let server =
        Server::start(file, move |_, _| if now.load(Ordering::Relaxed) { Reply::Changed } else { Reply::Fine });
    let (access, url, window) = (access(), format!("{}/scene.tif", server.root), Window::new(0, 0, 600, 600));
    read(&access, &url, window).unwrap();
    changed.store(true, Ordering::Relaxed);
    let error = read(&access, &url, window).unwrap_err();
    assert!(matches!(error, RasterError::Changed { .. }), "{error}");
    // The head of the old version is forgotten. (This server's new version is no TIFF any more.)
    let error = open(&access, &url).err().unwrap();
    assert!(error.to_string().contains("neither GeoTIFF"), "{error}");
}
