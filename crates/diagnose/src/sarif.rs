//! Findings as SARIF 2.1.0, the format of code scanning services.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::catalogue;
use crate::code::Code;
use crate::finding::{Finding, Severity};

/// Returns one run of the tool `scratchdbg` of that version over `subject` (the checked image or
/// file, as the user named it): a rule for each code that was found, and a result for each finding.
/// Text is as untrusted as that of the findings.
pub fn sarif(version: &str, subject: &str, findings: &[Finding]) -> Value {
    let codes: Vec<Code> =
        findings.iter().map(|finding| finding.code).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> = codes
        .iter()
        .map(|&code| {
            json!({
                "id": code.as_str(),
                "shortDescription": {"text": code.meaning()},
                "help": {"text": catalogue::entry(code).fix},
            })
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let text = match &finding.fix {
                Some(fix) => format!("{}\nFix: {fix}", finding.message),
                None => finding.message.clone(),
            };
            let physical = match &finding.location {
                Some(location) => json!({
                    "artifactLocation": {"uri": uri(&location.path)},
                    "region": {"startLine": location.line},
                }),
                None => json!({"artifactLocation": {"uri": uri(subject)}}),
            };
            json!({
                "ruleId": finding.code.as_str(),
                "ruleIndex": codes.binary_search(&finding.code).unwrap_or_default(),
                "level": level(finding.severity),
                "message": {"text": text},
                "locations": [{"physicalLocation": physical}],
                "properties": {"confidence": finding.confidence, "evidence": finding.evidence},
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "scratchdbg", "version": version, "rules": rules}},
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// Returns a name as a relative URI reference. Characters that RFC 3986 does not allow in a path
/// segment are percent-encoded, and so are colons, which would make the part before them a scheme.
fn uri(subject: &str) -> String {
    let mut uri = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
        }
    }
    uri
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// Returns one document with a run for each subject, which has its findings.
pub fn sarif_of_all<'a>(
    version: &str,
    subjects: impl IntoIterator<Item = (&'a str, &'a [Finding])>,
) -> Value {
    let documents =
        subjects.into_iter().map(|(subject, findings)| sarif(version, subject, findings));
    let merge = |mut all: Value, mut document: Value| {
        if let (Some(runs), Some(more)) =
            (all["runs"].as_array_mut(), document["runs"].as_array_mut())
        {
            runs.append(more);
        }
        all
    };
    documents.reduce(merge).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape() {
        let findings = [
            Finding::new(Code::TmpMissing, Severity::Info, "no /tmp").evidence("a").guessed(),
            Finding::new(Code::LoaderMissing, Severity::Error, "no loader")
                .evidence("b")
                .fix("link it"),
            Finding::new(Code::TmpMissing, Severity::Warning, "again").at("my/Dockerfile", 7),
        ];
        let sarif = sarif("0.1.0", "oci:dist:a b", &findings);
        let run = &sarif["runs"][0];
        assert_eq!(sarif["version"], "2.1.0");
        let rules: Vec<&Value> = run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| &rule["id"])
            .collect();
        assert_eq!(rules, ["loader-missing", "tmp-missing"]);
        for (index, (id, rule, level)) in [
            ("tmp-missing", 1, "note"),
            ("loader-missing", 0, "error"),
            ("tmp-missing", 1, "warning"),
        ]
        .iter()
        .enumerate()
        {
            let result = &run["results"][index];
            assert_eq!(
                (&result["ruleId"], &result["ruleIndex"], &result["level"]),
                (&json!(id), &json!(rule), &json!(level))
            );
            let physical = &result["locations"][0]["physicalLocation"];
            let is_located = index == 2;
            let uri = if is_located { "my/Dockerfile" } else { "oci%3Adist%3Aa%20b" };
            assert_eq!(physical["artifactLocation"]["uri"], uri);
            assert_eq!(
                physical["region"]["startLine"],
                if is_located { json!(7) } else { Value::Null }
            );
        }
        assert_eq!(run["results"][1]["message"]["text"], "no loader\nFix: link it");
        assert_eq!(run["results"][0]["properties"]["confidence"], "guess");
        assert_eq!(super::sarif("1", "x", &[])["runs"][0]["results"], json!([]));
    }
}
