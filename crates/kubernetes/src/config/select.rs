//! What a context of a configuration selects: a server, and how to log in to it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedCluster,
    NamedContext,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::address::bare;
use super::login::login;
use super::problem::Problem;
use crate::credentials::Login;

/// The largest accepted file of certificates or keys, more than all authorities of a system.
const LARGEST: u64 = 4 << 20;

/// Returns what a context selects. Reads the files that the configuration names.
///
/// `kube` gets the server and its authorities alone. It has no part in the credentials, and does
/// not read files, which it would do without any limits.
pub(super) fn select(kubeconfig: &Kubeconfig, name: &str) -> Result<(Config, Login), Problem> {
    let context = kubeconfig.contexts.iter().find(|context| context.name == name);
    let context = context.and_then(|named| named.context.clone());
    let context = context.ok_or(Problem::Other("the context is empty"))?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.clone());
    let mut cluster = cluster.ok_or(Problem::Other("the cluster of the context is missing"))?;
    // Like kubectl, take a user that is missing for one without credentials.
    let user =
        kubeconfig.auth_infos.iter().find(|named| Some(&named.name) == context.user.as_ref());
    let mut user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();

    if cluster.insecure_skip_tls_verify == Some(true)
        && (is_set(cluster.certificate_authority.as_ref())
            || is_set(cluster.certificate_authority_data.as_ref()))
    {
        let reason = "stands beside `insecure-skip-tls-verify`, which would ignore it";
        return Err(Problem::Setting { setting: "certificate-authority", reason });
    }
    let authority = data(
        ("certificate-authority-data", cluster.certificate_authority_data.take()),
        ("certificate-authority", cluster.certificate_authority.take()),
    )?;
    let authority_is_known = authority.is_some();
    if let Some((setting, authority)) = authority {
        certificates(&authority).map_err(|reason| Problem::Setting { setting, reason })?;
        cluster.certificate_authority_data = Some(STANDARD.encode(authority));
    }
    if let Some(server) = &mut cluster.server {
        let invalid = Problem::Setting { setting: "server", reason: "is no valid address" };
        if !server.contains("://") {
            // Like kubectl.
            let is_encrypted = authority_is_known || cluster.insecure_skip_tls_verify == Some(true);
            *server = format!("{}://{server}", if is_encrypted { "https" } else { "http" });
        }
        *server = server.parse().ok().as_ref().and_then(bare).ok_or(invalid)?;
    }
    let is_encrypted = cluster.server.as_ref().is_none_or(|server| server.starts_with("https:"));
    if !is_encrypted {
        // Like kubectl, send no credentials in clear text, and run no program for them.
        user = AuthInfo::default();
    }
    let login = login(&mut user, &cluster)?;
    let mut config = config(context, cluster)?;
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    if !is_set(user.impersonate.as_ref())
        && (is_set(user.impersonate_uid.as_ref())
            || user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty())
            || user.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty()))
    {
        return Err(Problem::Setting {
            setting: "as",
            reason: "is missing beside `as-groups`, `as-uid` or `as-user-extra`",
        });
    }
    config.auth_info = AuthInfo {
        impersonate: some(user.impersonate),
        impersonate_uid: some(user.impersonate_uid),
        impersonate_groups: user.impersonate_groups,
        impersonate_user_extra: user.impersonate_user_extra,
        ..AuthInfo::default()
    };
    Ok((config, login))
}

fn is_set(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Makes the configuration of a connection without credentials.
fn config(context: Context, cluster: Cluster) -> Result<Config, Problem> {
    let namespace = context.namespace.filter(|namespace| !namespace.is_empty());
    let name = || "selected".to_owned();
    let context = Context { cluster: name(), user: None, namespace, ..Context::default() };
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster {
            name: name(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(context),
            ..NamedContext::default()
        }],
        ..Kubeconfig::default()
    };
    let options = KubeConfigOptions { context: Some(name()), ..KubeConfigOptions::default() };
    let config = super::now(Config::from_custom_kubeconfig(kubeconfig, &options));
    let config = config.ok_or(Problem::Other("it is not read at once"))?;
    config.map_err(|error| match error {
        KubeconfigError::MissingClusterUrl => {
            Problem::Setting { setting: "server", reason: "is missing" }
        }
        KubeconfigError::ParseClusterUrl(_) => {
            Problem::Setting { setting: "server", reason: "is no valid address" }
        }
        KubeconfigError::ParseProxyUrl(_) => {
            Problem::Other("the address of the proxy (`proxy-url` or HTTPS_PROXY) is invalid")
        }
        KubeconfigError::ParseNoProxy(_) => Problem::Other("NO_PROXY is invalid"),
        KubeconfigError::ParseCertificates(_) | KubeconfigError::LoadCertificateAuthority(_) => {
            Problem::Setting { setting: "certificate-authority", reason: "has no certificates" }
        }
        _ => Problem::Other("its context or its cluster is invalid"),
    })
}

/// Returns the content of a setting in base64, or else of the file that another setting names, with
/// the name of the setting that was used. An empty setting is none.
pub(super) fn data(
    (inline, text): (&'static str, Option<String>),
    (setting, path): (&'static str, Option<String>),
) -> Result<Option<(&'static str, Vec<u8>)>, Problem> {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        let invalid = Problem::Setting { setting: inline, reason: "is no valid base64" };
        // Like kubectl, take line breaks within it.
        let text: String = text.split_ascii_whitespace().collect();
        return Ok(Some((inline, STANDARD.decode(text).map_err(|_| invalid)?)));
    }
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(None) };
    let path = Path::new(&path);
    let read = scratchdbg_files::read(path, LARGEST);
    let mut bytes = read.map_err(|error| Problem::file(setting, path, &error))?;
    bytes.push(b'\n');
    Ok(Some((setting, bytes)))
}

/// Checks that there are certificates.
fn certificates(pem: &[u8]) -> Result<(), &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(()),
        _ => Err("has no valid certificates in PEM"),
    }
}
