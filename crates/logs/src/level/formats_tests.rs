//! Lines as many kinds of programs write them.

use super::Level::{Debug, Error, Fatal, Info, Warn};
use super::tests::check;

#[test]
fn servers_and_proxies() {
    check(&[
        (
            "2026/11/23 07:01:20 [error] 31#31: *7 connect() failed (111: Connection refused)",
            Some(Error),
        ),
        ("2026/11/23 07:01:20 [warn] 1#1: the \"user\" directive makes sense only", Some(Warn)),
        ("2026/11/23 07:01:20 [crit] 7#7: *1 pwrite() failed", Some(Fatal)),
        (
            "[Mon Nov 23 07:01:20.1 2026] [mpm_event:notice] [pid 1:tid 1] AH00489: configured",
            Some(Info),
        ),
        (
            "[2026-11-23 07:01:20.123][1][info][main] [source/server/server.cc:1] starting",
            Some(Info),
        ),
        (
            "[2026-11-23 07:01:20.123][17][critical][backtrace] Caught Segmentation fault",
            Some(Fatal),
        ),
        (
            "{\"level\":\"info\",\"ts\":1700000000.1,\"logger\":\"admin\",\"msg\":\"admin endpoint started\"}",
            Some(Info),
        ),
        ("2026-11-23T07:01:20Z INF Configuration loaded from file: /etc/traefik.yml", Some(Info)),
        ("2026-11-23T07:01:20Z WRN No domain found entryPointName=web", Some(Warn)),
        (
            "time=\"2026-11-23T07:01:20Z\" level=error msg=\"accept tcp [::]:80: use of closed\"",
            Some(Error),
        ),
        ("[NOTICE]   (1) : New worker (8) forked", Some(Info)),
        ("[WARNING]  (1) : config : missing timeouts for frontend 'web'.", Some(Warn)),
        ("2026-11-23T07:01:20.123456+00:00 host haproxy[7]: Server web/a is UP", None),
        (
            "192.0.2.7 - - [23/Nov/2026:07:01:20 +0000] \"POST /error HTTP/1.1\" 500 0 \"-\" \"curl/8\"",
            None,
        ),
        ("WARNING: the server is low on workers", Some(Warn)),
        ("[W 2026-11-23 07:01:20.123 JupyterHub app:1] x", Some(Warn)),
        ("- - - [23/Nov/2026] 200 0", None),
    ]);
}

#[test]
fn databases_and_queues() {
    check(&[
        ("2026-11-23 07:01:20.123 UTC [1] LOG:  starting PostgreSQL 16.2", Some(Info)),
        ("2026-11-23 07:01:20.123 UTC [42] WARNING:  could not flush", Some(Warn)),
        ("2026-11-23 07:01:20.123 UTC [42] postgres@shop ERROR:  deadlock detected", Some(Error)),
        ("2026-11-23 07:01:20 0 [Warning] mysqld: io_uring_queue_init() failed", Some(Warn)),
        ("2026-11-23  7:01:20 0 [ERROR] Aborting", Some(Error)),
        (
            "2026-11-23T07:01:20.123456Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.",
            Some(Warn),
        ),
        (
            "2026-11-23 07:01:20+00:00 [Note] [Entrypoint]: Switching to dedicated user 'mysql'",
            Some(Info),
        ),
        ("1:M 23 Nov 2026 07:01:20.123 * Ready to accept connections tcp", Some(Info)),
        ("1:C 23 Nov 2026 07:01:20.123 # Warning: no config file specified", Some(Warn)),
        ("2026-11-23T07:01:20.123+0000 I  NETWORK  [listener] connection accepted", Some(Info)),
        ("2026-11-23T07:01:20.123+0000 E  STORAGE  [initandlisten] WiredTiger error", Some(Error)),
        (
            "2026-11-23 07:01:20.123 [info] <0.9.0> Server startup complete; 4 plugins started.",
            Some(Info),
        ),
        (
            "2026-11-23 07:01:20.123456+00:00 [warning] <0.700.0> closing AMQP connection",
            Some(Warn),
        ),
        (
            "[2026-11-23 07:01:20,123] WARN [Controller id=0] Broker had an error (kafka.controller.X)",
            Some(Warn),
        ),
        (
            "[2026-11-23T07:01:20,123][ERROR][o.e.b.Elasticsearch    ] [node-1] fatal exception",
            Some(Error),
        ),
        (
            "{\"type\": \"server\", \"timestamp\": \"2026-11-23T07:01:20,123Z\", \"level\": \"WARN\", \"component\": \"o.e\"}",
            Some(Warn),
        ),
        ("[1] 2026/11/23 07:01:20.123456 [INF] Starting nats-server", Some(Info)),
        ("[1] 2026/11/23 07:01:20.123456 [ERR] Error flushing", Some(Error)),
        (
            "INFO  [main] 2026-11-23 07:01:20,123 CassandraDaemon.java:1 - Startup complete",
            Some(Info),
        ),
        (
            "ERROR [main] 2026-11-23 07:01:20,123 CassandraDaemon.java:1 - Exception encountered",
            Some(Error),
        ),
        ("2026.11.23 07:01:20.123456 [ 1 ] {} <Information> Application: starting up", Some(Info)),
        ("2026.11.23 07:01:20.123456 [ 1 ] {} <Error> Application: Code: 210", Some(Error)),
        ("2026-11-23 07:01:20.123 GMT,,,1,,6562,1,,,,LOG,00000,\"database system is ready\"", None),
        ("1700000000: mosquitto version 2.0 starting", None),
        ("1700000000: Error: Unable to open log file", Some(Error)),
        ("I261123 07:01:20.123456 1 server/config.go:1  [n?] 1 storage engine", Some(Info)),
        ("W261123 07:01:20.123456 1 server/x.go:1 clock jump", Some(Warn)),
    ]);
}

