//! Requests that engines and registries refuse.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use super::{Proof, ended, refusal, why};
use crate::fault;
use crate::stage::Stage;

/// A container that joins a network of its own, which is removed before the start or not.
fn networked(stage: &Stage, stem: &str, is_removed: bool) -> Value {
    let network = stage.engine.name(&format!("{stem}-net"));
    stage.engine.ask(["network", "create", &network]);
    let name = stage.engine.name(stem);
    stage.engine.ask(["create", "--name", &name, "--network", &network, &stage.image, "exit", "1"]);
    if is_removed {
        stage.engine.ask(["network", "rm", &network]);
    }
    if stage.engine.docker(["start", &name]).status.success() {
        stage.engine.ask(["wait", &name]);
    }
    if !is_removed {
        stage.engine.ask(["network", "rm", &network]);
    }
    why(stage, &name)
}

/// A container that shares the network of another, which is removed after a first run or not.
fn joined(stage: &Stage, stem: &str, is_removed: bool) -> Value {
    let peer = stage.engine.run(&format!("{stem}-peer"), &[], &stage.image, &[]);
    let name = stage.engine.name(stem);
    let network = format!("container:{}", peer.name());
    stage.engine.ask(["create", "--name", &name, "--network", &network, &stage.image, "exit", "1"]);
    stage.engine.ask(["start", &name]);
    stage.engine.ask(["wait", &name]);
    if is_removed {
        stage.engine.ask(["rm", "--force", peer.name()]);
    }
    let _started = stage.engine.docker(["start", &name]);
    stage.engine.ask(["wait", &name]);
    why(stage, &name)
}

/// Two containers with the same fixed address, one after the other. The answer is about the first,
/// started again while the second runs.
fn addressed(stage: &Stage, stem: &str, other: &str) -> Value {
    let network = stage.engine.name(&format!("{stem}-net"));
    let free = (0..40).map(|index| format!("10.214.{}", (std::process::id() + index) % 250)).find(
        |prefix| {
            let subnet = format!("{prefix}.0/24");
            stage
                .engine
                .docker(["network", "create", "--subnet", &subnet, &network])
                .status
                .success()
        },
    );
    let prefix = free.expect("a subnet that is free");
    let (first, second) = (stage.engine.name(stem), stage.engine.name(&format!("{stem}-other")));
    let address = |last: &str| format!("{prefix}.{last}");
    let create = |name: &str, last: &str, command: &[&str]| {
        let fixed =
            ["create", "--name", name, "--network", &network, "--ip", &address(last), &stage.image];
        stage.engine.ask(fixed.iter().chain(command).copied());
    };
    create(&first, "5", &["exit", "3"]);
    stage.engine.ask(["start", &first]);
    stage.engine.ask(["wait", &first]);
    create(&second, other, &[]);
    stage.engine.ask(["start", &second]);
    if stage.engine.docker(["start", &first]).status.success() {
        stage.engine.ask(["wait", &first]);
    }
    let answer = why(stage, &first);
    stage.engine.ask(["rm", "--force", &first, &second]);
    stage.engine.ask(["network", "rm", &network]);
    answer
}

/// Returns docker's message when it pulls from a registry that responds this way to every request
/// for a manifest.
fn pulled(stage: &Stage, status: &str, code: &str, message: &str) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let refusing = answer(status, &body);
    let greeting = answer("200 OK", "{}");
    // It serves until the test's process ends.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            let is_greeting = request[..length].starts_with(b"GET /v2/ ");
            let _sent = stream.write_all(if is_greeting {
                greeting.as_bytes()
            } else {
                refusing.as_bytes()
            });
        }
    });
    refusal(stage, &["pull", &format!("{address}/web:1")])
}

/// Returns docker's message for a command with this environment variable.
fn with_variable(stage: &Stage, name: &str, value: &str) -> Value {
    let output =
        Command::new("docker").args(["ps"]).env(name, value).output().expect("the docker CLI");
    let said = [output.stdout, output.stderr].concat();
    let finished =
        stage.scratchdbg.run_with_input(["why", "--format", "json", "--message", "-"], said);
    serde_json::from_slice(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished}"))
}

