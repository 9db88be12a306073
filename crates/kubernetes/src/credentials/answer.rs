//! The answer of a credential program: an `ExecCredential` (client.authentication.k8s.io).

use std::sync::Arc;

use hyper::http::HeaderValue;
use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use scratchdbg_secrets::Secret;
use serde::Deserialize;

use super::headers::bearer;
use super::identity::identity;

/// What a program hands out. Not `Debug`: it contains secrets.
pub(super) struct Answer {
    pub(super) header: Option<HeaderValue>,
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) expires: Option<Timestamp>,
}

/// Not `Debug`: it contains secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    kind: Option<String>,
    api_version: Option<String>,
    status: Option<Status>,
}

/// Not `Debug`: it contains secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Reads an answer in JSON or YAML. An error is the predicate of a sentence about the program, and
/// quotes nothing.
pub(super) fn read(output: &[u8], api_version: Option<&str>) -> Result<Answer, &'static str> {
    // YAML is tried second because JSON, the usual form, needs none of its features.
    let read: ExecCredential = serde_json::from_slice(output)
        .ok()
        .or_else(|| serde_saphyr::from_slice(output).ok())
        .ok_or("answers with something else than an ExecCredential in JSON or YAML")?;
    if read.kind.as_deref().is_some_and(|kind| kind != "ExecCredential") {
        return Err("answers with an object that is no ExecCredential");
    }
    if let (Some(answered), Some(wanted)) = (read.api_version.as_deref(), api_version)
        && answered != wanted
    {
        return Err("answers with another `apiVersion` than the configuration has for it");
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let status = read.status.ok_or("answers without a `status`")?;
    let expires = some(status.expiration_timestamp).map(|time| time.parse::<Timestamp>());
    let expires =
        expires.transpose().map_err(|_| "answers with an invalid `expirationTimestamp`")?;
    let header = some(status.token).map(|token| bearer(&Secret::new(token)));
    let header = header.transpose().map_err(|_| "answers with an invalid token")?;
    let identity = match (some(status.client_certificate_data), some(status.client_key_data)) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(
            identity(certificate.as_bytes(), key.as_bytes())
                .map_err(|_| "answers with an invalid certificate or key")?,
        ),
        _ => return Err("answers with a certificate or a key alone"),
    };
    if header.is_none() && identity.is_none() {
        return Err("answers with neither a token nor a certificate");
    }
    Ok(Answer { header, identity, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let v1 = Some("client.authentication.k8s.io/v1");
        for text in [
            r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
                "spec":{"interactive":false},
                "status":{"token":"abc\n","expirationTimestamp":"2030-01-02T03:04:05Z"}}"#,
            "apiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\n\
             status:\n  token: abc\n  expirationTimestamp: \"2030-01-02T03:04:05Z\"\n  \
             clientKeyData: ''\n",
        ] {
            let answer = read(text.as_bytes(), v1).map_err(str::to_owned).unwrap();
            assert_eq!(answer.header.unwrap().to_str().unwrap(), "Bearer abc");
            assert_eq!(answer.expires.unwrap().to_string(), "2030-01-02T03:04:05Z");
            assert!(answer.identity.is_none());
        }
    }

    #[test]
    fn what_is_not_understood_is_not_quoted() {
        let v1 = Some("client.authentication.k8s.io/v1");
        for text in [
            "",
            "SECRET",
            "\"SECRET\"",
            "[SECRET",
            "Warning: SECRET is old\n{\"status\":{\"token\":\"SECRET\"}}",
            "{\"status\":{\"token\":\"SECRET\"}",
            "{\"status\":{\"token\":[\"SECRET\"]}}",
            "{\"status\":\"SECRET\"}",
            "{\"status\":{\"token\":\"SECRET\",\"token\":\"SECRET\"}}",
            "{\"status\":{\"token\":\"SECRET\\nx\"}}",
            "{\"status\":{\"token\":\"SECRET\u{e9}\"}}",
            "{\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"SECRET\"}}",
            "{\"status\":{\"clientCertificateData\":\"SECRET\",\"clientKeyData\":\"SECRET\"}}",
            "{\"status\":{\"clientKeyData\":\"SECRET\"}}",
            "{\"status\":{}}",
            "{\"status\":null}",
            "{}",
            "{\"kind\":\"SECRET\",\"status\":{\"token\":\"t\"}}",
            "{\"apiVersion\":\"SECRET\",\"status\":{\"token\":\"t\"}}",
            "status:\n  token: SECRET\n token: SECRET",
            "\u{0}SECRET",
        ] {
            let error = read(text.as_bytes(), v1).err().unwrap_or_else(|| panic!("{text} is read"));
            assert!(error.starts_with("answers ") && !error.contains("SECRET"), "{text}: {error}");
        }
        assert!(read(b"\xff\xfe", None).is_err());
    }
}
