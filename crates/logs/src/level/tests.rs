//! Levels as programs write them, and words that are not levels.

use super::Level::{Debug, Error, Fatal, Info, Trace, Warn};
use super::*;

/// Compares the level of each line with the expected one, and reports all that are wrong.
#[track_caller]
pub(super) fn check(cases: &[(&str, Option<Level>)]) {
    let wrong: Vec<_> =
        cases.iter().filter(|(line, want)| Level::of(line.as_bytes()) != *want).collect();
    let told: Vec<_> =
        wrong.iter().map(|(line, want)| (Level::of(line.as_bytes()), want, line)).collect();
    assert!(wrong.is_empty(), "{told:#?}");
}

#[test]
fn json_lines() {
    check(&[
        (r#"{"level":"info","msg":"an ERROR in words"}"#, Some(Info)),
        (r#"{"ts":1.5,"lvl":"WARNING"}"#, Some(Warn)),
        (r#"{"severity":"CRITICAL"}"#, Some(Fatal)),
        (r#"{"severity":"DEFAULT","message":"cloud"}"#, None),
        (r#"{"log":{"level":"error"}}"#, Some(Error)),
        (r#"{"log.level":"debug"}"#, Some(Debug)),
        (r#"{"@l":"Verbose"}"#, Some(Trace)),
        // hclog: Vault, Consul, Nomad.
        (r#"{"@level":"warn","@message":"lease renewal is late","@module":"core"}"#, Some(Warn)),
        (r#"{"@level":"trace","@message":"tick"}"#, Some(Trace)),
        // Monolog, python-json-logger, .NET, NLog.
        (r#"{"message":"no such row","level":400,"level_name":"ERROR"}"#, Some(Error)),
        (r#"{"message":"x","level":200,"level_name":"INFO"}"#, Some(Info)),
        (r#"{"level_name":"NOTICE","level":250}"#, Some(Info)),
        (r#"{"level":100}"#, Some(Debug)),
        (r#"{"level":300}"#, Some(Warn)),
        (r#"{"level":400}"#, Some(Error)),
        (r#"{"level":550}"#, Some(Fatal)),
        (r#"{"level":30,"levelname":"ERROR"}"#, Some(Error)),
        (r#"{"level":9001,"msg":"a game"}"#, None),
        // Google Cloud.
        (r#"{"severity":200}"#, Some(Info)),
        (r#"{"severity":300}"#, Some(Info)),
        (r#"{"severity":400}"#, Some(Warn)),
        (r#"{"severity":500}"#, Some(Error)),
        (r#"{"severity":800}"#, Some(Fatal)),
        (r#"{"severity":99}"#, None),
        (r#"{"levelname":"ERROR","message":"x"}"#, Some(Error)),
        (r#"{"levelno":30,"msg":"x"}"#, Some(Warn)),
        (r#"{"EventId":7,"LogLevel":"Critical","Category":"Shop"}"#, Some(Fatal)),
        (r#"{"LogLevel":"Information"}"#, Some(Info)),
        (r#"{"severityLevel":3,"message":"insights"}"#, Some(Error)),
        (r#"{"text":"x","record":{"level":{"icon":"!","name":"WARNING","no":30}}}"#, Some(Warn)),
        // Pino and bunyan, and custom numbers between; syslog as in GELF.
        (r#"{"level":10}"#, Some(Trace)),
        (r#"{"level":20}"#, Some(Debug)),
        (r#"{"level":30}"#, Some(Info)),
        (r#"{"level":35}"#, Some(Warn)),
        (r#"{"level":50}"#, Some(Error)),
        (r#"{"level":60}"#, Some(Fatal)),
        (r#"{"level":"40"}"#, Some(Warn)),
        (r#"{"version":"1.1","host":"a","short_message":"x","level":3}"#, Some(Error)),
        (r#"{"level":7}"#, Some(Debug)),
        // journald.
        (r#"{"PRIORITY":"3","MESSAGE":"x"}"#, Some(Error)),
        (r#"{"PRIORITY":"6","MESSAGE":"x"}"#, Some(Info)),
        (r#"{"priority":2,"task":"sweep the floor"}"#, None),
        // OpenTelemetry.
        (r#"{"severityNumber":9,"body":"error count 0"}"#, Some(Info)),
        (r#"{"severity_number":17,"body":"x"}"#, Some(Error)),
        (r#"{"SeverityNumber":13}"#, Some(Warn)),
        (r#"{"severityNumber":1}"#, Some(Trace)),
        (r#"{"severityNumber":24}"#, Some(Fatal)),
        (r#"{"severityNumber":0}"#, None),
        (r#"{"severityText":"WARN","severityNumber":13}"#, Some(Warn)),
        (r#"{"SeverityText":"ERROR2"}"#, Some(Error)),
        // Go's slog, between the names.
        (r#"{"time":"2026-11-23T07:01:20Z","level":"ERROR+2","msg":"x"}"#, Some(Error)),
        (r#"{"level":"INFO-1"}"#, Some(Info)),
        (r#"{"level":"WARN+1"}"#, Some(Warn)),
        (r#"{"level":"DEBUG-4"}"#, Some(Trace)),
        (r#"{"level":"INFO+"}"#, None),
        (r#"{"level":"dpanic"}"#, Some(Fatal)),
        // MongoDB.
        (
            r#"{"t":{"$date":"2026-11-23T07:01:20.1+00:00"},"s":"I","c":"NETWORK","id":2,"ctx":"conn1","msg":"x"}"#,
            Some(Info),
        ),
        (
            r#"{"t":{"$date":"2026-11-23T07:01:20.1+00:00"},"s":"W","c":"STORAGE","msg":"x"}"#,
            Some(Warn),
        ),
        (
            r#"{"t":{"$date":"2026-11-23T07:01:20.1+00:00"},"s":"F","c":"CONTROL","msg":"x"}"#,
            Some(Fatal),
        ),
        (
            r#"{"t":{"$date":"2026-11-23T07:01:20.1+00:00"},"s":"D2","c":"REPL","msg":"x"}"#,
            Some(Debug),
        ),
        (r#"{"s":"E","size":"small"}"#, None),
        // Others.
        (r#"{"level":-4}"#, None),
        (r#"{"level":"what"}"#, None),
        (r#"{"level":{"a":1}}"#, None),
        (r#"{"level":"what","severity":"error"}"#, Some(Error)),
        (r#"{"level":"E","msg":"x"}"#, Some(Error)),
        (r#"{"msg":"nothing"}"#, None),
        (r#"{"msg":"level: ERROR","error":"x"}"#, None),
    ]);
}

#[test]
fn logfmt_lines() {
    check(&[
        ("time=\"x\" level=warning msg=ERROR", Some(Warn)),
        ("ts=1 lvl=eror msg=x", Some(Error)),
        ("time=2026-11-23T07:01:20Z level=ERROR+2 msg=x", Some(Error)),
        ("level=40 msg=x", Some(Warn)),
        ("ts=2026-11-23T07:01:20Z caller=main.go:1 level=info err=\"no error\"", Some(Info)),
        ("Nov 23 07:01:20 host app: level=error msg=x", Some(Error)),
        ("the player has reached level=50 now", None),
        ("msg=\"no level here\" err=nil", None),
    ]);
}

#[test]
fn levels_in_capitals_brackets_and_before_colons() {
    check(&[
        ("2026-11-23T07:01:20Z ERROR request failed", Some(Error)),
        ("2026-11-23 07:01:20,123 [main] WARN  c.e.App - slow", Some(Warn)),
        ("[main] ERROR com.example.App - broken", Some(Error)),
        ("[error] 12#0: connect() failed", Some(Error)),
        ("2026/11/23 07:01:20 [notice] 1#1: start", Some(Info)),
        ("2026/11/23 07:01:20 [emerg] 1#1: bind() failed", Some(Fatal)),
        ("[Mon Nov 23 07:01:20 2026] [error] [client 192.0.2.1] no such file", Some(Error)),
        ("[Mon Nov 23 07:01:20.123456 2026] [core:error] [pid 7:tid 9] x", Some(Error)),
        ("[Mon Nov 23 07:01:20.123456 2026] [ssl:trace3] [pid 7] x", Some(Trace)),
        ("INFO:     Started server", Some(Info)),
        ("INFO:     192.0.2.1:5000 - \"GET /error HTTP/1.1\" 500", Some(Info)),
        ("[2026-11-23 07:01:20 +0000] [1] [INFO] Listening", Some(Info)),
        ("WARNING:root:careful", Some(Warn)),
        ("ERROR:app.db:gone", Some(Error)),
        ("2026-11-23 07:01:20,123 - app - ERROR - gone", Some(Error)),
        ("2026-11-23 07:01:20,123 - app - error - gone", Some(Error)),
        ("2026-11-23 07:01:20.123 | WARNING  | app:main:1 - x", Some(Warn)),
        ("SEVERE: cannot start", Some(Error)),
        ("FINE: entered", Some(Debug)),
        ("CONFIG: port 80", Some(Debug)),
        ("warning: unused variable", Some(Warn)),
        ("Error: Cannot find module 'x'", Some(Error)),
        ("app: error: no such file", Some(Error)),
        ("\u{1b}[32m INFO\u{1b}[0m starting", Some(Info)),
        ("\u{1b}[31mERROR\u{1b}[0m starting", Some(Error)),
        (
            "\u{1b}[2m2026-11-23T07:01:20Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m \u{1b}[2mapp::db\u{1b}[0m: slow",
            Some(Warn),
        ),
        ("[\u{1b}[36minfo\u{1b}[0m] up", Some(Info)),
        ("[2026-11-23T07:01:20Z ERROR app::db] x", Some(Error)),
        ("<error> x", Some(Error)),
        ("[2026-11-23 07:01:20.123][1][warning][config] x", Some(Warn)),
        ("[2026-11-23T07:01:20,123][WARN ][o.e.c.Node] [node-1] x", Some(Warn)),
        ("[2026-11-23 07:01:20,123] INFO [KafkaServer id=0] started", Some(Info)),
        ("26/11/23 07:01:20 WARN TaskSetManager: lost", Some(Warn)),
        ("2026-11-23 07:01:20,123 - INFO  [main:Zoo@9] - up", Some(Info)),
        ("261123 070120 148 INFO dfs.DataNode$Receiver: x", Some(Info)),
        ("2026-11-23 07:01:20.123456+00:00 [error] <0.9.0> x", Some(Error)),
        ("07:01:20.123 [warning] x", Some(Warn)),
        ("[WARNING] 327/070120 (7) : Server web/a is DOWN", Some(Warn)),
        ("[ALERT]    (1) : cannot bind", Some(Fatal)),
        ("2026-11-23T07:01:20Z ERR gone component=api", Some(Error)),
        ("7:01AM FTL gone", Some(Fatal)),
        ("WARN[0004] slow                          ms=9", Some(Warn)),
        ("FATA[0004] gone", Some(Fatal)),
        ("2026-11-23T07:01:20.123Z\terror\tapp/main.go:1\tx\t{\"a\":1}", Some(Error)),
        ("2026-11-23T07:01:20.123Z\tINFO\tapp/main.go:1\tx", Some(Info)),
        ("2026-11-23T07:01:20.123456Z 0 [Note] mysqld: ready", Some(Info)),
        ("2026-11-23T07:01:20.123456Z 0 [System] [MY-010931] [Server] ready", Some(Info)),
        ("2026-11-23T07:01:20.123456Z 7 [ERROR] [MY-000001] [InnoDB] x", Some(Error)),
        ("2026/11/23 07:01:20 routers/web.go:107:run() [I] up", Some(Info)),
        ("[W] careful", Some(Warn)),
        (
            "- 1117838570 2026.11.23 R02-M1 2026-11-23-07.01.20.123456 R02-M1 RAS KERNEL FATAL data storage interrupt",
            Some(Fatal),
        ),
        ("2026-11-23 07:01:20, Info                  CBS    Loaded", Some(Info)),
        ("2026-11-23 07:01:20, Error                 CSI    0000001 x", Some(Error)),
        ("PHP Warning:  Undefined variable", Some(Warn)),
        ("PHP Fatal error:  Uncaught x", Some(Fatal)),
    ]);
}

#[test]
fn letters_numbers_and_marks() {
    check(&[
        ("E1123 07:01:20.422028       1 main.go:42] boom", Some(Error)),
        ("I1123 07:01:20.422028       1 main.go:42] ERROR", Some(Info)),
        ("W20261123 07:01:20.422028     7 main.cc:42] x", Some(Warn)),
        // syslog and the kernel.
        ("<3>app: gone", Some(Error)),
        ("<6>app: ERROR is but a word", Some(Info)),
        ("<11>1 2026-11-23T07:01:20Z host app - - - x", Some(Error)),
        ("<134>Nov 23 07:01:20 host haproxy: x", Some(Info)),
        ("<0>x", Some(Fatal)),
        ("<191>x", Some(Debug)),
        ("<192>x", None),
        ("<a>x", None),
        // Android.
        ("11-23 07:01:20.123  1234  5678 E ActivityManager: ANR", Some(Error)),
        ("11-23 07:01:20.123  1234  5678 V Tag: x", Some(Trace)),
        ("11-23 07:01:20.123  1234  5678 F libc: x", Some(Fatal)),
        ("11-23 07:01:20.123 W/Tag( 123): x", Some(Warn)),
        ("E/AndroidRuntime: FATAL EXCEPTION: main", Some(Error)),
        ("D/dalvikvm( 123): GC", Some(Debug)),
        ("I/flutter (12345): hello", Some(Info)),
        ("I/O: failed", None),
        ("E/mc2 is a ratio", None),
        // Jupyter, Ruby.
        ("[E 2026-11-23 07:01:20.123 ServerApp] x", Some(Error)),
        ("[I 07:01:20.123 NotebookApp] x", Some(Info)),
        ("[W 261123 07:01:20 web:9] 404 GET /", Some(Warn)),
        ("[C 07:01:20.123 LabApp]", Some(Fatal)),
        ("E, [2026-11-23T07:01:20.123456 #1] ERROR -- : x", Some(Error)),
        ("W, [2026-11-23T07:01:20.123456 #1]  WARN -- app: x", Some(Warn)),
        // .NET.
        ("fail: Microsoft.AspNetCore.Server.Kestrel[13]", Some(Error)),
        ("warn: Shop.Orders[0]", Some(Warn)),
        ("info: Shop.Orders[0]", Some(Info)),
        ("dbug: Shop.Orders[0]", Some(Debug)),
        ("trce: Shop.Orders[0]", Some(Trace)),
        ("crit: Shop.Orders[0]", Some(Fatal)),
        ("2026-11-23T07:01:20Z fail: Shop.Orders[0] gone", Some(Error)),
        // Redis.
        ("1:M 23 Nov 2026 07:01:20.123 # WARNING: no memory left", Some(Warn)),
        ("1:C 23 Nov 2026 07:01:20.123 * Ready", Some(Info)),
        ("7:S 23 Nov 2026 07:01:20.123 - 0 clients", Some(Debug)),
        ("7:X 23 Nov 2026 07:01:20.123 . x", Some(Debug)),
        // Postgres.
        ("2026-11-23 07:01:20.123 UTC [7] LOG:  checkpoint complete: 0 error pages", Some(Info)),
        (
            "2026-11-23 07:01:20.123 UTC [7] ERROR:  relation does not exist at character 15",
            Some(Error),
        ),
        (
            "2026-11-23 07:01:20.123 UTC [7] app@db FATAL:  password authentication failed",
            Some(Fatal),
        ),
        ("2026-11-23 07:01:20.123 UTC [7] PANIC:  no space", Some(Fatal)),
        ("2026-11-23 07:01:20.123 UTC [7] STATEMENT:  SELECT 'ERROR: x'", None),
        ("2026-11-23 07:01:20.123 UTC [7] DETAIL:  ERROR in the key", None),
        ("2026-11-23 07:01:20.123 UTC [7] HINT:  ERROR", None),
        ("2026-11-23 07:01:20.123 UTC [7] DEBUG2:  x", Some(Debug)),
        // Celery, Laravel, Nest.
        ("[2026-11-23 07:01:20,123: ERROR/ForkPoolWorker-1] Task shop.send raised", Some(Error)),
        ("[2026-11-23 07:01:20,123: INFO/MainProcess] celery@a ready.", Some(Info)),
        ("[2026-11-23 07:01:20] production.ERROR: no such table", Some(Error)),
        ("[2026-11-23 07:01:20] local.DEBUG: x", Some(Debug)),
        ("[2026-11-23 07:01:20] example.com: x", None),
        ("[Nest] 1  - 11/23/2026, 7:01:20 AM     LOG [NestFactory] Starting", Some(Info)),
        ("[Nest] 1  - 11/23/2026, 7:01:20 AM   ERROR [ExceptionHandler] x", Some(Error)),
        // npm, Node, Logback.
        ("npm ERR! code ENOENT", Some(Error)),
        ("npm error code ENOENT", Some(Error)),
        ("npm WARN deprecated x@1", Some(Warn)),
        ("npm warn deprecated x@1", Some(Warn)),
        ("npm errors are many", None),
        ("(node:1) [DEP0005] DeprecationWarning: Buffer() is deprecated", Some(Warn)),
        ("07:01:20,123 |-WARN in ch.qos.logback.core.x - y", Some(Warn)),
        ("07:01:20,123 |-INFO in ch.qos.logback.core.x - y", Some(Info)),
        // Erlang.
        ("=ERROR REPORT==== 23-Nov-2026::07:01:20 ===", Some(Error)),
        ("=CRASH REPORT==== 23-Nov-2026::07:01:20 ===", Some(Error)),
        ("=INFO REPORT==== 23-Nov-2026::07:01:20 ===", Some(Info)),
    ]);
}

#[test]
fn programs_that_die() {
    check(&[
        ("panic: runtime error: index out of range", Some(Fatal)),
        ("thread 'main' panicked at src/main.rs:2:5:", Some(Fatal)),
        ("Traceback (most recent call last):", Some(Error)),
        ("*** stack smashing detected ***: terminated", Some(Fatal)),
        ("Unhandled exception. System.InvalidOperationException: x", Some(Fatal)),
        ("x.FooException: boom\n\tat a.b(C.java:1)", Some(Error)),
        ("WARN retried: x.FooException\n\tat a.b(C.java:1)", Some(Warn)),
    ]);
}

#[test]
fn words_that_are_no_levels() {
    let far = format!("{} ERROR", "x".repeat(200));
    check(&[
        ("no error was found", None),
        ("std::error::Error: x", None),
        ("GET /error/x HTTP/1.1", None),
        ("192.0.2.1 - - [23/Nov/2026:07:01:20 +0000] \"GET /ERROR/INFO HTTP/1.1\" 200 9", None),
        ("ERRORS are many", None),
        ("the server answered with ERROR 500", None),
        ("Connection to the INFO service was lost", None),
        ("2026-11-23 07:01:20 the request failed with an ERROR in it", None),
        ("retrying after error: connection reset", None),
        ("got a warning (error) from upstream", None),
        ("please see [error] in the manual", None),
        ("All is FINE here", None),
        ("wrote CONFIG to disk", None),
        ("0 errors, 0 warnings", None),
        ("press [E] to end", None),
        ("Nov 23 07:01:20 host sshd[7]: error is but a word here", None),
        ("error", None),
        ("info", None),
        ("ERROR_CODE=5 x", None),
        ("a-ERROR-b", None),
        ("    at a.b.ERROR.c(D.java:1)", None),
        (&far, None),
        ("", None),
        ("\u{1b}", None),
    ]);
}

#[test]
fn names() {
    for level in Level::ALL {
        assert_eq!(level.as_str().parse(), Ok(level));
    }
    assert_eq!("Warning".parse(), Ok(Warn));
    assert_eq!(
        "loud".parse::<Level>().unwrap_err().to_string(),
        "`loud` is not a log level: write trace, debug, info, warn, error or fatal"
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_looked_at(line in proptest::collection::vec(proptest::prop_oneof![
        proptest::sample::select(&b"[]<>()|:;,./- EIWD0189\tab{}\"=\x1bm"[..]), proptest::prelude::any::<u8>()
    ], 0..60)) {
        let _ = Level::of(&line);
    }
}
