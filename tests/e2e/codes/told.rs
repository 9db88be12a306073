//! Messages of servers and their clients: real texts, printed by a program that prints its
//! arguments.

use serde_json::Value;

use super::program::compiled;
use super::{Proof, ended, refusal};
use crate::fault::{self, executable};
use crate::stage::Stage;

const SOURCE: &str = r#"
#include <stdio.h>
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) fprintf(stderr, "%s\n", argv[i]);
  return 1;
}
"#;

/// Returns the answer for a container whose program printed these lines and exited with 1.
fn says(stage: &Stage, stem: &str, lines: &[&str]) -> Value {
    let program = executable("app", compiled(stage, SOURCE, &["-static"]));
    let image = fault::image(stage, &[program], &[r#"ENTRYPOINT ["/app"]"#]);
    ended(stage, stem, &[], &image, lines)
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "config-invalid",
        fault: |stage| refusal(stage, &["create", "--prot", "80:80", &stage.image]),
        near_miss: |stage| refusal(stage, &["create", "Upper/Case"]),
    },
    Proof {
        code: "certificate-invalid",
        fault: |stage| {
            says(
                stage,
                "expired",
                &["Get \"https://db\": x509: certificate has expired or is not yet valid"],
            )
        },
        near_miss: |stage| {
            says(stage, "signed", &["x509: certificate signed by unknown authority"])
        },
    },
    Proof {
        code: "login-refused",
        fault: |stage| {
            says(stage, "login", &["pq: password authentication failed for user \"app\""])
        },
        // A server reports its clients' errors, but ends for another reason.
        near_miss: |stage| {
            says(
                stage,
                "server",
                &["FATAL:  password authentication failed for user \"app\"", "out of patience"],
            )
        },
    },
    Proof {
        code: "data-unusable",
        fault: |stage| {
            says(stage, "old-data", &["FATAL:  database files are incompatible with server"])
        },
        near_miss: |stage| says(stage, "new-data", &["the data directory was made"]),
    },
    Proof {
        code: "data-in-use",
        fault: |stage| says(stage, "locked", &["sqlite3.OperationalError: database is locked"]),
        near_miss: |stage| says(stage, "unlocked", &["the database was locked yesterday"]),
    },
];

one_test_each! {
    config_invalid certificate_invalid login_refused data_unusable data_in_use
}
