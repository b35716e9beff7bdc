//! A small HTTP server inside the test: it answers by a script, and breaks as told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// What was posted.
    pub body: String,
}

impl Asked {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A value of the query, as it stands there.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let pairs = self.target.split_once('?')?.1.split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// What was posted, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    breaks: Option<usize>,
    waits: Duration,
}

impl Reply {
    /// These bytes under this media type.
    #[must_use]
    pub fn new(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { status: 200, headers, body: body.into(), ..Self::default() }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self::new("application/geo+json", value.to_string())
    }

    /// Nothing but a status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// With another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The connection breaks off after so many bytes of the body.
    #[must_use]
    pub fn broken_after(self, bytes: usize) -> Self {
        Self { breaks: Some(bytes), ..self }
    }

    /// No answer at all: the connection ends.
    #[must_use]
    pub fn reset() -> Self {
        Self::default()
    }

    /// It comes late.
    #[must_use]
    pub fn after(self, waits: Duration) -> Self {
        Self { waits, ..self }
    }
}

/// A running server; it ends with the value.
pub struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    ended: Arc<AtomicBool>,
}

impl Server {
    /// Starts one that answers by a script. The script is told the server's own URL, and how many requests came before.
    ///
    /// # Panics
    /// Where no port can be had.
    #[must_use]
    pub fn start(script: impl Fn(&str, &Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("no port for a test server: {e}"));
        let address = listener.local_addr().map(|a| a.to_string()).unwrap_or_default();
        let (asked, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let url = format!("http://{address}");
        let script = Arc::new(script);
        let (log, done) = (Arc::clone(&asked), Arc::clone(&ended));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let (script, log, url) = (Arc::clone(&script), Arc::clone(&log), url.clone());
                std::thread::spawn(move || serve(&stream, &url, &log, &*script));
            }
        });
        Self { address, asked, ended }
    }

    /// Its URL with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(stream: &TcpStream, url: &str, log: &Mutex<Vec<Asked>>, script: &dyn Fn(&str, &Asked, usize) -> Reply) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let before = log.lock().map(|mut log| {
            log.push(asked.clone());
            log.len() - 1
        });
        let reply = script(url, &asked, before.unwrap_or_default());
        std::thread::sleep(reply.waits);
        if reply.status == 0 {
            break;
        }
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head += name;
            head += ": ";
            head += value;
            head += "\r\n";
        }
        let body = &reply.body[..reply.breaks.unwrap_or(reply.body.len()).min(reply.body.len())];
        let mut to = stream;
        if to.write_all((head + "\r\n").as_bytes()).and_then(|()| to.write_all(body)).is_err() || reply.breaks.is_some()
        {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
