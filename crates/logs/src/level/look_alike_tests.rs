//! Lines with a level in a format of their own, and lines with words that look like levels.

use super::Level::{Debug, Error, Fatal, Info, Trace, Warn};
use super::tests::check;

#[test]
fn words_of_clients_queries_games_and_documents_are_no_levels() {
    check(&[
        (
            r#"127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "ERROR: x""#,
            None,
        ),
        (
            r#"127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "[error]""#,
            None,
        ),
        (r#"127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET /a?x=[error] HTTP/1.1" 200 12"#, None),
        (r#"127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET /a ERROR HTTP/1.1" 200 12"#, None),
        (
            r#"127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET /?level=error HTTP/1.1" 200 12 "-" "ERROR: x""#,
            None,
        ),
        ("query: SELECT * FROM logs WHERE level=error", None),
        ("POST /logs level=fatal accepted", None),
        ("user set level=warning for module x", None),
        ("log_level: DEBUG", None),
        (r#"{"event":"level_up","player":"x","level":50}"#, None),
        (r#"{"player":"x","level":3}"#, None),
        ("severity=3 name=x", None),
        ("<error>no</error>", None),
        ("<Error><Code>NoSuchKey</Code></Error>", None),
        ("a|ERROR|b", None),
        ("E0000 00:00", None),
        ("tests: 3 PASS, 0 ERROR", None),
        (r#"{"floor":"roof","level":40,"temp":20}"#, None),
        ("level=5 temperature=30", None),
        ("INFORMATION SCHEMA", None),
        ("TRACE /path HTTP/1.1", None),
        ("Fatal: 0 Error: 0 Warning: 0", None),
        ("panic: hello", Some(Fatal)),
        ("2024-01-01 00:00:00.000 [ERROR] INFO c.e.X - x", Some(Info)),
        ("[00:00:00 VRB] boom", Some(Trace)),
        ("2024-01-01 00:00:00.000000 W | etcdserver: x", Some(Warn)),
        ("2024-01-01 00:00:00.000000 E | etcdserver: x", Some(Error)),
        ("2024-01-01 00:00:00.000000 I | etcdserver: x", Some(Info)),
        ("2024-01-01 00:00:00.000000 C | etcdserver: x", Some(Fatal)),
        ("2024-01-01 00:00:00.000000: E tensorflow/x.cc:1] x", Some(Error)),
        ("2024-01-01 00:00:00 E! [outputs.influxdb] x", Some(Error)),
        ("2024-01-01T00:00:00Z I! Starting Telegraf error", Some(Info)),
        (r#"{"level":"\u001b[31merror\u001b[39m","message":"x"}"#, Some(Error)),
        ("2024-01-01T00:00:00Z error x", Some(Error)),
        ("2024-01-01 00:00:00 error x", Some(Error)),
        ("consul 2024/01/01 00:00:00 [ERR] agent: x", Some(Error)),
        ("[E1116 10:00:00.000 x.cc:1] y", Some(Error)),
        ("2024-01-01 00:00:00.000 1-1/x E/Tag: x", Some(Error)),
        (r#"caddy  | {"level":"error","msg":"x"}"#, Some(Error)),
        (r#"{"msg":"a","level":"error""#, Some(Error)),
        ("PHP Deprecated:  x", Some(Warn)),
        ("HAProxy [ALERT] 000/000000 (1) : x", Some(Fatal)),
        ("MinIO ERROR Unable to validate credentials", Some(Error)),
        ("postgres ERROR:  x", Some(Error)),
        ("gcc: fatal error: x", Some(Fatal)),
        ("error[E0425]: cannot find value", Some(Error)),
        ("::error file=app.js,line=1::Missing semicolon", Some(Error)),
        ("::warning::x", Some(Warn)),
        (r#"{"severity":"DEFAULT","message":"fatal error"}"#, None),
        (r#"{"@t":"2024-01-01T00:00:00.000Z","@mt":"Hello"}"#, Some(Info)),
        (r#"{"level":"http","message":"x"}"#, Some(Debug)),
    ]);
}

#[test]
fn what_looks_alike_and_is_a_level() {
    check(&[
        // Access logs after a level, and levels after times.
        ("INFO: 192.0.2.1 - - [23/Nov/2026:07:01:20 +0000] \"GET / HTTP/1.1\" 200 9", Some(Info)),
        (
            "[2026-11-23 07:01:20 +0000] [7] [INFO] 192.0.2.1 - - [23/Nov/2026:07:01:20 +0000] \"GET / HTTP/1.1\"",
            Some(Info),
        ),
        (
            "web-1  | 192.0.2.1 - - [23/Nov/2026:07:01:20 +0000] \"GET /?q=ERROR: HTTP/1.1\" 200 9",
            None,
        ),
        // Pairs after words.
        ("Nov 23 07:01:20 host app: time=x level=error msg=y", Some(Error)),
        ("UPDATE t SET level=error WHERE id=3", None),
        ("TRACE request took 3 ms", Some(Trace)),
        ("2026-11-23 07:01:20 ERROR", Some(Error)),
        ("2026-11-23 07:01:20 Error: 5 retries failed", Some(Error)),
        ("Error: 404 not found", Some(Error)),
        ("Errors: 3, Warning: 2, Error: 1", None),
        // Numbers.
        (r#"{"name":"shop","hostname":"a","pid":1,"level":50,"msg":"x","v":0}"#, Some(Error)),
        (r#"{"time":1700000000000,"level":40}"#, Some(Warn)),
        (r#"{"depth":2,"severity":3}"#, None),
        // Documents and marks.
        ("<warning> low on memory", Some(Warn)),
        ("<error>no", None),
        ("2026-11-23 07:01:20 [INFO] ERROR is a word here", Some(Info)),
        ("[INFO] ERROR is a word here", Some(Info)),
        // Lines that were cut.
        (r#"{"level":"warn","msg":"ERROR: no e"#, Some(Warn)),
        (r#"{"msg":"ERROR: x","lev"#, None),
        ("db-1 | {\"level\":\"warn\",\"msg\":\"x\"}", Some(Warn)),
        ("{\"level\":\"\\u001b[33mwarn\\u001b[39m\"}", Some(Warn)),
        // Names and compilers.
        ("main.c:3:10: fatal error: x.h: No such file or directory", Some(Fatal)),
        ("warning[E0001]: unused", Some(Warn)),
        ("::notice::x", Some(Info)),
        ("::x::y", None),
        ("Connection ERROR was logged", None),
        ("vault 2026/11/23 07:01:20 [WARN] core: x", Some(Warn)),
        ("2026-11-23 07:01:20 trace id 7", None),
        ("2026-11-23 07:01:20 info page", Some(Info)),
        ("W1301 07:01:20.1 1 x.go:1] y", None),
        ("[W1123 07:01:20.123456 1 x.cc:7] y", Some(Warn)),
    ]);
}
