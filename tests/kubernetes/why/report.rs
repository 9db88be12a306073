//! Tests reports of pods.

use scratchdbg_testkit::cluster::{Security, pod_spec};

use super::USER;
use crate::stage::Stage;

#[test]
fn a_report_of_a_pod_that_restarts() {
    let stage = Stage::set(Security::Restricted);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    let arguments = ["fail", "3", "INFO ready", "<script>alert(1)</script>", "ERROR it failed"];
    let pod = namespace.create("web", &pod_spec(&image, &arguments));
    pod.wait_until("waiting for its third run", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"].as_u64() >= Some(1) && status["state"]["waiting"].is_object()
    });
    let path = stage.scratchdbg.home().join("report.html");
    let path = path.display().to_string();
    let said = stage.ask(&["why", "pod/web", "--timeline", "--report", &path]);
    said.expect_code(0);
    let text = said.text();
    let row = |label: &str| {
        text.lines().find(|line| line.starts_with(&format!("{label} "))).unwrap_or_default()
    };
    assert!(row("runs").contains('█') && row("ends").contains('x'), "{said}");
    assert!(row("error").ends_with(char::is_numeric), "{said}");
    let page = std::fs::read_to_string(&path).expect("a page");
    for part in
        ["exit code 3", "&lt;script&gt;alert(1)", "Latest run: ", "BackOff", "kubectl describe"]
    {
        assert!(page.contains(part), "{part}: {said}");
    }
    assert!(!page.contains("<script"));
    assert!(page.contains(&format!("scratchdbg why pod/web/app --namespace {}", namespace.name())));
}
