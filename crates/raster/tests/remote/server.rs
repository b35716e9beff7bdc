//! An HTTP server of one file that fails as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Fine,
    Status(u16),
    /// Closes before it answers.
    Reset,
    /// Promises all, sends half.
    Truncated,
    /// Says and sends fewer bytes than were asked for.
    Shorter,
    /// Says and sends the bytes beside those that were asked for.
    Shifted,
    NoContentRange,
    /// 200 and the whole file.
    Whole,
    /// The file is another one, with another `ETag`; `If-Match` is not looked at.
    Changed,
    /// Accepts and says nothing.
    Hangs,
    /// One byte a second.
    Trickles,
    /// 200 kB a second.
    Slow,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

type Plan = dyn Fn(usize, &Seen) -> Reply + Send + Sync;

pub(crate) struct Server {
    pub(crate) root: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves `file` at every path. `plan` tells from the number of a request, which counts from 0, what comes.
    pub(crate) fn start(file: Vec<u8>, plan: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (file, plan, log): (Arc<[u8]>, Arc<Plan>, _) = (file.into(), Arc::new(plan), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (file, plan, log) = (file.clone(), plan.clone(), log.clone());
                // A client that goes away ends its connection.
                std::thread::spawn(move || {
                    let _ = connection(&stream, &file, &*plan, &log);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { root, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn connection(stream: &TcpStream, file: &[u8], plan: &Plan, log: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            head.iter().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let mut first = head.first().map(String::as_str).unwrap_or_default().split(' ');
        let seen = Seen {
            method: first.next().unwrap_or_default().to_owned(),
            path: first.next().unwrap_or_default().to_owned(),
            range: header("range").and_then(|range| {
                let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
                Some((from.parse().ok()?, to.parse::<u64>().ok()? + 1))
            }),
            if_match: header("if-match"),
            if_none_match: header("if-none-match"),
        };
        let number = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        if !answer(stream, file, &seen, plan(number, &seen))? {
            return Ok(());
        }
    }
}

/// True where the connection stays.
fn answer(mut stream: &TcpStream, file: &[u8], seen: &Seen, reply: Reply) -> std::io::Result<bool> {
    let size = file.len() as u64;
    let (mut from, to) = seen.range.unwrap_or((0, size));
    let mut to = to.min(size);
    let etag = if reply == Reply::Changed { "\"two\"" } else { "\"one\"" };
    match reply {
        Reply::Status(status) => {
            let body = "the body holds hunter2";
            let head = format!("HTTP/1.1 {status} Because\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            return stream.write_all(head.as_bytes()).map(|()| true);
        }
        Reply::Reset => return Ok(false),
        Reply::Hangs => {
            // Until the client goes away.
            let _ = stream.read_exact(&mut [0]);
            return Ok(false);
        }
        Reply::Shorter => to = from + (to - from) / 2,
        Reply::Shifted => from = from.saturating_sub(100).max(from / 2),
        Reply::Whole => (from, to) = (0, size),
        _ => {}
    }
    if seen.if_none_match.as_deref() == Some(etag) {
        return stream.write_all(b"HTTP/1.1 304 Not Modified\r\nETag: \"one\"\r\n\r\n").map(|()| true);
    }
    if seen.if_match.as_deref().is_some_and(|wanted| wanted != etag) && reply != Reply::Changed {
        return stream.write_all(b"HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n").map(|()| true);
    }
    if reply == Reply::Shifted && from == 0 {
        // The first bytes have nothing before them.
        (from, to) = (100, (to + 100).min(size));
    }
    let partial = seen.range.is_some() && reply != Reply::Whole;
    let length = to - from;
    let told = if partial && reply != Reply::NoContentRange {
        format!("Content-Range: bytes {from}-{}/{size}\r\n", to - 1)
    } else {
        String::new()
    };
    let status = if partial { "206 Partial" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {length}\r\n{told}\r\n");
    stream.write_all(head.as_bytes())?;
    let changed: Vec<u8>;
    let mut body = &file[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
    if reply == Reply::Changed {
        changed = body.iter().map(|byte| byte.wrapping_add(1)).collect();
        body = &changed;
    }
    match reply {
        Reply::Truncated => stream.write_all(&body[..body.len() / 2]).map(|()| false),
        Reply::Trickles => {
            for byte in body {
                stream.write_all(std::slice::from_ref(byte))?;
                std::thread::sleep(Duration::from_secs(1));
            }
            Ok(true)
        }
        Reply::Slow => {
            for piece in body.chunks(20_000) {
                stream.write_all(piece)?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(true)
        }
        _ => stream.write_all(body).map(|()| true),
    }
}
