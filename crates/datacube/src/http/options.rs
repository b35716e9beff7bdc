//! What a user tells servers of themself.

use std::fmt;

use crate::config::Surroundings;

/// The environment variable with the token that the server which a URL names is told.
const TOKEN: &str = "CUBE_HTTP_TOKEN";
/// The one with other headers for it, one a line.
const HEADERS: &str = "CUBE_HTTP_HEADERS";

/// Secrets for the servers that a user names by URL: sent to them alone, and never printed.
#[derive(Clone, Default)]
pub struct HttpOptions {
    headers: Vec<(String, String)>,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}

impl HttpOptions {
    /// From `CUBE_HTTP_TOKEN`, a bearer token, and `CUBE_HTTP_HEADERS`, headers as `Name: value`, one a line. What is no header
    /// is passed over, and said without its value.
    #[must_use]
    pub fn of(surroundings: &Surroundings) -> Self {
        let mut headers = Vec::new();
        if let Some(token) = surroundings.variable(TOKEN) {
            headers.push(("authorization".to_owned(), format!("Bearer {}", token.trim())));
        }
        for (n, line) in surroundings.variable(HEADERS).unwrap_or_default().lines().enumerate() {
            let split = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
            match split.filter(|(name, value)| is_name(name) && !value.is_empty()) {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                None if line.trim().is_empty() => {}
                None => tracing::warn!("line {} of {HEADERS} is no header (Name: value), and is left out", n + 1),
            }
        }
        headers.retain(|(name, value)| {
            let fits = value.bytes().all(|b| (b' '..0x7f).contains(&b));
            if !fits {
                tracing::warn!("the header {name} has letters that headers cannot have, and is left out");
            }
            fits
        });
        Self { headers }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let variables = [(TOKEN, "abc123"), (HEADERS, "X-Key: s3cr3t\nnonsense\n\nbad name: x")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let options = HttpOptions::of(&Surroundings { variables, ..Surroundings::default() });
        let all: Vec<_> = options.headers().collect();
        assert_eq!(all, [("authorization", "Bearer abc123"), ("X-Key", "s3cr3t")]);
        let shown = format!("{options:?}");
        assert!(shown.contains("X-Key") && !shown.contains("s3cr3t") && !shown.contains("abc123"), "{shown}");
    }
}
