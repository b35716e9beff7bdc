//! Which faults pass, and how long to wait for that.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ureq::http::HeaderMap;

/// Most attempts of one request.
const ATTEMPTS: u32 = 4;
/// The first pause; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// No attempt begins later than this after the first, pauses that the server asked for left out: an outage is told
/// within some fifteen seconds.
const LATEST: Duration = Duration::from_secs(9);
/// The longest pause that a server may ask for, and the longest of all together.
const LONGEST_ASKED: Duration = Duration::from_mins(1);
const LONGEST_ASKED_IN_ALL: Duration = Duration::from_mins(3);

/// What is wrong with an attempt.
#[derive(Debug)]
pub(super) struct Fault {
    reason: String,
    passing: bool,
    /// How long the server asks to wait.
    wait: Option<Duration>,
}

impl Fault {
    /// One that another attempt may not meet.
    pub(super) fn passing(reason: String, wait: Option<Duration>) -> Self {
        Self { reason, passing: true, wait }
    }

    /// One that every attempt will meet.
    pub(super) fn lasting(reason: String) -> Self {
        Self { reason, passing: false, wait: None }
    }
}

/// The attempts of one request.
#[derive(Debug)]
pub(super) struct Patience {
    started: Instant,
    attempts: u32,
    /// Time that was waited since the server asked for it.
    asked: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), attempts: 0, asked: Duration::ZERO }
    }

    /// Waits until the next attempt is due.
    ///
    /// # Errors
    /// Where there is none: what was wrong with the last, as a sentence.
    pub(super) fn wait_after(&mut self, fault: Fault) -> Result<(), String> {
        self.attempts += 1;
        let tries = if self.attempts == 1 { String::new() } else { format!(" ({} attempts)", self.attempts) };
        let Fault { reason, passing, wait } = fault;
        if !passing {
            return Err(format!("{reason}{tries}"));
        }
        let pause = PAUSE * 2_u32.pow(self.attempts - 1);
        let asked = wait.filter(|wait| *wait > pause);
        if let Some(wait) = asked
            && (wait > LONGEST_ASKED || self.asked + wait > LONGEST_ASKED_IN_ALL)
        {
            let seconds = wait.as_secs();
            return Err(format!("{reason}, and asks to wait {seconds} s{tries}; run the same command again later"));
        }
        let late = self.started.elapsed().saturating_sub(self.asked) + asked.map_or(pause, |_| Duration::ZERO) > LATEST;
        if self.attempts >= ATTEMPTS || late {
            return Err(format!("{reason}{tries}; run the same command again later"));
        }
        tracing::info!(%reason, attempt = self.attempts, "asking again");
        let pause = asked.unwrap_or(pause);
        self.asked += asked.unwrap_or_default();
        std::thread::sleep(pause);
        Ok(())
    }
}

/// How long a busy server asks to wait: seconds, or a date.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default())
}

/// What went wrong between here and the server.
pub(super) fn of_transport(error: ureq::Error) -> Fault {
    match error {
        ureq::Error::HostNotFound => Fault::lasting("no such host is known; check the URL and the network".to_owned()),
        ureq::Error::Timeout(what) => Fault::passing(format!("the server does not answer in time ({what})"), None),
        ureq::Error::ConnectionFailed => Fault::passing("the server cannot be reached".to_owned(), None),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Fault::lasting("no server listens there; check the URL".to_owned())
        }
        ureq::Error::Io(error) => Fault::passing(format!("the connection broke off ({error})"), None),
        ureq::Error::Rustls(error) => Fault::lasting(format!("no secure connection: {error}")),
        ureq::Error::Tls(error) => Fault::lasting(format!("no secure connection: {error}")),
        other => Fault::passing(format!("no answer that can be read ({other})"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_pass_is_told_at_once() {
        let said = Patience::new().wait_after(Fault::lasting("404".to_owned())).unwrap_err();
        assert_eq!(said, "404");
    }

    #[test]
    fn a_fault_that_stays_is_told_with_its_attempts() {
        let mut patience = Patience::new();
        let mut waits = 0;
        let said = loop {
            match patience.wait_after(Fault::passing("503".to_owned(), None)) {
                Ok(()) => waits += 1,
                Err(said) => break said,
            }
        };
        assert_eq!((waits, said.as_str()), (3, "503 (4 attempts); run the same command again later"));
    }

    #[test]
    fn servers_say_how_long_to_wait() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            asked_wait(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        let said = Patience::new().wait_after(Fault::passing("429".to_owned(), of("4000"))).unwrap_err();
        assert!(said.contains("asks to wait 4000 s"), "{said}");
    }
}