#[test]
fn frameworks_and_runtimes() {
    check(&[
        (
            "2026-11-23T07:01:20.123Z  INFO 1 --- [           main] c.e.shop.Application : Started",
            Some(Info),
        ),
        (
            "2026-11-23 07:01:20.123 ERROR 1 --- [nio-8080-exec-1] o.a.c.c.C.[.[.[/] : Servlet.service()",
            Some(Error),
        ),
        ("07:01:20.123 [main] DEBUG org.example.App -- x", Some(Debug)),
        (
            "07:01:20,123 INFO  [org.jboss.as] (Controller Boot Thread) WFLYSRV0025: started",
            Some(Info),
        ),
        (
            "23-Nov-2026 07:01:20.123 SEVERE [main] org.apache.catalina.core.StandardService.x",
            Some(Error),
        ),
        ("Nov 23, 2026 7:01:20 AM org.apache.coyote.AbstractProtocol start", None),
        ("__  ____  __  _____   ___  __ ____  ______", None),
        ("2026-11-23 07:01:20,123 INFO  [io.quarkus] (main) shop 1.0 on JVM started", Some(Info)),
        ("[2026-11-23 07:01:20 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)", Some(Fatal)),
        ("INFO:     Uvicorn running on http://0.0.0.0:80", Some(Info)),
        ("ERROR:    Exception in ASGI application", Some(Error)),
        ("WARNING:  Invalid HTTP request received.", Some(Warn)),
        ("[23/Nov/2026 07:01:20] \"GET / HTTP/1.1\" 200 9", None),
        ("2026-11-23 07:01:20 [scrapy.core.engine] INFO: Spider opened", Some(Info)),
        ("[2026-11-23, 07:01:20 UTC] {taskinstance.py:1} ERROR - Task failed", Some(Error)),
        ("2026-11-23 07:01:20.123 | ERROR    | __main__:<module>:3 - x", Some(Error)),
        ("I, [2026-11-23T07:01:20.123456 #1]  INFO -- : Started GET \"/\"", Some(Info)),
        (
            "F, [2026-11-23T07:01:20.123456 #1] FATAL -- : ActiveRecord::NoDatabaseError",
            Some(Fatal),
        ),
        ("07:01:20.123 [error] GenServer #PID<0.1.0> terminating", Some(Error)),
        ("[info] Running ShopWeb.Endpoint with Bandit at 0.0.0.0:4000", Some(Info)),
        ("info: Microsoft.Hosting.Lifetime[14]", Some(Info)),
        ("[07:01:20 INF] Starting web host", Some(Info)),
        ("[07:01:20 ERR] HTTP GET / responded 500", Some(Error)),
        ("[07:01:20 FTL] Host terminated unexpectedly", Some(Fatal)),
        ("2026-11-23 07:01:20.123 +00:00 [WRN] slow", Some(Warn)),
        ("{\"@t\":\"2026-11-23T07:01:20Z\",\"@m\":\"x\",\"@l\":\"Error\"}", Some(Error)),
        ("2026-11-23 07:01:20.1234|WARN|Shop.Orders|slow", Some(Warn)),
        ("[23-Nov-2026 07:01:20] WARNING: [pool www] server reached pm.max_children", Some(Warn)),
        ("[23-Nov-2026 07:01:20] NOTICE: fpm is running, pid 1", Some(Info)),
        ("[23-Nov-2026 07:01:20 UTC] PHP Warning:  Undefined variable $x", Some(Warn)),
        (
            "[2026-11-23T07:01:20.123456+00:00] app.CRITICAL: Uncaught PHP Exception [] []",
            Some(Fatal),
        ),
        ("2026-11-23T07:01:20.123456Z  WARN shop::db: slow query", Some(Warn)),
        ("2026-11-23T07:01:20.123456Z ERROR request{id=7}: shop: failed", Some(Error)),
        ("[2026-11-23T07:01:20Z INFO  actix_server::builder] starting 2 workers", Some(Info)),
        ("2026/11/23 07:01:20 INFO server started port=80", Some(Info)),
        ("2026/11/23 07:01:20 ERROR cannot open err=\"no file\"", Some(Error)),
        ("2026/11/23 07:01:20 listening on :80", None),
        ("[GIN] 2026/11/23 - 07:01:20 | 500 |  1.2ms | 192.0.2.1 | GET \"/error\"", None),
        ("[GIN-debug] [WARNING] Running in \"debug\" mode.", Some(Warn)),
        ("ERRO[0001] cannot start                                 error=x", Some(Error)),
        ("{\"level\":30,\"time\":1700000000000,\"pid\":1,\"msg\":\"up\"}", Some(Info)),
        ("[07:01:20.123] ERROR (7): boom", Some(Error)),
        ("[2026-11-23T07:01:20.123] [WARN] app - slow", Some(Warn)),
        ("2026-11-23T07:01:20.123Z [shop] error: boom", Some(Error)),
        ("error: boom {\"service\":\"shop\"}", Some(Error)),
        ("[11:01:20 AM] Starting compilation in watch mode...", None),
        ("(node:7) Warning: Setting the NODE_TLS_REJECT_UNAUTHORIZED variable", Some(Warn)),
        ("Uncaught Exception: x", None),
    ]);
}

