//! The stores of `object_store`, made from variables of the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::profile;
use super::service::{Connector, deepest};
use crate::RasterError;
use crate::bytes::Remote;
use crate::bytes::location::Scheme;

/// Names and values as in the environment.
pub(super) type Variables = BTreeMap<String, String>;

/// What is tried again is decided above the stores.
fn never_again() -> RetryConfig {
    RetryConfig { max_retries: 0, backoff: BackoffConfig::default(), ..RetryConfig::default() }
}

/// The store that `place` is in.
pub(super) fn store(
    place: &Remote,
    variables: &Variables,
    plain: &Connector,
    following: &Connector,
) -> Result<Arc<dyn ObjectStore>, RasterError> {
    let failed = |error: &object_store::Error| RasterError::Unsupported {
        location: place.to_string(),
        what: format!("the settings of its store do not do: {}", deepest(error)),
        remedy: format!("correct the variables {}", names(place.scheme)),
    };
    // Allowing plain HTTP is the sign of the services that give credentials; see `Connector`.
    let options = ClientOptions::new().with_allow_http(false);
    match place.scheme {
        Scheme::S3 => {
            let builder = s3(variables).map_err(|reason| RasterError::Unsupported {
                location: place.to_string(),
                what: reason,
                remedy: "correct AWS_PROFILE or the file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            })?;
            let builder = builder.with_bucket_name(&*place.host).with_client_options(options);
            let built = builder.with_retry(never_again()).with_http_connector(plain.clone()).build();
            Ok(Arc::new(built.map_err(|error| failed(&error))?))
        }
        Scheme::Gs => {
            let mut builder = GoogleCloudStorageBuilder::new();
            for (key, value) in keys::<GoogleConfigKey>(variables, &["GOOGLE_"]) {
                builder = builder.with_config(key, value);
            }
            let builder = builder.with_bucket_name(&*place.host).with_client_options(options);
            let built = builder.with_retry(never_again()).with_http_connector(plain.clone()).build();
            Ok(Arc::new(built.map_err(|error| failed(&error))?))
        }
        Scheme::Az => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (key, value) in keys::<AzureConfigKey>(variables, &["AZURE_"]) {
                builder = builder.with_config(key, value);
            }
            let builder = builder.with_container_name(&*place.host).with_client_options(options);
            let built = builder.with_retry(never_again()).with_http_connector(plain.clone()).build();
            Ok(Arc::new(built.map_err(|error| failed(&error))?))
        }
        Scheme::Http | Scheme::Https => {
            let query = place.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
            let root = format!("{}://{}/{query}", place.scheme.name(), place.host);
            let builder = HttpBuilder::new().with_url(root).with_client_options(options).with_retry(never_again());
            let built = builder.with_http_connector(following.clone()).build();
            Ok(Arc::new(built.map_err(|error| failed(&error))?))
        }
    }
}

fn names(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Gs => "GOOGLE_…",
        Scheme::Az => "AZURE_… (AZURE_STORAGE_ACCOUNT_NAME names the account)",
        _ => "AWS_…",
    }
}

/// The variables that are settings of a store.
fn keys<'v, K: std::str::FromStr>(
    variables: &'v Variables,
    prefixes: &'v [&str],
) -> impl Iterator<Item = (K, &'v String)> {
    let named = variables.iter().filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    named.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)))
}

