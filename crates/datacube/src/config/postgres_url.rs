//! URLs of PostgreSQL databases, of the parts that ODC's configuration gives.

use std::fmt::Write;

/// Where a database is, and who asks for it. What is missing is left to the database's own defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    /// Empty: over the socket on this machine.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) database: &'a str,
}

impl Parts<'_> {
    /// The parts as one URL. Without a host, user and password go behind the database: a URL with a user must have one.
    pub(super) fn url(&self) -> String {
        let user = self.user.filter(|user| !user.is_empty()).map(encoded);
        let password = self.password.filter(|password| !password.is_empty()).map(encoded);
        let database = encoded(self.database);
        if self.host.is_empty() {
            let port = self.port.map(|port| port.to_string());
            let said = [("user", user), ("password", password), ("port", port)];
            let said: Vec<_> = said.into_iter().filter_map(|(key, v)| Some(format!("{key}={}", v?))).collect();
            let query = if said.is_empty() { String::new() } else { format!("?{}", said.join("&")) };
            return format!("postgresql:///{database}{query}");
        }
        let who = match (user, password) {
            (Some(user), Some(password)) => format!("{user}:{password}@"),
            (Some(user), None) => format!("{user}@"),
            (None, _) => String::new(),
        };
        let bare_ipv6 = self.host.contains(':') && !self.host.starts_with('[');
        let host = match self.host {
            socket if socket.starts_with('/') => encoded(socket),
            address if bare_ipv6 => format!("[{address}]"),
            name => name.to_owned(),
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("postgresql://{who}{host}{port}/{database}")
    }
}

/// A `db_url` of ODC's configuration as a plain URL: without the name of a Python library, and with the user behind the
/// database where there is no host. `None` where it is no URL of PostgreSQL.
pub(crate) fn plain(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "postgresql" | "postgres" | "postgresql+psycopg2" | "postgresql+psycopg") {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let Some((who, host)) = authority.rsplit_once('@').filter(|(_, host)| host.is_empty() || host.starts_with(':'))
    else {
        return Some(format!("postgresql://{rest}"));
    };
    let (user, password) = who.split_once(':').map_or((who, None), |(user, password)| (user, Some(password)));
    let mut plain = format!("postgresql://{tail}");
    let mut mark = if tail.contains('?') { '&' } else { '?' };
    let port = host.strip_prefix(':').filter(|port| !port.is_empty());
    let user = Some(user).filter(|user| !user.is_empty());
    for (key, value) in [("user", user), ("password", password), ("port", port)] {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = write!(plain, "{mark}{key}={value}");
            mark = '&';
        }
    }
    Some(plain)
}

/// Text as a part of a URL: everything but letters, digits and `-._~` as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
