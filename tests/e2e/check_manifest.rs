//! `check` of a Kubernetes manifest against the images that it names.

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::fault::{self, executable};
use crate::stage::Stage;

#[test]
fn findings_have_the_lines_of_the_manifest() {
    let stage = Stage::set();
    let app = std::fs::read(sample::write_app(stage.scratchdbg.home())).expect("the sample");
    let image = fault::image(
        &stage,
        &[executable("app", app)],
        &[r#"ENTRYPOINT ["/app"]"#, "USER 65532:65532"],
    );
    // The lines are counted below.
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  \
         name: web\nspec:\n  template:\n    spec:\n      securityContext:\n        runAsNonRoot: true\n      containers:\n      \
         - name: app\n        image: {image}\n        command: [/nothere]\n        readinessProbe:\n          exec:\n            \
         command: [sh, -c, 'true']\n      - name: root\n        image: {image}\n        securityContext:\n          runAsUser: \
         0\n      - name: other\n        image: 127.0.0.1:1/nothere:1\n"
    );
    std::fs::write(stage.scratchdbg.home().join("web.yaml"), text).expect("a file");
    let finished = stage.run(&["check", "--format", "json", "web.yaml"]);
    finished.expect_code(1);
    let report: Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
    assert_eq!(report["subject"], "web.yaml");
    let findings = report["findings"].as_array().expect("a list");
    for (code, line, says) in [
        ("entrypoint-missing", 17, "command: [\"/nothere\"]"),
        ("probe-needs-shell", 20, "container app of deployment/web"),
        ("run-as-non-root-root-image", 24, "runAsNonRoot: true in line 13"),
        ("image-pull-failed", 26, "127.0.0.1:1/nothere:1"),
    ] {
        let found = findings
            .iter()
            .find(|finding| finding["code"] == code && finding["location"]["line"] == line);
        let found = found.unwrap_or_else(|| panic!("{code} in line {line}: {report:#}"));
        assert_eq!(found["location"]["path"], "web.yaml");
        assert!(found.to_string().contains(&says.replace('"', "\\\"")), "{found:#}");
    }
    let sarif = stage.run(&["check", "--format", "sarif", "--deny", "none", "web.yaml"]);
    sarif.expect_code(0);
    let sarif: Value = serde_json::from_slice(&sarif.stdout).expect("one JSON document");
    let lines = sarif["runs"][0]["results"].as_array().expect("results").iter().map(|result| {
        result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().expect("a line")
    });
    assert!(lines.collect::<Vec<_>>().contains(&20), "{sarif:#}");
}

#[test]
fn what_is_no_manifest_is_told() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    std::fs::write(home.join("compose.yaml"), "services: {web: {image: x}}\n").expect("a file");
    let finished = stage.run(&["check", "compose.yaml"]);
    finished.expect_code(1);
    assert!(finished.stderr.contains("compose.yaml has no pod"), "{finished}");
    std::fs::write(home.join("chart.yaml"), "kind: Pod\nspec:\n  {{- x }}\n").expect("a file");
    let finished = stage.run(&["check", "chart.yaml"]);
    finished.expect_code(1);
    assert!(finished.text().contains("helm template"), "{finished}");
}