#[test]
fn hosts_and_clusters() {
    check(&[
        (
            "I1123 07:01:20.123456       1 leaderelection.go:1] successfully acquired lease",
            Some(Info),
        ),
        (
            "time=\"2026-11-23T07:01:20.123456789Z\" level=warning msg=\"cleanup warnings\"",
            Some(Warn),
        ),
        (
            "2026-11-23T07:01:20.123Z\tERROR\tcontroller-runtime\tReconciler error\t{\"error\": \"x\"}",
            Some(Error),
        ),
        ("{\"severity\":\"WARNING\",\"time\":\"x\",\"message\":\"m\"}", Some(Warn)),
        ("ts=2026-11-23T07:01:20Z caller=main.go:1 level=warn component=tsdb msg=x", Some(Warn)),
        (
            "time=2026-11-23T07:01:20.123Z level=INFO source=main.go:1 msg=\"Server is ready\"",
            Some(Info),
        ),
        ("logger=settings t=2026-11-23T07:01:20Z level=error msg=x", Some(Error)),
        ("{\"PRIORITY\":\"4\",\"MESSAGE\":\"x\",\"_PID\":\"1\"}", Some(Warn)),
        ("{\"priority\":3}", Some(Error)),
        ("{\"priority\":\"6\",\"message\":\"x\",\"syslog_identifier\":\"app\"}", Some(Info)),
        (
            "{\"priority\":3,\"message\":\"x\",\"hostname\":\"a\",\"systemd_unit\":\"shop.service\"}",
            Some(Error),
        ),
        ("{\"priority\":3,\"message\":\"buy milk\"}", None),
        ("{\"priority\":3,\"queue\":\"mail\"}", None),
        ("<4>Nov 23 07:01:20 host kernel: x", Some(Warn)),
        ("[    0.000000] Linux version 6.1.0", None),
        ("Nov 23 07:01:20 host systemd[1]: Started shop.service", None),
        ("[  OK  ] Started Shop.", None),
        ("[FAILED] Failed to start Shop.", Some(Error)),
        ("[s6-init] making user provided files available at /var/run/s6/etc...exited 0.", None),
        ("2026-11-23 07:01:20,123 CRIT Supervisor is running as root.", Some(Fatal)),
        ("2026-11-23 07:01:20,123 INFO supervisord started with pid 1", Some(Info)),
        ("[WARN  tini (7)] Tini is not running as PID 1", Some(Warn)),
        ("[FATAL tini (7)] exec /app failed: No such file or directory", Some(Fatal)),
        ("time=\"x\" level=fatal msg=\"failed to start\"", Some(Fatal)),
        ("2026-11-23T07:01:20.123Z [INFO]  core: vault is unsealed", Some(Info)),
        ("    2026-11-23T07:01:20.123Z [WARN]  agent.server.raft: no known peers", Some(Warn)),
        ("2026-11-23 07:01:20.123456 I | etcdmain: etcd Version: 3.2", Some(Info)),
        ("2026-11-23 07:01:20.123456 C | etcdmain: listen tcp: bind", Some(Fatal)),
        ("[INFO] plugin/reload: Running configuration SHA512 = 1", Some(Info)),
        ("[ERROR] plugin/errors: 2 example.com. A: read udp: i/o timeout", Some(Error)),
        (".:53", None),
        ("2026-11-23T07:01:20+00:00 [info] [output:es:es.0] worker #0 started", Some(Info)),
        ("[2026/11/23 07:01:20] [ warn] [engine] failed to flush chunk", Some(Warn)),
        ("2026-11-23 07:01:20 +0000 [warn]: #0 [out] failed to flush the buffer.", Some(Warn)),
        ("[level=error] x", None),
    ]);
}

