//! The names of the codes.

use std::collections::BTreeSet;

use super::*;

#[test]
fn words_are_unique_kebab_case_and_parse_back() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    for &code in Code::ALL {
        let word = code.as_str();
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{word}");
        assert_eq!(word.parse::<Code>().unwrap(), code);
        assert!(code.meaning().ends_with('.'), "{word}");
    }
    assert!("no-such-code".parse::<Code>().is_err());
}

#[test]
fn codes_of_the_contract_are_all_there() {
    let contract = "loader-missing library-missing interpreter-missing crlf-shebang wrong-architecture \
        not-an-executable truncated-binary cpu-level entrypoint-missing entrypoint-not-absolute \
        entrypoint-one-string shell-form no-command not-executable-mode parent-not-searchable user-unknown \
        user-not-numeric runs-as-root healthcheck-needs-shell healthcheck-missing-program \
        ca-certificates-missing timezone-missing tmp-missing tmp-mode passwd-missing nsswitch-missing \
        services-missing static-glibc-nss workdir-not-a-directory duplicate-path secret-in-image setuid-file \
        oom-killed child-oom-killed killed-from-outside stop-signal-ignored segfault-or-abort aborted \
        illegal-instruction rust-panic go-panic app-exit crash-loop never-started port-in-use mount-failed \
        daemon-restarted removed running-unhealthy running";
    for word in contract.split_whitespace() {
        assert!(word.parse::<Code>().is_ok(), "{word}");
    }
}
