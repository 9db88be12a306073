//! Reads one kubeconfig file.

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::problem::Problem;

/// The largest accepted file. Such a file has the certificates of thousands of clusters.
const LARGEST: u64 = 16 << 20;

/// Reads a file. Relative paths in it become relative to the current folder instead of the file's.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, Problem> {
    let bytes = scratchdbg_files::read(path, LARGEST)
        .map_err(|error| Problem::Unreadable(error.to_string()))?;
    let mut kubeconfig = parse(&bytes)?;
    resolve(&mut kubeconfig, path.parent().unwrap_or(Path::new("")))?;
    Ok(kubeconfig)
}

/// Parses the documents of a file, and merges them.
fn parse(bytes: &[u8]) -> Result<Kubeconfig, Problem> {
    let text = decode(bytes).ok_or(Problem::Other("it is no text in UTF-8 or UTF-16"))?;
    Kubeconfig::from_yaml(&text).map_err(|error| match error {
        KubeconfigError::Parse(error) => Problem::of_yaml(&error),
        error => of_merge(&error),
    })
}

/// Returns why configurations cannot be merged.
pub(super) fn of_merge(error: &KubeconfigError) -> Problem {
    Problem::Other(match error {
        KubeconfigError::KindMismatch => "they have different values of `kind`",
        KubeconfigError::ApiVersionMismatch => "they have different values of `apiVersion`",
        _ => "it is no Kubernetes configuration",
    })
}

/// Decodes text with or without a byte order mark. Shells of Windows write UTF-16.
fn decode(bytes: &[u8]) -> Option<String> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        String::from_utf16(&units.collect::<Vec<_>>()).ok().filter(|_| rest.len().is_multiple_of(2))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// Resolves the paths of a configuration against its folder, as kubectl does: those of files, and
/// those of programs that contain a slash.
fn resolve(kubeconfig: &mut Kubeconfig, folder: &Path) -> Result<(), Problem> {
    let clusters = kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut());
    for cluster in clusters {
        join(folder, "certificate-authority", &mut cluster.certificate_authority)?;
    }
    let users = kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut());
    for user in users {
        join(folder, "client-certificate", &mut user.client_certificate)?;
        join(folder, "client-key", &mut user.client_key)?;
        join(folder, "tokenFile", &mut user.token_file)?;
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|command| command.contains('/'))
        {
            join(folder, "command", &mut exec.command)?;
        }
    }
    Ok(())
}

fn join(folder: &Path, setting: &'static str, path: &mut Option<String>) -> Result<(), Problem> {
    let Some(path) = path.as_mut().filter(|path| !path.is_empty()) else { return Ok(()) };
    let joined: PathBuf = folder.join(&*path);
    match joined.into_os_string().into_string() {
        Ok(joined) => *path = joined,
        Err(_) => {
            let reason = "is a relative path in a folder whose name is not UTF-8";
            return Err(Problem::Setting { setting, reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded() {
        for (bytes, text) in [
            (&b"a: 1"[..], Some("a: 1")),
            (b"\xef\xbb\xbfa: 1", Some("a: 1")),
            (b"\xff\xfea\0:\0", Some("a:")),
            (b"\xfe\xff\0a\0:", Some("a:")),
            (b"\xff\xfea", None),
            (b"\xff\xfe\0\xd8", None),
            (b"\x80", None),
        ] {
            assert_eq!(decode(bytes).as_deref(), text, "{bytes:?}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let text = "clusters: [{name: k, cluster: {certificate-authority: ca.crt}}]\n\
            users: [{name: u, user: {client-certificate: a/b, client-key: /k, tokenFile: '', \
            exec: {command: ./give}}}, {name: v, user: {exec: {command: give}}}]";
        let mut read = parse(text.as_bytes()).unwrap();
        resolve(&mut read, Path::new("/home/u")).unwrap();
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.certificate_authority.as_deref(), Some("/home/u/ca.crt"));
        let user = read.auth_infos[0].auth_info.as_ref().unwrap();
        let command = |index: usize| {
            let user = read.auth_infos[index].auth_info.as_ref().unwrap();
            user.exec.as_ref().unwrap().command.as_deref()
        };
        assert_eq!(user.client_certificate.as_deref(), Some("/home/u/a/b"));
        assert_eq!(user.client_key.as_deref(), Some("/k"));
        assert_eq!(user.token_file.as_deref(), Some(""));
        assert_eq!((command(0), command(1)), (Some("/home/u/./give"), Some("give")));
    }
}