/// Words in capitals that begin a sentence.
#[test]
fn capitals_that_are_no_levels() {
    check(&[
        ("INFO DESK opens at 9", None),
        ("WARNING SIGNS of burnout", None),
        ("ERROR CODES are listed in the manual", None),
        ("FATAL ACCIDENT on the motorway", None),
        ("CRITICAL MASS was reached", None),
        ("DEBUG BUILD of the app", None),
        ("TRACE AMOUNTS of nuts", None),
        ("PANIC BUTTON pressed", None),
        // Real levels.
        ("INFO HTTP server started", Some(Info)),
        ("ERROR JSON parse failed", Some(Error)),
        ("WARN DNS lookup is slow", Some(Warn)),
        ("INFO GET /orders 200", Some(Info)),
        ("INFO POST /orders took 7 ms", Some(Info)),
        ("ERROR LEAK: ByteBuf.release() was not called", Some(Error)),
        ("INFO  DESK opens at 9", Some(Info)),
        ("INFO: DESK opens at 9", Some(Info)),
        ("[INFO] DESK opens at 9", Some(Info)),
        ("2026-11-23 07:01:20 INFO DESK opens at 9", Some(Info)),
        ("ERROR failed to open", Some(Error)),
        ("INFO Starting", Some(Info)),
        ("INFO SELECT * FROM orders", Some(Info)),
        ("Information desk: closed", None),
        ("Critical acclaim for the show", None),
        ("Fatal attraction: a film", None),
        ("In case of error: call 112", None),
        ("Notice board updated", None),
        ("Success is a journey", None),
        ("error_log=/var/log/x", None),
        ("errors: 0", None),
        ("warnings: 3, errors: 0", None),
        ("level 3 reached", None),
        ("level: hard", None),
        ("{\"level\":\"hard\",\"player\":7}", None),
        ("{\"status\":\"error\",\"code\":7}", None),
        ("{\"error\":null,\"ok\":true}", None),
    ]);
}
