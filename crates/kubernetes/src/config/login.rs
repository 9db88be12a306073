//! How a user of a configuration logs in.

use kube::config::{AuthInfo, AuthProviderConfig, Cluster};
use scratchdbg_secrets::Secret;

use super::problem::Problem;
use super::select::data;
use crate::credentials::{Login, Program, Source, basic, bearer, identity};

/// Returns how a user logs in. Reads the files of the user's certificate. Takes secrets out of
/// `user`.
pub(super) fn login(user: &mut AuthInfo, cluster: &Cluster) -> Result<Login, Problem> {
    let certificate = data(
        ("client-certificate-data", user.client_certificate_data.take()),
        ("client-certificate", user.client_certificate.take()),
    )?;
    let key = data(
        ("client-key-data", user.client_key_data.take().map(|key| reveal(&key))),
        ("client-key", user.client_key.take()),
    )?;
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some((setting, _)), None) => {
            return Err(Problem::Setting { setting, reason: "is there without a `client-key`" });
        }
        (None, Some((setting, _))) => {
            let reason = "is there without a `client-certificate`";
            return Err(Problem::Setting { setting, reason });
        }
        (Some((setting, certificate)), Some((_, key))) => {
            let identity = identity(&certificate, &key);
            Some(identity.map_err(|reason| Problem::Setting { setting, reason })?)
        }
    };
    Ok(Login { source: source(user, cluster)?, identity })
}

/// Returns where the `Authorization` header comes from.
fn source(user: &mut AuthInfo, cluster: &Cluster) -> Result<Source, Problem> {
    let is_some = |text: &String| !text.is_empty();
    if let Some(provider) = user.auth_provider.take() {
        return of_provider(provider);
    }
    let has_token = user.token.as_ref().is_some_and(|token| is_some(&reveal(token)))
        || user.token_file.as_ref().is_some_and(is_some);
    if has_token && user.username.as_ref().is_some_and(is_some) {
        let reason = "stands beside a token: only one of them can be sent";
        return Err(Problem::Setting { setting: "username", reason });
    }
    if let (Some(name), Some(password)) = (&user.username, user.password.take()) {
        let header = basic(name, &Secret::new(reveal(&password)));
        return Ok(Source::Header(header.ok_or(Problem::Setting {
            setting: "username",
            reason: "cannot be sent with `password`",
        })?));
    }
    // The file has the newer token where there are both.
    if let Some(path) = user.token_file.take().filter(is_some) {
        return Ok(Source::File(path.into()));
    }
    if let Some(token) = user.token.take().map(|token| reveal(&token)).filter(is_some) {
        let header = bearer(&Secret::new(token));
        return Ok(Source::Header(
            header.map_err(|reason| Problem::Setting { setting: "token", reason })?,
        ));
    }
    match user.exec.take() {
        Some(exec) => Ok(Source::Program(Box::new(Program::read(exec, cluster)?))),
        None => Ok(Source::None),
    }
}

/// Returns the token that a provider of old versions of kubectl has stored.
fn of_provider(mut provider: AuthProviderConfig) -> Result<Source, Problem> {
    let setting = "auth-provider";
    let token = provider.config.remove("id-token").filter(|_| provider.name == "oidc");
    let Some(token) = token else {
        let reason = "is not supported: use a credential program (`exec`)";
        return Err(Problem::Setting { setting, reason });
    };
    let header = bearer(&Secret::new(token));
    Ok(Source::Header(header.map_err(|reason| Problem::Setting { setting, reason })?))
}

fn reveal(secret: &secrecy::SecretString) -> String {
    secrecy::ExposeSecret::expose_secret(secret).to_owned()
}