fn is_yes(value: &str) -> bool {
    ["1", "yes", "true", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// S3 by the variables that the AWS tools and GDAL know, then by the profile.
fn s3(variables: &Variables) -> Result<AmazonS3Builder, String> {
    let mut builder = AmazonS3Builder::new();
    for (key, value) in keys::<AmazonS3ConfigKey>(variables, &["AWS_"]) {
        // An empty variable is none, as the AWS tools have it.
        if !value.is_empty() && !matches!(key, AmazonS3ConfigKey::Bucket | AmazonS3ConfigKey::Client(_)) {
            builder = builder.with_config(key, value);
        }
    }
    let has = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    if variables.get("AWS_NO_SIGN_REQUEST").is_some_and(|value| is_yes(value)) {
        builder = builder.with_skip_signature(true);
    }
    let profile = profile::read(variables)?;
    let elsewhere = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
    let set = |builder: AmazonS3Builder, name: &str, key: AmazonS3ConfigKey| match profile.get(name) {
        Some(value) => builder.with_config(key, value),
        None => builder,
    };
    if !elsewhere.into_iter().any(has) {
        builder = set(builder, "aws_access_key_id", AmazonS3ConfigKey::AccessKeyId);
        builder = set(builder, "aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey);
        builder = set(builder, "aws_session_token", AmazonS3ConfigKey::Token);
    }
    if !has("AWS_REGION") && !has("AWS_DEFAULT_REGION") {
        builder = set(builder, "region", AmazonS3ConfigKey::Region);
    }
    if !["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"].into_iter().any(has) {
        builder = set(builder, "endpoint_url", AmazonS3ConfigKey::Endpoint);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> AmazonS3Builder {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        s3(&variables).unwrap()
    }

    #[test]
    fn variables_of_aws_and_of_gdal_are_settings() {
        let builder = of(&[
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_ENDPOINT_URL", "http://here:1"),
            ("AWS_REQUEST_PAYER", "requester"),
            ("AWS_NO_SIGN_REQUEST", "YES"),
            ("AWS_BUCKET", "other"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/none"),
            ("AWS_CONFIG_FILE", "/none"),
        ]);
        let told = |key| builder.get_config_value(&key);
        assert_eq!(told(AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("id"));
        assert_eq!(told(AmazonS3ConfigKey::Token).as_deref(), Some("token"));
        assert_eq!(told(AmazonS3ConfigKey::Endpoint).as_deref(), Some("http://here:1"));
        assert_eq!(told(AmazonS3ConfigKey::RequestPayer).as_deref(), Some("requester"));
        assert_eq!(told(AmazonS3ConfigKey::SkipSignature).as_deref(), Some("true"));
        assert_eq!(told(AmazonS3ConfigKey::Bucket), None);
    }

    #[test]
    fn a_profile_gives_what_the_environment_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, config) = (folder.path().join("credentials"), folder.path().join("config"));
        std::fs::write(
            &keys,
            "[default]\naws_access_key_id = A\n[work]\naws_access_key_id = W\naws_secret_access_key = s%x\n",
        )
        .unwrap();
        std::fs::write(&config, "[profile work]\nregion = eu-central-1\nendpoint_url = https://there\n").unwrap();
        let files = [
            ("AWS_SHARED_CREDENTIALS_FILE", keys.to_str().unwrap()),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
            ("AWS_PROFILE", "work"),
        ];
        let told = |builder: &AmazonS3Builder, key| builder.get_config_value(&key);
        let builder = of(&files);
        assert_eq!(told(&builder, AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("W"));
        assert_eq!(told(&builder, AmazonS3ConfigKey::SecretAccessKey).as_deref(), Some("s%x"));
        assert_eq!(told(&builder, AmazonS3ConfigKey::Region).as_deref(), Some("eu-central-1"));
        assert_eq!(told(&builder, AmazonS3ConfigKey::Endpoint).as_deref(), Some("https://there"));
        let builder = of(&[&files[..], &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_REGION", "us-west-2")]].concat());
        assert_eq!(told(&builder, AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("E"));
        assert_eq!(told(&builder, AmazonS3ConfigKey::Region).as_deref(), Some("us-west-2"));
        assert_eq!(told(&builder, AmazonS3ConfigKey::SecretAccessKey), None, "keys are not mixed");
        let missing = files.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let missing: Variables = missing.chain([("AWS_PROFILE".to_owned(), "nobody".to_owned())]).collect();
        assert!(s3(&missing).unwrap_err().contains("nobody"));
    }
}