fn exiting(stage: &Stage, stem: &str, flags: &[&str]) -> Value {
    ended(stage, stem, flags, &stage.image, &["exit", "1"])
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "device-missing",
        fault: |stage| exiting(stage, "device", &["--device", "/dev/scratchdbg-no-such-device"]),
        near_miss: |stage| exiting(stage, "null", &["--device", "/dev/null"]),
    },
    Proof {
        code: "network-missing",
        fault: |stage| networked(stage, "network", true),
        near_miss: |stage| networked(stage, "connected", false),
    },
    Proof {
        code: "peer-missing",
        fault: |stage| joined(stage, "peerless", true),
        near_miss: |stage| joined(stage, "joined", false),
    },
    Proof {
        code: "start-failed",
        fault: |stage| addressed(stage, "taken-address", "5"),
        near_miss: |stage| addressed(stage, "free-address", "6"),
    },
    Proof {
        code: "log-driver-failed",
        fault: |stage| {
            exiting(
                stage,
                "log",
                &["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:1"],
            )
        },
        near_miss: |stage| exiting(stage, "no-log", &["--log-driver", "none"]),
    },
    Proof {
        code: "security-profile-missing",
        fault: |stage| {
            refusal(stage, &["create", "--security-opt", "seccomp=/nowhere", &stage.image])
        },
        near_miss: |stage| exiting(stage, "unconfined", &["--security-opt", "seccomp=unconfined"]),
    },
    Proof {
        code: "limit-refused",
        fault: |stage| refusal(stage, &["create", "--cpus", "100000", &stage.image]),
        near_miss: |stage| exiting(stage, "limited", &["--cpus", "1"]),
    },
    Proof {
        code: "name-in-use",
        fault: |stage| {
            let name = fault::created(stage, "twice", &[], &stage.image, &[]);
            refusal(stage, &["create", "--name", &name, &stage.image])
        },
        near_miss: |stage| exiting(stage, "one-name", &[]),
    },
    Proof {
        code: "config-missing",
        fault: |stage| refusal(stage, &["create", "--env-file", "/nowhere", &stage.image]),
        near_miss: |stage| exiting(stage, "configured", &["--env-file", "/dev/null"]),
    },
    Proof {
        code: "engine-unreachable",
        fault: |stage| refusal(stage, &["--host", "unix:///nowhere.sock", "ps"]),
        near_miss: |stage| {
            refusal(stage, &["inspect", "--type", "container", &stage.engine.name("nothing")])
        },
    },
    Proof {
        code: "api-version",
        fault: |stage| with_variable(stage, "DOCKER_API_VERSION", "1.99"),
        near_miss: |stage| with_variable(stage, "DOCKER_HOST", "unix:///nowhere.sock"),
    },
    Proof {
        code: "image-name-invalid",
        fault: |stage| refusal(stage, &["create", "Upper/Case"]),
        near_miss: |stage| refusal(stage, &["inspect", "--type", "image", "lower/case"]),
    },
    Proof {
        code: "image-not-found",
        fault: |stage| pulled(stage, "404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown"),
        near_miss: |stage| {
            pulled(stage, "403 Forbidden", "DENIED", "requested access to the resource is denied")
        },
    },
    Proof {
        code: "registry-denied",
        fault: |stage| {
            pulled(stage, "403 Forbidden", "DENIED", "requested access to the resource is denied")
        },
        near_miss: |stage| pulled(stage, "404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown"),
    },
    Proof {
        code: "registry-rate-limited",
        fault: |stage| pulled(stage, "429 Too Many Requests", "TOOMANYREQUESTS", "pull rate limit"),
        near_miss: |stage| pulled(stage, "404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown"),
    },
    Proof {
        code: "image-pull-failed",
        fault: |stage| pulled(stage, "500 Internal Server Error", "UNKNOWN", "the disk is gone"),
        near_miss: |stage| pulled(stage, "404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown"),
    },
];

one_test_each! {
    device_missing network_missing peer_missing start_failed log_driver_failed
    security_profile_missing limit_refused name_in_use config_missing engine_unreachable api_version
    image_name_invalid image_not_found registry_denied registry_rate_limited image_pull_failed
}
